//! Files that are made: what is said of answers that do not come, and of what tells whoever dropped a file what became of it.
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

macro_rules! wages {
    ($name:literal) => {
        include_str!(concat!("../../../tests/gateway/routes/wages/", $name))
    };
}

/// What is found in the example of files that are acknowledged, in whose mapping or layout a text is another.
fn found(old: &str, new: &str) -> String {
    let (mapping, layout) = (wages!("report.yaml"), wages!("notice.yaml"));
    assert!(mapping.contains(old) || layout.contains(old), "{old}");
    let resolver = Memory::default()
        .with("wages.yaml", wages!("wages.yaml"))
        .with("notice.yaml", layout.replace(old, new))
        .with("wages.proto", wages!("wages.proto"))
        .with("report.yaml", mapping.replace(old, new));
    let mut sources = Sources::default();
    let loaded = load_all("report.yaml", &resolver, &mut sources, &Standing::default());
    let shown: String = loaded.diagnostics.iter().map(|d| render(d, &sources, false)).collect();
    let served = loaded.value.is_some_and(|all| !all.batches.is_empty());
    assert_eq!(served, !shown.contains("error["), "{shown}");
    shown
}

#[test]
fn what_is_told_of_a_file_is_checked() {
    let check = |old: &str, new: &str, parts: &[&str]| {
        let shown = found(old, new);
        assert!(parts.iter().all(|part| shown.contains(part)), "{new}: {shown}");
    };
    assert_eq!(found("", ""), "");
    let sender = "default(original.submitter.name, 'nobody')";
    // It may not be there.
    check(sender, "original.submitter.name + '!'", &["may be absent", "default("]);
    // Of which a file has several.
    check(
        sender,
        "original.employer.ein",
        &["nothing that stands in the file once is named `employer`", "these records do: submitter"],
    );
    check(sender, "original.ssn", &["nothing that stands in the file once is named `ssn`"]);
    check(sender, "file.sender", &["file` has no field `sender`"]);
    check(sender, "context.caller", &["`context` has no `caller`", "it has route, received"]);
    check("    head:", "    haed:", &["nothing here is a record named `haed`", "did you mean `head`"]);
    check(
        "record: problem\n",
        "record: problm\n",
        &["the layout has no record `problm`", "did you mean `problem`"],
    );
    check("  record: problem\n  body:", "  body:", &["`body` says what a record holds", "`record: problem`"]);
    check("{file}.ack", "ACK.{date}", &["nobody sees which file it is about"]);
    check(
        "{file}.ack",
        "{sequence}.ack",
        &["`{sequence}` is not one of {file}, {stem}, {hash}, {date} and {time}"],
    );
    check("layout: notice.yaml", "layout: notise.yaml", &["notise.yaml", "named here"]);
    check("      state: truncate(file.state, 10)\n", "", &["nothing fills these fields of `body`: state"]);
    // A file of nothing but what became of the other.
    assert_eq!(
        found(
            "  record: problem\n  body:\n    record: problem.record\n    ssn: default(original.ssn, '-')\n    field: truncate(default(problem.field, '-'), 40)\n",
            ""
        ),
        ""
    );
}
