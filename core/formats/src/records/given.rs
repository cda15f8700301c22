//! A line of JSON, taken apart with the digits of its numbers as they are written.

use std::collections::BTreeMap;

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
        Self::of(raw, DEPTH).ok_or_else(|| "it is no JSON, or nests too deep".to_owned())
    }

    fn of(raw: &RawValue, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let text = raw.get();
        Some(match text.as_bytes().first()? {
            b'{' => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
                let members = members.into_iter().map(|(name, raw)| Some((name, Self::of(raw, depth)?)));
                Self::Group(members.collect::<Option<_>>()?)
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::List(items.into_iter().map(|raw| Self::of(raw, depth)).collect::<Option<_>>()?)
            }
            b'"' => Self::Text(serde_json::from_str(text).ok()?),
            b'n' => Self::Null,
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
