//! Rendering pages straight to JSON.
//!
//! async-graphql resolves each field of each row in a future of its own, which costs more than everything else about a page.
//! A page's rows and relations are loaded before it is resolved; what is left is to write them down in the order of the
//! selection. [`Rendered`] does that in one pass, and leaves to async-graphql whatever it cannot: a field that fails, or a
//! response key that has to be merged with another.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, Result, ServerResult, Value};
use chrono::{DateTime, Utc};

use super::cost::{OperationCost, count_rendered, rendered_by};
use super::selection::{Arguments, Selected};

/// What is selected of a type, compiled once a page.
#[derive(Default)]
pub struct Shape {
    fields: Vec<ShapeField>,
}

/// One field of a [`Shape`].
pub struct ShapeField {
    /// Which field of the type.
    pub index: usize,
    /// The field's arguments.
    pub arguments: Arguments,
    /// What is selected below it.
    pub shape: Shape,
    /// `"key":`
    json_key: Vec<u8>,
}

/// The index of `__typename`, which every type has.
const TYPENAME: usize = usize::MAX;

impl Shape {
    /// What is selected of `object`. `compile` tells a field's index and shape; none means that it cannot be rendered.
    pub fn of(object: &str, selected: &Selected<'_>, compile: impl Fn(&str, &Selected<'_>) -> Option<(usize, Self)>) -> Option<Self> {
        let fields = selected.fields(object).into_iter().map(|(key, name, below)| {
            let (index, shape) = if name == "__typename" { (TYPENAME, Self::default()) } else { compile(name, &below)? };
            let mut json_key = Vec::with_capacity(key.len() + 3);
            render_str(&key, &mut json_key);
            json_key.push(b':');
            Some(ShapeField { index, arguments: below.arguments(), shape, json_key })
        });
        fields.collect::<Option<Vec<_>>>().map(|fields| Self { fields })
    }

    /// Renders the object's fields in the order of the selection.
    pub fn render(&self, object: &str, out: &mut Vec<u8>, mut field: impl FnMut(&ShapeField, &mut Vec<u8>) -> Result<()>) -> Result<()> {
        count_rendered(self.fields.len());
        out.push(b'{');
        for (position, selected) in self.fields.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&selected.json_key);
            if selected.index == TYPENAME {
                render_str(object, out);
            } else {
                field(selected, out)?;
            }
        }
        out.push(b'}');
        Ok(())
    }
}

/// A field that the code calls `snake_case` (or `r#type`) and the schema `camelCase`.
pub fn is_field(camel: &str, snake: &str) -> bool {
    let snake = snake.strip_prefix("r#").unwrap_or(snake);
    let mut camel = camel.bytes();
    let mut upper = false;
    for byte in snake.bytes() {
        if byte == b'_' {
            upper = true;
        } else if camel.next() != Some(if upper { byte.to_ascii_uppercase() } else { byte }) {
            return false;
        } else {
            upper = false;
        }
    }
    camel.next().is_none()
}

/// Something that can be written down without async-graphql.
pub trait Render {
    /// What is selected of it; none when it cannot be rendered.
    fn shape(selected: &Selected<'_>) -> Option<Shape>;

    /// Writes it down. After an error, nothing that was written counts.
    fn render(&self, shape: &Shape, out: &mut Vec<u8>) -> Result<()>;
}

fn render_str(text: &str, out: &mut Vec<u8>) {
    // Writing text into memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Types without fields, and how each is written.
macro_rules! render_scalars {
    ($($type:ty: |$value:ident, $out:ident| $write:expr;)*) => {$(
        impl $crate::graphql::render::Render for $type {
            fn shape(_: &$crate::graphql::selection::Selected<'_>) -> Option<$crate::graphql::render::Shape> {
                Some(Default::default())
            }

            fn render(&self, _: &$crate::graphql::render::Shape, $out: &mut Vec<u8>) -> async_graphql::Result<()> {
                let $value = self;
                $write;
                Ok(())
            }
        }
    )*};
}
pub(crate) use render_scalars;

render_scalars! {
    String: |value, out| render_str(value, out);
    async_graphql::ID: |value, out| render_str(value, out);
    bool: |value, out| out.extend_from_slice(if *value { b"true" } else { b"false" });
    i64: |value, out| serde_json::to_writer(out, value)?;
    u64: |value, out| serde_json::to_writer(out, value)?;
    f64: |value, out| serde_json::to_writer(out, value)?;
    DateTime<Utc>: |value, out| render_str(&value.to_rfc3339(), out);
    async_graphql::Json<serde_json::Value>: |value, out| serde_json::to_writer(out, &value.0)?;
}

impl<T: Render> Render for Option<T> {
    fn shape(selected: &Selected<'_>) -> Option<Shape> {
        T::shape(selected)
    }

    fn render(&self, shape: &Shape, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Some(value) => value.render(shape, out),
            None => {
                out.extend_from_slice(b"null");
                Ok(())
            }
        }
    }
}

impl<T: Render> Render for Vec<T> {
    fn shape(selected: &Selected<'_>) -> Option<Shape> {
        T::shape(selected)
    }

