//! `noren serve --demo`: a throw-away database, one bearer for each kind of caller, and queries to try.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use commerce::demo::{Demo as Data, DemoTenant};
use entities::{ApiScope, MembershipRole, StoreId, TenantId, TokenRole};
use people::api_tokens::{ApiTokens, OperatorToken};
use people::identity::{AccessTokens, OutsideProviders, Passwords, Proof, SignIn};
use people::users::{Invitation, Users};
use platform::config::Settings;
use platform::{Clock, OpCtx};
use secrecy::{ExposeSecret, SecretString};

use crate::cli::{Failure, Opened, operator};
use crate::http::Example;

/// How long the bearer of the demo's user is good for.
const LASTING: TimeDelta = TimeDelta::days(30);
/// What the integration of the demo may do.
const SCOPES: [ApiScope; 2] = [ApiScope::OrdersRead, ApiScope::ProductsRead];

/// What the demo gives people to begin with.
pub struct Demo {
    bearers: Vec<Bearer>,
}

struct Bearer {
    kind: &'static str,
    whose: String,
    secret: SecretString,
}

/// Puts the database into a folder that goes with the server.
pub fn throw_away(settings: &mut Settings) -> Result<tempfile::TempDir, Failure> {
    let folder = tempfile::tempdir()?;
    settings.database.url = format!("sqlite:{}", folder.path().join("demo.db").display());
    settings.database_owner_url = None;
    settings.master_key = None;
    Ok(folder)
}

/// Fills the database and makes the bearers.
pub async fn prepare(opened: &Opened, clock: &Arc<dyn Clock>) -> Result<Demo, Failure> {
    let data = commerce::demo::fill(&opened.db, &opened.master, clock.now()).await?;
    let Data { tenants } = &data;
    let Some((tenant, store)) = tenants.first().and_then(|tenant| Some((tenant, tenant.stores.first()?))) else {
        return Err(Failure::Message("the demo has no store".to_owned()));
    };
    let ctx = operator(&opened.db, None)?;
    let mut bearers = Vec::new();
    for (kind, role, of, scopes) in [
        ("platform administrator", TokenRole::PlatformAdmin, None, &[][..]),
        ("tenant administrator", TokenRole::TenantAdmin, Some(tenant), &[]),
        ("tenant member", TokenRole::TenantMember, Some(tenant), &[]),
        ("integration", TokenRole::Integration, Some(tenant), &SCOPES),
    ] {
        let secret = api_token(&ctx, kind, role, of.map(|tenant| tenant.id), scopes).await?;
        bearers.push(Bearer { kind, whose: whose(of, scopes), secret });
    }
    let secret = member_of(opened, clock, tenant.id, store.id).await?;
    bearers.insert(3, Bearer { kind: "member of one store", whose: format!("{}, {} only", tenant.company_name, store.name), secret });
    Ok(Demo { bearers })
}

fn whose(tenant: Option<&DemoTenant>, scopes: &[ApiScope]) -> String {
    let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    match (tenant, scopes.as_slice()) {
        (None, _) => "all tenants".to_owned(),
        (Some(tenant), []) => tenant.company_name.to_owned(),
        (Some(tenant), scopes) => format!("{}, {}", tenant.company_name, scopes.join(" ")),
    }
}

async fn api_token(ctx: &OpCtx, kind: &str, role: TokenRole, tenant: Option<TenantId>, scopes: &[ApiScope]) -> Result<SecretString, Failure> {
    let token = OperatorToken { name: format!("Demo: {kind}"), role, tenant, scopes: scopes.to_vec(), expires_at: None };
    Ok(ApiTokens.create_for_operator(ctx, token).await?.secret)
}

/// A user who is limited to one store: invited, accepted, signed in.
async fn member_of(opened: &Opened, clock: &Arc<dyn Clock>, tenant: TenantId, store: StoreId) -> Result<SecretString, Failure> {
    let ctx = operator(&opened.db, Some(tenant))?;
    let invitation = Invitation {
        email: "hanako@example.jp".to_owned(),
        role: MembershipRole::TenantMember,
        stores: Some(vec![store]),
        name: Some("山田 花子".to_owned()),
        tenant: None,
    };
    let invited = Users.invite(&ctx, invitation).await?;
    let tokens = AccessTokens::new(&opened.master).lasting(LASTING);
    let sign_in = SignIn::new(tokens, OutsideProviders::new(&[], clock.clone())?, Passwords::new(1));
    let password = SecretString::from("noren-demo-password");
    let accepted = sign_in.invitation_accept(&ctx, &invited.link, Proof::Password(password), None).await?;
    accepted.signed_in.map(|signed_in| signed_in.access_token).ok_or_else(|| Failure::Message("the demo's user could not sign in".to_owned()))
}

const QUERIES: [(&str, &str, &str); 3] = [
    (
        "The newest orders with their items and customers",
        "tenant administrator",
        "query NewestOrders {
  orders(first: 5) {
    nodes {
      number
      processedAt
      totalPrice { amount currencyCode }
      customer { firstName lastName }
      items { nodes { productTitle quantity totalPrice { amount } } }
    }
  }
}",
    ),
    (
        "Every tenant with its stores",
        "platform administrator",
        "query TenantsAndStores {
  tenants {
    nodes {
      companyName
      totalStores
      activeStores
      lastActivityAt
      stores { nodes { name domain orders(first: 0) { totalCount } } }
    }
  }
}",
    ),
    (
        "What a member of one store sees of all stores",
        "member of one store",
        "query OneStore {
  viewer { kind user { name } }
  stores { nodes { name } }
  customers(first: 3, orderBy: { field: TOTAL_SPENT, direction: DESC }) {
    nodes { firstName lastName totalSpent { amount currencyCode } orders(first: 1) { totalCount } }
  }
}",
    ),
];

impl Demo {
    /// Prints the bearers and the queries.
    pub fn announce(&self, address: SocketAddr) {
        println!("The demo runs on a throw-away database. Bearers, for the header `Authorization: Bearer …`:\n");
        for bearer in &self.bearers {
            println!("{} ({})\n    {}", bearer.kind, bearer.whose, bearer.secret.expose_secret());
        }
        println!("\nQueries to try, also in GraphiQL at http://{address}/graphiql:");
        for (title, kind, query) in QUERIES {
            println!("\n# {title} (as {kind})\n{query}");
        }
        println!();
    }

    /// The queries for GraphiQL, with their bearers.
    pub fn examples(&self) -> Vec<Example> {
        let example = |(title, kind, query): (&'static str, &'static str, &'static str)| {
            let bearer = self.bearers.iter().find(|bearer| bearer.kind == kind)?;
            let headers = serde_json::json!({ "Authorization": format!("Bearer {}", bearer.secret.expose_secret()) });
            Some(Example { title, query: query.to_owned(), headers: serde_json::to_string_pretty(&headers).unwrap_or_default() })
        };
        QUERIES.into_iter().filter_map(example).collect()
    }
}
