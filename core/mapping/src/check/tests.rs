//! What the checker finds: the language's own example is clean, and each broken version of it gives one finding, in its place.

use portolan_diagnostics::{Rendered, Severity, Sources};
use portolan_schema::Memory;

use crate::{
    load::{LoadedRoute, Standing, load},
    secret::Secrets,
};

mod absence;
mod calendars;
mod cures;
mod lists;
mod order;
mod poll;
mod runs;
mod tables;

const MAPPING: &str = include_str!("examples/registry.yaml");

const WSDL: &str = include_str!("examples/register.wsdl");

fn loaded(mapping: &str) -> (Vec<LoadedRoute>, Vec<String>) {
    loaded_with(mapping, WSDL)
}

fn loaded_with(mapping: &str, wsdl: &str) -> (Vec<LoadedRoute>, Vec<String>) {
    let files = Memory::default()
        .with("m.yaml", mapping)
        .with("registry.proto", include_str!("examples/registry.proto"))
        .with("register.wsdl", wsdl);
    loaded_from(&files)
}

/// The routes of `m.yaml`, and what is found in it.
fn loaded_from(files: &Memory) -> (Vec<LoadedRoute>, Vec<String>) {
    let mut sources = Sources::default();
    let checked = load("m.yaml", files, &mut sources, &Standing::default());
    let shown = checked.diagnostics.iter().filter(|d| d.severity != Severity::Note).map(|d| {
        let r = Rendered::new(d, &sources);
        let (line, column) = r.position.map_or((0, 0), |p| (p.line, p.column));
        let Some(span) = d.labels.first().map(|l| l.span) else { return r.message };
        let text = sources.get(span.source).map(|s| s.text.clone()).unwrap_or_default();
        let underlined = text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        let help: String = r.help.iter().map(|h| format!(" ({h})")).collect();
        let kind = if d.severity == Severity::Warning { "warning " } else { "" };
        format!("{line}:{column} {kind}{} [{underlined}] {}{help}", r.code, r.message)
    });
    let shown = shown.collect();
    (checked.value.unwrap_or_default(), shown)
}

/// The example with some of its text replaced, and all that is then found.
#[track_caller]
fn check(change: (&str, &str), expected: &[&str]) {
    assert!(MAPPING.contains(change.0), "the example has no `{}`", change.0);
    let (_, found) = loaded(&MAPPING.replacen(change.0, change.1, 1));
    assert_eq!(found, expected);
}

/// The example as a syntax tree.
pub(super) fn route() -> crate::file::MappingRoute {
    let mut sources = Sources::default();
    let id = sources.add("m.yaml", MAPPING);
    crate::parse::parse(id, &sources).value.unwrap().routes.remove(0)
}

#[test]
fn the_example_of_the_language_is_clean() {
    let (routes, found) = loaded(MAPPING);
    assert_eq!(found, [] as [&str; 0]);
    assert_eq!(routes.len(), 1);
}

#[test]
fn a_file_of_nothing_but_mistakes_is_read_to_its_end() {
    let keys: String = (0..60_000).map(|n| format!("k{n}:\n")).collect();
    let (_, found) = loaded(&format!("{MAPPING}{keys}"));
    assert_eq!(found.len(), 1001);
    assert!(found[1000].ends_with("more findings are not shown"), "{}", found[1000]);
}

#[test]
fn operations_that_are_there_but_not_served_say_why() {
    #[track_caller]
    fn check(change: (&str, &str), expected: &[&str]) {
        assert!(WSDL.contains(change.0), "the example has no `{}`", change.0);
        let (routes, found) = loaded_with(MAPPING, &WSDL.replacen(change.0, change.1, 1));
        assert_eq!(found, expected);
        assert!(routes.is_empty());
    }
    check(
        ("<input message=\"r:In\"/>", ""),
        &[
            "69:5 wsdl/unsupported [<operation name=\"PersonQuery\">] the operation `PersonQuery` is left out: it has no input, and Portolan only asks",
        ],
    );
}

