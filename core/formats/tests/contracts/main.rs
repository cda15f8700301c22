//! Every operation of every WSDL of the corpus: samples of its request and its reply are written, valid by the schema
//! itself (lxml is the judge), and read back equal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod judge;
mod pattern;
mod round_trip;
mod sample;

use std::path::{Path, PathBuf};

use judge::Case;
use portolan_diagnostics::{Severity, Sources};
use portolan_schema::{Contract, Directory, Document, Reading, wsdl};
use sample::{Amount, Maker};

/// The corpus, which is never copied into the repository.
fn corpus() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    std::env::var_os("PORTOLAN_CORPUS").map_or(default, PathBuf::from)
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|e| e == "wsdl") {
            found.push(path);
        }
    }
}

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
    let root = corpus().join("soap");
    let mut files = Vec::new();
    gather(&root, &mut files);
    files.sort();
    if files.is_empty() {
        println!("corpus not found, 211 cases not run");
        return;
    }
    let xroad = root.join("x-road/wsdl/addons/wsdlvalidator/src/test/resources/xsd/xroad.xsd");
    let stand_in = ("http://x-road.eu/xsd/xroad.xsd".to_owned(), xroad.display().to_string());
    let (mut cases, mut failures) = (Vec::new(), Vec::new());
    for file in &files {
        let Some(contract) = contract(file, &stand_in) else { continue };
        let short = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        for service in &contract.services {
            for operation in &service.operations {
                let documents = [("request", Some(&operation.input)), ("reply", operation.output.as_ref())];
                for (direction, document) in documents.into_iter().filter_map(|(n, d)| Some((n, d?))) {
                    for amount in [Amount::Whole, Amount::Sparse] {
                        let label =
                            format!("{short} {}/{} {direction} {amount:?}", service.name, operation.name);
                        match round_trip(&contract, document, amount) {
                            Ok(message) => {
                                cases.push(Case::new(label, file, message, &contract, document, &stand_in))
                            }
                            Err(why) => failures.push(format!("{label}: {why}")),
                        }
                    }
                }
            }
        }
    }
    println!("{} samples read back equal, {} not", cases.len(), failures.len());
    for failure in &failures {
        println!("FAIL {failure}");
    }
    let verdicts = judge::judge(&cases);
    for (label, verdict, why) in &verdicts {
        println!("{verdict}\t{label}\t{why}");
    }
}

/// Writes a sample and reads it back; what was written.
fn round_trip(contract: &Contract, document: &Document, amount: Amount) -> Result<String, String> {
    let schema = &contract.schema;
    let (fields, gaps) = Maker::document(schema, document, amount);
    let fields = fields.ok_or_else(|| format!("no sample; no value for {gaps:?}"))?;
    let bytes = round_trip::write(schema, document, &fields)?;
    round_trip::read_back(schema, document, &fields, &bytes)
        .map_err(|why| format!("{why}\n{}", String::from_utf8_lossy(&bytes)))?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
