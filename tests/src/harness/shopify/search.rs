//! Shopify's search syntax, as far as it is written to it. What it does not know is refused instead of passed over.

use apollo_compiler::response::JsonValue;
use chrono::{DateTime, Utc};

/// What a search asks for.
pub(super) struct Search(Vec<Term>);

enum Term {
    Instant { field: &'static str, at_least: bool, at: DateTime<Utc> },
    Word { field: &'static str, words: Vec<String> },
}

impl Search {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for term in text.split_whitespace() {
            let (name, rest) = term.split_once(':').ok_or_else(|| format!("`{term}` is no term"))?;
            let field = match name {
                "created_at" | "customer_date" => "createdAt",
                "updated_at" => "updatedAt",
                "status" => "status",
                "action" => "action",
                "operation_type" => "",
                other => return Err(format!("`{other}` is no filter that is known here")),
            };
            if matches!(field, "createdAt" | "updatedAt") {
                let (at_least, quoted) = if let Some(rest) = rest.strip_prefix(">=").or_else(|| rest.strip_prefix('>')) {
                    (true, rest)
                } else if let Some(rest) = rest.strip_prefix("<=").or_else(|| rest.strip_prefix('<')) {
                    (false, rest)
                } else {
                    return Err(format!("`{term}` compares nothing"));
                };
                let bare = quoted
                    .strip_prefix('\'')
                    .and_then(|text| text.strip_suffix('\''))
                    .ok_or_else(|| format!("`{term}` is not quoted: its time would not be read"))?;
                let at = DateTime::parse_from_rfc3339(bare).map_err(|error| format!("`{term}`: {error}"))?.to_utc();
                terms.push(Term::Instant { field, at_least, at });
            } else if !field.is_empty() {
                terms.push(Term::Word { field, words: rest.split(',').map(str::to_owned).collect() });
            }
        }
        Ok(Self(terms))
    }

    /// Whether something is among what is asked for. Instants are compared by whole seconds.
    pub(super) fn holds(&self, thing: &JsonValue) -> bool {
        self.0.iter().all(|term| match term {
            Term::Instant { field, at_least, at } => {
                let there = instant(thing, field).timestamp();
                if *at_least { there >= at.timestamp() } else { there <= at.timestamp() }
            }
            Term::Word { field: "status", words } if words.iter().any(|word| word == "not_closed") => {
                thing.get("closed").and_then(JsonValue::as_bool) != Some(true)
            }
            Term::Word { field, words } => {
                let there = thing.get(*field).and_then(JsonValue::as_str).unwrap_or("active").to_lowercase();
                words.contains(&there)
            }
        })
    }
}

pub(super) fn instant(thing: &JsonValue, field: &str) -> DateTime<Utc> {
    let text = thing.get(field).and_then(JsonValue::as_str).expect("an instant");
    DateTime::parse_from_rfc3339(text).expect("an instant").to_utc()
}
