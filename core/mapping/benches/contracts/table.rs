//! The table, a row for each operation, and the page, a row for each WSDL.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

/// What was measured.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// WSDLs that Portolan refuses, each with findings.
    pub(crate) not_described: Vec<String>,
    read: BTreeMap<String, Duration>,
}

/// An operation.
pub(crate) struct Row {
    pub(crate) file: String,
    pub(crate) operation: String,
    pub(crate) request: Direction,
    /// `None` where the operation is one-way.
    pub(crate) reply: Option<Direction>,
}

/// A request or a reply.
pub(crate) struct Direction {
    /// How many values its sample holds.
    pub(crate) values: usize,
    /// How long its sample is.
    pub(crate) bytes: usize,
    pub(crate) compile: Duration,
    /// How long the sample takes; or why there is none that comes back.
    pub(crate) translate: Result<Duration, String>,
}

impl Direction {
    fn cells(&self) -> String {
        let translate = match &self.translate {
            Ok(took) => micros(*took),
            Err(why) => format!("- ({why})"),
        };
        format!("{} | {} | {translate}", self.values, micros(self.compile))
    }
}

impl Row {
    fn directions(&self) -> impl Iterator<Item = &Direction> {
        [&self.request].into_iter().chain(&self.reply)
    }
}

fn micros(took: Duration) -> String {
    format!("{:.1}", took.as_secs_f64() * 1e6)
}

fn median(mut took: Vec<Duration>) -> Option<Duration> {
    took.sort_unstable();
    took.get(took.len() / 2).copied()
}

impl Table {
    /// A contract was read.
    pub(crate) fn contract(&mut self, file: &str, took: Duration) {
        self.read.insert(file.to_owned(), took);
    }

    /// Every operation.
    pub(crate) fn print(&self) {
        println!(
            "WSDL | operation | values of request | compile us | translate us | values of reply | compile us | translate us"
        );
        for row in &self.rows {
            let reply = row.reply.as_ref().map_or("one-way".to_owned(), Direction::cells);
            println!("{} | {} | {} | {reply}", row.file, row.operation, row.request.cells());
        }
        println!("{}", self.summary());
    }

    fn summary(&self) -> String {
        let all: Vec<&Direction> = self.rows.iter().flat_map(Row::directions).collect();
        let whole: Vec<&&Direction> = all.iter().filter(|d| d.translate.is_ok()).collect();
        let values: usize = whole.iter().map(|d| d.values).sum();
        let took: Duration = whole.iter().filter_map(|d| d.translate.as_ref().ok()).sum();
        let each = took.as_secs_f64() * 1e9 / values.max(1) as f64;
        format!(
            "{} WSDLs are described, {} are refused; {} operations, {} messages, {} of which come back whole; {values} values, {each:.0} ns each.",
            self.read.len(),
            self.not_described.len(),
            self.rows.len(),
            all.len(),
            whole.len(),
        )
    }

    /// A page with a row for each WSDL.
    pub(crate) fn page(&self) -> String {
        let mut page = format!(
            "# Contracts\n\nEvery WSDL of the corpus that Portolan describes: real registers and services, and the test contracts of SOAP toolkits. Made by\n\
             `cargo bench -p portolan-mapping --bench contracts` with `PORTOLAN_TABLE=docs/contracts-table.md`, which prints a row for every operation too, as `make bench` does.\n\n\
             A message is a generated sample with everything that the contract allows at least once. Its plan is the largest that there can be: every value is read, judged by\n\
             its type and written again, and what comes out is read back and compared. Times are the fastest of several, the median over a WSDL's messages, in microseconds.\n\n\
             {}\n\n\
             | WSDL | operations | values of a message, at most | read the contract, us | compile a plan, us | translate a message, us | not whole |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n",
            self.summary()
        );
        for (file, read) in &self.read {
            let rows: Vec<&Row> = self.rows.iter().filter(|row| row.file == *file).collect();
            let all: Vec<&Direction> = rows.iter().flat_map(|row| row.directions()).collect();
            let shown = |took: Option<Duration>| took.map_or("-".to_owned(), micros);
            let _ = writeln!(
                page,
                "| {file} | {} | {} | {:.0} | {} | {} | {} |",
                rows.len(),
                all.iter().map(|d| d.values).max().unwrap_or(0),
                read.as_secs_f64() * 1e6,
                shown(median(all.iter().map(|d| d.compile).collect())),
                shown(median(all.iter().filter_map(|d| d.translate.as_ref().ok().copied()).collect())),
                all.iter().filter(|d| d.translate.is_err()).count(),
            );
        }
        let largest = self.rows.iter().flat_map(Row::directions).map(|d| d.bytes).max().unwrap_or(0);
        let _ = writeln!(
            page,
            "\nThe longest sample has {largest} bytes. What is not whole is said in the printed rows, with the reason."
        );
        page
    }
}
