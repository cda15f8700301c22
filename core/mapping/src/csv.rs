//! Tables in files of their own: comma-separated values (RFC 4180) with a header, as spreadsheets and code lists come. The
//! separator is the comma, the semicolon or the tab, whichever the header has first.

use std::{collections::HashMap, ops::Range, sync::Arc};

use portolan_diagnostics::{Code, Diagnostic, SourceId, Span};

use crate::{
    file::{Placed, TableFile},
    ir::{Constant, RowPlace},
};

/// How many rows a table may have.
const MAX_ROWS: usize = 1_000_000;

/// The rows of a table, and where each stands.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) rows: HashMap<Arc<str>, Constant>,
    pub(crate) places: HashMap<Arc<str>, RowPlace>,
}

/// Reads the rows of a table; nothing where there are findings. All of its values are text, so that `01` stays what it is.
pub(crate) fn read(
    id: SourceId,
    text: &str,
    file: &TableFile,
    findings: &mut Vec<Diagnostic>,
) -> Option<Rows> {
    let mut records = Records::new(text);
    let invalid = |message: String, at: Range<usize>| {
        Diagnostic::error(Code::TABLE_INVALID, message).at(Span::new(id, at), "")
    };
    let header = match records.next() {
        Some(Ok(header)) => header,
        Some(Err(fault)) => {
            findings.push(invalid(fault.message.to_owned(), fault.at));
            return None;
        }
        None => {
            findings.push(invalid("the table is empty: its first line names the columns".to_owned(), 0..0));
            return None;
        }
    };
    let key = column(&header, file.key.as_ref(), 0, file, findings)?;
    let value = column(&header, file.value.as_ref(), 1, file, findings)?;
    let (mut table, known) = (Rows::default(), findings.len());
    for record in records {
        let record = match record {
            Ok(record) => record,
            Err(fault) => {
                findings.push(invalid(fault.message.to_owned(), fault.at));
                return None;
            }
        };
        let columns = (record.get(key), record.get(value));
        let (Some(key), Some(value), true) = (columns.0, columns.1, record.len() == header.len()) else {
            let at = record.first().map_or(0..0, |first| first.place.start..last_of(&record));
            let message = format!("this line has {} columns, and the header {}", record.len(), header.len());
            let quoted = "a value that holds the separator stands in quotes: \"Tallinn, linn\"";
            let finding = invalid(message, at);
            findings.push(if record.len() > header.len() { finding.help(quoted) } else { finding });
            continue;
        };
        let place =
            RowPlace { key: Span::new(id, key.place.clone()), value: Span::new(id, value.place.clone()) };
        let name: Arc<str> = key.text.as_str().into();
        if let Some(first) = table.places.get(&name) {
            let finding = Diagnostic::error(Code::TABLE_INVALID, "this key has a row already");
            findings.push(finding.at(place.key, "").at(first.key, "first here"));
            continue;
        }
        table.rows.insert(name.clone(), Constant::Text(value.text.as_str().into()));
        table.places.insert(name, place);
        if table.rows.len() > MAX_ROWS {
            findings.push(invalid(format!("a table has at most {MAX_ROWS} rows"), 0..0));
            return None;
        }
    }
    (findings.len() == known).then_some(table)
}

/// The column of a name; without one, that of the only two.
fn column(
    header: &[Field],
    named: Option<&Placed<String>>,
    otherwise: usize,
    file: &TableFile,
    findings: &mut Vec<Diagnostic>,
) -> Option<usize> {
    let names = || header.iter().map(|field| field.text.trim());
    match named {
        Some(named) => {
            let found = names().position(|name| name == named.value);
            if found.is_none() {
                let message = format!("`{}` has no column `{}`", file.file.value, named.value);
                let finding = Diagnostic::error(Code::TABLE_INVALID, message).at(named.span, "");
                let all = names().collect::<Vec<_>>().join(", ");
                findings
                    .push(finding.did_you_mean(&named.value, names()).help(format!("its columns are {all}")));
            }
            found
        }
        None if header.len() == 2 => Some(otherwise),
        None => {
            let message = format!("`{}` has {} columns", file.file.value, header.len());
            let finding = Diagnostic::error(Code::TABLE_INVALID, message).at(file.file.span, "");
            let all = names().collect::<Vec<_>>().join(", ");
            findings.push(finding.help(format!("say which: `key: ...` and `value: ...`, of {all}")));
            None
        }
    }
}

fn last_of(record: &[Field]) -> usize {
    record.last().map_or(0, |last| last.place.end)
}

