//! Dependencies point one way: what a crate may see of its neighbours.

use std::{collections::BTreeMap, process::Command};

/// For each crate, the neighbours that it may depend on.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("diagnostics", &[]),
    ("syntax", &["diagnostics"]),
    ("schema", &["diagnostics", "syntax"]),
    ("formats", &["diagnostics", "syntax", "schema"]),
    ("mapping", &["diagnostics", "syntax", "schema", "formats"]),
    ("delivery", &["diagnostics", "schema"]),
    ("engine", &["diagnostics", "schema", "formats", "mapping", "delivery"]),
    ("grpc", ADAPTER),
    ("soap", ADAPTER),
    ("batch", ADAPTER),
    ("sqlite", ADAPTER),
    ("postgres", ADAPTER),
    ("rabbitmq", ADAPTER),
    ("console", ADAPTER),
    ("tls", &[]),
    ("bench", &["grpc", "test-servers"]),
    ("test-servers", &[]),
];

/// Adapters see the ports, formats and schemas, and the client's side of TLS, which is none; never the engine, never the mapping,
/// never each other.
const ADAPTER: &[&str] = &["diagnostics", "schema", "formats", "delivery", "tls"];

/// Crates that would bring I/O, a runtime or a clock into the pure core.
const NOT_IN_THE_CORE: &[&str] =
    &["tokio", "hyper", "tonic", "rusqlite", "tokio-postgres", "rustls", "tracing"];

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    for (name, needs) in &packages {
        let Some(name) = name.strip_prefix("portolan-") else { continue };
        let (_, allowed) = MAY_SEE
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("say in tests/tidy/dependencies.rs what portolan-{name} may see"));
        for seen in needs.iter().filter_map(|n| n.strip_prefix("portolan-")) {
            assert!(allowed.contains(&seen), "portolan-{name} may not depend on portolan-{seen}");
        }
    }
}

#[test]
fn the_core_is_pure() {
    for (name, needs) in packages() {
        let pure = ["diagnostics", "syntax", "schema", "formats", "mapping", "delivery"];
        if name.strip_prefix("portolan-").is_some_and(|n| pure.contains(&n)) {
            for need in needs {
                assert!(
                    !NOT_IN_THE_CORE.contains(&need.as_str()),
                    "{name} is pure and may not depend on {need}"
                );
            }
        }
    }
}

/// Each package of the workspace with its ordinary dependencies (optional ones, as for test suites, left out).
fn packages() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(super::root())
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    assert!(packages.len() > 8, "cargo metadata lists the workspace");
    packages
        .iter()
        .map(|package| {
            let needs = package["dependencies"].as_array().cloned().unwrap_or_default();
            let ordinary = needs.iter().filter(|d| d["kind"].is_null() && d["optional"] == false);
            (text(&package["name"]), ordinary.map(|d| text(&d["name"])).collect())
        })
        .collect()
}
