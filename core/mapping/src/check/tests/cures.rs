//! Cures: what a finding says is to be done, and that one cause is one finding.

use super::{MAPPING, WSDL, check, loaded, loaded_with};

#[test]
fn lists_are_written_out() {
    let (routes, found) = loaded(
        &MAPPING
            .replace("notes: Note", "notes: [ Surname ]")
            .replace("[ body.request ]", "[ body.request, body.response.person.Note ]"),
    );
    assert_eq!((routes.len(), found), (1, Vec::new()));
    check(
        ("full_name: GivenName.trim() + ' ' + Surname.trim()", "full_name: [ Surname ]"),
        &[
            "33:16 map/cardinality [[ Surname] `full_name` is a single value, and this fills a list (leave the brackets out)",
        ],
    );
    check(
        ("notes: Note", "notes: [ Surname, GivenNam, Note ]"),
        &[
            "45:23 map/unknown-path [GivenNam] nothing here is named `GivenNam` (did you mean `GivenName`?)",
            "45:33 map/cardinality [Note] `body.response.person.Note` is a list, and a single value is wanted here (fill a list from it: { each: item in body.response.person.Note, map: ... })",
        ],
    );
}

#[test]
fn what_stays_empty_is_said() {
    let (routes, found) = loaded(&MAPPING.replace("AsOf: as_of", "AsOf: { absent: true }"));
    assert_eq!(routes.len(), 1);
    assert_eq!(
        found,
        [
            "16:1 warning map/source-unused [request] nothing reads these fields of the request: as_of (map it, or say that it is not wanted: ignore: [ as_of ])",
        ]
    );
    check(
        ("PersonCode: national_id", "PersonCode: { absent: true }"),
        &["24:17 map/required-unmapped [{ absent: true }] `PersonCode` is required, and may not be left out"],
    );
}

#[test]
fn names_without_their_root_and_codes_without_their_table() {
    check(
        ("message: body.response.error", "message: response"),
        &[
            "30:69 map/unknown-path [response] nothing here is named `response` (did you mean `body.response`?)",
        ],
    );
    let (_, found) = loaded(
        &MAPPING.replace("status:\n      cases:", "dependants: original.purpose\n    status:\n      cases:"),
    );
    assert_eq!(
        found,
        [
            "40:17 map/type [original.purpose] `dependants` is a whole number, and this is text (translate the codes by a table with numbers: lookup('table', original.purpose))",
        ]
    );
}

#[test]
fn what_is_not_wanted_is_named_from_its_root() {
    check(
        ("ignore: [ body.request ]", "ignore: [ body.request, Surname ]"),
        &[
            "46:27 map/unknown-path [Surname] the source has no `Surname` (paths of `ignore` begin at a root: body.response.person.Surname)",
        ],
    );
}

