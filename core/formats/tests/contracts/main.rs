//! Every operation of every WSDL of the corpus: samples of its request and its reply are written, valid by the schema
//! itself (lxml is the judge), and read back equal. And node-soap's own cases: what it writes and reads, we do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../../../schema/tests/files/mod.rs"]
mod files;
mod judge;
mod node_soap;
mod pattern;
mod round_trip;
mod sample;

use std::{collections::BTreeSet, path::Path};

use judge::Case;
use portolan_diagnostics::{Severity, Sources};
use portolan_schema::{Contract, Directory, Document, Reading, wsdl};
use sample::{Amount, Maker};

/// A contract that could be read, and what stands for what it would load from the network.
fn contract(file: &Path, stand_in: &(String, String)) -> Option<Contract> {
    let resolver = Directory::new("").with_stand_ins([stand_in.clone()]);
    let mut sources = Sources::default();
    let entry = file.display().to_string();
    let checked = wsdl::read(&entry, &mut Reading { resolver: &resolver, sources: &mut sources });
    let failed = checked.diagnostics.iter().any(|d| d.severity == Severity::Error);
    checked.value.filter(|_| !failed)
}

#[test]
fn samples_are_valid_and_read_back() {
    let (root, files) = files::wsdls();
    if files.is_empty() {
        println!("corpus not found, 211 cases not run");
        return;
    }
    let xroad = root.join("x-road/wsdl/addons/wsdlvalidator/src/test/resources/xsd/xroad.xsd");
    let stand_in = ("http://x-road.eu/xsd/xroad.xsd".to_owned(), xroad.display().to_string());
    let mut table = Table::default();
    let mut cases = Vec::new();
    for file in &files {
        let Some(contract) = contract(file, &stand_in) else { continue };
        let short = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        for service in &contract.services {
            for operation in &service.operations {
                let documents = [("request", Some(&operation.input)), ("reply", operation.output.as_ref())];
                for (direction, document) in documents.into_iter().filter_map(|(n, d)| Some((n, d?))) {
                    for amount in [Amount::Whole, Amount::Sparse] {
                        let of = format!("{}/{}, {direction}", service.name, operation.name);
                        match round_trip(&contract, document, amount) {
                            Ok(message) => cases.push(Case::new(
                                format!("{short}\t{of}"),
                                file,
                                message,
                                &contract,
                                document,
                                &stand_in,
                            )),
                            Err(why) => table.add("no sample", &short, &of, &why),
                        }
                    }
                }
            }
        }
    }
    println!("{} samples read back equal", cases.len());
    let Some(verdicts) = judge::judge(&cases) else { return };
    let mut valid = 0;
    for (label, verdict, why) in &verdicts {
        let (file, of) = label.split_once('\t').unwrap_or((label, ""));
        match verdict.as_str() {
            "valid" => valid += 1,
            // What is wrong with a schema is wrong for all its operations.
            "no schema" => table.add(verdict, file, "", &why.replace(&format!("{}/", root.display()), "")),
            verdict => table.add(verdict, file, of, why),
        }
    }
    println!("{valid} of {} valid", verdicts.len());
    recorded("exceptions.txt", &table.0);
}

/// What could not be shown, with the reason: `exceptions.txt`.
#[derive(Default)]
struct Table(BTreeSet<String>);

impl Table {
    fn add(&mut self, what: &str, file: &str, of: &str, why: &str) {
        self.0.insert([what, file, of, why].join(" | "));
    }
}

/// What was found is what a file of this folder lists.
fn recorded(file: &str, found: &BTreeSet<String>) {
    let found: String = found.iter().map(|line| format!("{line}\n")).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts").join(file);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = |a: &str, b: &str| {
        let known: BTreeSet<&str> = b.lines().collect();
        a.lines().filter(|line| !known.contains(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    let (more, fewer) = (differ(&found, &expected), differ(&expected, &found));
    assert!(more.is_empty() && fewer.is_empty(), "new: {more:#?}\nno more: {fewer:#?}");
}

/// Writes a sample and reads it back; what was written.
fn round_trip(contract: &Contract, document: &Document, amount: Amount) -> Result<String, String> {
    let schema = &contract.schema;
    let (fields, gaps) = Maker::document(schema, document, amount);
    let fields = fields.ok_or_else(|| gaps.first().map_or("it has no end".to_owned(), Clone::clone))?;
    let bytes = round_trip::write(schema, document, &fields)?;
    round_trip::read_back(schema, document, &fields, &bytes)
        .unwrap_or_else(|why| panic!("{why}\n{}", String::from_utf8_lossy(&bytes)));
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
