//! Bulk operations: asked for, run in their own time, their result a file of lines. The file is what the query truly selects.

use std::collections::BTreeMap;
use std::fmt::Write;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{JsonMap, JsonValue};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::graph::{Query, SCHEMA};
use super::shop::Shop;
use super::webhooks::Happened;

/// At once, at most.
const RUNNING: usize = 5;
/// For so long a file is kept.
const KEPT: TimeDelta = TimeDelta::days(7);

/// What goes wrong with a bulk operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkFault {
    /// Nothing.
    Right,
    /// It ends well, and its file lacks some lines in the middle.
    DropSlice,
    /// It ends well, and its file ends early, in the middle of a line.
    ShortFile,
    /// It ends well, and its file ends within its last line.
    CutLastLine,
    /// It ends well, and a line in the middle of its file is garbled.
    GarbledLine,
    /// It ends well, and the first line of its file is there twice, in place of the one after it.
    Repeats,
    /// It ends well, without what it says there is not: short, in agreement with itself.
    Agrees,
    /// The same, and there is nothing at all.
    Empty,
    /// It breaks off; half of its lines can be had.
    Fails,
    /// It never comes to its end.
    Hangs,
    /// Its result is no longer kept by the time that it is asked for.
    Expires,
}

/// A bulk operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// Its status, in the API's word.
    pub status: &'static str,
    /// The query that it runs.
    pub query: String,
    /// How many lines there are.
    pub objects: u64,
    /// How many of them hang from no other.
    pub roots: u64,
    created_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    asked: u32,
    fault: BulkFault,
    url: String,
    lines: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
}

impl Operation {
    pub(super) fn wire(&self) -> Value {
        let (done, failed) = (self.status == "COMPLETED", self.status == "FAILED");
        let any = self.objects > 0;
        let size = self.lines.iter().map(|line| line.len() + 1).sum::<usize>();
        json!({
            "id": self.id, "status": self.status, "errorCode": failed.then_some("INTERNAL_SERVER_ERROR"), "query": self.query,
            "createdAt": self.created_at.to_rfc3339(), "completedAt": self.completed_at.map(|at| at.to_rfc3339()),
            "objectCount": self.objects.to_string(), "rootObjectCount": self.roots.to_string(), "fileSize": (done && any).then(|| size.to_string()),
            "url": (done && any).then_some(&self.url), "partialDataUrl": (failed && any).then_some(&self.url),
        })
    }

    /// The file as it can be fetched.
    pub(super) fn file(&self) -> String {
        let (count, mut file) = (self.lines.len(), String::new());
        for (index, line) in self.lines.iter().enumerate() {
            let skipped = self.fault == BulkFault::DropSlice && (count / 3..=count / 2).contains(&index);
            let beyond = self.fault == BulkFault::Fails && index * 2 >= count;
            if !skipped && !beyond {
                let line = match self.fault {
                    BulkFault::Repeats if index == 1 => &self.lines[0],
                    _ => line,
                };
                let is_garbled = self.fault == BulkFault::GarbledLine && index == count / 2;
                let line = if is_garbled { garbled(line) } else { line.clone() };
                let _ = writeln!(file, "{line}");
            }
        }
        if self.fault == BulkFault::ShortFile {
            file.truncate(file.len() * 2 / 3);
        }
        if self.fault == BulkFault::CutLastLine {
            file.truncate(file.len().saturating_sub(4));
        }
        file
    }

    pub(super) fn serves(&self, file: &str, now: DateTime<Utc>) -> bool {
        self.url.ends_with(&format!("/{file}")) && self.expires_at.is_none_or(|until| now < until) && matches!(self.status, "COMPLETED" | "FAILED")
    }

    fn is_running(&self) -> bool {
        matches!(self.status, "CREATED" | "RUNNING" | "CANCELING")
    }
}

impl Shop {
    pub(super) fn run_bulk(&mut self, query: &str, now: DateTime<Utc>, base: &str, number: u64) -> Result<Value, (&'static str, String)> {
        if self.operations.iter().filter(|operation| operation.is_running()).count() >= RUNNING {
            return Err(("LIMIT_REACHED", format!("{RUNNING} bulk query operations are running already")));
        }
        let mut lines = self.lines_of(query, now).map_err(|why| ("INVALID", why))?;
        let fault = if self.bulk_faults.is_empty() { BulkFault::Right } else { self.bulk_faults.remove(0) };
        match fault {
            BulkFault::Agrees => {
                let lacking = lines.first().and_then(|line| line.split('"').nth(3).map(str::to_owned)).unwrap_or_default();
                lines.retain(|line| !line.contains(&format!("\"{lacking}\"")));
            }
            BulkFault::Empty => lines.clear(),
            _ => {}
        }
        let operation = Operation {
            id: format!("gid://shopify/BulkOperation/{number}"),
            status: "CREATED",
            query: query.to_owned(),
            objects: 0,
            roots: 0,
            created_at: now,
            completed_at: None,
            asked: 0,
            fault,
            url: format!("{base}/files/bulk-{number}.jsonl"),
            lines,
            expires_at: None,
        };
        let wire = operation.wire();
        self.operations.push(operation);
        Ok(wire)
    }

