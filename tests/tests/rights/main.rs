//! What each kind of caller may do, asked of the served program: every root field by every kind of caller, every place where an
//! id goes in with another tenant's, and everything that can be reached from one's own. A root field or an id argument that
//! this sweep does not know fails it.

mod ids;
mod kinds;
mod live;
mod sweep;
mod table;
mod walk;
