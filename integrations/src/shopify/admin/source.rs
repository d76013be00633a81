//! A shop's data: bulk operations and their files, pages of what has changed, counts and ids to compare with.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::json;
use serde_json::value::RawValue;

use super::documents::{self, BULK_CANCEL, BULK_OPERATION, BULK_OPERATIONS, BULK_RUN, DELETIONS, Document};
use super::download::FileDownload;
use super::wire::{BulkCancelled, BulkFound, BulkList, BulkOperation, BulkPayload, BulkStarted, Count, Deletions, IdNode, Nodes, Parent, UserError};
use super::{ShopifyApp, search};
use crate::ports::shop::{
    CallError, Counted, DataKind, Deleted, DeletionPage, Download, DownloadError, Export, ExportAsk, ExportStatus, IdPage, Page, PageAsk, Problem, Range,
    Reach, ShopAccess, ShopSource, Unfinished,
};
use crate::shopify::bulk;
use crate::shopify::values::instant;

/// Children that come with each object of a page; the rest is asked for by itself.
const CHILDREN: u32 = 20;
/// Children of a call that is about one object.
const MANY_CHILDREN: u32 = 100;
/// Orders older than this need a scope of their own.
const RECENT: Reach = Reach { days: 60, scope: "read_all_orders" };
/// The aliases in the documents that count.
const SLOTS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

#[async_trait]
impl ShopSource for ShopifyApp {
    async fn start_export(&self, access: &ShopAccess, ask: &ExportAsk) -> Result<Export, CallError> {
        let BulkStarted { bulk_operation_run_query: payload } = self.call(access, &BULK_RUN, 1, json!({ "query": text_of(ask) })).await?;
        started(&BULK_RUN, payload)
    }

