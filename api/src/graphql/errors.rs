//! Errors as callers see them: a stable code, a sentence that says what to do, and nothing from inside.

use async_graphql::{Error, ErrorExtensions};
use platform::db::CursorError;
use platform::reading::ReadError;
use platform::{DbErr, Denied};

/// The codes of top-level errors, in `extensions.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// No caller, or one that is not valid any more.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// Too much at once; try again later.
    Throttled,
    /// The idempotency key was used for something else.
    Conflict,
    /// What came after a cursor is not kept any more.
    CursorExpired,
    /// The request itself is wrong.
    BadUserInput,
    /// Something broke on our side.
    Internal,
}

impl Code {
    /// The spelling in `extensions.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::Throttled => "THROTTLED",
            Self::Conflict => "CONFLICT",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Internal => "INTERNAL",
        }
    }
}

/// An error with its code.
pub fn refusal(code: Code, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

/// The request is wrong in a way that it can mend.
pub fn bad_input(message: impl ToString) -> Error {
    refusal(Code::BadUserInput, message.to_string())
}

/// Something of ours is broken: logged whole, shown without detail.
pub fn internal(what: impl std::fmt::Display) -> Error {
    tracing::error!(error = %what, "broken");
    refusal(Code::Internal, "something broke on our side; the request id helps to find it")
}

/// What a caller sees of an error of ours.
pub trait IntoGraphql {
    /// Translates; what is internal is logged and hidden.
    fn into_graphql(self) -> Error;
}

impl IntoGraphql for Denied {
    fn into_graphql(self) -> Error {
        let code = match self {
            Self::Unauthenticated => Code::Unauthenticated,
            Self::ChooseTenant | Self::LeaveTenant | Self::Forbidden { .. } | Self::Suspended => Code::Forbidden,
        };
        refusal(code, self.to_string())
    }
}

impl IntoGraphql for DbErr {
    fn into_graphql(self) -> Error {
        match self {
            Self::Custom(message) if platform::db::over_budget(&Self::Custom(message.clone())) => bad_input(message),
            error => internal(format_args!("storage failed: {error}")),
        }
    }
}

impl IntoGraphql for CursorError {
    fn into_graphql(self) -> Error {
        bad_input(self)
    }
}

impl IntoGraphql for ReadError {
    fn into_graphql(self) -> Error {
        match self {
            Self::Denied(denied) => denied.into_graphql(),
            Self::Storage(error) => error.into_graphql(),
        }
    }
}