    pub(super) fn cancel_bulk(&mut self, id: &str, now: DateTime<Utc>) -> Result<Value, (Option<Value>, String)> {
        let Some(operation) = self.operations.iter_mut().find(|operation| operation.id == id) else {
            return Err((None, "Bulk operation does not exist".to_owned()));
        };
        if !operation.is_running() {
            return Err((Some(operation.wire()), "A bulk operation cannot be canceled when it is completed".to_owned()));
        }
        operation.status = "CANCELING";
        let wire = operation.wire();
        (operation.status, operation.completed_at) = ("CANCELED", Some(now));
        Ok(wire)
    }

    /// Somebody asks how the operations stand: time goes by.
    pub(super) fn polled(&mut self, operation_name: &Option<String>, now: DateTime<Utc>) {
        if operation_name.as_deref() != Some("BulkOperation") {
            return;
        }
        let patience = self.bulk_patience;
        let mut ended = Vec::new();
        for operation in self.operations.iter_mut().filter(|operation| operation.is_running()) {
            operation.asked += 1;
            let lines = operation.lines.len() as u64;
            if operation.asked < patience || operation.fault == BulkFault::Hangs {
                operation.status = "RUNNING";
                operation.objects = lines * u64::from(operation.asked.min(patience)) / u64::from(patience + 1);
                continue;
            }
            operation.completed_at = Some(now);
            operation.expires_at = Some(now + KEPT);
            operation.objects = lines;
            operation.roots = operation.lines.iter().filter(|line| !line.contains("\"__parentId\":")).count() as u64;
            operation.status = match operation.fault {
                BulkFault::Fails => "FAILED",
                BulkFault::Expires => "EXPIRED",
                _ => "COMPLETED",
            };
            ended.push(Happened::bulk_ended(&operation.id, operation.status, now));
        }
        self.happened.extend(ended);
    }

    /// The lines of a query: each object, then what hangs from it, not in any order that could be relied on.
    fn lines_of(&self, query: &str, now: DateTime<Utc>) -> Result<Vec<String>, String> {
        let document = ExecutableDocument::parse_and_validate(&SCHEMA, query, "bulk.graphql").map_err(|errors| errors.errors.to_string())?;
        let operation = document.operations.get(None).map_err(|problem| problem.message().to_string())?;
        let (connections, depth) = shape(&operation.selection_set, 0);
        if !operation.is_query()
            || !operation.variables.is_empty()
            || !(1..=5).contains(&connections)
            || depth > 2
            || operation.selection_set.selections.len() != 1
        {
            return Err("a bulk query has one root, no variables, 1 to 5 connections and at most two levels of them".to_owned());
        }
        let response =
            Execution::new(&SCHEMA, &document).execute_sync(&Query { shop: self, now, whole: true }).map_err(|problem| problem.message().to_string())?;
        if let Some(error) = response.errors.first() {
            return Err(error.message.clone());
        }
        let mut lines = BTreeMap::new();
        for connection in response.data.into_iter().flat_map(|data| data.into_iter().map(|(_, value)| value)) {
            flatten(&connection, None, &mut lines);
        }
        Ok(lines.into_values().flatten().collect())
    }
}

/// A line whose beginning is right.
fn garbled(line: &str) -> String {
    let (head, rest) = line.split_at(60);
    format!("{head}{}", rest.replace(':', "?"))
}

/// How many connections there are, and how deep they lie.
fn shape(set: &SelectionSet, depth: usize) -> (usize, usize) {
    let mut found = (0, depth);
    for selection in &set.selections {
        if let Selection::Field(field) = selection {
            let here = usize::from(field.ty().inner_named_type().ends_with("Connection"));
            let (connections, deepest) = shape(&field.selection_set, depth + here);
            found = (found.0 + here + connections, found.1.max(deepest));
        }
    }
    found
}

/// Writes the nodes of a connection, each without the connections in it, by depth: parents first, children in a heap after them.
fn flatten(connection: &JsonValue, parent: Option<&JsonValue>, lines: &mut BTreeMap<usize, Vec<String>>) {
    let edges = connection.get("edges").and_then(JsonValue::as_array).into_iter().flatten();
    for node in edges.filter_map(|edge| edge.get("node")).filter_map(JsonValue::as_object) {
        let is_connection = |value: &JsonValue| value.get("edges").is_some();
        let mut line: JsonMap = node.iter().filter(|(_, value)| !is_connection(value)).map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(parent) = parent {
            line.insert("__parentId", parent.clone());
        }
        lines.entry(usize::from(parent.is_some())).or_default().push(serde_json::to_string(&line).expect("JSON is JSON"));
        for (_, inner) in node.iter().filter(|(_, value)| is_connection(value)) {
            flatten(inner, node.get("id"), lines);
        }
    }
}
