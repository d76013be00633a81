//! Tenants, users and tokens, made through the faces of their rooms.

use std::sync::Arc;

use chrono::TimeDelta;
use entities::{
    ApiScope, ApiTokenId, MembershipRole, NotificationChannelId, NotificationChannelKind, NotificationId, StoreId, TenantId, TenantStatus, TokenRole, UserId,
    WebhookDeliveryId, WebhookEndpointId,
};
use integrations::outgoing::Outgoing;
use ops::notifications::{NewNotificationChannel, Notifications};
use ops::webhooks::{NewWebhookEndpoint, Webhooks};
use people::api_tokens::{ApiTokens, OperatorToken};
use people::identity::{AccessTokens, OutsideProviders, Passwords, Proof, SignIn};
use people::tenants::{NewTenant, TenantKeys, Tenants};
use people::users::{Invitation, Users};
use platform::callers::{Origin, TokenCaller};
use platform::{Caller, Clock, Database, OpCtx};
use secrecy::ExposeSecret;

use super::clock::TestClock;
use super::server::{Credentials, Server};

/// Everybody's password.
pub const PASSWORD: &str = "a curtain over the door";

/// A user who has signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user.
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// Their bearer.
    pub credentials: Credentials,
}

/// Makes tenants, users and tokens.
pub struct People {
    db: Database,
    clock: Arc<dyn Clock>,
    sign_in: SignIn,
    tenants: Tenants,
    webhooks: Webhooks,
    notifications: Notifications,
}

impl People {
    /// People of a server.
    pub fn of(server: &Server) -> Self {
        let outside = OutsideProviders::new(&[], server.clock()).expect("no providers");
        Self {
            db: server.db().clone(),
            clock: server.clock(),
            sign_in: SignIn::new(AccessTokens::new(&server.master), outside, Passwords::new(2)),
            tenants: Tenants::new(TenantKeys::new(server.master.clone())),
            webhooks: Webhooks::new(TenantKeys::new(server.master.clone()), Outgoing::clone(&server.app.outgoing)),
            notifications: Notifications::new(&server.master, Outgoing::clone(&server.app.outgoing), server.app.messengers.clone()),
        }
    }

    /// An operation of the program itself.
    pub fn system(&self) -> OpCtx {
        OpCtx::new(self.db.clone(), self.clock.clone(), Caller::System, None, Origin::default()).expect("a standing")
    }

    fn nobody(&self) -> OpCtx {
        OpCtx::new(self.db.clone(), self.clock.clone(), Caller::Anonymous, None, Origin::default()).expect("a standing")
    }

    /// A new tenant.
    pub async fn tenant(&self, name: &str) -> TenantId {
        let input = NewTenant { company_name: name.to_owned(), contact_email: "info@example.jp".to_owned(), ..NewTenant::default() };
        self.tenants.create(&self.system(), input, None).await.expect("a tenant").id
    }

    /// Suspends a tenant.
    pub async fn suspend(&self, tenant: TenantId) {
        self.tenants.suspend(&self.system(), tenant, "unpaid").await.expect("a suspension");
    }

    /// A user who was invited and has not answered, and the secret of the invitation.
    pub async fn invited(&self, tenant: TenantId, email: &str, role: MembershipRole, stores: Option<Vec<StoreId>>) -> (UserId, String) {
        let input = Invitation { email: email.to_owned(), role, stores, name: None, tenant: Some(tenant) };
        let invited = Users.invite(&self.system(), input).await.expect("an invitation");
        (invited.member.user.id, invited.link.expose_secret().to_owned())
    }

    /// A user who was invited and has accepted; one who exists already joins another tenant.
    pub async fn person(&self, tenant: TenantId, email: &str, role: MembershipRole, stores: Option<Vec<StoreId>>) -> Person {
        let (id, link) = self.invited(tenant, email, role, stores).await;
        let proof = Proof::Password(PASSWORD.into());
        let accepted = self.sign_in.invitation_accept(&self.nobody(), &link.into(), proof, None).await.expect("accepted");
        let session = accepted.signed_in.expect("a session");
        Person { id, email: email.to_owned(), credentials: Credentials::bearer(session.access_token.expose_secret()) }
    }

    /// A new session of a user, and its refresh token.
    pub async fn session(&self, email: &str) -> (Credentials, String) {
        let signed_in = self.sign_in.sign_in(&self.nobody(), email, &PASSWORD.into()).await.expect("signed in");
        (Credentials::bearer(signed_in.access_token.expose_secret()), signed_in.refresh_token.expose_secret().to_owned())
    }

