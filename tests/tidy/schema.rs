//! The JSON Schemas, and the page of keys that is made of them: every key of a schema is one that the parser takes, and what
//! the repository holds of mappings and configurations is valid by them.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value, json};

/// Each kind of file: the word for `portolan schema`, the schema's path, and the heading of its keys.
const KINDS: &[(&str, &str, &str)] = &[
    ("mapping", "docs/reference/mapping.schema.json", "Mapping files"),
    ("layout", "docs/reference/layout.schema.json", "Layouts"),
    ("calendar", "docs/reference/calendar.schema.json", "Calendars"),
    ("configuration", "docs/reference/portolan.schema.json", "portolan.yaml"),
];

/// The schemas and the page of keys.
pub(super) fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = Vec::new();
    let mut keys = String::from(
        "# Keys\n\nEvery key of every kind of file. Made from the JSON Schemas beside this page, which `portolan schema` prints: an editor \
         completes and checks with them. In a file that stands beside a copy,\n\n\
         ```yaml\n# yaml-language-server: $schema=mapping.schema.json\n```\n\n\
         `a.b` is the key `b` of the group at `a`; `[]` are the items of a list, `*` any name; **bold** keys must be there.\n",
    );
    for (kind, path, heading) in KINDS {
        let text = printed(kind);
        let _ = write!(keys, "\n## {heading}\n\n| key | value | meaning |\n| --- | --- | --- |\n");
        let schema: Value = serde_json::from_str(&text).unwrap();
        let mut rows = Rows { told: Vec::new(), text: &mut keys };
        rows.alternatives(&schema, "");
        for (name, definition) in schema["definitions"].as_object().into_iter().flatten() {
            let _ = write!(rows.text, "\n### A {name}\n\n| key | value | meaning |\n| --- | --- | --- |\n");
            rows.alternatives(definition, "");
        }
        pages.push(((*path).into(), text));
    }
    pages.push(("docs/reference/keys.md".into(), keys));
    pages
}

fn printed(kind: &str) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_portolan")).args(["schema", kind]).output().expect("portolan runs");
    String::from_utf8(output.stdout).unwrap()
}

/// The rows of a table of keys.
struct Rows<'a> {
    told: Vec<String>,
    text: &'a mut String,
}

impl Rows<'_> {
    fn group(&mut self, group: &Value, path: &str) {
        for (name, key) in group["properties"].as_object().into_iter().flatten() {
            let required = group["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let shown = if required { format!("**`{path}`**") } else { format!("`{path}`") };
            let row = format!(
                "| {shown} | {} | {} |\n",
                self.value(key).replace('|', "\\|"),
                key["description"].as_str().unwrap_or_default().replace('|', "\\|")
            );
            if !self.told.contains(&row) {
                self.text.push_str(&row);
                self.told.push(row);
            }
            self.alternatives(key, &path);
        }
    }

    /// The keys of the groups that may stand at a place.
    fn alternatives(&mut self, value: &Value, path: &str) {
        self.group(value, path);
        for one in ["anyOf", "allOf"].iter().filter_map(|all| value[*all].as_array()).flatten() {
            self.alternatives(one, path);
        }
        if value["items"].is_object() {
            self.alternatives(&value["items"], &format!("{path}[]"));
        }
        if value["additionalProperties"].is_object() {
            self.alternatives(&value["additionalProperties"], &format!("{path}.*"));
        }
    }

    /// What may stand at a key, in a few words.
    fn value(&self, value: &Value) -> String {
        if let Some(name) = value["$ref"].as_str().or_else(|| value.pointer("/allOf/0/$ref")?.as_str()) {
            return format!("a {}", name.rsplit('/').next().unwrap_or_default());
        }
        if let Some(all) = value["anyOf"].as_array() {
            let secret =
                |one: &&Value| one["pattern"].as_str().is_some_and(|pattern| pattern.contains("env|file"));
            let said = |one: &&Value| !secret(one) && one["type"] != "null";
            let mut words: Vec<_> = all.iter().filter(said).map(|one| self.value(one)).collect();
            words.dedup();
            return words.join(", or ");
        }
        if let Some(words) = value["enum"].as_array() {
            let words: Vec<_> =
                words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
            return words.join(", ");
        }
        let bound = |key: &str| value[key].as_f64().map(|bound| bound.to_string());
        match value["type"].as_str() {
            Some("boolean") => "`true`, `false`".to_owned(),
            Some("integer" | "number") => match (bound("minimum"), bound("maximum")) {
                (Some(least), Some(most)) => format!("a number from {least} to {most}"),
                _ => "a whole number".to_owned(),
            },
            Some("string") => "a time: `10s`".to_owned(),
            Some("array") => format!("a list of: {}", self.value(&value["items"])),
            Some("object") if value["additionalProperties"].is_object() => {
                format!("by name: {}", self.value(&value["additionalProperties"]))
            }
            Some("object") => "a group".to_owned(),
            _ if value["pattern"].is_string() => "bytes: `64KiB`".to_owned(),
            _ => "text".to_owned(),
        }
    }
}

/// A mapping that names a calendar.
const WITH_CALENDAR: &str = "
route: r
source: { grpc: { proto: p.proto, method: p.S/M } }
target: { soap: { system: s, wsdl: w.wsdl, operation: O } }
request: {}
response: {}
calendars: { c: calendar.yaml }
";

