//! Columns for people.

use crate::report::Report;

/// Rows under headings; every column as wide as its widest value.
pub(crate) struct Table<const N: usize> {
    headings: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(headings: [&'static str; N]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    pub(crate) fn row<T: Into<String>>(&mut self, cells: [T; N]) {
        self.rows.push(cells.map(|cell| printable(cell.into())));
    }

    pub(crate) fn print(&self, report: &Report) {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.headings[column].len()]).max().unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let line = |cells: [&str; N]| {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        report.line(report.bold(&line(self.headings)));
        for row in &self.rows {
            report.line(line(row.each_ref().map(String::as_str)));
        }
    }
}

/// A terminal must not take commands from what a message said.
pub(crate) fn printable(text: String) -> String {
    if text.chars().any(char::is_control) { text.replace(char::is_control, "\u{fffd}") } else { text }
}