#[test]
fn one_way_operations_answer_nothing_but_faults() {
    const NO_BODY: &str = "map/unknown-path [body] nothing here is named `body` (the answer has no body that is known, as of a one-way operation: fill it from `original`, `context` and constants)";
    #[track_caller]
    fn check(response: &str, expected: &[&str]) {
        let wsdl = WSDL.replacen("<output message=\"r:Out\"/>", "", 1);
        let (request, _) = MAPPING.split_once("response:").unwrap();
        let rest = "faults: [ { when: \"fault.reason == 'FULL'\", status: UNAVAILABLE } ]\n\
                    tables: { reasons: { PURPOSE_BENEFIT: \"01\", PURPOSE_TAX: \"02\" } }\n";
        let (routes, found) = loaded_with(&format!("{request}response: {response}\n{rest}"), &wsdl);
        assert_eq!(found, expected);
        assert_eq!(routes.len(), usize::from(expected.is_empty()));
    }
    check("{}", &[]);
    check("{ body: { full_name: original.national_id } }", &[]);
    check("{ body: { full_name: body.name } }", &[&format!("28:32 {NO_BODY}")]);
    check("{ from: body, body: { full_name: { const: x } } }", &[&format!("28:19 {NO_BODY}")]);
}

#[test]
fn paths_are_known_on_both_sides() {
    check(
        ("PersonCode: national_id", "PersonCode: nationl_id"),
        &[
            "24:17 map/unknown-path [nationl_id] nothing here is named `nationl_id` (did you mean `national_id`?)",
        ],
    );
    check(
        ("AsOf: as_of", "AsOff: as_of"),
        &["25:5 map/unknown-path [AsOff] `body` has no field `AsOff` (did you mean `AsOf`?)"],
    );
    check(
        ("born: BirthDate", "born: Birthdate.year"),
        &["34:11 map/unknown-path [Birthdate] nothing here is named `Birthdate` (did you mean `BirthDate`?)"],
    );
    check(
        ("born: BirthDate", "born: BirthDate.year"),
        &[
            "34:21 map/unknown-path [year] `body.response.person.BirthDate` is a single value and has no field `year` (end the path before it; parts of a value are for functions)",
        ],
    );
    check(
        ("residence: { from: Address", "residence: { from: Addres"),
        &["35:24 map/unknown-path [Addres] nothing here is named `Addres` (did you mean `Address`?)"],
    );
    check(
        ("when: has(body.response.error)", "when: has(body.respons.error)"),
        &["30:24 map/unknown-path [respons] `body` has no field `respons` (did you mean `response`?)"],
    );
    check(
        ("  from: body.response.person\n", ""),
        &[
            "32:16 map/unknown-path [GivenName] nothing here is named `GivenName` (paths begin at a root, as `body.` does, or where `from:` says)",
            "32:41 map/unknown-path [Surname] nothing here is named `Surname` (paths begin at a root, as `body.` does, or where `from:` says)",
            "33:11 map/unknown-path [BirthDate] nothing here is named `BirthDate` (paths begin at a root, as `body.` does, or where `from:` says)",
            "34:24 map/unknown-path [Address] nothing here is named `Address` (paths begin at a root, as `body.` does, or where `from:` says)",
            "36:18 map/unknown-path [Children] nothing here is named `Children` (paths begin at a root, as `body.` does, or where `from:` says)",
            "41:23 map/unknown-path [Died] nothing here is named `Died` (paths begin at a root, as `body.` does, or where `from:` says)",
            "42:20 map/unknown-path [Status] nothing here is named `Status` (paths begin at a root, as `body.` does, or where `from:` says)",
            "44:12 map/unknown-path [Note] nothing here is named `Note` (paths begin at a root, as `body.` does, or where `from:` says)",
        ],
    );
    check(
        ("field: national_id", "field: nationalid"),
        &[
            "19:14 map/unknown-path [nationalid] the request has no field `nationalid` (did you mean `national_id`?)",
        ],
    );
    check(
        ("request: [ purpose ]", "request: [ purpos ]"),
        &["54:14 map/unknown-path [purpos] nothing here is named `purpos` (did you mean `purpose`?)"],
    );
    check(
        ("ignore: [ body.request ]", "ignore: [ body.reqest ]"),
        &["46:13 map/unknown-path [body.reqest] the source has no `body.reqest` (did you mean `request`?)"],
    );
    check(
        ("full_name: c.Name", "full_name: d.Name"),
        &["39:46 map/unknown-path [d] nothing here is named `d`"],
    );
    check(
        ("message: body.response.error", "message: context.rout"),
        &[
            "30:77 map/unknown-path [rout] `context` has no `rout` (did you mean `route`?) (it has message_id, route, caller, received, attempt, request_id)",
        ],
    );
}

