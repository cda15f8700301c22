//! What functions ask by name: secrets of the configuration, and calendars of the mapping.

use portolan_mapping::{
    load::Standing,
    secret::{Key, Secrets},
};

use super::{In, MAPPING, compiled_of, compiled_with, files, requested};

#[test]
fn keyed_hashes() {
    let mapping = MAPPING
        .replace("POLICY", "skip")
        .replace("Owner: owner", "Owner: hex(owner.hmac_sha256('pseudonyms'))");
    let with = |secrets: Secrets| {
        let route = compiled_with(&mapping, &Standing { secrets, ..Standing::default() });
        requested(&route, &In { owner: "Hi".to_owned(), ..In::default() }).unwrap_or_else(|e| e.to_string())
    };
    let key = Key::new(b"Jefe").unwrap();
    assert_eq!(
        with(Secrets::Known([("pseudonyms".into(), key)].into())),
        "<Owner>6ce22e57421d623cfb5c5f238fd63dc3e6d5d1ed2a6de72e75b79a0a24b45ad8</Owner>"
    );
    assert_eq!(
        with(Secrets::Unknown),
        "`body.owner` to `body.Owner`: the secret `pseudonyms` is not at hand: it stands under `secrets:` in portolan.yaml, or is given by --secret"
    );
}

#[test]
fn a_calendar_that_has_ended_does_not_answer() {
    let calendar = "calendar: c\nfrom: 2026-01-01\nto: 2026-12-31\nholidays: [ 12-25 ]";
    let rule = "Owner: string(add_business_days(date(owner), 1, 'banks'))";
    let mapping = MAPPING.replace("POLICY", "skip").replace("Owner: owner", rule);
    let mapping = mapping.replace("tables:\n", "calendars: { banks: c.yaml }\ntables:\n");
    let files = files(&mapping).with("c.yaml", calendar);
    let route = compiled_of(&files, &Standing::default());
    for (day, expected) in [
        ("2026-12-24", "<Owner>2026-12-28</Owner>"),
        (
            "2026-12-31",
            "`body.owner` to `body.Owner`: the calendar `banks` knows the days from 2026-01-01 to 2026-12-31 only; extend its file",
        ),
        (
            "2027-01-04",
            "`body.owner` to `body.Owner`: the calendar `banks` knows the days from 2026-01-01 to 2026-12-31 only; extend its file",
        ),
    ] {
        let message = In { owner: day.to_owned(), ..In::default() };
        let found = requested(&route, &message).unwrap_or_else(|error| error.to_string());
        assert_eq!(found, expected, "{day}");
    }
}
