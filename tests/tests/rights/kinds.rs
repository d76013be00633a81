//! The kinds of callers, and what the table of rights promises each.

use chrono::TimeDelta;
use entities::{ApiScope, ApiTokenId, TokenRole};
use platform::callers::{Kind, RIGHTS, Reach, Right};
use tests::harness::inbox::SECRET;
use tests::harness::shopify::SessionToken;
use tests::harness::{Credentials, Town};

use crate::table::Needs;

/// What comes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is answered, or done.
    Done,
    /// Nobody is known.
    Unauthenticated,
    /// The caller may not.
    Forbidden,
}

/// Where a kind of caller stands.
#[derive(Clone, Debug)]
enum Stands {
    Nobody,
    /// The bearer is not good: the request ends before its query is looked at.
    Refused,
    /// In none of several tenants.
    Nowhere,
    Above,
    In(Kind, Vec<ApiScope>),
}

/// A kind of caller.
#[derive(Clone, Debug)]
pub struct CallerKind {
    /// What people call it.
    pub name: String,
    /// What it sends.
    pub credentials: Credentials,
    /// Whether it works in a tenant, so that other tenants are closed to it.
    pub in_tenant: bool,
    /// Whether it follows a mutation into the tenant that it is about.
    pub follows: bool,
    /// Whether it belongs to the other tenant as well, and sees so in `viewer`.
    pub in_both: bool,
    /// The token of an integration, which sees only the webhook endpoints that it made.
    pub integration: Option<ApiTokenId>,
    stands: Stands,
}

/// The row of the table for an action.
pub fn right(action: &str) -> &'static Right {
    RIGHTS.iter().find(|right| right.action == action).unwrap_or_else(|| panic!("there is no action {action} in platform::callers::RIGHTS"))
}

impl CallerKind {
    fn new(name: &str, credentials: Credentials, stands: Stands) -> Self {
        let in_tenant = matches!(stands, Stands::In(..));
        Self { name: name.to_owned(), credentials, in_tenant, follows: false, in_both: false, integration: None, stands }
    }

    /// What a call comes to.
    pub fn outcome(&self, needs: Needs) -> Outcome {
        let (action, one_tenant) = match needs {
            Needs::Nothing | Needs::Known => (None, false),
            Needs::Right(action) | Needs::Above(action) => (Some(action), false),
            Needs::InTenant(action) => (Some(action), true),
        };
        let may = |reach: Reach| if reach == Reach::No { Outcome::Forbidden } else { Outcome::Done };
        match (&self.stands, action) {
            (Stands::Refused, _) => Outcome::Unauthenticated,
            (Stands::Nobody, None) if needs == Needs::Nothing => Outcome::Done,
            (Stands::Nobody, _) => Outcome::Unauthenticated,
            (_, None) => Outcome::Done,
            (Stands::Nowhere, Some(_)) => Outcome::Forbidden,
            (Stands::Above, Some(_)) if one_tenant => Outcome::Forbidden,
            (Stands::Above, Some(action)) => may(right(action).platform_admin),
            (Stands::In(..), Some(_)) if matches!(needs, Needs::Above(_)) => Outcome::Forbidden,
            (Stands::In(kind, scopes), Some(action)) => may(right(action).reach(*kind, Some(scopes))),
        }
    }

    /// Whether the request ends before its query is looked at.
    pub fn is_refused(&self) -> bool {
        matches!(self.stands, Stands::Refused)
    }

    /// Whether it is limited to the first store.
    pub fn is_clerk(&self) -> bool {
        matches!(self.stands, Stands::In(Kind::StoreMember | Kind::Merchant, _))
    }
}

/// The session token of our first store's shop, good for an hour.
pub fn merchant(town: &Town) -> SessionToken {
    let (side, now) = (&town.ours, town.server.clock().now());
    let token = SessionToken::new(&format!("{}-account", side.marker), SECRET, &side.stores[0].row.domain, now);
    SessionToken { until: now + TimeDelta::hours(1), ..token }
}

