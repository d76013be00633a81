//! The rules about users: who may invite, promote, shut out, and make password links.

use chrono::{DateTime, Utc};
use entities::{EventType, LinkKind, MembershipRole, StoreId, TenantId, UserId, UserStatus};
use platform::callers::actions::{ManageUsers, ReadUsers};
use platform::db::{Access, Page, PageRequest};
use platform::{Caller, Change, OpCtx, Permit, Tx};
use secrecy::SecretString;

use super::error::UserError;
use super::rows::{Member, Membership, UserRow};
use super::store::{self, Place};
use crate::identity::{LinkFor, create_link, revoke_sessions};
use crate::tenants::{NotMine, lock_tenant, target};
use crate::validation::{Problem, SHORT, email, invalid, optional_text};

/// Users of tenants.
#[derive(Clone, Debug, Default)]
pub struct Users;

/// Whom to invite, as what.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The e-mail address.
    pub email: String,
    /// What the user will be.
    pub role: MembershipRole,
    /// The stores to limit a member to; none means all.
    pub stores: Option<Vec<StoreId>>,
    /// The name, for a user who is new.
    pub name: Option<String>,
    /// The tenant: a platform administrator names it.
    pub tenant: Option<TenantId>,
}

/// An invitation that was made.
#[derive(Debug)]
pub struct Invited {
    /// The user and the place that waits for them.
    pub member: Member,
    /// The link's secret, shown once.
    pub link: SecretString,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
}

/// A password link that was made.
#[derive(Debug)]
pub struct ResetLink {
    /// Whose password it sets.
    pub user: UserRow,
    /// The link's secret, shown once.
    pub link: SecretString,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
}

impl Users {
    /// A page of a tenant's users, by when they were invited. Of a foreign tenant as of a missing one: empty.
    pub async fn page(&self, ctx: &OpCtx, tenant: TenantId, request: &PageRequest) -> Result<Page<Member>, UserError> {
        let permit = ctx.authorize::<ReadUsers>()?;
        if !permit.covers(tenant) {
            return Ok(Page::empty());
        }
        Ok(store::page(&*ctx.reader().await?, &permit, tenant, request).await?)
    }

    /// How many users a tenant has.
    pub async fn count(&self, ctx: &OpCtx, tenant: TenantId) -> Result<u64, UserError> {
        let permit = ctx.authorize::<ReadUsers>()?;
        if permit.covers(tenant) { Ok(store::count(&*ctx.reader().await?, &permit, tenant).await?) } else { Ok(0) }
    }

    /// One user of the caller's tenant.
    pub async fn find(&self, ctx: &OpCtx, id: UserId) -> Result<Option<UserRow>, UserError> {
        Ok(self.load_many(ctx, &[id]).await?.pop())
    }

    /// Those of the users that the caller may see, in no order.
    pub async fn load_many(&self, ctx: &OpCtx, ids: &[UserId]) -> Result<Vec<UserRow>, UserError> {
        let permit = ctx.authorize::<ReadUsers>()?;
        Ok(store::load_many(&*ctx.reader().await?, &permit, ids).await?)
    }

    /// The memberships of these users that the caller may see, the oldest first.
    pub async fn memberships_of(&self, ctx: &OpCtx, users: &[UserId]) -> Result<Vec<Membership>, UserError> {
        let permit = ctx.authorize::<ReadUsers>()?;
        Ok(store::memberships_of(&*ctx.reader().await?, &permit, users).await?)
    }

