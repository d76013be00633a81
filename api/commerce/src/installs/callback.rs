//! A merchant's browser on its way: from our address to the shop, and back with what is traded for tokens. And an app that is open inside
//! of the shop, which has a token for that already.

use entities::{ConnectionId, StoreId, StoreStatus};
use integrations::ports::shop::{CallbackError, TokenError, Tokens};
use platform::Database;
use secrecy::SecretString;
use url::Url;
use url::form_urlencoded;

use super::app::Door;
use super::error::InstallError;
use super::service::Installs;
use super::state::{By, Hold, find};
use super::tickets::cookie;
use super::write::{Arrival, install, welcome};

/// A browser that is sent to the shop.
#[derive(Debug)]
pub struct Launched {
    /// Where to.
    pub url: Url,
    /// What the browser keeps, and comes back with.
    pub cookie: String,
}

/// A merchant who let the app in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The store.
    pub store: StoreId,
    /// The shop's domain.
    pub shop: String,
    /// Whether anything was written: an app that is open inside of a shop and has all it needs changes nothing.
    pub installed: bool,
}

fn one<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

impl Installs {
    /// A browser comes by an invitation, or from the provider's side with the provider's signature.
    pub async fn launch(&self, db: &Database, provider: &str, connection: ConnectionId, query: &str, given: Option<&str>) -> Result<Launched, InstallError> {
        let door = self.door(db, provider, connection).await?;
        let now = door.ctx.now();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let shop = match one(&pairs, "ticket") {
            Some(ticket) => self.tickets.invited(ticket, connection, now).ok_or(InstallError::Callback(CallbackError::WrongState))?,
            None => door.system.verify_launch(&door.registered.app, query, now)?,
        };
        let cookie = cookie(given);
        let state = self.tickets.state(connection, &shop, &cookie, now);
        let redirect = format!("{}/install/{provider}/{connection}/callback", self.base()?);
        let redirect = Url::parse(&redirect).map_err(|_| InstallError::NotConfigured("the setting public_url is no address"))?;
        let url = door.system.authorize_url(&door.registered.app, &shop, &redirect, &state).map_err(|_| InstallError::Callback(CallbackError::NotAShop))?;
        Ok(Launched { url, cookie })
    }

    /// A browser comes back from the shop.
    pub async fn callback(&self, db: &Database, provider: &str, connection: ConnectionId, query: &str, cookie: Option<&str>) -> Result<Arrived, InstallError> {
        let door = self.door(db, provider, connection).await?;
        let now = door.ctx.now();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let state = one(&pairs, "state").unwrap_or_default();
        let begun = self.tickets.begun(state, connection, cookie, now);
        // What the provider signed is looked at first; a state that is not this browser's fits none.
        let expected = if begun.is_some() { state } else { "" };
        let back = door.system.verify_callback(&door.registered.app, query, expected, now)?;
        if begun.is_none_or(|shop| shop != back.shop) {
            return Err(InstallError::OtherShop);
        }
        self.welcomed(&door, provider, &back.shop).await?;
        let tokens = door.system.exchange_code(&door.registered.app, &back.shop, &back.code, now).await.map_err(refused)?;
        self.arrive(&door, provider, back.shop, &tokens, "the merchant agreed").await
    }

    /// An app that is open inside of a shop shows the token that it has from there.
    pub async fn session(&self, db: &Database, provider: &str, connection: ConnectionId, token: &SecretString) -> Result<Arrived, InstallError> {
        use secrecy::ExposeSecret;
        let door = self.door(db, provider, connection).await?;
        let now = door.ctx.now();
        let session = door.system.verify_session(&door.registered.app, token.expose_secret(), now)?;
        let tx = door.ctx.reader().await?;
        let known = find(&tx, door.tenant, By::Domain { provider, domain: &session.shop }, Hold::No).await?;
        drop(tx);
        door.ctx.release().await;
        let settled = known.filter(|state| {
            let in_use = state.status != StoreStatus::Uninstalled && state.connection() == Some(connection) && state.lost_at().is_none();
            // What was not granted since the app has asked for it, is not granted by asking again.
            let compared = state.installation.as_ref().and_then(|installation| installation.scopes_at).is_some_and(|at| at >= door.registered.updated_at);
            let granted = || door.system.missing_scopes(&door.registered.app.scopes, &state.scopes).is_empty();
            in_use && state.access_token_sealed.is_some() && (compared || granted())
        });
        if let Some(state) = settled {
            return Ok(Arrived { store: state.id, shop: session.shop, installed: false });
        }
        self.welcomed(&door, provider, &session.shop).await?;
        let tokens = door.system.exchange_session(&door.registered.app, &session.shop, token, now).await.map_err(refused)?;
        self.arrive(&door, provider, session.shop, &tokens, "the app was opened inside of the shop").await
    }

    async fn welcomed(&self, door: &Door, provider: &str, shop: &str) -> Result<(), InstallError> {
        let tx = door.ctx.reader().await?;
        welcome(&tx, door.tenant, door.registered.connection, provider, shop).await?;
        drop(tx);
        door.ctx.release().await;
        Ok(())
    }

    async fn arrive(&self, door: &Door, provider: &str, shop: String, tokens: &Tokens, by: &'static str) -> Result<Arrived, InstallError> {
        let arrival = Arrival { tenant: door.tenant, connection: door.registered.connection, provider, shop: &shop, tokens, by };
        let store = install(&door.ctx, &door.permit, &self.shops.0.keys, arrival).await?;
        Ok(Arrived { store, shop, installed: true })
    }
}

fn refused(error: TokenError) -> InstallError {
    match error {
        TokenError::Rejected(_) | TokenError::ShopClosed(_) => InstallError::Refused(error.to_string()),
        TokenError::BadClient(why) => {
            tracing::error!(why, "an app's client id or secret is wrong");
            InstallError::NotConfigured("the connection's account or webhook secret is not the app's client id or client secret")
        }
        TokenError::Later { .. } | TokenError::Unknown(_) | TokenError::Unreachable(_) => InstallError::Unreachable(error.to_string()),
    }
}