/// A field, and where it stands without its quotes.
struct Field {
    text: String,
    place: Range<usize>,
}

struct Fault {
    message: &'static str,
    at: Range<usize>,
}

/// The records of a file; lines without anything are passed over.
struct Records<'t> {
    text: &'t str,
    at: usize,
    separator: u8,
}

impl<'t> Records<'t> {
    fn new(text: &'t str) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let header = text.get(at..).unwrap_or_default().lines().next().unwrap_or_default();
        let separator = header.bytes().find(|byte| b",;\t".contains(byte)).unwrap_or(b',');
        Self { text, at, separator }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over the end of a line, if it is here.
    fn line_end(&mut self) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = match rest {
            [b'\r', b'\n', ..] => 2,
            [b'\n' | b'\r', ..] => 1,
            _ => 0,
        };
        self.at += length;
        length > 0
    }

    fn field(&mut self) -> Result<Field, Fault> {
        if self.byte() == Some(b'"') {
            return self.quoted();
        }
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| *byte == self.separator || matches!(byte, b'\r' | b'\n');
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        let place = self.at..self.at + length;
        self.at = place.end;
        Ok(Field { text: self.text.get(place.clone()).unwrap_or_default().to_owned(), place })
    }

    fn quoted(&mut self) -> Result<Field, Fault> {
        let open = self.at;
        let mut text = String::new();
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(quote) = rest.find('"') else {
                return Err(Fault { message: "this quote is never closed", at: open..open + 1 });
            };
            text.push_str(rest.get(..quote).unwrap_or_default());
            self.at += quote + 1;
            if self.byte() != Some(b'"') {
                break;
            }
            text.push('"');
            self.at += 1;
        }
        match self.byte() {
            None | Some(b'\r' | b'\n') => {}
            Some(byte) if byte == self.separator => {}
            Some(_) => {
                let message = "something follows the closing quote; a quote within quotes is written twice";
                return Err(Fault { message, at: self.at - 1..self.at });
            }
        }
        Ok(Field { text, place: open + 1..self.at - 1 })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Vec<Field>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.line_end() {}
        self.byte()?;
        let mut record = Vec::new();
        loop {
            match self.field() {
                Ok(field) => record.push(field),
                Err(fault) => return Some(Err(fault)),
            }
            if self.byte() != Some(self.separator) {
                self.line_end();
                return Some(Ok(record));
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<Result<Vec<String>, &'static str>> {
        // After a fault nothing is read on.
        let mut done = false;
        let until_fault =
            Records::new(text).take_while(|record| !std::mem::replace(&mut done, record.is_err()));
        let fields = |record: Vec<Field>| record.into_iter().map(|field| field.text).collect();
        until_fault.map(|record| record.map(fields).map_err(|fault| fault.message)).collect()
    }

    #[test]
    fn what_spreadsheets_write() {
        let check = |text: &str, expected: &[&[&str]]| {
            let expected: Vec<Result<Vec<String>, _>> =
                expected.iter().map(|r| Ok(r.iter().map(|f| (*f).to_owned()).collect())).collect();
            assert_eq!(records(text), expected, "{text:?}");
        };
        check("", &[]);
        check("code,name\n01,one\n", &[&["code", "name"], &["01", "one"]]);
        check(
            "\u{feff}code;name\r\n01;one, or 1\r\n\r\n02;two",
            &[&["code", "name"], &["01", "one, or 1"], &["02", "two"]],
        );
        check("a\tb\n1\t\n", &[&["a", "b"], &["1", ""]]);
        check("a,b\n\"1\n2\",\"say \"\"so\"\"\"\n", &[&["a", "b"], &["1\n2", "say \"so\""]]);
        check("a,b\n,\n", &[&["a", "b"], &["", ""]]);
        assert_eq!(records("a,b\n\"1").last(), Some(&Err("this quote is never closed")));
        assert!(records("a,b\n\"1\"2,3").last().is_some_and(Result::is_err));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "[a,;\t\"\r\né]{0,40}") {
            let _ = records(&text);
        }

        #[test]
        fn what_is_written_is_read(rows in proptest::collection::vec(proptest::collection::vec("[ab\",;\n ]{1,5}", 2), 1..5)) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",");
            let text = format!("k,v\n{}", rows.iter().map(line).collect::<Vec<_>>().join("\r\n"));
            let read: Vec<_> = records(&text).into_iter().skip(1).map(|row| row.unwrap()).collect();
            proptest::prop_assert_eq!(read, rows);
        }
    }
}
