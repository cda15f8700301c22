//! A line of JSON, taken apart with the digits of its numbers as they are written.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// How deep groups and lists may nest.
const DEPTH: usize = 32;

/// A value of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    /// `null`.
    Null,
    /// A number or a word, as it is written.
    Bare(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Given>),
    /// A group.
    Group(BTreeMap<String, Given>),
}

impl Given {
    /// A line; the error says where it is no JSON.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let raw: &RawValue = serde_json::from_str(line)
            .map_err(|error| format!("it is no JSON: column {}", error.column()))?;
        Self::of(raw, DEPTH)
    }

    fn of(raw: &RawValue, depth: usize) -> Result<Self, String> {
        let depth = depth.checked_sub(1).ok_or("it nests too deep")?;
        let text = raw.get();
        let none = |error: serde_json::Error| match error.to_string() {
            twice if twice.contains(TWICE) => twice.split(" at line").next().unwrap_or_default().to_owned(),
            _ => "it is no JSON".to_owned(),
        };
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text).map_err(none)?;
                let members = members.into_iter().map(|(name, raw)| Ok((name, Self::of(raw, depth)?)));
                Self::Group(members.collect::<Result<_, String>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(none)?;
                Self::List(items.into_iter().map(|raw| Self::of(raw, depth)).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::Text(serde_json::from_str(text).map_err(none)?),
            Some(b'n') => Self::Null,
            _ => Self::Bare(text.to_owned()),
        })
    }

    /// What to call it in a message.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bare(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Group(_) => "a group",
        }
    }
}

const TWICE: &str = "stands there twice";

/// The members of a group, each of them once.
struct Members<'r>(BTreeMap<String, &'r RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a group")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("`{name}` {TWICE}")));
                    }
                    members.insert(name, value);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Once)
    }
}
