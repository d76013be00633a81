//! What channels and notifications are listed by.

use entities::{AlertId, NotificationChannelId, NotificationChannelKind, NotificationChannelStatus, NotificationKind, NotificationStatus, TenantId};
use platform::callers::actions::ReadNotifications;
use platform::db::SortValue;
use platform::filter::{Conditions, TimeRange};
use platform::reading::{Listed, SortKey};
use sea_orm::sea_query::SimpleExpr;

use super::row::{NotificationChannelRow, NotificationRow};

/// What channels are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct NotificationChannelFilter {
    /// Of this tenant.
    pub tenant_id: Option<TenantId>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<NotificationChannelKind>>,
    /// In one of these states.
    pub statuses: Option<Vec<NotificationChannelStatus>>,
}

/// What notifications are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct NotificationFilter {
    /// Of this tenant.
    pub tenant_id: Option<TenantId>,
    /// Through one of these channels.
    pub channel_ids: Option<Vec<NotificationChannelId>>,
    /// About one of these alerts.
    pub alert_ids: Option<Vec<AlertId>>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<NotificationKind>>,
    /// In one of these states.
    pub statuses: Option<Vec<NotificationStatus>>,
    /// That came to be in this span.
    pub created_at: Option<TimeRange>,
}

/// What channels are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationChannelSort {
    /// When they came to be.
    CreatedAt,
}

/// What notifications are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationSort {
    /// When they came to be.
    CreatedAt,
}

impl SortKey<NotificationChannelRow> for NotificationChannelSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &NotificationChannelRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl SortKey<NotificationRow> for NotificationSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &NotificationRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl Listed for NotificationChannelRow {
    type Read = ReadNotifications;
    type Filter = NotificationChannelFilter;
    type Sort = NotificationChannelSort;
    const ACROSS_TENANTS: bool = true;

    fn conditions(filter: &NotificationChannelFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("notification_channels");
        conditions.equals("tenant_id", filter.tenant_id).one_of("kind", filter.kinds.as_deref()).one_of("status", filter.statuses.as_deref());
        conditions.into_vec()
    }
}

impl Listed for NotificationRow {
    type Read = ReadNotifications;
    type Filter = NotificationFilter;
    type Sort = NotificationSort;
    const ACROSS_TENANTS: bool = true;

    fn conditions(filter: &NotificationFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("notifications");
        conditions
            .equals("tenant_id", filter.tenant_id)
            .one_of("channel_id", filter.channel_ids.as_deref())
            .one_of("alert_id", filter.alert_ids.as_deref())
            .one_of("kind", filter.kinds.as_deref())
            .one_of("status", filter.statuses.as_deref())
            .within("created_at", filter.created_at);
        conditions.into_vec()
    }
}
