//! `noren token create`: prints the token alone, for scripts.

use clap::{Subcommand, ValueEnum};
use entities::{ApiScope, TenantId, TokenRole};
use people::api_tokens::{ApiTokens, OperatorToken};
use platform::config::Settings;
use secrecy::ExposeSecret;

use super::Failure;
use super::open::{open, operator};

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make an API token and print it; it cannot be shown again.
    Create {
        /// What its bearer is.
        #[arg(long)]
        role: Role,
        /// The tenant that it is for; not for a platform administrator.
        #[arg(long)]
        tenant: Option<String>,
        /// What an integration may do, separated by commas, such as orders:read,stores:read.
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<String>,
        /// How long it is good for, such as 30d; without it, until it is revoked.
        #[arg(long)]
        expires: Option<humantime::Duration>,
        /// What it is called in lists.
        #[arg(long, default_value = "made at the shell")]
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    PlatformAdmin,
    TenantAdmin,
    TenantMember,
    Integration,
}

impl From<Role> for TokenRole {
    fn from(role: Role) -> Self {
        match role {
            Role::PlatformAdmin => Self::PlatformAdmin,
            Role::TenantAdmin => Self::TenantAdmin,
            Role::TenantMember => Self::TenantMember,
            Role::Integration => Self::Integration,
        }
    }
}

/// Runs the command.
pub async fn run(settings: &Settings, command: TokenCommand) -> Result<(), Failure> {
    let TokenCommand::Create { role, tenant, scopes, expires, name } = command;
    let tenant = tenant.map(|id| id.parse::<TenantId>()).transpose()?;
    let scopes = scopes.iter().map(|scope| scope.parse::<ApiScope>()).collect::<Result<Vec<_>, _>>()?;
    let opened = open(settings, false).await?;
    let ctx = operator(&opened.db, None)?;
    let expires_at = expires.map(|expires| chrono::TimeDelta::from_std(expires.into())).transpose()?;
    let expires_at = match expires_at {
        Some(expires) => Some(ctx.now().checked_add_signed(expires).ok_or_else(|| Failure::Message("--expires is too far away".to_owned()))?),
        None => None,
    };
    let created = ApiTokens.create_for_operator(&ctx, OperatorToken { role: role.into(), tenant, scopes, expires_at, name }).await?;
    println!("{}", created.secret.expose_secret());
    Ok(())
}
