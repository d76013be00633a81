//! Money as integer minor units with their currency (ISO 4217), and the exact decimal text that people see.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A currency of ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The Japanese yen, which has no minor unit.
    pub const JPY: Self = Self(iso_currency::Currency::JPY);
    /// The US dollar.
    pub const USD: Self = Self(iso_currency::Currency::USD);

    /// The three letters of ISO 4217.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals an amount has: 0 for JPY, 2 for USD, 3 for KWD.
    pub fn exponent(self) -> u32 {
        self.0.exponent().unwrap_or(0).into()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code).map(Self).ok_or_else(|| MoneyError::UnknownCurrency(code.chars().take(16).collect()))
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(input)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount in minor units (yen, cents) of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an amount could not be read or computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a code of ISO 4217.
    #[error("`{0}` is not a currency of ISO 4217")]
    UnknownCurrency(String),
    /// Not a plain decimal number.
    #[error("`{0}` is not a plain decimal amount")]
    NotADecimal(String),
    /// More decimals than the currency has.
    #[error("{currency} has {} decimals, `{amount}` has more", currency.exponent())]
    TooManyDecimals {
        /// The amount as it was written.
        amount: String,
        /// The currency it was read for.
        currency: Currency,
    },
    /// Two currencies in one sum.
    #[error("cannot combine {left} with {right}")]
    CurrencyMismatch {
        /// The currency of the left side.
        left: Currency,
        /// The currency of the right side.
        right: Currency,
    },
    /// Beyond what 64 bits hold.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    /// An amount from its minor units.
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads a decimal such as `29.33`; never rounds. Zeros beyond the currency's decimals are accepted.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let not_a_decimal = || MoneyError::NotADecimal(amount.chars().take(40).collect());
        let (negative, digits) = match amount.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, amount),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(not_a_decimal());
        }
        let exponent = currency.exponent() as usize;
        let significant = fraction.trim_end_matches('0');
        if significant.len() > exponent {
            return Err(MoneyError::TooManyDecimals { amount: amount.chars().take(40).collect(), currency });
        }
        let mut minor: i64 = 0;
        for digit in whole.bytes().chain(significant.bytes().chain(std::iter::repeat(b'0')).take(exponent)) {
            let digit = i64::from(digit - b'0');
            minor = minor.checked_mul(10).and_then(|m| if negative { m.checked_sub(digit) } else { m.checked_add(digit) }).ok_or(MoneyError::Overflow)?;
        }
        Ok(Self { minor, currency })
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum, if both are of one currency and it fits.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency });
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The decimal text with all the decimals of the currency: `29.30`, and `2930` in yen.
    pub fn amount(self) -> String {
        let exponent = self.currency.exponent() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        if exponent == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_minor_units_exactly_or_not_at_all() {
        let usd = |text| Money::parse(text, Currency::USD).map(Money::minor);
        assert_eq!(usd("29.33"), Ok(2933));
        assert_eq!(usd("-0.5"), Ok(-50));
        assert_eq!(usd("7"), Ok(700));
        assert_eq!(usd("1.500"), Ok(150));
        assert!(matches!(usd("0.001"), Err(MoneyError::TooManyDecimals { .. })));
        assert!(matches!(usd("1e3"), Err(MoneyError::NotADecimal(_))));
        assert!(matches!(usd("."), Err(MoneyError::NotADecimal(_))));
        assert_eq!(usd("92233720368547758.08"), Err(MoneyError::Overflow));
        assert_eq!(usd("-92233720368547758.08"), Ok(i64::MIN));
        assert_eq!(Money::parse("2980", Currency::JPY).map(Money::minor), Ok(2980));
        assert!(Money::parse("2980.5", Currency::JPY).is_err());
    }

    #[test]
    fn amounts_read_back_as_written() {
        for (minor, currency, text) in [
            (2933, "USD", "29.33"),
            (5, "USD", "0.05"),
            (-50, "USD", "-0.50"),
            (2980, "JPY", "2980"),
            (0, "KWD", "0.000"),
            (i64::MIN, "USD", "-92233720368547758.08"),
        ] {
            let money = Money::from_minor(minor, currency.parse().unwrap());
            assert_eq!(money.amount(), text);
            assert_eq!(Money::parse(text, money.currency()), Ok(money));
        }
    }
}
