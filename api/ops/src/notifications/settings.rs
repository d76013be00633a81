//! Changing the rules, the quiet hours and the levels of escalation.

use std::collections::BTreeSet;

use entities::{AlertSeverity, NotificationChannelId, TenantId};
use people::tenants::{NotMine, lock_tenant, target};
use people::validation::{Problem, invalid, time_zone};
use platform::callers::actions::{ManageNotifications, ReadNotifications};
use platform::{Change, OpCtx};

use super::channels::Notifications;
use super::error::NotificationError;
use super::quiet::DAY;
use super::rules::{EscalationLevel, NotificationRule, NotificationSettings, QuietHours};
use super::{escalation, store};

/// Levels of escalation at most (seed 001).
const LEVELS: usize = 4;
/// The longest wait for a level, in minutes: a week.
const LONGEST: i64 = 7 * 24 * 60;
/// Channels that a rule or a level names at most.
const NAMED: usize = 50;

/// What to change of the settings. What is left out stays.
#[derive(Clone, Debug, Default)]
pub struct NotificationSettingsChanges {
    /// The rules by severity; those for severities that are not named are the ones that hold when nobody says so. Empty: all of them.
    pub rules: Option<Vec<NotificationRule>>,
    /// The quiet hours, or none.
    pub quiet_hours: Option<Option<QuietHours>>,
    /// The levels of escalation; empty: none.
    pub escalation: Option<Vec<EscalationLevel>>,
}

impl Notifications {
    /// The settings of a tenant, or the platform's own.
    pub async fn settings(&self, ctx: &OpCtx, tenant: Option<TenantId>) -> Result<Option<(Option<TenantId>, NotificationSettings)>, NotificationError> {
        let permit = ctx.authorize::<ReadNotifications>()?;
        let Ok(tenant) = target(&permit, tenant) else { return Ok(None) };
        let tx = ctx.reader().await?;
        if let Some(tenant) = tenant
            && !store::tenant_is_there(&tx, tenant).await?
        {
            return Ok(None);
        }
        Ok(Some((tenant, store::settings(&tx, tenant).await?)))
    }

    /// Changes the settings of a tenant, or the platform's own. Levels of escalation that are not due yet follow the new list.
    pub async fn change_settings(
        &self,
        ctx: &OpCtx,
        tenant: Option<TenantId>,
        changes: NotificationSettingsChanges,
    ) -> Result<(Option<TenantId>, NotificationSettings), NotificationError> {
        let permit = ctx.authorize::<ManageNotifications>()?;
        let tenant = target(&permit, tenant).map_err(|NotMine| NotificationError::NotFound("tenant"))?;
        let tx = ctx.writer().await?;
        if let Some(tenant) = tenant
            && !lock_tenant(&tx, &permit, tenant).await?
        {
            return Err(NotificationError::NotFound("tenant"));
        }
        let before = store::settings(&tx, tenant).await?;
        let mut after = NotificationSettings { updated_at: Some(ctx.now()), ..before.clone() };
        let mut named: Vec<(&'static str, NotificationChannelId)> = Vec::new();
        if let Some(rules) = changes.rules {
            check_rules(&rules)?;
            named.extend(rules.iter().flat_map(|rule| &rule.channel_ids).map(|id| ("rules", *id)));
            after.rules = (!rules.is_empty()).then_some(rules);
        }
        if let Some(quiet) = changes.quiet_hours {
            after.quiet_hours = quiet.map(check_quiet).transpose()?;
        }
        let escalates = changes.escalation.is_some();
        if let Some(levels) = changes.escalation {
            check_levels(&levels)?;
            named.extend(levels.iter().flat_map(|level| &level.channel_ids).map(|id| ("escalation", *id)));
            after.escalation = levels;
        }
        let known: BTreeSet<NotificationChannelId> = store::channel_ids(&tx, &permit, tenant).await?.into_iter().collect();
        if let Some((field, _)) = named.iter().find(|(_, id)| !known.contains(id)) {
            return Err(NotificationError::NoSuchChannel(field));
        }
        store::write_settings(&tx, &permit, tenant, &after, ctx.now()).await?;
        if escalates {
            escalation::follow_new_list(&tx, &ctx.trace(), tenant, after.escalation.len()).await?;
        }
        let change = Change::new("notificationSettingsUpdate", tenant).before(&before).after(&after);
        let change = match tenant {
            Some(tenant) => change.subject(tenant),
            None => change,
        };
        ctx.commit(tx, change).await?;
        Ok((tenant, after))
    }
}

fn check_rules(rules: &[NotificationRule]) -> Result<(), NotificationError> {
    let severities: BTreeSet<AlertSeverity> = rules.iter().map(|rule| rule.severity).collect();
    if severities.len() < rules.len() {
        return Err(invalid("rules", Problem::Unknown("name each severity once".to_owned())).into());
    }
    if rules.iter().any(|rule| rule.channel_ids.len() > NAMED) {
        return Err(invalid("rules", Problem::Unknown(format!("a rule names at most {NAMED} channels"))).into());
    }
    Ok(())
}

fn check_quiet(quiet: QuietHours) -> Result<QuietHours, NotificationError> {
    if quiet.from >= DAY || quiet.to >= DAY || quiet.from == quiet.to {
        return Err(invalid("quietHours", Problem::Unknown("begin and end at two different times of the day".to_owned())).into());
    }
    let time_zone = quiet.time_zone.as_deref().map(|zone| time_zone("quietHours", zone)).transpose()?;
    Ok(QuietHours { time_zone, ..quiet })
}

fn check_levels(levels: &[EscalationLevel]) -> Result<(), NotificationError> {
    let wrong = |what: String| Err(invalid("escalation", Problem::Unknown(what)).into());
    if levels.len() > LEVELS {
        return wrong(format!("has at most {LEVELS} levels"));
    }
    for level in levels {
        if !(1..=LONGEST).contains(&level.after_minutes) {
            return wrong(format!("a level comes after 1 to {LONGEST} minutes"));
        }
        if level.channel_ids.is_empty() || level.channel_ids.len() > NAMED {
            return wrong(format!("a level names 1 to {NAMED} channels"));
        }
    }
    Ok(())
}
