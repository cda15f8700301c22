//! What whoever dropped a file is told of it.

use std::{io::Cursor, sync::Arc};

use portolan_delivery::{Acknowledgement, Timestamp};
use portolan_diagnostics::{Sources, render};
use portolan_mapping::load::{Standing, load_all};
use portolan_schema::Memory;

use crate::{Route, Way, compile_file, made::Gathers};

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/gateway/routes/wages/", $name))
    };
}

/// The example, in whose mapping texts are others.
fn route(changes: &[(&str, &str)]) -> Route {
    let mut mapping = example!("report.yaml").to_owned();
    for (old, new) in changes {
        assert!(mapping.contains(old), "{old}");
        mapping = mapping.replace(old, new);
    }
    let resolver = Memory::default()
        .with("wages.yaml", example!("wages.yaml"))
        .with("notice.yaml", example!("notice.yaml"))
        .with("wages.proto", example!("wages.proto"))
        .with("report.yaml", mapping.as_str());
    let mut sources = Sources::default();
    let loaded = load_all("report.yaml", &resolver, &mut sources, &Standing::default());
    let shown: String = loaded.diagnostics.iter().map(|d| render(d, &sources, false)).collect();
    assert_eq!(shown, "");
    let batch = loaded.value.unwrap().batches.remove(0);
    compile_file(&batch, "report.yaml", &sources, Way::Target(Arc::new(Gathers)), None).unwrap().route
}

fn told_as(route: &Route, name: &str, file: &[u8]) -> Result<Acknowledgement, String> {
    let file = Arc::<[u8]>::from(file);
    let open = Arc::new(move || Ok(Box::new(Cursor::new(file.clone())) as Box<_>));
    let told = route.acknowledgement_of(name, Timestamp(1_764_600_000_000_000), open);
    told.map(|told| told.expect("it tells"))
}

fn told(file: &[u8]) -> String {
    let told = told_as(&route(&[]), "a.txt", file).unwrap();
    assert_eq!(told.name, "a.txt.ack");
    String::from_utf8(told.content.to_vec()).unwrap()
}

/// A report of employees, each with a number and what it was paid.
fn report(employees: &[(&[u8], &str)]) -> Vec<u8> {
    let mut report = format!("{:30}\n{:30}\n", "RAPortalen", "REA123456782026").into_bytes();
    for (number, wages) in employees {
        report.extend_from_slice(b"RW");
        report.extend_from_slice(number);
        report.extend_from_slice(format!("{wages}20260131EE\n").as_bytes());
    }
    report.extend_from_slice(format!("{:30}\n", format!("RT{:07}", employees.len())).as_bytes());
    report
}

#[test]
fn what_was_wrong_is_told_with_what_can_be_read_of_it() {
    let sound = report(&[(b"000000001", "000000100"), (b"000000002", "000000000")]);
    assert_eq!(told(&sound), "FILE;Portalen;a.txt;TAKEN;000000001;000000000\n");
    // Of the third not even its number can be read.
    let rejected = report(&[
        (b"000000001", "000000100"),
        (b"000000002", "00000x100"),
        (b"00000000\xFF", "00000x100"),
        (b"000000004", "000000100"),
    ]);
    assert_eq!(
        told(&rejected),
        "FILE;Portalen;a.txt;TAKEN;000000002;000000002\n\
         P;000000004;000000002;employee.wages\n\
         P;000000005;-;employee.wages\n"
    );
    // What is wrong with the file is not what is wrong with its last message.
    let total = String::from_utf8(sound).unwrap().replace("RT0000002", "RT0000009");
    assert_eq!(
        told(total.as_bytes()),
        "FILE;Portalen;a.txt;REFUSED;000000000;000000000\nP;000000005;-;count\n"
    );
    let mut header = total.into_bytes();
    header[4] = 0xFF;
    assert!(told(&header).starts_with("FILE;nobody;a.txt;REFUSED;"));
    assert!(told(b"").starts_with("FILE;nobody;a.txt;REFUSED;"));
}

#[test]
fn the_first_thousand_problems_are_told() {
    let many: Vec<(&[u8], &str)> = vec![(b"000000001", "00000x100"); 1500];
    let told = told(&report(&many));
    assert_eq!(told.lines().count(), 1001);
    assert!(told.ends_with("P;000001002;000000001;employee.wages\n"), "{}", &told[told.len() - 100..]);
}

#[test]
fn what_cannot_be_told_says_why() {
    let sound = report(&[(b"000000001", "000000100")]);
    let long = told_as(&route(&[]), &"n".repeat(252), &sound).unwrap_err();
    assert_eq!(long, "its name would have 256 bytes, more than 255");
    let whole = [("truncate(file.name, 40)", "file.name")];
    assert!(told_as(&route(&whole), "a.txt", &sound).is_ok());
    let why = told_as(&route(&whole), &"n".repeat(41), &sound).unwrap_err();
    assert!(why.starts_with("`head` cannot be written: "), "{why}");
}