#[test]
fn every_key_of_a_schema_is_taken() {
    let kinds = [
        ("mapping", "m.yaml"),
        ("layout", "l.yaml"),
        ("calendar", "calendar.yaml"),
        ("configuration", "portolan.yaml"),
    ];
    for (kind, name) in kinds {
        let schema: Value = serde_json::from_str(&printed(kind)).unwrap();
        for variant in 0..16 {
            let folder = tempfile::tempdir().unwrap();
            let sample = Sample { schema: &schema, variant }.of(&schema, "", 0);
            std::fs::write(folder.path().join(name), sample.to_string()).unwrap();
            if kind == "calendar" {
                // Calendars are read where a mapping names them.
                std::fs::write(folder.path().join("m.yaml"), WITH_CALENDAR).unwrap();
            }
            let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
            command.args(["check", "--format", "json"]).current_dir(folder.path());
            match kind {
                "mapping" | "calendar" => command.arg("m.yaml"),
                "layout" => command.arg("l.yaml"),
                _ => command.args(["--config", name]),
            };
            let output = command.output().expect("portolan runs");
            let found: Value = serde_json::from_slice(&output.stdout).unwrap();
            let found = found.pointer("/error/findings").unwrap_or(&found);
            let about_keys = |finding: &&Value| {
                matches!(
                    finding["code"].as_str(),
                    Some("yaml/unknown-key" | "yaml/missing-key" | "yaml/syntax")
                )
            };
            let wrong: Vec<_> = found.as_array().unwrap().iter().filter(about_keys).collect();
            assert!(wrong.is_empty(), "{kind}: {wrong:#?} in {sample:#}");
        }
    }
}

/// A file with every key of a schema; where there are alternatives, one of them.
struct Sample<'a> {
    schema: &'a Value,
    variant: usize,
}

impl Sample<'_> {
    fn of(&self, value: &Value, name: &str, depth: usize) -> Value {
        if let Some(target) = value["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
            return self.of(self.schema.pointer(target).unwrap(), name, depth + 1);
        }
        if let Some(all) = value["anyOf"].as_array().or_else(|| value["allOf"].as_array()) {
            let all: Vec<&Value> = all.iter().filter(|one| one["type"] != "null").collect();
            let chosen = match depth {
                // What the file is, apart from what is chosen within it.
                0 => self.variant / 8 % all.len(),
                1..=6 => self.variant % all.len(),
                _ => 0,
            };
            return self.of(all[chosen], name, depth + usize::from(all.len() > 1));
        }
        if let Some(words) = value["enum"].as_array() {
            return words[0].clone();
        }
        match value["type"].as_str() {
            Some("object") => {
                let keys = value["properties"].as_object().into_iter().flatten();
                let mut sample: Map<String, Value> =
                    keys.map(|(key, value)| (key.clone(), self.of(value, key, depth + 1))).collect();
                if let Some(url) = sample.get_mut("url") {
                    // The scheme decides which of the keys belong to it.
                    *url = json!(if name == "ledger" {
                        "postgres://db.example/x"
                    } else {
                        "amqps://mq.example/x"
                    });
                }
                // What may hold itself ends somewhere.
                if value["additionalProperties"].is_object() && depth < 12 {
                    sample
                        .insert("any".to_owned(), self.of(&value["additionalProperties"], "any", depth + 1));
                }
                sample.into()
            }
            Some("array") => json!([self.of(&value["items"], name, depth + 1)]),
            Some("boolean") => json!(true),
            Some("integer" | "number") => value["minimum"].clone(),
            Some(_) => json!("10s"),
            None if value["pattern"].is_string() => json!("64KiB"),
            None => json!("text"),
        }
    }
}

#[test]
fn what_the_repository_holds_is_valid() {
    let root = super::root();
    let (mut mappings, mut layouts) = (Vec::new(), Vec::new());
    let (mut calendars, mut configurations) = (Vec::new(), Vec::new());
    for folder in [
        "mappings",
        "tests",
        "docs/errors/example",
        "core/mapping/src/check/examples",
        "core/mapping/tests/calendars",
        "deployments",
    ] {
        walk(&root.join(folder), &mut |path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let has = |key: &str| text.lines().any(|line| line.starts_with(key));
            if has("request:") && has("target:") {
                mappings.push(path.to_owned());
            } else if has("layout:") {
                layouts.push(path.to_owned());
            } else if has("calendar:") {
                calendars.push(path.to_owned());
            } else if has("routes:") {
                configurations.push(path.to_owned());
            }
        });
    }
    assert!(mappings.len() >= 8 && configurations.len() >= 3, "{mappings:#?} {configurations:#?}");
    assert!(calendars.len() >= 2, "{calendars:#?}");
    assert!(layouts.len() >= 10, "{layouts:#?}");
    for ((_, schema, _), files) in KINDS.iter().zip([mappings, layouts, calendars, configurations]) {
        let output = Command::new(root.join(".venv/bin/python"))
            .arg(root.join("tests/peers/python/validate.py"))
            .arg(root.join(schema))
            .args(files)
            .output()
            .expect("tests/install made .venv");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{schema}: {said}");
    }
}

#[test]
fn examples_name_their_schema() {
    let root = super::root();
    let mut bare = Vec::new();
    for folder in
        ["mappings", "deployments", "tests", "docs/errors/example", "core/mapping/src/check/examples"]
    {
        walk(&root.join(folder), &mut |path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let is = |key: &str| text.lines().any(|line| line.starts_with(key));
            let schema = text.lines().find_map(|line| line.strip_prefix("# yaml-language-server: $schema="));
            let named = schema.is_some_and(|schema| path.parent().unwrap().join(schema).is_file());
            if (is("route:") || is("routes:")) && !named {
                bare.push(path.to_owned());
            }
        });
    }
    assert!(bare.is_empty(), "these files name no schema that is there: {bare:#?}");
}

/// The YAML files below a folder.
fn walk(folder: &Path, found: &mut dyn FnMut(&Path)) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                walk(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "yaml") {
            found(&path);
        }
    }
}