    async fn find_export(&self, access: &ShopAccess, ask: &ExportAsk, since: DateTime<Utc>) -> Result<Option<Export>, CallError> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let wanted = words(&text_of(ask));
        let BulkList { bulk_operations } = self.call(access, &BULK_OPERATIONS, 10, json!({ "search": search::operations(since) })).await?;
        let same = bulk_operations.nodes.into_iter().filter(|operation| operation.created_at >= since && words(&operation.query) == wanted);
        same.max_by_key(|operation| operation.created_at).map(|operation| export(&BULK_OPERATIONS, operation)).transpose()
    }

    async fn export(&self, access: &ShopAccess, id: &str) -> Result<Option<Export>, CallError> {
        let BulkFound { bulk_operation } = self.call(access, &BULK_OPERATION, 1, json!({ "id": id })).await?;
        bulk_operation.map(|operation| export(&BULK_OPERATION, operation)).transpose()
    }

    async fn cancel_export(&self, access: &ShopAccess, id: &str) -> Result<(), CallError> {
        let BulkCancelled { bulk_operation_cancel: BulkPayload { bulk_operation, user_errors } } =
            self.call(access, &BULK_CANCEL, 1, json!({ "id": id })).await?;
        // One that has come to its end is refused, and done with.
        let is_over = bulk_operation.is_some_and(|operation| !matches!(operation.status.as_str(), "CREATED" | "RUNNING"));
        if user_errors.is_empty() || is_over { Ok(()) } else { Err(refused(&BULK_CANCEL, user_errors)) }
    }

    async fn open_export(&self, file: &SecretString) -> Result<Box<dyn Download>, DownloadError> {
        Ok(Box::new(FileDownload::open(self.dialler().clone(), file).await?))
    }

    async fn page(&self, access: &ShopAccess, ask: &PageAsk<'_>) -> Result<Page, CallError> {
        let of = documents::of(ask.kind);
        let mut variables = json!({ "search": search::of(ask.kind, &ask.range), "first": ask.first, "after": ask.after });
        if of.rest.is_some() {
            variables["children"] = CHILDREN.into();
        }
        let (answer, read_at) = self.dated_call::<HashMap<String, Nodes<Box<RawValue>>>>(access, &of.page, ask.first, variables).await?;
        let nodes = only(&of.page, answer)?;
        let mut page = Page { read_at, ..Page::default() };
        for node in &nodes.nodes {
            add(&mut page, ask.kind, node).map_err(|why| unreadable(&of.page, why))?;
        }
        page.next = nodes.page_info.next();
        Ok(page)
    }

    async fn rest(&self, access: &ShopAccess, unfinished: &Unfinished) -> Result<Page, CallError> {
        let Some(document) = documents::of(unfinished.kind).rest else { return Ok(Page::default()) };
        let variables = json!({ "id": gid(unfinished.kind, &unfinished.external_id), "first": MANY_CHILDREN, "after": unfinished.after });
        let (answer, read_at) = self.dated_call::<HashMap<String, Option<Parent>>>(access, &document, MANY_CHILDREN, variables).await?;
        let mut page = Page { read_at, ..Page::default() };
        // Deleted in between, it has no children either.
        if let Some(parent) = only(&document, answer)? {
            add_children(&mut page, unfinished.kind, &unfinished.external_id, parent);
        }
        Ok(page)
    }

    async fn one(&self, access: &ShopAccess, kind: DataKind, external_id: &str) -> Result<Page, CallError> {
        let of = documents::of(kind);
        let mut variables = json!({ "id": gid(kind, external_id) });
        if of.rest.is_some() {
            variables["children"] = MANY_CHILDREN.into();
        }
        let (answer, read_at) = self.dated_call::<HashMap<String, Option<Box<RawValue>>>>(access, &of.one, 1, variables).await?;
        let mut page = Page { read_at, ..Page::default() };
        if let Some(node) = only(&of.one, answer)? {
            add(&mut page, kind, &node).map_err(|why| unreadable(&of.one, why))?;
        }
        Ok(page)
    }

    async fn counts(&self, access: &ShopAccess, kind: DataKind, ranges: &[Range]) -> Result<Vec<Counted>, CallError> {
        let document = documents::of(kind).count;
        let Some(first) = ranges.first().filter(|_| ranges.len() <= SLOTS.len()) else {
            return if ranges.is_empty() { Ok(Vec::new()) } else { Err(unreadable(&document, "more ranges than a call counts".to_owned())) };
        };
        // Slots that are left over repeat the first.
        let searches = SLOTS.iter().enumerate().map(|(slot, name)| ((*name).to_owned(), search::counted(kind, ranges.get(slot).unwrap_or(first)).into()));
        let variables = serde_json::Value::Object(searches.collect());
        let mut answer: HashMap<String, Option<Count>> = self.call(access, &document, 1, variables).await?;
        let mut counted = Vec::with_capacity(ranges.len());
        for slot in &SLOTS[..ranges.len()] {
            let count = answer.remove(*slot).flatten().ok_or_else(|| unreadable(&document, "a count is missing".to_owned()))?;
            counted.push(Counted { count: count.count, exact: count.precision == "EXACT" });
        }
        Ok(counted)
    }

    async fn ids(&self, access: &ShopAccess, kind: DataKind, range: Range, after: Option<&str>) -> Result<IdPage, CallError> {
        let document = documents::of(kind).ids;
        let answer: HashMap<String, Nodes<IdNode>> = self.call(access, &document, 250, json!({ "search": search::of(kind, &range), "after": after })).await?;
        let nodes = only(&document, answer)?;
        let number = |node: &IdNode| number(kind, &node.id).ok_or_else(|| unreadable(&document, format!("`{}` is no id of this kind", node.id)));
        let ids = nodes.nodes.iter().map(|node| Ok((number(node)?, instant(node.updated_at)))).collect::<Result<_, CallError>>()?;
        Ok(IdPage { ids, next: nodes.page_info.next() })
    }

    async fn deletions(&self, access: &ShopAccess, since: DateTime<Utc>, after: Option<&str>) -> Result<DeletionPage, CallError> {
        let Deletions { events } = self.call(access, &DELETIONS, 250, json!({ "search": search::deletions(since), "after": after })).await?;
        let mut deleted = Vec::new();
        for event in events.nodes.into_iter().filter(|event| event.action == "destroy") {
            let (Some(subject), Some(kind)) = (event.subject_id, event.subject_type.as_deref().and_then(subject_kind)) else { continue };
            let external_id = number(kind, &subject).ok_or_else(|| unreadable(&DELETIONS, format!("`{subject}` is no id of its kind")))?;
            deleted.push(Deleted { kind, external_id, at: instant(event.created_at) });
        }
        Ok(DeletionPage { deleted, next: events.page_info.next() })
    }

    fn reach(&self, kind: DataKind, granted: &[String]) -> Option<Reach> {
        let limited = kind == DataKind::Orders && !granted.iter().any(|scope| scope == RECENT.scope);
        limited.then_some(RECENT)
    }
}

