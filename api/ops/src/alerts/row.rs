//! The rows of alerts and silences.

use chrono::{DateTime, Utc};
use entities::{AlertId, AlertSeverity, AlertSilenceId, AlertStatus, StoreId, TenantId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// Something that goes wrong.
    pub struct AlertRow from alerts {
        /// The row's id.
        id: AlertId = Id,
        /// The tenant; none for what is above all of them.
        tenant_id: Option<TenantId> = TenantId,
        /// The store that it is about.
        store_id: Option<StoreId> = StoreId,
        /// What kind of thing goes wrong.
        kind: String = Kind,
        /// How bad it is.
        severity: AlertSeverity = Severity,
        /// Which part says so.
        source: String = Source,
        /// What goes wrong, for people.
        message: String = Message,
        /// What is known of it: a JSON object.
        data: Json = Data,
        /// What makes two tellings the same alert.
        fingerprint: String = Fingerprint,
        /// How far it is.
        status: AlertStatus = Status,
        /// Times that it was seen.
        count: i64 = Count,
        /// How far it was escalated; 0 when not at all.
        escalation_level: i32 = EscalationLevel,
        /// Until when nobody is told of it (UTC).
        silenced_until: Option<DateTime<Utc>> = SilencedUntil,
        /// The alert with the same fingerprint that was resolved before.
        previous_alert_id: Option<AlertId> = PreviousAlertId,
        /// When it was first seen (UTC).
        first_seen_at: DateTime<Utc> = FirstSeenAt,
        /// When it was last seen (UTC).
        last_seen_at: DateTime<Utc> = LastSeenAt,
        /// When somebody took it on (UTC).
        acknowledged_at: Option<DateTime<Utc>> = AcknowledgedAt,
        /// Who did.
        acknowledged_by: Option<String> = AcknowledgedBy,
        /// What they said.
        acknowledgement_note: Option<String> = AcknowledgementNote,
        /// When it was over (UTC).
        resolved_at: Option<DateTime<Utc>> = ResolvedAt,
        /// Who said so.
        resolved_by: Option<String> = ResolvedBy,
        /// What they did about it.
        resolution_notes: Option<String> = ResolutionNotes,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(AlertRow in "alerts", id id, store "store_id");

impl AlertRow {
    /// Whether nobody is told of it at this instant.
    pub fn is_silenced(&self, now: DateTime<Utc>) -> bool {
        self.silenced_until.is_some_and(|until| now < until)
    }
}

row! {
    /// Alerts that nobody wants to hear of for a while. Of what it matches, all that is given must be equal.
    pub struct AlertSilenceRow from alert_silences {
        /// The row's id.
        id: AlertSilenceId = Id,
        /// The tenant; none for what is above all of them.
        tenant_id: Option<TenantId> = TenantId,
        /// Alerts about this store.
        store_id: Option<StoreId> = StoreId,
        /// Alerts of this type.
        kind: Option<String> = Kind,
        /// Alerts of this severity.
        severity: Option<AlertSeverity> = Severity,
        /// Alerts from this source.
        source: Option<String> = Source,
        /// Alerts with this fingerprint.
        fingerprint: Option<String> = Fingerprint,
        /// Why.
        reason: String = Reason,
        /// Who said so.
        created_by: String = CreatedBy,
        /// From when (UTC).
        starts_at: DateTime<Utc> = StartsAt,
        /// Until when (UTC).
        ends_at: DateTime<Utc> = EndsAt,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(AlertSilenceRow in "alert_silences", id id, store "store_id");
