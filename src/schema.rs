//! JSON Schema (draft-07) of files, from what describes their keys: for editors, which complete and check what is typed.

use portolan_mapping::grammar::{Group, Value};
use serde_json::{Map, Value as Json, json};

/// What may stand for any value of a file, besides what its key says.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Also {
    /// Nothing.
    Nothing,
    /// `${env:NAME}`, for single values.
    Secrets,
    /// `~`, which takes a key away that another file has.
    Removals,
}

/// The schema of a file which has the keys of one of `groups`.
pub(crate) fn schema(title: &str, groups: &[&'static Group], also: Also) -> Json {
    let mut writer = Writer { also, definitions: Map::new() };
    let mut bodies: Vec<Json> = groups.iter().map(|group| writer.group(group)).collect();
    let body = if bodies.len() == 1 { bodies.remove(0) } else { json!({ "anyOf": bodies }) };
    let Json::Object(body) = body else { return Json::Null };
    let mut whole = Map::new();
    whole.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
    whole.insert("title".into(), title.into());
    whole.extend(body);
    if !writer.definitions.is_empty() {
        whole.insert("definitions".into(), writer.definitions.into());
    }
    whole.into()
}

struct Writer {
    also: Also,
    /// What has a name, by it.
    definitions: Map<String, Json>,
}

impl Writer {
    fn group(&mut self, group: &'static Group) -> Json {
        let mut properties = Map::new();
        for key in group.keys {
            let value = self.value(&key.value);
            let value = self.removable(value);
            properties.insert(key.name.to_owned(), described(value, key.doc));
        }
        let required: Vec<&str> = group.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if let (Some(schema), false) = (schema.as_object_mut(), required.is_empty()) {
            schema.insert("required".into(), json!(required));
        }
        schema
    }

    fn removable(&self, value: Json) -> Json {
        match self.also {
            Also::Removals => json!({ "anyOf": [value, { "type": "null" }] }),
            _ => value,
        }
    }

    fn value(&mut self, value: &'static Value) -> Json {
        let single = match value {
            Value::Text | Value::Expression => return json!({ "type": ["string", "number", "boolean"] }),
            Value::Word(words) => {
                json!({ "enum": words.iter().flat_map(|word| read(word)).collect::<Vec<_>>() })
            }
            Value::Boolean => json!({ "type": "boolean" }),
            Value::Duration => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
            Value::Bytes => json!({ "type": ["string", "integer"], "pattern": "^[0-9]+(KiB|MiB)?$" }),
            Value::Whole(least, u64::MAX) => json!({ "type": "integer", "minimum": least }),
            Value::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Value::Number(least, most) => json!({ "type": "number", "minimum": least, "maximum": most }),
            Value::List(item) => return json!({ "type": "array", "items": self.value(item) }),
            Value::OneOrMore(item) => {
                return json!({ "type": "array", "items": self.value(item), "minItems": 1 });
            }
            Value::Named(of) => {
                let of = self.value(of);
                return json!({ "type": "object", "additionalProperties": self.removable(of) });
            }
            Value::Fields(of, but) => {
                let others: Vec<Json> = but.iter().map(|key| json!({ "required": [key] })).collect();
                return json!({
                    "type": "object",
                    "additionalProperties": self.value(of),
                    "not": { "anyOf": others },
                });
            }
            Value::Group(group) => return self.group(group),
            Value::Either(values) => {
                let either: Vec<Json> = values.iter().map(|value| self.value(value)).collect();
                return json!({ "anyOf": either });
            }
            Value::Called(name, value) => {
                if !self.definitions.contains_key(*name) {
                    // Holds the place, because it may hold itself.
                    self.definitions.insert((*name).to_owned(), Json::Null);
                    let definition = self.value(value());
                    self.definitions.insert((*name).to_owned(), definition);
                }
                return json!({ "$ref": format!("#/definitions/{name}") });
            }
        };
        match self.also == Also::Secrets {
            true => json!({ "anyOf": [single, { "type": "string", "pattern": "\\$\\{(env|file):" }] }),
            false => single,
        }
    }
}

/// A schema with what is said of it. Beside `$ref`, draft-07 reads nothing.
fn described(schema: Json, doc: &str) -> Json {
    let mut described = Map::new();
    described.insert("description".into(), doc.into());
    match schema {
        Json::Object(schema) if !schema.contains_key("$ref") => described.extend(schema),
        other => {
            described.insert("allOf".into(), json!([other]));
        }
    }
    described.into()
}

/// What readers of YAML may make of a word.
fn read(word: &str) -> Vec<Json> {
    match word {
        "true" => vec![json!(true), json!(word)],
        "off" => vec![json!(word), json!(false)],
        "null" => vec![json!(word), Json::Null],
        _ => vec![json!(word)],
    }
}
