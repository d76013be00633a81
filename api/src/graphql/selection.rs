//! What a query asks for below a field, fragments resolved: lists are loaded from it, one statement a relation.

use std::sync::Arc;

use async_graphql::context::QueryEnv;
use async_graphql::parser::types::{Field, Selection as Node, SelectionSet};
use async_graphql::{Context, ContextSelectionSet, InputType, Name, Pos, Positioned, Value};

use super::errors::bad_input;

/// The arguments of a field, as the document has them. Cheap to clone: every row of a page keeps them.
#[derive(Clone, Default)]
pub struct Arguments(Option<Arc<Field>>);

impl Arguments {
    /// The arguments of a field.
    pub fn of(field: &Field) -> Self {
        if field.arguments.is_empty() {
            return Self(None);
        }
        let nothing = Positioned::new(SelectionSet::default(), Pos::default());
        let (name, arguments) = (field.name.clone(), field.arguments.clone());
        Self(Some(Arc::new(Field { alias: None, name, arguments, directives: Vec::new(), selection_set: nothing })))
    }

    /// Whether a field has the same ones.
    pub fn are_of(&self, field: &Field) -> bool {
        self.0.as_ref().map_or(field.arguments.is_empty(), |mine| mine.arguments == field.arguments)
    }
}

impl PartialEq for Arguments {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().map(|field| &field.arguments) == other.0.as_ref().map(|field| &field.arguments)
    }
}

/// Fields that are answered together.
#[derive(Clone)]
pub struct Selected<'a> {
    env: &'a QueryEnv,
    fields: Vec<&'a Field>,
}

impl<'a> Selected<'a> {
    /// What is selected below the field that is being resolved.
    pub fn of(ctx: &Context<'a>) -> Self {
        Self { env: ctx.query_env, fields: vec![&ctx.item.node] }
    }

    /// What is selected below `field`, while its answer is written down.
    pub fn below(ctx: &ContextSelectionSet<'a>, field: &'a Field) -> Self {
        Self { env: ctx.query_env, fields: vec![field] }
    }

    /// Whether the operation has one root field with this response key: several are merged afterwards.
    pub fn is_only_root(&self, key: &Name) -> bool {
        let mut roots = Vec::new();
        self.collect_any(&self.env.operation.node.selection_set, &mut roots);
        roots.iter().filter(|field| field.response_key().node == *key).count() == 1
    }

    /// All fields on `object` by response key, in the order of the selection: key, name, and what is selected below.
    pub fn fields(&self, object: &str) -> Vec<(Name, &'a str, Self)> {
        let mut found: Vec<(Name, &'a str, Self)> = Vec::new();
        for field in self.walk(object) {
            let key = &field.response_key().node;
            match found.iter_mut().find(|(known, ..)| known == key) {
                Some((_, _, selected)) => selected.fields.push(field),
                None => found.push((key.clone(), field.name.node.as_str(), Self { env: self.env, fields: vec![field] })),
            }
        }
        found
    }

    /// Every field with this name on `object`, merged whatever its alias: for relations without arguments.
    pub fn one(&self, object: &str, name: &str) -> Option<Self> {
        let fields: Vec<&Field> = self.walk(object).into_iter().filter(|field| field.name.node == name).collect();
        (!fields.is_empty()).then_some(Self { env: self.env, fields })
    }

    /// The fields with this name on `object`, by their arguments: for relations that take some. The same list may be asked for
    /// with other arguments under another alias, and under the same one where the paths to it differ.
    pub fn each(&self, object: &str, name: &str) -> Vec<(Arguments, Self)> {
        let mut found: Vec<(Arguments, Self)> = Vec::new();
        for field in self.walk(object).into_iter().filter(|field| field.name.node == name) {
            match found.iter_mut().find(|(known, _)| known.are_of(field)) {
                Some((_, selected)) => selected.fields.push(field),
                None => found.push((Arguments::of(field), Self { env: self.env, fields: vec![field] })),
            }
        }
        found
    }

    /// Whether a field is selected on `object`.
    pub fn has(&self, object: &str, name: &str) -> bool {
        self.walk(object).iter().any(|field| field.name.node == name)
    }

    /// The rows of a connection: `nodes` and `edges { node }`.
    pub fn rows(&self, connection: &str, edge: &str) -> Option<Self> {
        let mut fields = self.one(connection, "nodes").map(|nodes| nodes.fields).unwrap_or_default();
        if let Some(nodes) = self.one(connection, "edges").and_then(|edges| edges.one(edge, "node")) {
            fields.extend(nodes.fields);
        }
        (!fields.is_empty()).then_some(Self { env: self.env, fields })
    }

    /// The arguments of the field.
    pub fn arguments(&self) -> Arguments {
        self.fields.first().map(|field| Arguments::of(field)).unwrap_or_default()
    }

    /// An argument of the field; fields that are answered together have the same ones.
    pub fn argument<T: InputType>(&self, name: &str) -> async_graphql::Result<T> {
        let given = self.fields.first().and_then(|field| field.get_argument(name));
        let value = match given {
            Some(value) => value.node.clone().into_const_with(|variable| self.variable(&variable)).map_err(bad_input)?,
            None => return T::parse(None).map_err(|error| bad_input(error.into_server_error(Default::default()).message)),
        };
        T::parse(Some(value)).map_err(|error| bad_input(error.into_server_error(Default::default()).message))
    }

    fn variable(&self, name: &Name) -> Result<Value, String> {
        if let Some(value) = self.env.variables.get(name) {
            return Ok(value.clone());
        }
        let definition = self.env.operation.node.variable_definitions.iter().find(|definition| definition.node.name.node == *name);
        match definition {
            Some(definition) => Ok(definition.node.default_value().cloned().unwrap_or_default()),
            None => Err(format!("the variable ${name} is not declared")),
        }
    }

    fn walk(&self, object: &str) -> Vec<&'a Field> {
        let mut found = Vec::new();
        for field in &self.fields {
            self.collect(object, &field.selection_set, &mut found);
        }
        found
    }

    fn collect_any(&self, set: &'a Positioned<SelectionSet>, found: &mut Vec<&'a Field>) {
        self.collect_if(&|_| true, set, found);
    }

    fn collect(&self, object: &str, set: &'a Positioned<SelectionSet>, found: &mut Vec<&'a Field>) {
        // Every object that has relations is a Node; there is no other interface or union among them.
        self.collect_if(&|on| on == object || on == "Node", set, found);
    }

    fn collect_if(&self, applies: &dyn Fn(&str) -> bool, set: &'a Positioned<SelectionSet>, found: &mut Vec<&'a Field>) {
        for item in &set.node.items {
            let (condition, inner) = match &item.node {
                Node::Field(field) => {
                    found.push(&field.node);
                    continue;
                }
                Node::InlineFragment(fragment) => (fragment.node.type_condition.as_ref(), &fragment.node.selection_set),
                Node::FragmentSpread(spread) => match self.env.fragments.get(&spread.node.fragment_name.node) {
                    Some(fragment) => (Some(&fragment.node.type_condition), &fragment.node.selection_set),
                    None => continue,
                },
            };
            if condition.is_none_or(|on| applies(&on.node.on.node)) {
                self.collect_if(applies, inner, found);
            }
        }
    }
}
