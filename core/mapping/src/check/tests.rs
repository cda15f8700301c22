use portolan_diagnostics::{Rendered, Severity, Sources};
use portolan_schema::Memory;

use crate::load::{LoadedRoute, Standing, load};

const MAPPING: &str = include_str!("examples/registry.yaml");

fn loaded(mapping: &str) -> (Vec<LoadedRoute>, Vec<String>) {
    let files = Memory::default()
        .with("m.yaml", mapping)
        .with("registry.proto", include_str!("examples/registry.proto"))
        .with("register.wsdl", include_str!("examples/register.wsdl"));
    let mut sources = Sources::default();
    let checked = load("m.yaml", &files, &mut sources, &Standing::default());
    let shown = checked.diagnostics.iter().filter(|d| d.severity != Severity::Note).map(|d| {
        let r = Rendered::new(d, &sources);
        let (line, column) = r.position.map_or((0, 0), |p| (p.line, p.column));
        let text = sources.get(d.labels[0].span.source).map(|s| s.text.clone()).unwrap_or_default();
        let span = d.labels[0].span;
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

#[test]
fn the_example_of_the_language_is_clean() {
    let (routes, found) = loaded(MAPPING);
    assert_eq!(found, [] as [&str; 0]);
    assert_eq!(routes.len(), 1);
}
