//! `order:`, held against the contract and the delivery mode.

use super::check;

#[test]
fn orders_have_a_key_and_a_place_to_wait() {
    let ordered = |mode: &str, key: &str| format!("mode: {mode}\n  order: {{ key: \"{key}\" }}");
    let check = |mode, key, expected: &[&str]| check(("mode: request-reply", &ordered(mode, key)), expected);
    check("request-reply", "national_id", &[]);
    // A field that is read for its key only is read.
    check("request-reply", "request_id", &[]);
    check("request-reply", "national_id + '/' + string(purpose)", &[]);
    check(
        "direct",
        "national_id",
        &[
            "13:3 route/mode [order] in mode direct nothing is stored, so no message can wait its turn (write `mode: request-reply` or `mode: operation`, or leave `order` out)",
        ],
    );
    check(
        "request-reply",
        "as_of",
        &["13:18 map/type [as_of] a key is text or a whole number, and this is a date"],
    );
    check(
        "request-reply",
        "national_id + context.caller",
        &[
            "13:32 map/maybe-absent [context.caller] `context.caller` may be absent, and a value is needed here (test it first: has(context.caller) && ..., or give a value for its absence: default(context.caller, ...))",
        ],
    );
}
