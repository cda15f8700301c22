//! A file as lines of JSON, and the file that is made of them again.

use std::cell::OnceCell;

use portolan_formats::records::{Decoder, Next, Nowhere, Problem, RecordFile, RecordReader, RecordWriter};

use crate::json::Json;

/// A record.
pub(crate) struct Line {
    /// Which: `batch.entry`.
    pub(crate) record: String,
    text: String,
    values: OnceCell<Json>,
}

impl Line {
    /// Its values.
    pub(crate) fn values(&self) -> &Json {
        self.values.get_or_init(|| Json::parse(&self.text))
    }
}

/// What a file says.
pub(crate) struct Decoded {
    /// Its records.
    pub(crate) lines: Vec<Line>,
    /// What is wrong with it.
    pub(crate) problems: Vec<Problem>,
    /// The file that its lines are again, where nothing is wrong.
    pub(crate) again: Option<Vec<u8>>,
    /// Every byte is as the layout would write it.
    pub(crate) canonical: bool,
}

impl Decoded {
    /// The first thing that is wrong, other than warnings.
    pub(crate) fn refused(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| !problem.warning)
    }

    /// The records of a kind.
    pub(crate) fn of<'d>(&'d self, record: &'d str) -> impl Iterator<Item = &'d Json> {
        self.lines.iter().filter(move |line| line.record == record).map(Line::values)
    }
}

/// Decodes a file, and encodes it again.
pub(crate) fn decode(file: &RecordFile, bytes: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(file, bytes, true);
    let (mut text, mut problems) = (String::new(), Vec::new());
    while let Some((lines, found)) = decoder.next() {
        text.push_str(std::str::from_utf8(lines).unwrap());
        problems.extend(found.iter().cloned());
    }
    let mut canonical = true;
    let mut lines = Vec::new();
    for line in text.lines() {
        let record =
            line.strip_prefix("{\"_record\":\"").and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        canonical &= !line.contains("\"_raw\":") && record != "_end";
        if !record.starts_with('_') {
            lines.push(Line { record, text: line.to_owned(), values: OnceCell::new() });
        }
    }
    let fine = problems.iter().all(|problem| problem.warning);
    let again = fine.then(|| encode(file, &text));
    Decoded { lines, problems, again, canonical }
}

fn encode(file: &RecordFile, lines: &str) -> Vec<u8> {
    let mut writer = RecordWriter::new(file);
    let mut out = Vec::new();
    for line in lines.lines() {
        writer.line(line, &mut out).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    writer.finish(&mut out).unwrap_or_else(|error| panic!("{error}"));
    for (at, patch) in writer.patches() {
        out[at as usize..at as usize + patch.len()].copy_from_slice(&patch);
    }
    out
}

/// How many bytes each record has.
pub(crate) fn lengths(file: &RecordFile, bytes: &[u8]) -> Vec<usize> {
    let mut reader = RecordReader::new(file, bytes);
    let mut lengths = Vec::new();
    loop {
        match reader.next(&mut Nowhere) {
            Next::Record(_) => lengths.push(reader.record().len()),
            Next::Unknown(_) | Next::Other => {}
            Next::End => return lengths,
        }
    }
}

/// What stands in the way of writing a file from its values alone, and reading the same values from what was written.
pub(crate) fn rewritten(file: &RecordFile, bytes: &[u8]) -> Option<String> {
    // Totals that are warned of are computed anew.
    let mut warned = Vec::new();
    let mut values = |bytes: &[u8]| {
        let mut decoder = Decoder::new(file, bytes, false);
        let (mut text, mut wrong) = (String::new(), None);
        while let Some((lines, found)) = decoder.next() {
            text.push_str(std::str::from_utf8(lines).unwrap());
            warned.extend(found.iter().filter(|problem| problem.warning).map(|problem| problem.error.record));
            wrong = wrong
                .or(found.iter().find(|problem| !problem.warning).map(|problem| problem.error.to_string()));
        }
        (text, wrong)
    };
    let (lines, _) = values(bytes);
    let mut writer = RecordWriter::new(file);
    let mut out = Vec::new();
    for line in lines.lines() {
        if let Err(error) = writer.line(line, &mut out) {
            return Some(format!("{error}: {line}"));
        }
    }
    if let Err(error) = writer.finish(&mut out) {
        return Some(error.to_string());
    }
    for (at, patch) in writer.patches() {
        out[at as usize..at as usize + patch.len()].copy_from_slice(&patch);
    }
    let (again, wrong) = values(&out);
    let differs = || {
        let pairs = lines.lines().zip(again.lines()).zip(1..);
        let mut differing = pairs.filter(|((a, b), number)| a != b && !warned.contains(number));
        differing.next().map(|((a, b), _)| format!("{a}\nbecomes\n{b}"))
    };
    let missing = lines.lines().count() != again.lines().count();
    wrong.or_else(differs).or_else(|| missing.then(|| "lines are missing".to_owned()))
}