    /// The secret of a password link.
    pub async fn reset_link(&self, user: UserId) -> String {
        Users.password_reset_link_create(&self.system(), user).await.expect("a link").link.expose_secret().to_owned()
    }

    /// A token of any role.
    pub async fn token(&self, role: TokenRole, tenant: Option<TenantId>, scopes: &[ApiScope]) -> (ApiTokenId, Credentials) {
        let input = OperatorToken { name: "a test's".to_owned(), role, tenant, scopes: scopes.to_vec(), expires_at: None };
        let made = ApiTokens.create_for_operator(&self.system(), input).await.expect("a token");
        (made.token.id, Credentials::bearer(made.secret.expose_secret()))
    }

    /// A token that was good until an hour ago.
    pub async fn expired_token(&self, tenant: TenantId) -> Credentials {
        let (now, hour) = (self.clock.now(), TimeDelta::hours(1));
        let yesterday: Arc<dyn Clock> = Arc::new(TestClock::at(now - TimeDelta::days(1)));
        let ctx = OpCtx::new(self.db.clone(), yesterday, Caller::System, None, Origin::default()).expect("a standing");
        let input =
            OperatorToken { name: "old".to_owned(), role: TokenRole::TenantAdmin, tenant: Some(tenant), scopes: Vec::new(), expires_at: Some(now - hour) };
        let made = ApiTokens.create_for_operator(&ctx, input).await.expect("a token");
        Credentials::bearer(made.secret.expose_secret())
    }

    /// A webhook endpoint, and a test on its way to it.
    pub async fn webhook_endpoint(&self, tenant: TenantId, url: &str) -> (WebhookEndpointId, WebhookDeliveryId) {
        let input = NewWebhookEndpoint { tenant: Some(tenant), url: url.to_owned(), event_types: Vec::new(), description: None };
        let endpoint = self.webhooks.create(&self.system(), input).await.expect("an endpoint").endpoint.id;
        (endpoint, self.webhooks.test(&self.system(), endpoint).await.expect("a delivery").id)
    }

    /// The same, as an integration with every scope made it.
    pub async fn webhook_endpoint_of(&self, token: ApiTokenId, tenant: TenantId, url: &str) -> (WebhookEndpointId, WebhookDeliveryId) {
        let tenant = Some((tenant, TenantStatus::Active));
        let caller = Caller::Token(TokenCaller { id: token, role: TokenRole::Integration, tenant, scopes: ApiScope::ALL.into() });
        let ctx = OpCtx::new(self.db.clone(), self.clock.clone(), caller, None, Origin::default()).expect("a standing");
        let input = NewWebhookEndpoint { tenant: None, url: url.to_owned(), event_types: Vec::new(), description: None };
        let endpoint = self.webhooks.create(&ctx, input).await.expect("an endpoint").endpoint.id;
        (endpoint, self.webhooks.test(&ctx, endpoint).await.expect("a delivery").id)
    }

    /// Deletes a webhook endpoint; it may be gone.
    pub async fn delete_webhook_endpoint(&self, id: WebhookEndpointId) {
        let _ = self.webhooks.delete(&self.system(), id).await;
    }

    /// A Slack channel, and a test on its way through it.
    pub async fn notification_channel(&self, tenant: TenantId, marker: &str) -> (NotificationChannelId, NotificationId) {
        let input = NewNotificationChannel {
            tenant: Some(tenant),
            kind: NotificationChannelKind::Slack,
            name: format!("{marker} alerts"),
            email_addresses: Vec::new(),
            phone_numbers: Vec::new(),
            slack_webhook_url: Some(format!("https://hooks.{marker}.example/services/secret").into()),
        };
        let channel = self.notifications.create(&self.system(), input).await.expect("a channel").id;
        (channel, self.notifications.test(&self.system(), channel).await.expect("a test")[0].id)
    }

    /// Deletes a notification channel; it may be gone.
    pub async fn delete_notification_channel(&self, id: NotificationChannelId) {
        let _ = self.notifications.delete(&self.system(), id).await;
    }

    /// Takes a token back.
    pub async fn revoke(&self, token: ApiTokenId) {
        ApiTokens.revoke(&self.system(), token).await.expect("revoked");
    }
}