    /// Invites somebody into a tenant. Who was invited before, or shut out, can be invited again; earlier links end.
    pub async fn invite(&self, ctx: &OpCtx, input: Invitation) -> Result<Invited, UserError> {
        let permit = ctx.authorize::<ManageUsers>()?;
        let tenant = named(&permit, input.tenant)?;
        let (email, name) = (email("email", &input.email)?, optional_text("name", input.name.as_deref(), SHORT)?);
        let place = place(input.role, input.stores)?;
        let tx = ctx.identity_writer().await?;
        let user = store::user_by_email(ctx, &tx, &email, name).await?;
        open_tenant(&tx, &permit, tenant).await?;
        let membership = match store::membership(&tx, &permit, tenant, user).await? {
            Some(there) if there.row.accepted_at.is_some() && there.row.disabled_at.is_none() => return Err(UserError::AlreadyMember),
            Some(there) => {
                store::renew_membership(ctx, &tx, &permit, &there.row, &place).await?;
                there.row.id
            }
            None => store::insert_membership(ctx, &tx, &permit, tenant, user, &place).await?,
        };
        set_stores(&tx, &permit, tenant, membership, &place).await?;
        let member = member(&tx, &permit, tenant, user).await?;
        tx.switch(Access::Identity).await?;
        let (link, expires_at) = create_link(ctx, &tx, LinkFor { kind: LinkKind::Invitation, user, tenant: Some(tenant) }).await?;
        let change = Change::new("userInvite", tenant).subject(user).after(&member.membership).announce(EventType::UserInvited, "userId");
        ctx.commit(tx, change).await?;
        Ok(Invited { member, link, expires_at })
    }

    /// Changes what a user is in a tenant. Nobody does this to themselves, and a tenant keeps an administrator.
    pub async fn change_role(
        &self,
        ctx: &OpCtx,
        user: UserId,
        tenant: Option<TenantId>,
        role: MembershipRole,
        stores: Option<Vec<StoreId>>,
    ) -> Result<Member, UserError> {
        let permit = ctx.authorize::<ManageUsers>()?;
        let tenant = named(&permit, tenant)?;
        let place = place(role, stores)?;
        not_oneself(ctx, user)?;
        let tx = ctx.writer().await?;
        open_tenant(&tx, &permit, tenant).await?;
        let there = store::membership(&tx, &permit, tenant, user).await?.ok_or(UserError::NotFound("user"))?;
        if there.row.disabled_at.is_some() {
            return Err(UserError::NotActive);
        }
        if role != MembershipRole::TenantAdmin {
            keep_an_admin(&tx, &permit, &there).await?;
        }
        store::change_membership(ctx, &tx, &permit, &there.row, &place).await?;
        set_stores(&tx, &permit, tenant, there.row.id, &place).await?;
        let member = member(&tx, &permit, tenant, user).await?;
        let change = Change::new("userRoleChange", tenant).subject(user).before(&there).after(&member.membership);
        ctx.commit(tx, change.announce(EventType::UserRoleChanged, "userId")).await?;
        Ok(member)
    }

    /// Shuts a user out: of the tenant, or, when a platform administrator names none, of everything. The API tokens that the
    /// user made there go too: their secrets were shown to the user.
    pub async fn disable(&self, ctx: &OpCtx, user: UserId, tenant: Option<TenantId>) -> Result<UserRow, UserError> {
        let permit = ctx.authorize::<ManageUsers>()?;
        let tenant = target(&permit, tenant).map_err(|NotMine| UserError::NotFound("tenant"))?;
        not_oneself(ctx, user)?;
        let (now, tx) = (ctx.now(), ctx.identity_writer().await?);
        let row = match tenant {
            None => {
                store::disable_user(ctx, &tx, &permit, user).await?.ok_or(UserError::NotFound("user"))?;
                revoke_sessions(&tx, user, now).await?;
                store::revoke_tokens_made_by(&tx, &permit, user, None, now).await?;
                store::user_row(&tx, user).await?
            }
            Some(tenant) => {
                open_tenant(&tx, &permit, tenant).await?;
                let there = store::membership(&tx, &permit, tenant, user).await?.ok_or(UserError::NotFound("user"))?;
                keep_an_admin(&tx, &permit, &there).await?;
                store::disable_membership(ctx, &tx, &permit, &there.row).await?;
                let row = store::load_many(&tx, &permit, &[user]).await?.pop();
                tx.switch(Access::Identity).await?;
                store::revoke_tokens_made_by(&tx, &permit, user, Some(tenant), now).await?;
                if !store::belongs_anywhere(&tx, user).await? {
                    revoke_sessions(&tx, user, now).await?;
                }
                row
            }
        };
        store::void_links_around(&tx, user, tenant, now).await?;
        ctx.commit(tx, Change::new("userDisable", tenant).subject(user).announce(EventType::UserDisabled, "userId")).await?;
        row.ok_or(UserError::NotFound("user"))
    }

