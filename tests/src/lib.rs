//! What the tests share: databases of their own, a running server, callers of every kind.

pub mod bulk;
pub mod harness;
