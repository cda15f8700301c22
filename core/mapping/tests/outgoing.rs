//! Routes whose messages gather into a file: what is said of answers that do not come.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portolan_diagnostics::{Sources, render};
use portolan_mapping::{
    file::Silence,
    load::{Standing, load_all},
};
use portolan_schema::Memory;

const MAPPING: &str = include_str!("../../../mappings/benefits/submit-claim.yaml");

/// What silence means by the worked example, changed so; else what is found in it.
fn silence(changes: &[(&str, &str)]) -> Result<Silence, String> {
    let mut mapping = MAPPING.to_owned();
    for (old, new) in changes {
        assert!(mapping.contains(old), "{old}");
        mapping = mapping.replace(old, new);
    }
    let resolver = Memory::default()
        .with("claims.proto", include_str!("../../../mappings/benefits/claims.proto"))
        .with("claims.layout.yaml", include_str!("../../../mappings/benefits/claims.layout.yaml"))
        .with("decisions.layout.yaml", include_str!("../../../mappings/benefits/decisions.layout.yaml"))
        .with("CLAIM.cpy", include_str!("../../../mappings/benefits/CLAIM.cpy"))
        .with("DECISION.cpy", include_str!("../../../mappings/benefits/DECISION.cpy"))
        .with("m.yaml", mapping.as_str());
    let mut sources = Sources::default();
    let loaded = load_all("m.yaml", &resolver, &mut sources, &Standing::default());
    let shown: Vec<_> = loaded.diagnostics.iter().map(|d| render(d, &sources, false)).collect();
    if !shown.is_empty() {
        return Err(shown.join("\n"));
    }
    let route = loaded.value.and_then(|all| all.routes.into_iter().next()).expect("a route");
    Ok(route.compile().made.expect("a file").answers.expect("answers").silence)
}

const DONE: (&str, &str) = ("  each: decision\n", "  each: decision\n  silence: done\n");

#[test]
fn without_an_answer_a_message_is_overdue_or_done() {
    assert_eq!(silence(&[]), Ok(Silence::Overdue));
    assert_eq!(silence(&[DONE]), Ok(Silence::Done));
    let unknown = silence(&[("  each: decision\n", "  each: decision\n  silence: dnoe\n")]).unwrap_err();
    assert!(unknown.contains("did you mean `done`?"), "{unknown}");
}

#[test]
fn what_is_done_without_an_answer_is_done_after_a_time() {
    let never = silence(&[DONE, (", answer-within: 72h", "")]).unwrap_err();
    assert!(never.contains("nothing says after which time without an answer a message is done"), "{never}");
    assert!(never.contains("answer-within: 72h"), "{never}");
}
