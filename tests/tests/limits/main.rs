//! What a caller may use up, what the others notice of it, and what nobody gets to see.

mod closed;
mod cost;
mod others;
mod times;