#[test]
fn types_decide() {
    check(
        ("born: BirthDate", "born: GivenName"),
        &[
            "34:11 map/type [GivenName] `born` is a date, and this is text (convert it: date(GivenName), or date(GivenName, 'dd.MM.yyyy'))",
        ],
    );
    check(
        ("notes: Note", "notes: Note\n    dependants: Surname"),
        &[
            "46:17 map/type [Surname] `dependants` is a whole number, and this is text (convert it: integer(Surname))",
        ],
    );
    check(
        ("AsOf: as_of", "AsOf: national_id"),
        &[
            "25:11 map/type [national_id] `AsOf` is a date, and this is text (convert it: date(national_id), or date(national_id, 'dd.MM.yyyy'))",
        ],
    );
    check(
        ("born: BirthDate", "born: Address"),
        &[
            "34:11 map/type [Address] `body.response.person.Address` is a record, and a single value is wanted here (map its fields: { from: body.response.person.Address, map: { ... } })",
        ],
    );
    check(
        ("full_name: GivenName.trim() + ' ' + Surname.trim()", "full_name: GivenName + 7"),
        &["33:28 map/type [7] text is not joined with a whole number (convert it: string(7))"],
    );
    check(
        ("\"Status == 'A'\"", "Status == 1"),
        &[
            "43:19 map/type [Status == 1] text is not compared with a whole number (compare it with one of its values, in quotes)",
        ],
    );
    check(
        ("\"Status == 'A'\"", "\"Status == 'X'\""),
        &["43:30 map/never-fits ['X'] the contract has no value `X` here (its values are A, E, D)"],
    );
    check(
        ("const: ACTIVE }", "const: ACTIV }"),
        &[
            "43:43 map/never-fits [ACTIV] this never fits `status`: `ACTIV` is not one of its values: STATUS_UNSPECIFIED, ACTIVE, DECEASED, EMIGRATED (did you mean `ACTIVE`?)",
        ],
    );
    check(
        ("const: \"01\"", "const: 01"),
        &[
            "27:23 yaml/trap [01] YAML readers take `01` for a number, without its leading zeros or sign (put the code in quotes: { const: \"01\" })",
        ],
    );
    check(
        ("PersonCode: national_id", "PersonCode: \"'123456789012'\""),
        &[
            "24:18 map/never-fits ['123456789012'] this never fits `PersonCode`: `123456789012` has 12 characters, and at most 11 fit",
        ],
    );
    check(
        ("Reason: lookup('reasons', purpose)", "Reason: purpose"),
        &[
            "26:13 map/never-fits [purpose] this never fits `Reason`: none of its codes is known there (translate the codes by a table: lookup('table', purpose))",
        ],
    );
    check(
        ("PURPOSE_TAX: \"02\"", "PURPOSE_TAX: \"03\""),
        &["51:50 map/never-fits [\"03\"] this never fits `Reason`: `03` is not one of its values: 01, 02"],
    );
    check(
        ("eleven digits", "eleven digits\n    - { that: national_id, message: x }"),
        &[
            "21:15 map/type [national_id] a condition is true or false, and this is text (compare it: national_id != '')",
        ],
    );
}

