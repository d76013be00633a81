//! What the tests share: databases of their own, a running server, callers of every kind.

pub mod bench;
pub mod bulk;
pub mod harness;
