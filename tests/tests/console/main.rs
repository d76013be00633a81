//! GraphiQL as the program serves it: what is sent to browsers, and what people do with it in one.

mod browser;
mod served;

/// Tests of the console need one that was embedded.
fn require_console(page: &str) {
    let wanted = "this program was built without the console: run `npm ci && npm run build` in console/, then the tests again; `tests/run` does both";
    assert!(page.contains("/graphiql/assets/"), "{wanted}");
}