#[test]
fn lists_and_choices_are_held_apart() {
    check(
        ("notes: Note", "email: Note"),
        &[
            "45:12 map/cardinality [Note] `body.response.person.Note` is a list, and a single value is wanted here (fill a list from it: { each: item in body.response.person.Note, map: ... })",
        ],
    );
    check(
        ("notes: Note", "notes: Surname"),
        &[
            "45:12 map/cardinality [Surname] `notes` is a list, and this is a single value (write it as a list of one item: [ Surname ])",
        ],
    );
    check(
        ("each: c in Children.Child", "each: c in Address"),
        &[
            "37:18 map/cardinality [Address] `body.response.person.Address` is a record, and a list is wanted here",
        ],
    );
    check(
        ("national_id: c.Code", "national_id: Children.Child.Code"),
        &[
            "39:42 map/cardinality [Code] `body.response.person.Children.Child` is a list, and a path leads into one record (name its items: { each: item in body.response.person.Children.Child, map: ... })",
        ],
    );
    check(
        ("notes: Note", "notes: Note\n    email: GivenName\n    phone: Surname"),
        &[
            "47:5 map/choice [phone] `email` and `phone` are alternatives, and both are filled (fill each of them in a case of its own)",
        ],
    );
    check(
        ("nil: skip", "nil: keep"),
        &[
            "37:7 map/type [each: c in Children.Child] `children` has no nil to keep (skip nil items, or refuse them: `nil: skip`, `nil: refuse`)",
        ],
    );
}

#[test]
fn nothing_is_forgotten() {
    check(
        ("    PersonCode: national_id\n", ""),
        &[
            "24:5 map/required-unmapped [AsOf: as_of] `body` needs `PersonCode` (the contract requires it: map it, or write { const: ... })",
        ],
    );
    check(
        ("serviceCode: { const: PersonQuery }, ", ""),
        &[
            "22:14 map/required-unmapped [{ serviceVersion: { const: v1 } }] `service` needs `serviceCode` (the contract requires it: map it, or write { const: ... })",
        ],
    );
    check(
        ("    born: BirthDate\n", ""),
        &[
            "28:1 warning map/source-unused [response] nothing reads these fields of `body.response.person`: BirthDate (map it, or say that it is not wanted: ignore: [ body.response.person.BirthDate ])",
        ],
    );
    check(
        ("  ignore: [ body.request ]\n", ""),
        &[
            "28:1 warning map/source-unused [response] nothing reads these fields of `body`: request (map it, or say that it is not wanted: ignore: [ body.request ])",
        ],
    );
    check(
        ("PURPOSE_BENEFIT: \"01\", ", ""),
        &[
            "26:13 map/uncovered [lookup('reasons', purpose)] table `reasons` has no row for PURPOSE_BENEFIT (add the rows, or say what any other code becomes: `default: ...`)",
        ],
    );
    check(
        ("E: EMIGRATED, ", ""),
        &[
            "44:25 map/uncovered [lookup('statuses', Status)] table `statuses` has no row for E (add the rows, or say what any other code becomes: `default: ...`)",
        ],
    );
    check(
        ("lookup('reasons', purpose)", "lookup('reason', purpose)"),
        &["26:20 map/unknown-table ['reason'] there is no table `reason` (did you mean `reasons`?)"],
    );
    check(
        ("full_name: c.Name", "full-name: c.Name, full_name: c.Code"),
        &[
            "39:54 map/duplicate-target [full_name] `full_name` is filled twice (leave one of them out; hyphens in names are underscores)",
        ],
    );
}