    fn render(&self, shape: &Shape, out: &mut Vec<u8>) -> Result<()> {
        render_list(self.iter(), shape, out)
    }
}

impl<T: Render> Render for Result<T> {
    fn shape(selected: &Selected<'_>) -> Option<Shape> {
        T::shape(selected)
    }

    fn render(&self, shape: &Shape, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Ok(value) => value.render(shape, out),
            Err(error) => Err(error.clone()),
        }
    }
}

impl<T: Render> Render for &T {
    fn shape(selected: &Selected<'_>) -> Option<Shape> {
        T::shape(selected)
    }

    fn render(&self, shape: &Shape, out: &mut Vec<u8>) -> Result<()> {
        (**self).render(shape, out)
    }
}

/// Renders a list.
pub fn render_list<T: Render>(items: impl Iterator<Item = T>, shape: &Shape, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'[');
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        item.render(shape, out)?;
    }
    out.push(b']');
    Ok(())
}

/// The answer of a root field, rendered where that is possible.
pub struct Rendered<T>(pub T);

impl<T: OutputType + Render> OutputType for Rendered<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let selected = Selected::below(ctx, &field.node);
        if selected.is_only_root(&field.node.response_key().node)
            && let Some(shape) = T::shape(&selected)
        {
            let mut out = Vec::with_capacity(16 * 1024);
            let (rendered, fields) = rendered_by(|| self.0.render(&shape, &mut out));
            if rendered.is_ok() {
                if let Some(cost) = ctx.data_opt::<Arc<OperationCost>>() {
                    cost.add_rendered(fields);
                }
                return Ok(Value::Binary(out.into()));
            }
        }
        self.0.resolve(ctx, field).await
    }
}

/// A response's data, written down; what was rendered is taken as it is.
pub struct Written {
    out: Vec<u8>,
    fields: u64,
}

impl Written {
    /// Writes the data of a response.
    pub fn data(response: &async_graphql::Response) -> serde_json::Result<Self> {
        let mut out = Vec::with_capacity(16 * 1024);
        out.extend_from_slice(b"{\"data\":");
        let mut fields = 0;
        render_value(&response.data, &mut out, &mut fields)?;
        Ok(Self { out, fields })
    }

    /// The fields that were written here, without those that had been rendered before.
    pub fn fields(&self) -> u64 {
        self.fields
    }

    /// Writes the rest of the response, with what it cost.
    pub fn finish(self, response: &async_graphql::Response, cost: Option<&serde_json::Value>) -> serde_json::Result<Vec<u8>> {
        let mut out = self.out;
        if !response.errors.is_empty() {
            out.extend_from_slice(b",\"errors\":");
            serde_json::to_writer(&mut out, &response.errors)?;
        }
        if let Some(cost) = cost {
            out.extend_from_slice(b",\"extensions\":{\"cost\":");
            serde_json::to_writer(&mut out, cost)?;
            out.push(b'}');
        }
        out.push(b'}');
        Ok(out)
    }
}

fn render_value(value: &Value, out: &mut Vec<u8>, written: &mut u64) -> serde_json::Result<()> {
    match value {
        Value::Binary(json) => out.extend_from_slice(json),
        Value::List(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                render_value(item, out, written)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            *written += fields.len() as u64;
            out.push(b'{');
            for (position, (key, field)) in fields.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                render_str(key, out);
                out.push(b':');
                render_value(field, out, written)?;
            }
            out.push(b'}');
        }
        scalar => serde_json::to_writer(out, scalar)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_field;

    #[test]
    fn fields_are_known_by_their_name_in_the_schema() {
        assert!(is_field("totalPrice", "total_price") && is_field("id", "id") && is_field("sku", "sku") && is_field("type", "r#type"));
        assert!(!is_field("total_price", "total_price") && !is_field("totalPrices", "total_price") && !is_field("total", "total_price"));
    }
}
