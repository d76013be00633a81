//! What is wrong with a value that a caller sent: the same checks and words in every room.

use chrono_tz::Tz;
use email_address::{EmailAddress, Options};

/// The longest short text, in characters.
pub const SHORT: usize = 255;
/// The longest long text, in characters.
pub const LONG: usize = 2_000;
/// The languages that Noren speaks.
pub const LOCALES: [&str; 2] = ["ja", "en"];

/// A value that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// The input's field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing there.
    #[error("must not be blank")]
    Blank,
    /// Too long.
    #[error("must have at most {max} characters")]
    TooLong {
        /// Characters at most.
        max: usize,
    },
    /// Too short.
    #[error("must have at least {min} characters")]
    TooShort {
        /// Characters at least.
        min: usize,
    },
    /// Not an e-mail address.
    #[error("is not an e-mail address")]
    NotAnEmail,
    /// Not a time zone.
    #[error("is not an IANA time zone such as Asia/Tokyo")]
    UnknownTimeZone,
    /// Not a language that Noren speaks.
    #[error("must be one of ja, en")]
    UnknownLocale,
    /// A password that everybody would try first.
    #[error("must not be the e-mail address")]
    SameAsEmail,
    /// An end that is over.
    #[error("must lie in the future")]
    NotInFuture,
    /// Needed here.
    #[error("is required here")]
    Required,
    /// Has no meaning here.
    #[error("must be left out here")]
    NotAllowed,
    /// Not what it was compared with.
    #[error("does not match")]
    Mismatch,
    /// Not one of the values accepted.
    #[error("{0}")]
    Unknown(String),
}

impl Problem {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Blank => "BLANK",
            Self::TooLong { .. } => "TOO_LONG",
            Self::TooShort { .. } => "TOO_SHORT",
            Self::NotAnEmail => "INVALID_EMAIL",
            Self::UnknownTimeZone => "INVALID_TIME_ZONE",
            Self::UnknownLocale => "INVALID_LOCALE",
            Self::SameAsEmail => "PASSWORD_IS_EMAIL",
            Self::NotInFuture => "NOT_IN_FUTURE",
            Self::Required => "REQUIRED",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::Mismatch => "MISMATCH",
            Self::Unknown(_) => "UNKNOWN_VALUE",
        }
    }
}

/// A value that cannot be accepted.
pub fn invalid(field: &'static str, problem: Problem) -> Invalid {
    Invalid { field, problem }
}

/// Text that must be there.
pub fn text(field: &'static str, value: &str, max: usize) -> Result<String, Invalid> {
    optional_text(field, Some(value), max)?.ok_or(invalid(field, Problem::Blank))
}

/// Text that may be missing; blank counts as missing.
pub fn optional_text(field: &'static str, value: Option<&str>, max: usize) -> Result<Option<String>, Invalid> {
    let value = value.map(str::trim).filter(|text| !text.is_empty());
    match value {
        Some(text) if text.chars().count() > max => Err(invalid(field, Problem::TooLong { max })),
        found => Ok(found.map(str::to_owned)),
    }
}

/// An e-mail address: no display name, no address literal.
pub fn email(field: &'static str, value: &str) -> Result<String, Invalid> {
    let value = text(field, value, SHORT)?;
    let options = Options::default().without_display_text().without_domain_literal();
    EmailAddress::parse_with_options(&value, options).map_err(|_| invalid(field, Problem::NotAnEmail))?;
    Ok(value)
}

/// An IANA time zone, in its proper spelling.
pub fn time_zone(field: &'static str, value: &str) -> Result<String, Invalid> {
    let zone: Tz = value.trim().parse().map_err(|_| invalid(field, Problem::UnknownTimeZone))?;
    Ok(zone.name().to_owned())
}

/// A language that Noren speaks.
pub fn locale(field: &'static str, value: &str) -> Result<String, Invalid> {
    LOCALES.iter().find(|known| **known == value.trim()).map(|known| (*known).to_owned()).ok_or(invalid(field, Problem::UnknownLocale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_and_trimmed() {
        assert_eq!(email("email", " taro@example.jp "), Ok("taro@example.jp".to_owned()));
        for wrong in ["taro", "Taro <taro@example.jp>", "taro@[127.0.0.1]", "a@b@c"] {
            assert_eq!(email("email", wrong).unwrap_err().problem, Problem::NotAnEmail, "{wrong}");
        }
        assert_eq!(text("name", " \u{3000} ", 5).unwrap_err().problem, Problem::Blank);
        assert_eq!(text("name", "株式会社暖簾", 5).unwrap_err().problem, Problem::TooLong { max: 5 });
        assert_eq!(time_zone("timeZone", "Asia/Tokyo"), Ok("Asia/Tokyo".to_owned()));
        assert!(time_zone("timeZone", "Tokyo").is_err() && locale("locale", "fr").is_err());
    }
}
