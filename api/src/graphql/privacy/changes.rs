//! Fetching what a customer asked for, and having requests tried again.

use async_graphql::{Context, ID, InputObject, Json, Object, Result};
use commerce::privacy::PrivacyRequestRow;
use entities::PrivacyRequestId;

use super::requests::PrivacyRequest;
use crate::graphql::input::id;
use crate::graphql::objects::plan;
use crate::graphql::payload::payload;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// Which request's bundle to fetch.
#[derive(InputObject)]
pub struct PrivacyRequestExportInput {
    /// The privacy request.
    id: ID,
}

/// Which request to try again.
#[derive(InputObject)]
pub struct PrivacyRequestRetryInput {
    /// The privacy request.
    id: ID,
}

payload! {
    /// What came of privacyRequestExport.
    PrivacyRequestExportPayload {
        /// The privacy request.
        privacy_request: PrivacyRequest,
        /// Everything that is stored about the customer in the store: a JSON object with `customers`, `orders` (with their `items`; amounts in
        /// minor units of their currency) and `webhookEvents` (as the provider delivered them).
        bundle: Json<serde_json::Value>,
    }
    /// What came of privacyRequestRetry.
    PrivacyRequestRetryPayload {
        /// The privacy request, which waits to be worked on now.
        privacy_request: PrivacyRequest,
    }
}

async fn in_payload(ctx: &Context<'_>, row: PrivacyRequestRow, payload: &str) -> Result<Option<PrivacyRequest>> {
    Ok(plan::<PrivacyRequest>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, "privacyRequest").as_ref()).await?.pop())
}

/// Changing privacy requests.
#[derive(Default)]
pub struct PrivacyMutation;

#[Object]
impl PrivacyMutation {
    /// Fetches what is kept of the customer of a DATA_REQUEST, for the tenant to hand on. The audit log shows who did. It can be fetched
    /// again for a day, and is deleted then; see `bundleDeletionAt`. Refused with STILL_PENDING while it is not COMPLETED, with PAYLOAD_DELETED
    /// when the bundle is gone or there was nothing to put in one, with NOT_ALLOWED for other kinds. The tenant's administrators only.
    async fn privacy_request_export(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: PrivacyRequestExportInput,
    ) -> Result<PrivacyRequestExportPayload> {
        match services(ctx)?.privacy.export(op(ctx)?, id::<PrivacyRequestId>(&input.id)?).await {
            Ok((row, bundle)) => {
                let privacy_request = in_payload(ctx, row, "PrivacyRequestExportPayload").await?;
                Ok(PrivacyRequestExportPayload { privacy_request, bundle: Some(Json(bundle)), user_errors: Vec::new() })
            }
            Err(error) => PrivacyRequestExportPayload::refused(error),
        }
    }

    /// Has a FAILED privacy request tried again, as after mending what made it fail. What was done already is not done twice. Refused with
    /// STILL_PENDING while it waits, and with NOT_ALLOWED when it is done. Administrators only.
    async fn privacy_request_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: PrivacyRequestRetryInput,
    ) -> Result<PrivacyRequestRetryPayload> {
        match services(ctx)?.privacy.retry(op(ctx)?, id::<PrivacyRequestId>(&input.id)?).await {
            Ok(row) => {
                let privacy_request = in_payload(ctx, row, "PrivacyRequestRetryPayload").await?;
                Ok(PrivacyRequestRetryPayload { privacy_request, user_errors: Vec::new() })
            }
            Err(error) => PrivacyRequestRetryPayload::refused(error),
        }
    }
}