    /// Makes a password link. A tenant's administrator makes them for users of that tenant alone: through a user who belongs
    /// elsewhere too, the link would open another tenant's door.
    pub async fn password_reset_link_create(&self, ctx: &OpCtx, user: UserId) -> Result<ResetLink, UserError> {
        let permit = ctx.authorize::<ManageUsers>()?;
        let tx = ctx.identity_writer().await?;
        let row = store::lock_user(&tx, user).await?.ok_or(UserError::NotFound("user"))?;
        if let Some(tenant) = permit.tenant() {
            let there = store::membership(&tx, &permit, tenant, user).await?.ok_or(UserError::NotFound("user"))?;
            if there.row.accepted_at.is_none() || there.row.disabled_at.is_some() {
                return Err(UserError::NotActive);
            }
            if row.platform_admin || crate::identity::belongs_elsewhere(&tx, tenant, user).await? {
                return Err(UserError::SharedUser);
            }
        }
        if row.status != UserStatus::Active {
            return Err(UserError::NotActive);
        }
        let (link, expires_at) = create_link(ctx, &tx, LinkFor { kind: LinkKind::PasswordReset, user, tenant: permit.tenant() }).await?;
        ctx.commit(tx, Change::new("passwordResetLinkCreate", permit.tenant()).subject(user)).await?;
        Ok(ResetLink { user: row, link, expires_at })
    }
}

fn named(permit: &Permit<ManageUsers>, tenant: Option<TenantId>) -> Result<TenantId, UserError> {
    target(permit, tenant).map_err(|NotMine| UserError::NotFound("tenant"))?.ok_or(UserError::TenantRequired)
}

fn place(role: MembershipRole, stores: Option<Vec<StoreId>>) -> Result<Place, UserError> {
    let stores = stores.map(|mut stores| {
        stores.sort();
        stores.dedup();
        stores
    });
    match (role, &stores) {
        (MembershipRole::TenantAdmin, Some(_)) => Err(invalid("storeIds", Problem::NotAllowed).into()),
        (MembershipRole::TenantMember, Some(stores)) if stores.is_empty() => Err(invalid("storeIds", Problem::Blank).into()),
        (MembershipRole::TenantAdmin | MembershipRole::TenantMember, _) => Ok(Place { role, stores }),
    }
}

fn not_oneself(ctx: &OpCtx, user: UserId) -> Result<(), UserError> {
    match ctx.caller() {
        Caller::User(me) if me.id == user => Err(UserError::OwnAccount),
        Caller::User(_) | Caller::Anonymous | Caller::Token(_) | Caller::Merchant(_) | Caller::System => Ok(()),
    }
}

/// Moves the transaction into the tenant and makes others who change its users wait.
async fn open_tenant(tx: &Tx, permit: &Permit<ManageUsers>, tenant: TenantId) -> Result<(), UserError> {
    tx.switch(Access::Tenant(tenant)).await?;
    if lock_tenant(tx, permit, tenant).await? { Ok(()) } else { Err(UserError::NotFound("tenant")) }
}

async fn set_stores(tx: &Tx, permit: &Permit<ManageUsers>, tenant: TenantId, membership: entities::MembershipId, place: &Place) -> Result<(), UserError> {
    let stores = place.stores.as_deref().unwrap_or_default();
    if store::count_stores(tx, permit, tenant, stores).await? != stores.len() as u64 {
        return Err(UserError::NotFound("store"));
    }
    Ok(store::set_stores(tx, permit, tenant, membership, stores).await?)
}

async fn keep_an_admin(tx: &Tx, permit: &Permit<ManageUsers>, there: &Membership) -> Result<(), UserError> {
    let admin = there.row.role == MembershipRole::TenantAdmin && there.row.accepted_at.is_some() && there.row.disabled_at.is_none();
    if admin && !store::another_admin(tx, permit, there.row.tenant, there.row.user).await? {
        return Err(UserError::LastAdmin);
    }
    Ok(())
}

async fn member(tx: &Tx, permit: &Permit<ManageUsers>, tenant: TenantId, user: UserId) -> Result<Member, UserError> {
    let membership = store::membership(tx, permit, tenant, user).await?.ok_or(UserError::NotFound("user"))?;
    let user = store::load_many(tx, permit, &[user]).await?.pop().ok_or(UserError::NotFound("user"))?;
    Ok(Member { user, membership })
}