/// The text of the bulk operation. The search is written by this program: it holds no quote or backslash that would end the string.
fn text_of(ask: &ExportAsk) -> String {
    documents::of(ask.kind).bulk.replace("SEARCH", &search::of(ask.kind, &ask.range))
}

fn started(document: &Document, payload: BulkPayload) -> Result<Export, CallError> {
    match payload {
        BulkPayload { bulk_operation: Some(operation), user_errors } if user_errors.is_empty() => export(document, operation),
        BulkPayload { user_errors, .. } => Err(refused(document, user_errors)),
    }
}

fn refused(document: &Document, errors: Vec<UserError>) -> CallError {
    let busy = errors.iter().any(|error| matches!(error.code.as_deref(), Some("OPERATION_IN_PROGRESS" | "LIMIT_REACHED")));
    let said = errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; ");
    CallError { operation: document.name, problem: if busy { Problem::Busy(said) } else { Problem::Refused(said) } }
}

fn unreadable(document: &Document, why: String) -> CallError {
    CallError { operation: document.name, problem: Problem::Unknown(why) }
}

/// The one field that was asked for.
fn only<T>(document: &Document, answer: HashMap<String, T>) -> Result<T, CallError> {
    let mut values = answer.into_values();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(unreadable(document, "the answer has not the one field that was asked for".to_owned())),
    }
}

fn export(document: &Document, operation: BulkOperation) -> Result<Export, CallError> {
    let status = match operation.status.as_str() {
        "CREATED" | "RUNNING" | "CANCELING" => ExportStatus::Running,
        "COMPLETED" => ExportStatus::Completed,
        "FAILED" => ExportStatus::Failed,
        "CANCELED" => ExportStatus::Cancelled,
        "EXPIRED" => ExportStatus::Expired,
        other => return Err(unreadable(document, format!("an operation that is `{other}`"))),
    };
    Ok(Export {
        id: operation.id,
        status,
        error: operation.error_code,
        objects: operation.object_count,
        roots: operation.root_object_count,
        bytes: operation.file_size,
        file: operation.url.map(SecretString::from),
        partial_file: operation.partial_data_url.map(SecretString::from),
        created_at: instant(operation.created_at),
        completed_at: operation.completed_at.map(instant),
    })
}

/// Adds an object of a page, with as many of its children as came with it.
fn add(page: &mut Page, kind: DataKind, node: &RawValue) -> Result<(), String> {
    let parent: Parent = serde_json::from_str(node.get()).map_err(|error| error.to_string())?;
    let external_id = number(kind, &parent.id).ok_or_else(|| format!("`{}` is no id of this kind", parent.id))?;
    page.records.push(bulk::read_line(node.get().as_bytes()));
    page.roots += 1;
    page.up_to = page.up_to.max(parent.updated_at.map(instant));
    if parent.closed || parent.status.as_deref() == Some("ARCHIVED") {
        page.put_away.push(external_id.clone());
    }
    add_children(page, kind, &external_id, parent);
    Ok(())
}

fn add_children(page: &mut Page, kind: DataKind, external_id: &str, parent: Parent) {
    let Some(children) = parent.children else { return };
    page.records.extend(children.nodes.iter().map(|child| bulk::read_child(child.get().as_bytes(), &parent.id)));
    if let Some(after) = children.page_info.next() {
        page.unfinished.push(Unfinished { kind, external_id: external_id.to_owned(), after });
    }
}

const fn name(kind: DataKind) -> &'static str {
    match kind {
        DataKind::Customers => "Customer",
        DataKind::Products => "Product",
        DataKind::Orders => "Order",
    }
}

fn gid(kind: DataKind, external_id: &str) -> String {
    format!("gid://shopify/{}/{external_id}", name(kind))
}

fn number(kind: DataKind, gid: &str) -> Option<String> {
    bulk::gid_number(gid, name(kind)).ok().map(|number| number.to_string())
}

fn subject_kind(subject_type: &str) -> Option<DataKind> {
    match subject_type {
        "CUSTOMER" => Some(DataKind::Customers),
        "PRODUCT" => Some(DataKind::Products),
        "ORDER" => Some(DataKind::Orders),
        _ => None,
    }
}
