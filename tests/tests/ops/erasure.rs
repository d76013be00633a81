//! What the log says of a person can be erased; that something was done, and by whom, stays and stays proven.

use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Town};

use crate::log::{sealed, since};

async fn erase(town: &Town, who: &tests::harness::Credentials, input: &str) -> Value {
    let text = format!("mutation {{ auditDetailErase(input: {{ {input} }}) {{ erasedEntries userErrors {{ code field }} }} }}");
    town.server.ask(who, &text).await.data()["auditDetailErase"].clone()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn erasing_a_person_keeps_the_chain_valid(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let (admin, both) = (&town.ours.admin.credentials, &town.both);
    let (session, _) = town.people.session(&both.email).await;
    town.server.ask(&session.choosing(town.ours.tenant), "mutation { signOut { signedOut } }").await.data();
    sealed(&town.server).await;
    let of = format!("subject: \"{}\"", both.id);
    let about = async || {
        let mine = format!(
            "{{ auditEvents(filter: {{ subjects: [\"{}\"] }}) {{ nodes {{ action actor occurredAt position before after address userAgent detailErasedAt }} }} }}",
            both.id
        );
        town.server.ask(admin, &mine).await.data()["auditEvents"]["nodes"].as_array().unwrap().clone()
    };
    let before = about().await;
    assert!(before.len() >= 3 && before.iter().any(|entry| !entry["after"].is_null()), "{before:?}");

    town.server.clock.advance(chrono::TimeDelta::seconds(1));
    let first = erase(&town, admin, &of).await;
    assert_eq!(first, json!({ "erasedEntries": before.len(), "userErrors": [] }));
    let after = about().await;
    assert_eq!(after.len(), before.len() + 1, "the erasure itself is in the log");
    assert_eq!((&after[0]["action"], &after[0]["after"]["erasedEntries"]), (&json!("auditDetailErase"), &json!(before.len())));
    for (was, is) in before.iter().zip(&after[1..]) {
        assert!(["before", "after", "address", "userAgent"].iter().all(|field| is[field].is_null()) && !is["detailErasedAt"].is_null(), "{is}");
        assert!(["action", "actor", "occurredAt", "position"].iter().all(|field| is[field] == was[field]), "{is} was {was}");
    }
    assert_eq!(erase(&town, admin, &of).await["erasedEntries"], 0, "done again, it finds nothing");

    // The other tenant's log and the platform's are their own; there a platform administrator erases.
    let kept = since(&town.server, 0).await.into_iter().filter(|entry| {
        let of_them = entry.subject.as_deref() == Some(&both.id.to_string()) || entry.actor == both.id.to_string();
        of_them && entry.tenant != Some(town.ours.tenant) && entry.detail.is_some()
    });
    assert!(kept.count() >= 3);
    assert_eq!(
        erase(&town, admin, &format!("{of}, tenantId: \"{}\"", town.theirs.tenant)).await["userErrors"],
        json!([{ "code": "NOT_FOUND", "field": ["input", "tenantId"] }])
    );
    assert!(erase(&town, &town.platform, &format!("{of}, tenantId: \"{}\"", town.theirs.tenant)).await["erasedEntries"].as_u64().unwrap() >= 2);
    assert_eq!(erase(&town, &town.platform, &of).await["erasedEntries"], 1, "the signing out, which the platform's log has");
    let left =
        since(&town.server, 0).await.into_iter().filter(|entry| entry.subject.as_deref() == Some(&both.id.to_string()) && entry.action != "auditDetailErase");
    assert!(left.into_iter().all(|entry| entry.detail.is_none()));

    let reports = sealed(&town.server).await;
    assert!(reports.iter().all(|report| report.broken.is_none() && report.unsealed == 0), "{reports:?}");
    assert_eq!(reports.iter().find(|report| report.chain == town.ours.tenant.uuid()).unwrap().erased, before.len() as i64);

    for (subject, code) in [
        ("anonymous".to_owned(), "UNKNOWN_VALUE"),
        (town.ours.tenant.to_string(), "UNKNOWN_VALUE"),
        (town.ours.spare_token.to_string(), "UNKNOWN_VALUE"),
        (town.ours.admin.id.to_string(), "OWN_ACCOUNT"),
    ] {
        let refused = erase(&town, admin, &format!("subject: \"{subject}\"")).await;
        assert_eq!((&refused["erasedEntries"], &refused["userErrors"][0]["code"]), (&json!(null), &json!(code)), "what is no person's is evidence");
    }
}
