//! What may be absent is settled before it is used.

use super::check;

#[test]
fn absence_is_settled() {
    check(
        ("full_name: GivenName.trim() + ' ' + Surname.trim()", "full_name: GivenName + Address.City"),
        &[
            "33:28 map/maybe-absent [Address.City] `Address.City` may be absent, and a value is needed here (test it first: has(Address.City) && ..., or give a value for its absence: default(Address.City, ...))",
        ],
    );
    check(
        (
            "full_name: GivenName.trim() + ' ' + Surname.trim()",
            "full_name: \"has(Address) ? GivenName + Address.City : Surname\"",
        ),
        &[],
    );
    check(
        (
            "full_name: GivenName.trim() + ' ' + Surname.trim()",
            "full_name: \"GivenName + (has(Address) ? Address.City : Surname)\"",
        ),
        &[],
    );
    check(
        (
            "fault.detail.code == 'NOT_FOUND'",
            "fault.code.startsWith('Server.') || fault.detail.code.endsWith('X')",
        ),
        &[],
    );
    check(
        ("has(Died), const", "\"Address.City.startsWith('T')\", const"),
        &[
            "42:20 map/maybe-absent [Address.City.startsWith('T')] `Address.City.startsWith('T')` may be absent, and a value is needed here (give a value for its absence: default(Address.City.startsWith('T'), false))",
        ],
    );
    check(
        ("has(Died), const", "Died < date('2000-01-01'), const"),
        &[
            "42:19 map/maybe-absent [Died] `Died` may be absent, and a value is needed here (test it first: has(Died) && ..., or give a value for its absence: default(Died, ...))",
        ],
    );
    check(("has(Died), const", "has(Died) && Died < date('2000-01-01'), const"), &[]);
    check(("has(Died), const", "\"has(Died) && Died < date('2000-01-01')\", const"), &[]);
    check(
        ("has(Died), const", "\"Died < date('2000-01-01') && has(Died)\", const"),
        &[
            "42:20 map/maybe-absent [Died] `Died` may be absent, and a value is needed here (test it first: has(Died) && ..., or give a value for its absence: default(Died, ...))",
        ],
    );
    check(
        ("has(Died), const", "has(Surname), const"),
        &[
            "28:1 warning map/source-unused [response] nothing reads these fields of `body.response.person`: Died (map it, or say that it is not wanted: ignore: [ body.response.person.Died ])",
            "42:19 warning map/always-present [has(Surname)] `body.response.person.Surname` is always there (the contract requires it: leave the test out)",
        ],
    );
}
