//! Records as lines of JSON: `{"_record":"batch.entry","code":27,"amount":100.00}`. Numbers have all their digits.

use super::values::Sink;
use crate::{Value, lexical};

/// Writes the values of a record.
#[derive(Debug, Default)]
pub struct JsonLine {
    /// The line so far.
    pub out: Vec<u8>,
    /// Whether something stands before in each group or list that is open.
    comma: Vec<bool>,
}

impl JsonLine {
    /// Begins a line.
    pub fn begin(&mut self) {
        self.out.clear();
        self.comma.clear();
        self.out.push(b'{');
        self.comma.push(false);
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.out.extend_from_slice(b"}\n");
    }

    /// A member that is a text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        string(text, &mut self.out);
    }

    /// A member that is a whole number.
    pub fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        self.out.extend_from_slice(number.to_string().as_bytes());
    }

    /// Puts a member before those that begin at `start`, of which there may be none.
    pub(super) fn put_first(&mut self, start: usize, member: String) {
        let mut member = member.into_bytes();
        if self.out.len() > start {
            member.push(b',');
        }
        self.out.splice(start..start, member);
        if let Some(comma) = self.comma.first_mut() {
            *comma = true;
        }
    }

    fn separate(&mut self) {
        if let Some(comma) = self.comma.last_mut() {
            if *comma {
                self.out.push(b',');
            }
            *comma = true;
        }
    }

    fn name(&mut self, name: &str) {
        self.separate();
        string(name, &mut self.out);
        self.out.push(b':');
    }

    fn push(&mut self, value: Value<'_>, single: bool) {
        let out = &mut self.out;
        match value {
            Value::Absent | Value::Nil => out.extend_from_slice(b"null"),
            Value::Text(text) => string(text, out),
            Value::Bytes(bytes) => {
                out.push(b'"');
                for byte in bytes {
                    out.push(HEX[usize::from(byte >> 4)]);
                    out.push(HEX[usize::from(byte & 15)]);
                }
                out.push(b'"');
            }
            Value::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Value::Integer(value) => {
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            Value::Decimal(value) => value.write(out),
            Value::Double(value) if !value.is_finite() => string(&value.to_string(), out),
            Value::Double(value) => {
                // As few digits as mean the same number; IBM's four bytes reach beyond those of IEEE.
                let narrow = value as f32;
                let single = single && f64::from(narrow) == value;
                let written = if single { format!("{narrow:?}") } else { format!("{value:?}") };
                out.extend_from_slice(written.as_bytes());
            }
            value => {
                out.push(b'"');
                // Dates and times have a lexical form.
                let _ = lexical::write_any(value, out);
                out.push(b'"');
            }
        }
    }
}

/// A value that is no text as it stands in a line, without quotes; whether it needs none.
pub(super) fn plain(value: Value<'_>) -> (bool, Vec<u8>) {
    let mut line = JsonLine::default();
    line.push(value, false);
    let quoted = line.out.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    match quoted {
        Some(quoted) => (false, quoted.to_vec()),
        None => (true, line.out),
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A JSON string (RFC 8259, section 7).
fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..0x20 => &[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]],
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[from..at]);
        out.extend_from_slice(escape);
        from = at + 1;
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
    out.push(b'"');
}

impl Sink for JsonLine {
    fn value(&mut self, name: &str, value: Value<'_>, single: bool) {
        self.name(name);
        self.push(value, single);
    }

    fn group(&mut self, name: Option<&str>) {
        match name {
            Some(name) => self.name(name),
            None => self.separate(),
        }
        self.out.push(b'{');
        self.comma.push(false);
    }

    fn group_end(&mut self) {
        self.comma.pop();
        self.out.push(b'}');
    }

    fn list(&mut self, name: &str) {
        self.name(name);
        self.out.push(b'[');
        self.comma.push(false);
    }

    fn item(&mut self, value: Value<'_>, single: bool) {
        self.separate();
        self.push(value, single);
    }

    fn list_end(&mut self) {
        self.comma.pop();
        self.out.push(b']');
    }
}
