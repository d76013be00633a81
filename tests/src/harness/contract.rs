//! The schema as clients see it, by introspection: its root fields, where ids go in, and what leads to what.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::server::{Credentials, Server};

const INTROSPECTION: &str = "{ __schema { types { kind name
    fields(includeDeprecated: true) { name args { name type { ...Ref } } type { ...Ref } }
    inputFields { name type { ...Ref } } } } }
  fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// What a field, an argument or an input field is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRef {
    /// The named type.
    pub name: String,
    /// Whether it is in a list.
    pub list: bool,
    /// Whether it may not be left out.
    pub required: bool,
}

impl TypeRef {
    fn of(found: &Value) -> Self {
        let inner = || Self::of(&found["ofType"]);
        match found["kind"].as_str() {
            Some("NON_NULL") => Self { required: true, ..inner() },
            Some("LIST") => Self { list: true, required: false, ..inner() },
            _ => Self { name: text(found, "name"), list: false, required: false },
        }
    }
}

/// A field of a type, with its arguments.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it is of.
    pub of: TypeRef,
    /// Its arguments, or none for an input field.
    pub arguments: Vec<(String, TypeRef)>,
}

/// The schema.
pub struct Contract {
    objects: BTreeMap<String, Vec<Field>>,
    inputs: BTreeMap<String, Vec<Field>>,
    leaves: BTreeSet<String>,
}

impl Contract {
    /// Reads the contract of a server.
    pub async fn of(server: &Server) -> Self {
        let answer = server.ask(&Credentials::default(), INTROSPECTION).await;
        let mut contract = Self { objects: BTreeMap::new(), inputs: BTreeMap::new(), leaves: BTreeSet::new() };
        for found in list(&answer.data()["__schema"], "types").iter().filter(|found| !text(found, "name").starts_with("__")) {
            let name = text(found, "name");
            match found["kind"].as_str() {
                Some("OBJECT") => drop(contract.objects.insert(name, fields(found, "fields"))),
                Some("INPUT_OBJECT") => drop(contract.inputs.insert(name, fields(found, "inputFields"))),
                Some("SCALAR" | "ENUM") => drop(contract.leaves.insert(name)),
                _ => {}
            }
        }
        contract
    }

    /// The contract as far as a caller goes who may not see these relations of anything; root fields stay.
    pub fn without(mut self, relations: &[&str]) -> Self {
        for (_, fields) in self.objects.iter_mut().filter(|(object, _)| *object != "Query") {
            fields.retain(|field| !relations.contains(&field.name.as_str()));
        }
        self
    }

    /// The fields of an object type.
    pub fn fields(&self, object: &str) -> &[Field] {
        self.objects.get(object).map(Vec::as_slice).unwrap_or_default()
    }

    /// The fields of an input type.
    pub fn inputs(&self, input: &str) -> &[Field] {
        self.inputs.get(input).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every root field, as `Query.order`.
    pub fn roots(&self) -> BTreeSet<String> {
        ["Query", "Mutation", "Subscription"].iter().flat_map(|root| self.fields(root).iter().map(move |field| format!("{root}.{}", field.name))).collect()
    }

    /// Every place where an id goes in, as `Query.orders(filter.customerIds)`.
    pub fn id_arguments(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (object, fields) in &self.objects {
            for field in fields {
                for (argument, of) in &field.arguments {
                    for path in self.ids_in(argument, of, 0) {
                        found.insert(format!("{object}.{}({path})", field.name));
                    }
                }
            }
        }
        found
    }

    fn ids_in(&self, path: &str, of: &TypeRef, depth: usize) -> Vec<String> {
        if of.name == "ID" {
            return vec![path.to_owned()];
        }
        let inner = self.inputs.get(&of.name).map(Vec::as_slice).unwrap_or_default();
        if depth > 8 { Vec::new() } else { inner.iter().flat_map(|field| self.ids_in(&format!("{path}.{}", field.name), &field.of, depth + 1)).collect() }
    }

    /// Whether a type has no fields of its own.
    pub fn is_leaf(&self, name: &str) -> bool {
        self.leaves.contains(name)
    }

    /// All that can be selected of a type, relations `depth` deep, lists cut to three rows.
    pub fn selection(&self, object: &str, depth: usize) -> String {
        let mut parts = vec!["__typename".to_owned()];
        for field in self.fields(object) {
            if field.arguments.iter().any(|(_, of)| of.required) {
                continue;
            }
            let connection = field.of.name.ends_with("Connection");
            if self.is_leaf(&field.of.name) {
                parts.push(field.name.clone());
            } else if connection && depth > 0 {
                let node = field.of.name.trim_end_matches("Connection");
                parts.push(format!("{}(first: 3) {}", field.name, self.page(node, depth - 1)));
            } else if !connection && (depth > 0 || !self.is_relation(&field.of.name)) {
                let depth = if self.is_relation(&field.of.name) { depth - 1 } else { depth };
                parts.push(format!("{} {}", field.name, self.selection(&field.of.name, depth)));
            }
        }
        format!("{{ {} }}", parts.join(" "))
    }

    /// A page of a list of `node`, by both ways that a connection offers.
    pub fn page(&self, node: &str, depth: usize) -> String {
        format!("{{ totalCount pageInfo {{ hasNextPage }} edges {{ cursor node {{ id }} }} nodes {} }}", self.selection(node, depth))
    }

    /// Whether a type is something of its own, and not a part such as an amount of money.
    fn is_relation(&self, name: &str) -> bool {
        self.fields(name).iter().any(|field| field.name == "id")
    }
}

fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(of: &Value, key: &str) -> String {
    of[key].as_str().unwrap_or_default().to_owned()
}

fn fields(of: &Value, key: &str) -> Vec<Field> {
    let field = |found: &Value| Field {
        name: text(found, "name"),
        of: TypeRef::of(&found["type"]),
        arguments: list(found, "args").iter().map(|argument| (text(argument, "name"), TypeRef::of(&argument["type"]))).collect(),
    };
    list(of, key).iter().map(field).collect()
}