#[test]
fn constants_are_known_by_their_looks() {
    #[track_caller]
    fn constant(written: &str, expected: &str) {
        check((r#"Channel: { const: "01" }"#, &format!("Channel: {written}")), &[expected]);
    }
    constant(
        "\"01\"",
        r#"27:15 expr/syntax [01] a number does not begin with 0 (a constant is written { const: "01" })"#,
    );
    constant(
        "'01'",
        r#"27:15 expr/syntax [01] a number does not begin with 0 (a constant is written { const: "01" })"#,
    );
    constant(
        "EE",
        "27:14 map/unknown-path [EE] nothing here is named `EE` (there are national_id, as_of, purpose, request_id, body, context) (a constant is written { const: EE })",
    );
    constant(
        "38001085718",
        r#"27:14 yaml/trap [38001085718] YAML readers take `38001085718` for a number (a constant is written { const: "38001085718" })"#,
    );
}

#[test]
fn constants_are_held_to_the_patterns_of_their_types() {
    let wsdl = WSDL.replacen(r#"<xs:maxLength value="11"/>"#, r#"<xs:pattern value="[0-9]{11}"/>"#, 1);
    assert_ne!(wsdl, WSDL);
    let found = |constant: &str| {
        let rule = format!("PersonCode: {{ const: {constant} }}");
        let mapping = MAPPING.replacen("PersonCode: national_id", &rule, 1);
        let (_, found) = loaded_with(&mapping, &wsdl);
        found
    };
    assert_eq!(found("\"38001085718\""), [] as [&str; 0]);
    assert_eq!(
        found("\"3800108571\""),
        [
            "24:26 map/never-fits [\"3800108571\"] this never fits `PersonCode`: `3800108571` does not match the pattern of its type",
        ]
    );
}

#[test]
fn tables_are_held_to_their_keys() {
    check(
        ("PURPOSE_BENEFIT: \"01\"", "PURPOSE_BENEFTI: \"01\""),
        &[
            "26:13 map/uncovered [lookup('reasons', purpose)] table `reasons` has no row for PURPOSE_BENEFIT (did you mean `PURPOSE_BENEFIT` by `PURPOSE_BENEFTI`?) (add the rows, or say what any other code becomes: `default: ...`)",
        ],
    );
    check(
        ("PURPOSE_TAX: \"02\"", "PURPOSE_TAX: \"02\", PURPOSE_WAR: \"02\""),
        &[
            "51:56 warning map/unreachable [PURPOSE_WAR] the key `PURPOSE_WAR` never comes: the contract does not have it (leave the row out)",
        ],
    );
    check(
        ("tables:\n", "tables:\n  spare: { a: b }\n"),
        &[
            "51:3 warning map/unreachable [spare] nothing looks anything up in the table `spare` (use it, lookup('spare', key), or leave it out)",
        ],
    );
}

#[test]
fn names_from_elsewhere_are_translated() {
    check(
        ("Status == 'A'", "Status == A"),
        &["43:30 map/unknown-path [A] nothing here is named `A` (text stands in quotes: 'A')"],
    );
    check(
        ("GivenName.trim()", "GivenName.strip()"),
        &["33:26 expr/unknown-function [strip] there is no function `strip` (did you mean `trim`?)"],
    );
    check(
        ("street: Line1", "street: \"@country\""),
        &["35:49 expr/syntax [@] `@` has no meaning in an expression (attributes are plain names: country)"],
    );
}

#[test]
fn a_retry_after_a_final_status_is_in_vain() {
    let (_, found) = loaded(&MAPPING.replace(
        "status: NOT_FOUND, field: national_id",
        "status: NOT_FOUND, field: national_id, retry: true",
    ));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("48:5 warning map/unsafe-retry"), "{found:#?}");
}

#[test]
fn what_may_have_been_done_is_not_asked_for_again() {
    let mapping =
        MAPPING.replace("status: UNAVAILABLE, retry: true", "status: DEADLINE_EXCEEDED, retry: true");
    let (_, found) = loaded(&mapping);
    assert_eq!(found, [] as [&str; 0], "the route is idempotent");
    let (_, found) = loaded(&mapping.replace("  idempotent: true\n", ""));
    assert_eq!(
        found,
        [
            "48:5 warning map/unsafe-retry [{ when: \"fault.reason in ['MS_UNAVAILABLE', 'TIMEOUT']\", status: DEADLINE_EXCEEDED, retry: true }] `retry: true` says that the system did nothing, and DEADLINE_EXCEEDED that nobody knows: it may be done twice (where the system did nothing, give UNAVAILABLE, RESOURCE_EXHAUSTED or ABORTED; where it may be asked twice, say `idempotent: true` under `delivery:`; else leave `retry` out)",
        ]
    );
}

#[test]
fn a_value_that_is_wrong_hides_nothing_else() {
    let (routes, found) = loaded(
        &MAPPING
            .replace("mode: request-reply", "mode: async")
            .replace("route: registry", "rout: registry")
            .replace("idempotent: true", "idempotent: maybe")
            .replace("PersonCode: national_id", "PersonCode: nationl_id"),
    );
    assert!(routes.is_empty());
    assert_eq!(
        found,
        [
            "1:1 yaml/missing-key [rout] a route has no `route` (did you mean `route`?)",
            "12:9 yaml/bad-value [async] `async` is not a delivery mode: direct, request-reply or operation",
            "13:15 yaml/bad-value [maybe] `idempotent` is true or false, not `maybe`",
            "24:17 map/unknown-path [nationl_id] nothing here is named `nationl_id` (did you mean `national_id`?)",
        ]
    );
    let (_, found) =
        loaded(&MAPPING.replace("mode: request-reply", "mode: later").replace("/GetPerson", "/ClaimBenefit"));
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn one_cause_is_one_finding() {
    check(
        ("from: body.response.person", "from: body.response.persn"),
        &["31:23 map/unknown-path [persn] `body.response` has no field `persn` (did you mean `person`?)"],
    );
    check(
        ("each: c in Children.Child", "each: c in Children.Chil"),
        &[
            "37:27 map/unknown-path [Chil] `body.response.person.Children` has no field `Chil` (did you mean `Child`?)",
        ],
    );
    check(
        ("PersonCode: national_id", "PersonCod: national_id"),
        &["24:5 map/unknown-path [PersonCod] `body` has no field `PersonCod` (did you mean `PersonCode`?)"],
    );
    check(
        ("PersonCode: national_id", "PersonCode: [ national_id, purpose ]"),
        &[
            "24:17 map/cardinality [[ national_id, purpose] `PersonCode` is a single value, and this fills a list (choose by `cases:`, or put them together in an expression)",
        ],
    );
    check(
        ("PURPOSE_TAX: \"02\"", "PURPOSE_TAX: 02"),
        &[
            "51:50 yaml/trap [02] YAML readers take `02` for a number, without its leading zeros or sign (put it in quotes: \"02\")",
        ],
    );
}

#[test]
fn cases_leave_nothing_out() {
    let otherwise = "        - { otherwise: \"lookup('statuses', Status)\" }\n";
    check(
        (otherwise, ""),
        &[
            "41:7 map/uncovered [cases:] no `otherwise`: what no case covers would be dropped (end it with `- { otherwise: ... }`) (or say that it may be left out: `- { otherwise: { absent: true } }`)",
        ],
    );
    let (routes, found) = loaded(&MAPPING.replace(otherwise, "        - { otherwise: { absent: true } }\n"));
    assert_eq!(routes.len(), 1, "{found:#?}");
    let all = "        - { when: \"Status in ['E', 'D']\", const: DECEASED }\n";
    let mapping = MAPPING
        .replace(otherwise, all)
        .replace("        - { when: has(Died), const: DECEASED }\n", "")
        .replace("ignore: [ body.request ]", "ignore: [ body.request, body.response.person.Died ]");
    let (routes, found) = loaded(&mapping);
    assert_eq!(routes.len(), 1, "{found:#?}");
}

#[test]
fn expressions_point_into_themselves() {
    check(
        ("GivenName.trim()", "GivenName.trm()"),
        &["33:26 expr/unknown-function [trm] there is no function `trm` (did you mean `trim`?)"],
    );
    check(
        ("GivenName.trim()", "GivenName.trim(1)"),
        &["33:16 expr/arguments [GivenName.trim(1)] `trim` is not called like this (write text.trim())"],
    );
    check(
        ("GivenName.trim()", "GivenName.trim("),
        &[
            "33:32 expr/syntax [+] `+` stands where a value should (a parenthesis before it is still open: close it with `)`)",
        ],
    );
    check(
        ("'^[0-9]{11}$'", "'^[0-9{11}$'"),
        &["18:33 expr/arguments ['^[0-9{11}$'] this is not a regular expression: unclosed character class"],
    );
}

#[test]
fn written_out_lists_are_counted() {
    let found = |occurs: &str, list: &str| {
        let old = r#"<xs:element name="Channel" type="xs:string" minOccurs="0"/>"#;
        let new = format!(r#"<xs:element name="Channel" type="xs:string" {occurs}/>"#);
        assert!(WSDL.contains(old));
        let mapping = MAPPING.replacen(r#"Channel: { const: "01" }"#, &format!("Channel: {list}"), 1);
        loaded_with(&mapping, &WSDL.replacen(old, &new, 1)).1
    };
    let two = r#"minOccurs="0" maxOccurs="2""#;
    assert_eq!(found(two, "[ national_id, \"'b'\" ]"), [] as [&str; 0]);
    assert_eq!(
        found(two, "[ \"'a'\", \"'b'\", \"'c'\" ]"),
        [
            "27:30 map/never-fits [\"'c'\"] `Channel` has at most 2 items, and here are 3 (leave all but 2 out)"
        ]
    );
    assert_eq!(
        found(two, "[ \"'a'\", metadata.b, metadata.c ]"),
        [
            "27:35 warning map/never-fits [metadata.c] `Channel` has at most 2 items: a message that has all of these 3 is refused (leave all but 2 out)"
        ]
    );
    assert_eq!(
        found(r#"minOccurs="2" maxOccurs="3""#, "[ \"'a'\" ]"),
        [
            "27:14 map/never-fits [[ \"'a'\"] `Channel` has at least 2 items, and here are 1 (write the items that are missing)"
        ]
    );
}

#[test]
fn secrets_do_not_stand_in_mappings() {
    let old = r#"<xs:element name="serviceVersion" type="xs:string" minOccurs="0"/>"#;
    assert!(WSDL.contains(old));
    let found = |field: &str, rule: &str| {
        let more = format!(r#"{old}<xs:element name="{field}" type="xs:string" minOccurs="0"/>"#);
        let version = "serviceVersion: { const: v1 }";
        let mapping = MAPPING.replacen(version, &format!("{version}, {field}: {rule}"), 1);
        assert_ne!(mapping, MAPPING);
        loaded_with(&mapping, &WSDL.replacen(old, &more, 1)).1
    };
    let said = found("ApiKey", "{ const: hunter2 }");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("warning map/secret"), "{said:?}");
    assert!(said[0].contains("the secret for `ApiKey` stands here for everybody to read"), "{said:?}");
    assert_eq!(found("Password", "\"'hunter2'\"").len(), 1);
    assert_eq!(found("Password", "metadata.password"), [] as [&str; 0]);
    assert_eq!(found("PasswordType", "{ const: digest }"), [] as [&str; 0]);
    let said = found("Password", "{ const: \"${env:PASSWORD}\" }");
    assert!(said[0].contains("filled in only in portolan.yaml"), "{said:?}");
}
