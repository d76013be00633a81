//! Users of tenants.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entities::UserId;
use people::users::{Invitation, Member, Membership, UserRow, UserSort};
use platform::db::{Page, SortKind};
use secrecy::ExposeSecret;

use super::tenants::top_level;
use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::enums::{MembershipRole, UserStatus};
use crate::graphql::errors::IntoGraphql;
use crate::graphql::input::{id, ids};
use crate::graphql::payload::payload;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// A user's place in a tenant.
#[derive(Clone, SimpleObject)]
pub struct TenantMembership {
    /// Opaque id, `membership_…`.
    id: ID,
    /// The tenant.
    tenant_id: ID,
    /// What the user is there.
    role: MembershipRole,
    /// The stores that the user is limited to; null means all.
    store_ids: Option<Vec<ID>>,
    /// When the user accepted the invitation (UTC); null while it waits.
    accepted_at: Option<DateTime<Utc>>,
    /// When the user was shut out of the tenant (UTC).
    disabled_at: Option<DateTime<Utc>>,
    /// When the user was invited (UTC).
    created_at: DateTime<Utc>,
}

impl From<Membership> for TenantMembership {
    fn from(membership: Membership) -> Self {
        let Membership { row, stores } = membership;
        Self {
            id: row.id.to_string().into(),
            tenant_id: row.tenant.to_string().into(),
            role: row.role.into(),
            store_ids: stores.map(|stores| stores.into_iter().map(|store| store.to_string().into()).collect()),
            accepted_at: row.accepted_at,
            disabled_at: row.disabled_at,
            created_at: row.created_at,
        }
    }
}

/// Somebody who signs in.
pub struct User {
    row: UserRow,
    membership: Option<TenantMembership>,
}

impl User {
    /// A user outside of any tenant's list.
    pub fn alone(row: UserRow) -> Self {
        Self { row, membership: None }
    }

    /// The user's id.
    pub fn key(&self) -> uuid::Uuid {
        self.row.id.uuid()
    }

    /// Those of the users that the caller may see, with their places in the tenant that the caller is in.
    pub async fn find_many(ctx: &Context<'_>, ids: &[UserId]) -> Result<Vec<Self>> {
        let (op, users) = (op(ctx)?, &services(ctx)?.users);
        let rows = users.load_many(op, ids).await.map_err(top_level)?;
        let mut memberships = match op.standing().tenant() {
            Some(tenant) => {
                let mut all = users.memberships_of(op, ids).await.map_err(top_level)?;
                all.retain(|membership| membership.row.tenant == tenant);
                all
            }
            None => Vec::new(),
        };
        let of = |id: UserId, memberships: &mut Vec<Membership>| {
            let index = memberships.iter().position(|membership| membership.row.user == id)?;
            Some(memberships.swap_remove(index).into())
        };
        Ok(rows.into_iter().map(|row| Self { membership: of(row.id, &mut memberships), row }).collect())
    }

    /// The user with this id, if the caller may see it.
    pub async fn find(ctx: &Context<'_>, id: UserId) -> Result<Option<Self>> {
        Ok(Self::find_many(ctx, &[id]).await?.pop())
    }
}

impl From<Member> for User {
    fn from(member: Member) -> Self {
        Self { row: member.user, membership: Some(member.membership.into()) }
    }
}

/// Somebody who signs in.
#[Object]
impl User {
    /// Opaque id, `user_…`.
    pub(in crate::graphql) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The e-mail address.
    async fn email(&self) -> &str {
        &self.row.email
    }

    /// The name.
    async fn name(&self) -> Option<&str> {
        self.row.name.as_deref()
    }

    /// The state.
    async fn status(&self) -> UserStatus {
        self.row.status.into()
    }

    /// Whether the user runs Noren itself.
    async fn platform_admin(&self) -> bool {
        self.row.platform_admin
    }

    /// The user's language, `ja` or `en`.
    async fn locale(&self) -> Option<&str> {
        self.row.locale.as_deref()
    }

    /// When the user last signed in with a password (UTC).
    async fn last_sign_in_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_sign_in_at
    }

    /// The user's place in the tenant that the caller is in, or that the list is of; null outside of a tenant.
    async fn membership(&self) -> Option<&TenantMembership> {
        self.membership.as_ref()
    }

    /// When the user came to be (UTC).
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When the user was last changed (UTC).
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }
}

/// Whom to invite, as what.
#[derive(InputObject)]
pub struct UserInviteInput {
    /// The e-mail address.
    email: String,
    /// The name, for a user who is new.
    name: Option<String>,
    /// What the user will be.
    role: MembershipRole,
    /// The stores to limit a member to, at most 250; null means all.
    store_ids: Option<Vec<ID>>,
    /// The tenant: only a platform administrator names it.
    tenant_id: Option<ID>,
}

/// What a user shall be.
#[derive(InputObject)]
pub struct UserRoleChangeInput {
    /// The user.
    user_id: ID,
    /// What the user will be.
    role: MembershipRole,
    /// The stores to limit a member to, at most 250; null means all.
    store_ids: Option<Vec<ID>>,
    /// The tenant: only a platform administrator names it.
    tenant_id: Option<ID>,
}