#[test]
fn rules_can_be_reached() {
    check(
        ("faults:\n", "faults:\n  - { when: true, status: INTERNAL }\n"),
        &[
            "49:5 map/unreachable [{ when: \"fault.detail.code == 'NOT_FOUND'\", status: NOT_FOUND, field: national_id }] this rule and what follows it are never reached (move the one that always holds to the end)",
        ],
    );
    check(
        (
            "- { when: has(Died), const: DECEASED }",
            "- { otherwise: \"lookup('statuses', Status)\" }\n        - { when: has(Died), const: DECEASED }",
        ),
        &[
            "43:11 map/unreachable [{ when: has(Died), const: DECEASED }] this case and what follows it are never reached (move the one that always holds to the end)",
        ],
    );
    check(
        ("faults:\n", "faults:\n  - { when: \"fault.detail.code == 'NOT_FOUND'\", status: INTERNAL }\n"),
        &[
            "49:13 warning map/unreachable [\"fault.detail.code == 'NOT_FOUND'\"] this condition stands before already, so this one is never reached (say what is meant here, or leave it out)",
        ],
    );
    check(
        (
            "- { when: has(Died), const: DECEASED }",
            "- { when: has(Died), const: DECEASED }\n        - { when: has(Died), const: ACTIVE }",
        ),
        &[
            "43:19 warning map/unreachable [has(Died)] this condition stands before already, so this one is never reached (say what is meant here, or leave it out)",
        ],
    );
    check(
        ("faults:\n", "faults:\n  - { status: INTERNAL }\n"),
        &[
            "49:5 map/unreachable [{ when: \"fault.detail.code == 'NOT_FOUND'\", status: NOT_FOUND, field: national_id }] this rule and what follows it are never reached (move the one that always holds to the end)",
        ],
    );
}

#[test]
fn methods_and_operations_fit_the_mode() {
    check(
        ("PopulationRegister/GetPerson", "PopulationRegister/GetPersn"),
        &[
            "5:13 route/unknown-method [civic.registry.v1.PopulationRegister/GetPersn] the contract has no method `civic.registry.v1.PopulationRegister/GetPersn` (did you mean `civic.registry.v1.PopulationRegister/GetPerson`?)",
        ],
    );
    check(
        ("PopulationRegister/GetPerson", "PopulationRegister/WatchPerson"),
        &[
            "5:13 route/streaming [civic.registry.v1.PopulationRegister/WatchPerson] `civic.registry.v1.PopulationRegister/WatchPerson` streams (routes serve unary methods only)",
        ],
    );
    check(
        ("operation: PersonQuery", "operation: PersonQery"),
        &[
            "10:16 route/unknown-operation [PersonQery] the WSDL has no operation `PersonQery` (did you mean `PersonQuery`?)",
        ],
    );
    check(
        ("mode: request-reply", "mode: operation"),
        &[
            "12:9 route/mode [operation] `civic.registry.v1.PopulationRegister/GetPerson` cannot be answered later (in mode operation a method returns google.longrunning.Operation and carries google.longrunning.operation_info)",
        ],
    );
    check(
        ("PopulationRegister/GetPerson", "PopulationRegister/ClaimBenefit"),
        &[
            "12:9 route/mode [request-reply] `civic.registry.v1.PopulationRegister/ClaimBenefit` returns an operation, and in mode request-reply the caller waits for the answer (write `mode: operation`)",
        ],
    );
    check(
        ("wsdl: register.wsdl", "wsdl: registry.wsdl"),
        &[
            "9:11 file/unreadable [registry.wsdl] `registry.wsdl` is not there (paths are relative to the folder of this file)",
        ],
    );
    check(
        ("wsdl: register.wsdl", "wsdl: register.wsdl\n    port: Other"),
        &[
            "10:11 route/unknown-operation [Other] no port `Other` offers `PersonQuery` (the ports are `Register/RegisterPort`)",
        ],
    );
    let operation = MAPPING.replace("mode: request-reply", "mode: operation");
    let (routes, found) = loaded(&operation.replace("/GetPerson", "/ClaimBenefit"));
    assert_eq!((routes.len(), found), (1, Vec::new()));
    let (_, found) = loaded(&operation.replace("/GetPerson", "/ForeignClaim"));
    assert_eq!(
        found,
        [
            "12:9 route/mode [operation] the operation's metadata is `civic.registry.v1.Person`, not `portolan.v1.OperationMetadata` (write metadata_type: \"portolan.v1.OperationMetadata\" in the method's operation_info)"
        ]
    );
}

