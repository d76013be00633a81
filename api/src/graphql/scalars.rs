//! Scalars, and money as people see it.

use async_graphql::{InputValueError, InputValueResult, Object, Result, Scalar, ScalarType, Value};
use entities::Currency;

use super::errors::internal;
use super::render::{Render, Shape, render_scalars};
use super::selection::Selected;

/// A decimal number as text, exact: `"29.33"`, and `"2930"` for 2,930 yen.
pub struct Decimal(pub String);

/// A decimal number as text, exact: `"29.33"`, and `"2930"` for 2,930 yen. As input, a number is accepted too; exponents are not.
#[Scalar(name = "Decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A currency code of ISO 4217.
#[derive(Clone, Copy)]
pub struct CurrencyCode(pub Currency);

/// A currency code of ISO 4217, such as `"JPY"` or `"USD"`.
#[Scalar(name = "CurrencyCode", specified_by_url = "https://www.iso.org/iso-4217-currency-codes.html")]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => text.parse().map(Self).map_err(InputValueError::custom),
            Value::Enum(name) => name.parse().map(Self).map_err(InputValueError::custom),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.code().to_owned())
    }
}

/// An amount of money.
pub struct Money(pub entities::Money);

/// An amount of money.
#[Object]
impl Money {
    /// The amount, with all the decimals that the currency has.
    async fn amount(&self) -> Decimal {
        Decimal(self.0.amount())
    }

    /// The currency of the amount.
    async fn currency_code(&self) -> CurrencyCode {
        CurrencyCode(self.0.currency())
    }
}

render_scalars! {
    Decimal: |value, out| serde_json::to_writer(out, &value.0)?;
    CurrencyCode: |value, out| serde_json::to_writer(out, value.0.code())?;
}

impl Render for Money {
    fn shape(selected: &Selected<'_>) -> Option<Shape> {
        Shape::of("Money", selected, |name, _| match name {
            "amount" => Some((0, Shape::default())),
            "currencyCode" => Some((1, Shape::default())),
            _ => None,
        })
    }

    fn render(&self, shape: &Shape, out: &mut Vec<u8>) -> Result<()> {
        shape.render("Money", out, |field, out| match field.index {
            0 => Decimal(self.0.amount()).render(&field.shape, out),
            _ => CurrencyCode(self.0.currency()).render(&field.shape, out),
        })
    }
}

/// Money from a row's minor units and currency code. A code that the database holds has been checked on its way in.
pub fn money(minor: i64, currency_code: &str) -> Result<Money> {
    let CurrencyCode(currency) = stored_currency(currency_code)?;
    Ok(Money(entities::Money::from_minor(minor, currency)))
}

/// The currency of a row.
pub fn stored_currency(code: &str) -> Result<CurrencyCode> {
    code.parse().map(CurrencyCode).map_err(|_| internal(format_args!("the stored currency {code} is not known")))
}
