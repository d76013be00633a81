//! The catalogue of events as an enum of the schema: made from the catalogue itself, so that the two cannot differ.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::{Deprecation, MetaEnumValue, MetaType, Registry};
use async_graphql::{ContextSelectionSet, InputType, InputValueError, InputValueResult, Name, OutputType, Positioned, ServerResult, Value};

use crate::graphql::render::render_scalars;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType(pub entities::EventType);

const DESCRIPTION: &str = "A kind of event: what happened. Events are thin: the data holds ids and what has to be known to look further; the rest is asked \
                           for here. A version is raised when a field of the data goes away or changes its meaning, not when one is added.";

/// Whose webhook endpoints are told of it.
fn told_to(kind: entities::EventType) -> String {
    kind.scope().map_or_else(|| "Told to endpoints of administrators alone.".to_owned(), |scope| format!("Integrations need `{scope}` to be told."))
}

impl EventType {
    /// `ORDER_UPDATED` for `order.updated`.
    fn name(self) -> String {
        self.0.as_str().replace('.', "_").to_uppercase()
    }

    fn register(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(async_graphql::registry::MetaTypeId::Enum, |_| MetaType::Enum {
            name: "EventType".to_owned(),
            description: Some(DESCRIPTION.to_owned()),
            enum_values: entities::EventType::ALL
                .iter()
                .map(|kind| {
                    let name = Self(*kind).name();
                    let value = MetaEnumValue {
                        name: name.clone(),
                        description: Some(format!("`{kind}`, version {}. {} {}", kind.version(), kind.description(), told_to(*kind))),
                        deprecation: Deprecation::NoDeprecated,
                        visible: None,
                        inaccessible: false,
                        tags: Vec::new(),
                        directive_invocations: Vec::new(),
                    };
                    (name, value)
                })
                .collect(),
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            rust_typename: Some(std::any::type_name::<Self>()),
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        })
    }
}

impl InputType for EventType {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        "EventType".into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Self::register(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        let given = match &value {
            Value::Enum(name) => name.as_str(),
            Value::String(name) => name,
            _ => return Err(InputValueError::expected_type(value)),
        };
        let found = entities::EventType::ALL.iter().map(|kind| Self(*kind)).find(|kind| kind.name() == given);
        found.ok_or_else(|| InputValueError::custom(format!("Enumeration type does not contain value \"{given}\".")))
    }

    fn to_value(&self) -> Value {
        Value::Enum(Name::new(self.name()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl OutputType for EventType {
    fn type_name() -> Cow<'static, str> {
        "EventType".into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Self::register(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(InputType::to_value(self))
    }
}

render_scalars! {
    EventType: |value, out| serde_json::to_writer(out, &value.name())?;
}