/// The contracts of the example, read once.
fn contracts() -> (portolan_schema::Contract, portolan_schema::Contract) {
    let (mut routes, _) = loaded(MAPPING);
    let route = routes.remove(0);
    ((*route.source).clone(), (*route.target).clone())
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn a_mutilated_mapping_is_checked_or_refused(cuts in proptest::collection::vec((0usize..2400, 0usize..40, ".{0,6}"), 1..5)) {
        static CONTRACTS: std::sync::OnceLock<(portolan_schema::Contract, portolan_schema::Contract)> = std::sync::OnceLock::new();
        let (source, target) = CONTRACTS.get_or_init(contracts);
        let mut text: Vec<char> = MAPPING.chars().collect();
        for (at, length, inserted) in cuts {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, inserted.chars());
        }
        let mut sources = Sources::default();
        let id = sources.add("m.yaml", text.into_iter().collect::<String>());
        let parsed = crate::parse::parse(id, &sources);
        for route in parsed.value.map(|f| f.routes).unwrap_or_default() {
            let checked = super::check(&route, super::Contracts { source, target }, None, &Secrets::Unknown);
            for finding in checked.diagnostics {
                portolan_diagnostics::render(&finding, &sources, false);
            }
        }
    }
}

#[test]
fn groups_that_multiply_or_turn_in_circles_are_bounded() {
    let group =
        |i: usize| format!("  g{i}: {{ partner: {{ map: g{} }}, guardian: {{ map: g{} }} }}\n", i + 1, i + 1);
    let maps: String = (0..15).map(group).collect();
    let mapping = MAPPING.replace("    born: BirthDate\n", "    born: BirthDate\n    partner: { map: g0 }\n");
    let (routes, found) = loaded(&format!("{mapping}maps:\n{maps}  g15: {{ full_name: Surname }}\n"));
    assert!(routes.is_empty() && found.len() < 100, "{}", found.len());
    assert!(found.iter().any(|f| f.contains("a mapping has at most 20000 rules")), "{found:#?}");

    let (_, found) = loaded(&format!("{mapping}maps:\n  g0: {{ partner: {{ map: g0 }} }}\n"));
    assert_eq!(found, ["59:25 yaml/bad-value [g0] group `g0` leads back to itself"]);
}

#[test]
fn groups_are_used_where_they_are_named() {
    let mapping = MAPPING.replace("map: { street: Line1, city: \"nullif(City, '---')\" }", "map: address");
    let (routes, found) = loaded(&format!("{mapping}maps:\n  address: {{ street: Line1, city: City }}\n"));
    assert_eq!((routes.len(), found), (1, Vec::new()));
}

#[test]
fn standing_headers_fill_what_the_mapping_leaves_open() {
    let mut sources = Sources::default();
    let id = sources
        .add("portolan.yaml", "service: { serviceCode: { const: Standing }, serviceVersion: { const: v9 } }");
    let nodes = crate::yaml::read(id, &sources.get(id).unwrap().text.clone(), &mut Vec::new());
    let standing = crate::parse::standing_header(&nodes[0]).value.unwrap();
    let (source, target) = contracts();
    let contracts = super::Contracts { source: &source, target: &target };
    let mut route = route();
    let own = super::check(&route, contracts, Some(&standing), &Secrets::Unknown).value.unwrap();
    assert!(!format!("{:?}", own.request.write).contains("Standing"));
    route.request.header = None;
    let none = super::check(&route, contracts, Some(&standing), &Secrets::Unknown).value.unwrap();
    assert!(format!("{:?}", none.request.write).contains("Standing"));
}
