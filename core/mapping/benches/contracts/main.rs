//! Every operation of every described WSDL of the corpus, a row each: how many values its request and its reply hold, how long the
//! contract takes to read and the plans to compile, and how long a generated sample takes from bytes to bytes.
//!
//! The plan is the largest that the operation can have: it reads every element and attribute of the sample, turns each into its
//! value and writes it again by the same contract. What comes out must read back as the sample, or the row says that it does not.
//!
//! Prints the rows; `PORTOLAN_TABLE=FILE` writes the page with a row for each WSDL too.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a measure")]

#[path = "../../../schema/tests/files/mod.rs"]
mod files;
#[path = "../../../formats/tests/contracts/pattern.rs"]
mod pattern;
mod plan;
#[path = "../../../formats/tests/contracts/round_trip.rs"]
mod round_trip;
#[allow(dead_code, reason = "only whole samples are measured")]
#[path = "../../../formats/tests/contracts/sample.rs"]
mod sample;
mod table;

use std::{
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use portolan_diagnostics::{Severity, Sources};
use portolan_mapping::{
    ir::Tables,
    plan::{Contracts, Plan},
    run::{Context, Environment, Scratch},
};
use portolan_schema::{Contract, Directory, Document, Reading, Schema, wsdl};
use sample::{Amount, Maker};
use table::{Direction, Row, Table};

/// How often a plan is compiled, and a sample translated: the fastest counts, since nothing makes it faster than it is.
const COMPILED: usize = 3;
const TRANSLATED: usize = 15;

fn main() {
    let (root, found) = files::wsdls();
    if found.is_empty() {
        println!("corpus not found, no table of contracts");
        return;
    }
    let xroad = root.join("x-road/wsdl/addons/wsdlvalidator/src/test/resources/xsd/xroad.xsd");
    let stand_in = ("http://x-road.eu/xsd/xroad.xsd".to_owned(), xroad.display().to_string());
    let mut table = Table::default();
    for file in &found {
        let short = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        match contract(file, &stand_in) {
            Some((contract, took)) => rows(&contract, &short, took, &mut table),
            None => table.not_described.push(short),
        }
    }
    table.print();
    if let Some(page) = std::env::var_os("PORTOLAN_TABLE") {
        std::fs::write(page, table.page()).expect("the page can be written");
    }
}

/// A contract, and how long it took to read.
fn contract(file: &Path, stand_in: &(String, String)) -> Option<(Contract, Duration)> {
    let resolver = Directory::new("").with_stand_ins([stand_in.clone()]);
    let mut sources = Sources::default();
    let entry = file.display().to_string();
    let begun = Instant::now();
    let checked = wsdl::read(&entry, &mut Reading { resolver: &resolver, sources: &mut sources });
    let took = begun.elapsed();
    let failed = checked.diagnostics.iter().any(|d| d.severity == Severity::Error);
    checked.value.filter(|_| !failed).map(|contract| (contract, took))
}

fn rows(contract: &Contract, file: &str, read: Duration, table: &mut Table) {
    table.contract(file, read);
    for service in &contract.services {
        for operation in &service.operations {
            let of = |document: &Document| direction(&contract.schema, document);
            table.rows.push(Row {
                file: file.to_owned(),
                operation: format!("{}/{}", service.name, operation.name),
                request: of(&operation.input),
                reply: operation.output.as_ref().map(of),
            });
        }
    }
}

/// One message of an operation, there and back.
fn direction(schema: &Schema, document: &Document) -> Direction {
    let (fields, gaps) = Maker::document(schema, document, Amount::Whole);
    let Some(fields) = fields else {
        let why = gaps.into_iter().next().unwrap_or_else(|| "it has no end".to_owned());
        return Direction { values: 0, bytes: 0, compile: Duration::ZERO, translate: Err(why) };
    };
    let translation = plan::whole(schema, document, &fields);
    let tables = Tables::default();
    let ends = (schema, document);
    let contracts = Contracts { source: ends, target: ends, original: None, tables: &tables };
    let compile = fastest(COMPILED, || drop(black_box(Plan::compile(&translation, contracts))));
    let values = plan::values(&fields);
    let sample = match round_trip::write(schema, document, &fields) {
        Ok(sample) => sample,
        Err(why) => return Direction { values, bytes: 0, compile, translate: Err(why) },
    };
    let compiled = Plan::compile(&translation, contracts);
    let mut scratch = Scratch::default();
    let mut out = Vec::with_capacity(sample.len() * 2);
    let environment = environment();
    let run = compiled.run(&sample, &environment, &mut scratch, &mut out).map_err(|error| error.to_string());
    let same = run.and_then(|()| round_trip::read_back(schema, document, &fields, &out));
    let translate = same.map(|()| {
        fastest(TRANSLATED, || {
            out.clear();
            let _ = black_box(compiled.run(black_box(&sample), &environment, &mut scratch, &mut out));
        })
    });
    Direction { values, bytes: sample.len(), compile, translate }
}

fn environment() -> Environment<'static> {
    let context = Context {
        message_id: "m",
        route: "r",
        caller: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    Environment { context, metadata: &[], original: None }
}

fn fastest(times: usize, mut run: impl FnMut()) -> Duration {
    let took = (0..times).map(|_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    });
    took.min().unwrap_or_default()
}