/// Every kind of caller, those of tenants in ours.
pub async fn all(town: &Town) -> Vec<CallerKind> {
    let (side, people) = (&town.ours, &town.people);
    let inside = |kind| Stands::In(kind, Vec::new());
    let (_, admin_token) = people.token(TokenRole::TenantAdmin, Some(side.tenant), &[]).await;
    let (_, member_token) = people.token(TokenRole::TenantMember, Some(side.tenant), &[]).await;
    let (both_again, _) = people.session(&town.both.email).await;
    let in_one_of_both = CallerKind::new("member of two tenants in this one", both_again.choosing(side.tenant), inside(Kind::TenantMember));
    let in_ours = CallerKind::new("platform administrator in the tenant", town.platform.choosing(side.tenant), inside(Kind::PlatformAdmin));
    let mut kinds = vec![
        CallerKind::new("nobody", Credentials::default(), Stands::Nobody),
        CallerKind::new("platform administrator", town.platform.clone(), Stands::Above),
        CallerKind { follows: true, ..in_ours },
        CallerKind::new("tenant administrator", side.admin.credentials.clone(), inside(Kind::TenantAdmin)),
        CallerKind::new("tenant administrator's token", admin_token, inside(Kind::TenantAdmin)),
        CallerKind::new("tenant member", side.member.credentials.clone(), inside(Kind::TenantMember)),
        CallerKind::new("tenant member's token", member_token, inside(Kind::TenantMember)),
        CallerKind::new("member of one store", side.clerk.credentials.clone(), inside(Kind::StoreMember)),
        CallerKind::new("merchant", merchant(town).credentials(), inside(Kind::Merchant)),
        CallerKind::new("member of two tenants", town.both.credentials.clone(), Stands::Nowhere),
        CallerKind { in_both: true, ..in_one_of_both },
    ];
    let every = ApiScope::ALL.to_vec();
    let integration = async |name: &str, scopes: Vec<ApiScope>| {
        let (id, token) = people.token(TokenRole::Integration, Some(side.tenant), &scopes).await;
        CallerKind { integration: Some(id), ..CallerKind::new(name, token, Stands::In(Kind::Integration, scopes)) }
    };
    kinds.push(integration("integration with every scope", every).await);
    for scope in ApiScope::ALL {
        let others: Vec<ApiScope> = ApiScope::ALL.iter().copied().filter(|other| other != scope).collect();
        for (name, scopes) in [(format!("integration with {scope} alone"), vec![*scope]), (format!("integration with all but {scope}"), others)] {
            kinds.push(integration(&name, scopes).await);
        }
    }
    kinds.extend(refused(town).await);
    kinds
}

/// Bearers that are not good, or not any more.
async fn refused(town: &Town) -> Vec<CallerKind> {
    let (people, tenant) = (&town.people, town.ours.tenant);
    let (revoked, revoked_token) = people.token(TokenRole::TenantAdmin, Some(tenant), &[]).await;
    people.revoke(revoked).await;
    let deleted = people.tenant("Deleted").await;
    let (_, of_deleted) = people.token(TokenRole::TenantAdmin, Some(deleted), &[]).await;
    let delete = format!("mutation {{ tenantDelete(input: {{ id: \"{deleted}\", companyName: \"Deleted\" }}) {{ tenant {{ id }} }} }}");
    town.server.ask(&town.platform, &delete).await.data();
    let over = SessionToken { until: town.server.clock().now() - TimeDelta::minutes(1), ..merchant(town) };
    let elsewhere = SessionToken { shop: town.theirs.stores[0].row.domain.clone(), ..merchant(town) };
    let forged = format!("{}x", town.ours.admin.credentials.bearer.as_deref().unwrap_or_default());
    [
        ("somebody with nonsense", Credentials::bearer("nonsense")),
        ("somebody with a token that nobody made", Credentials::bearer("noren_0123456789abcdef0123456789abcdef0123456789abcdef")),
        ("somebody with a forged session", Credentials::bearer(forged)),
        ("the bearer of a revoked token", revoked_token),
        ("the bearer of an expired token", people.expired_token(tenant).await),
        ("the bearer of a deleted tenant's token", of_deleted),
        ("a merchant whose session is over", over.credentials()),
        ("a merchant of another tenant's shop", elsewhere.credentials()),
    ]
    .into_iter()
    .map(|(name, credentials)| CallerKind::new(name, credentials, Stands::Refused))
    .collect()
}
