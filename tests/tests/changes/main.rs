//! Orders that are told one by one, on both databases: the rules, any number of times in any order, beside each other and beside imports.

mod imports;
mod rules;
#[path = "../imports/shop.rs"]
#[expect(dead_code, reason = "shared with the tests of imports, which use the rest")]
mod shop;
mod teller;
mod together;