/// Whom to shut out.
#[derive(InputObject)]
pub struct UserDisableInput {
    /// The user.
    user_id: ID,
    /// The tenant to shut the user out of. A platform administrator who names none shuts the user out everywhere.
    tenant_id: Option<ID>,
}

/// Whose password to let be set anew.
#[derive(InputObject)]
pub struct PasswordResetLinkCreateInput {
    /// The user.
    user_id: ID,
}

payload! {
    /// What came of userInvite.
    UserInvitePayload {
        /// The user.
        user: User,
        /// The secret for invitationAccept, shown this once. Hand it to the user.
        token: String,
        /// When the secret ends (UTC).
        expires_at: DateTime<Utc>,
    }
    /// What came of userRoleChange.
    UserRoleChangePayload {
        /// The user.
        user: User,
    }
    /// What came of userDisable.
    UserDisablePayload {
        /// The user.
        user: User,
    }
    /// What came of passwordResetLinkCreate.
    PasswordResetLinkCreatePayload {
        /// The user.
        user: User,
        /// The secret for passwordReset, shown this once. Hand it to the user.
        token: String,
        /// When the secret ends (UTC).
        expires_at: DateTime<Utc>,
    }
}

/// Reading users.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The users of a tenant, in the order of their invitations. Needs `users:read`.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant: only a platform administrator names it.")] tenant_id: Option<ID>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
    ) -> Result<Connection<User>> {
        let (op, users) = (op(ctx)?, &services(ctx)?.users);
        let sort = UserSort::CreatedAt;
        let request = PageArgs { first, after, last, before }.request(sort.as_str(), SortKind::At, false)?;
        op.authorize::<platform::callers::actions::ReadUsers>().map_err(IntoGraphql::into_graphql)?;
        let named = tenant_id.as_ref().map(id).transpose()?;
        let Some(tenant) = named.or(op.standing().tenant()) else { return Err(platform::Denied::ChooseTenant.into_graphql()) };
        let page = users.page(op, tenant, &request).await.map_err(top_level)?;
        let total_count = match Selected::of(ctx).has("UserConnection", "totalCount") {
            true => Some(users.count(op, tenant).await.map_err(top_level)?),
            false => None,
        };
        let Page { rows, has_next, has_previous } = page;
        let rows = rows.into_iter().map(|member| (member.cursor(sort), member.into())).collect();
        Ok(Connection::new(Page { rows, has_next, has_previous }, total_count))
    }
}

/// Changing users.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Invites somebody into the tenant. The link's secret is shown once, to be handed over. Administrators only.
    async fn user_invite(&self, ctx: &Context<'_>, #[graphql(desc = "Whom, as what.")] input: UserInviteInput) -> Result<UserInvitePayload> {
        let invitation = Invitation {
            email: input.email,
            role: input.role.into(),
            stores: ids(input.store_ids)?,
            name: input.name,
            tenant: input.tenant_id.as_ref().map(id).transpose()?,
        };
        match services(ctx)?.users.invite(op(ctx)?, invitation).await {
            Ok(invited) => Ok(UserInvitePayload {
                user: Some(invited.member.into()),
                token: Some(invited.link.expose_secret().to_owned()),
                expires_at: Some(invited.expires_at),
                user_errors: Vec::new(),
            }),
            Err(error) => UserInvitePayload::refused(error),
        }
    }

    /// Changes what a user is in the tenant. Nobody does this to themselves. Administrators only.
    async fn user_role_change(&self, ctx: &Context<'_>, #[graphql(desc = "Who, and what.")] input: UserRoleChangeInput) -> Result<UserRoleChangePayload> {
        let tenant = input.tenant_id.as_ref().map(id).transpose()?;
        match services(ctx)?.users.change_role(op(ctx)?, id(&input.user_id)?, tenant, input.role.into(), ids(input.store_ids)?).await {
            Ok(member) => Ok(UserRoleChangePayload { user: Some(member.into()), user_errors: Vec::new() }),
            Err(error) => UserRoleChangePayload::refused(error),
        }
    }

    /// Shuts a user out, at once and everywhere that the user is signed in; API tokens that the user made are revoked. Administrators only.
    async fn user_disable(&self, ctx: &Context<'_>, #[graphql(desc = "Whom.")] input: UserDisableInput) -> Result<UserDisablePayload> {
        let tenant = input.tenant_id.as_ref().map(id).transpose()?;
        match services(ctx)?.users.disable(op(ctx)?, id(&input.user_id)?, tenant).await {
            Ok(row) => Ok(UserDisablePayload { user: Some(User::alone(row)), user_errors: Vec::new() }),
            Err(error) => UserDisablePayload::refused(error),
        }
    }

    /// Makes a link with which a user sets a new password. The link's secret is shown once, to be handed over. Administrators only.
    async fn password_reset_link_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose.")] input: PasswordResetLinkCreateInput,
    ) -> Result<PasswordResetLinkCreatePayload> {
        match services(ctx)?.users.password_reset_link_create(op(ctx)?, id(&input.user_id)?).await {
            Ok(made) => Ok(PasswordResetLinkCreatePayload {
                user: Some(User::alone(made.user)),
                token: Some(made.link.expose_secret().to_owned()),
                expires_at: Some(made.expires_at),
                user_errors: Vec::new(),
            }),
            Err(error) => PasswordResetLinkCreatePayload::refused(error),
        }
    }
}
