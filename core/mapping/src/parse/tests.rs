//! Mapping files: what is lowered, and what is found on the way.

use portolan_diagnostics::{Rendered, Sources};

use super::parse;

const HEAD: &str = "route: r\nsource: { grpc: { proto: a.proto, method: p.S/M } }\ntarget: { soap: { system: s, wsdl: a.wsdl, operation: O } }\n";

/// The findings of a route that begins with [`HEAD`] (line 4 is the first of `text`), one a line.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let mut sources = Sources::default();
    let id = sources.add("m.yaml", format!("{HEAD}{text}"));
    let checked = parse(id, &sources);
    let shown: Vec<String> = checked
        .diagnostics
        .iter()
        .map(|d| {
            let r = Rendered::new(d, &sources);
            let (line, column) = r.position.map_or((0, 0), |p| (p.line, p.column));
            let help: String = r.help.iter().map(|h| format!(" ({h})")).collect();
            format!("{line}:{column} {} {}{help}", r.code, r.message)
        })
        .collect();
    assert_eq!(shown, expected);
}

const TAIL: &str = "request: { body: {} }\nresponse: { body: {} }\n";

#[test]
fn a_route_is_read() {
    check(TAIL, &[]);
    check(
        &format!(
            "delivery: {{ mode: operation, idempotent: {{ key: id }}, timeout: 10s, retry: {{ max-attempts: 3 }} }}\n{TAIL}"
        ),
        &[],
    );
}

#[test]
fn an_order_is_read() {
    check(&format!("delivery: {{ mode: operation, order: {{ key: id, dead-letters: pass }} }}\n{TAIL}"), &[]);
    check(
        &format!("delivery: {{ order: {{ dead-letters: holds }} }}\n{TAIL}"),
        &[
            "4:22 yaml/missing-key `order` has no `key` (add `key`: messages of the same key go one after the other: text or a whole number, of the caller's message)",
            "4:36 yaml/bad-value `holds` is not what dead letters can do to their key: hold it or let it pass (did you mean `hold`?)",
        ],
    );
    check(
        &format!("delivery: {{ order: id }}\n{TAIL}"),
        &["4:20 yaml/bad-value `order` is a single value, not a group of keys"],
    );
}

#[test]
fn keys_are_held_to_the_language() {
    check(
        &format!("delivary: {{}}\n{TAIL}"),
        &["4:1 yaml/unknown-key a route has no key `delivary` (did you mean `delivery`?)"],
    );
    check(
        "request: {}\nreponse: {}\n",
        &["5:1 yaml/missing-key a route has no `response` (did you mean `response`?)"],
    );
    check(
        &format!("order: []\n{TAIL}"),
        &[
            "4:1 yaml/unknown-key `order` is not built yet (it is part of the language, and comes with a later version)",
        ],
    );
    check(
        &format!("delivery: {{ mode: async }}\n{TAIL}"),
        &["4:19 yaml/bad-value `async` is not a delivery mode: direct, request-reply or operation"],
    );
    check(
        &format!("delivery: {{ timeout: 10 }}\n{TAIL}"),
        &[
            "4:22 yaml/bad-value `10` is not a span of time (write a whole number with its unit: 200ms, 10s, 1m, 2h, 3d)",
        ],
    );
    check(
        &format!("delivery: {{ idempotent: yes }}\n{TAIL}"),
        &["4:25 yaml/bad-value `idempotent` is true or false, not `yes` (write `true`)"],
    );
    check(
        &format!("faults: [ {{ status: NOTFOUND }} ]\n{TAIL}"),
        &[
            "4:21 yaml/bad-value `NOTFOUND` is not a gRPC status of a failure (did you mean `NOT_FOUND`?) (the statuses are CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS, UNAUTHENTICATED)",
        ],
    );
    check(
        "request: { body: { a: { from: b } } }\nresponse: {}\n",
        &[
            "4:25 yaml/missing-key a rule has no `map` (add `map`: the fields of the record, or the name of a group of `maps:`)",
        ],
    );
    check(
        "request: { body: { a: [] } }\nresponse: {}\n",
        &[
            "4:23 yaml/bad-value `a` is a list without items (go through a list by { each: item in path, map: ... }, or write its items: [ path, path ])",
        ],
    );
    check(
        "request: { body: { a: { each: b, map: {} } } }\nresponse: {}\n",
        &[
            "4:31 yaml/bad-value `each` names an item, and its list by a path (write `each: item in path.to.list`; functions are for what fills the item)",
        ],
    );
    check(
        "request: { body: { a: } }\nresponse: {}\n",
        &["4:20 yaml/bad-value `a` is nothing, not a single value"],
    );
}

#[test]
fn traps_of_yaml_are_findings() {
    check(
        &format!("tables: {{ t: {{ A: 01 }} }}\n{TAIL}"),
        &[
            "4:19 yaml/trap YAML readers take `01` for a number, without its leading zeros or sign (put it in quotes: \"01\")",
        ],
    );
    check(
        &format!("tables: {{ t: {{ NO: \"x\" }} }}\n{TAIL}"),
        &["4:16 yaml/trap YAML readers take `NO` for true or false (put it in quotes: \"NO\")"],
    );
    check(
        "request: { body: { a: lookup('t', b) } }\nresponse: {}\n",
        &[
            "4:35 yaml/trap YAML ends the value before this at the comma, and takes the rest for a key (quote an expression that holds a comma inside { } or [ ])",
        ],
    );
    check(&format!("route: again\n{TAIL}"), &["4:1 yaml/duplicate-key `route` stands here twice"]);
    check(
        "request: { body: &a {} }\nresponse: { body: *a }\n",
        &[
            "4:21 yaml/trap YAML reads this as an anchor, which mappings do not have (quote a value that begins with `&`; to reuse rules, name them under `maps:`)",
            "5:19 yaml/trap YAML reads this as an alias, which mappings do not have (write the rules once under `maps:` and name them)",
        ],
    );
}

#[test]
fn what_belongs_elsewhere_is_sent_there() {
    check(
        &format!("auth: {{ username: a }}\n{TAIL}"),
        &[
            "4:1 yaml/unknown-key `auth` belongs in portolan.yaml (a mapping is the same everywhere; what differs between environments stands there, under `systems:`)",
        ],
    );
    check(
        "request:\n\tbody: {}\nresponse: {}\n",
        &["5:1 yaml/syntax a tab does not indent in YAML (indent with blanks)"],
    );
}

#[test]
fn everything_is_found_at_once() {
    check(
        "delivery: { mode: sync, retry: { max-attempts: 0 } }\nrequest: { bdy: {} }\nresponse: {}\nfaults: [ { status: OK } ]\n",
        &[
            "4:19 yaml/bad-value `sync` is not a delivery mode: direct, request-reply or operation",
            "4:48 yaml/bad-value `max-attempts` is a whole number from 1 to 1000",
            "5:12 yaml/unknown-key `request` has no key `bdy` (did you mean `body`?)",
            "7:21 yaml/bad-value `OK` is not a gRPC status of a failure (the statuses are CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS, UNAUTHENTICATED)",
        ],
    );
}
