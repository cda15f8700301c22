//! `poll:`, held against both operations of the system: the worked example is clean, and each broken version of it gives
//! one finding.

use portolan_schema::Memory;

use super::loaded_from;

macro_rules! example {
    ($file:literal) => {
        include_str!(concat!("../../../../../mappings/tax-certificate/", $file))
    };
}

const MAPPING: &str = example!("order-certificate.yaml");

#[track_caller]
fn check(change: (&str, &str), expected: &[&str]) {
    assert!(MAPPING.contains(change.0), "the example has no `{}`", change.0);
    let files = Memory::default()
        .with("m.yaml", MAPPING.replacen(change.0, change.1, 1).as_str())
        .with("certificates.proto", example!("certificates.proto"))
        .with("tax-office.wsdl", example!("tax-office.wsdl"));
    let (_, found) = loaded_from(&files);
    assert_eq!(found, expected);
}

#[test]
fn a_question_is_held_against_both_operations() {
    check(("operation: Fetch", "operation: Fetch"), &[]);
    // Faults of their own, for the question alone.
    check(
        (
            "    until:",
            "    faults: [ { when: \"fault.code == 'Server'\", status: UNAVAILABLE, retry: true } ]\n    until:",
        ),
        &[],
    );
    for (old, new, expected) in [
        (
            "operation: Fetch",
            "operation: Fetsch",
            "19:16 route/unknown-operation [Fetsch] the WSDL has no operation `Fetsch` (did you mean `Fetch`?)",
        ),
        (
            "Ticket: body.Ticket",
            "Ticket: body.Tickt",
            "26:22 map/unknown-path [Tickt] `body` has no field `Tickt` (did you mean `Ticket`?)",
        ),
        (
            "Ticket: body.Ticket",
            "Tickett: body.Ticket",
            "26:9 map/unknown-path [Tickett] `body` has no field `Tickett` (did you mean `Ticket`?)",
        ),
        (
            "        Ticket: body.Ticket\n",
            "",
            "26:9 map/required-unmapped [Taxpayer: original.national_id] `body` needs `Ticket` (the contract requires it: map it, or write { const: ... })",
        ),
        (
            "body.State != 'WORKING'",
            "body.Stat != 'WORKING'",
            "21:17 map/unknown-path [Stat] `body` has no field `Stat` (did you mean `State`?)",
        ),
        (
            "body.State != 'WORKING'",
            "body.State != 'BUSY'",
            "21:26 map/never-fits ['BUSY'] the contract has no value `BUSY` here (its values are WORKING, ISSUED, REFUSED)",
        ),
        (
            "body.State != 'WORKING'",
            "body.State",
            "21:12 map/type [body.State] a condition is true or false, and this is text (compare it: body.State != '')",
        ),
        (
            "body.State != 'WORKING'",
            "true",
            "21:12 warning map/unreachable [true] this condition always holds, so the first reply is taken for the answer (compare something of the reply: body.Status == '1')",
        ),
        (
            "body.State != 'WORKING'",
            "body.Reason == 'done'",
            "21:12 map/maybe-absent [body.Reason] `body.Reason` may be absent, and a value is needed here (test it first: has(body.Reason) && ..., or give a value for its absence: default(body.Reason, ...))",
        ),
        (
            "    every: 1m\n",
            "",
            "19:5 yaml/missing-key [operation] `poll` has no `every` (add `every`: the pause before each time that it is asked)",
        ),
        (
            "    operation: Fetch\n",
            "",
            "19:5 yaml/missing-key [every] `poll` has no `operation` (add `operation`: the operation that gives the answer, of the target's WSDL)",
        ),
        (
            "    every: 1m",
            "    every: 7d",
            "18:3 warning route/mode [poll] the pause before each question is no shorter than the `deadline`, so the answer is asked for once (write a shorter `every:`, or a longer `deadline:`)",
        ),
        (
            "  deadline: 3d ",
            "  #",
            "18:3 warning route/mode [poll] without a `deadline`, an answer that never comes is asked for for ever (write `deadline:` under `delivery:`, after which a person looks at it: 3d)",
        ),
        (
            "mode: operation ",
            "mode: request-reply ",
            "14:9 route/mode [request-reply] `civic.tax.v1.Certificates/OrderCertificate` returns an operation, and in mode request-reply the caller waits for the answer (write `mode: operation`)",
        ),
    ] {
        check((old, new), &[expected]);
    }
}
