//! A file of two gigabytes is taken in the memory that any file takes.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::harness::{House, Ledger, block_on};

/// Records of 512 bytes and their ends: two gigabytes.
const EMPLOYEES: u64 = 4_200_000;
/// What the gateway may have resident, in KiB.
const MOST: u64 = 64 << 10;
/// What is paid, withheld and so on of each employee, in cents: the first columns of an RW, which an RT has the sums of.
const CENTS: [u64; 7] = [3_000_000, 210_000, 3_000_000, 186_000, 3_000_000, 43_500, 0];

/// An employers' wage report (mappings/wage-report) of one employer, written as it goes.
pub(crate) fn write_report(path: &Path, employees: u64) {
    let line = |text: String| format!("{text:512}\n");
    let zeros = |count: usize| "0".repeat(count);
    let submitter = format!(
        "RA000456789{:8}{:16}99{:57}{:44}{:22}MD{:54}{:57}{:44}{:22}MD{:54}{:27}{:15}{:8}{:40}",
        "BENCH",
        "",
        "A BUREAU",
        "",
        "A CITY",
        "",
        "A BUREAU",
        "",
        "A CITY",
        "",
        "A CLERK",
        "4105550100",
        "",
        "WAGES@BUREAU.EXAMPLE"
    );
    let employer = format!(
        "RE2026 000111222{:9}0{:13}{:57}{:44}{:22}MD{:9}N{:44}F 0",
        "", "", "AN EMPLOYER", "", "A CITY", "", ""
    );
    let paid: String = CENTS.iter().map(|cents| format!("{cents:011}")).collect();
    let sums: String = CENTS.iter().map(|cents| format!("{:015}", cents * employees)).collect();
    let mut out = BufWriter::with_capacity(1 << 20, fs::File::create(path).unwrap());
    out.write_all(line(submitter).as_bytes()).unwrap();
    out.write_all(line(employer).as_bytes()).unwrap();
    // The columns of addresses, and from the eighth amount to the end.
    let behind =
        format!("{:122}{paid}{:11}{}{:11}{}{:11}{} 0 00", "", "", zeros(66), "", zeros(44), "", zeros(77));
    let behind = format!("{behind:447}\n");
    for number in 0..employees {
        writeln!(
            out,
            "RW{:09}{:15}{:15}{:20}{:4}{}",
            1_000_000 + number,
            "PAT",
            "",
            "NUMBER",
            "",
            behind.trim_end_matches('\n')
        )
        .unwrap();
    }
    let total = format!("RT{employees:07}{sums}{:15}{}{:15}{}", "", zeros(90), "", zeros(180));
    out.write_all(line(total).as_bytes()).unwrap();
    out.write_all(line(format!("RF     {employees:09}")).as_bytes()).unwrap();
    out.into_inner().unwrap().sync_all().unwrap();
}

#[test]
#[ignore = "takes minutes and 6 GiB of the folder for temporary files: `cargo test --release --test gateway -- --ignored two_gigabytes --nocapture`"]
fn a_file_of_two_gigabytes_is_taken_in_little_memory() {
    // A build without optimization takes hours for as much.
    let employees = if cfg!(debug_assertions) { 20_000 } else { EMPLOYEES };
    block_on(async {
        let ledger = Ledger::start(None).await;
        let mut house = House::new(&["mappings/wage-report"]);
        house.party("wage-ledger", &format!("grpc: {{ address: 'http://{}' }}", ledger.address));
        house.party("employers", "batch: { folder: drop, every: 20ms }");
        fs::create_dir(house.path("drop")).unwrap();
        let aside = house.path("drop/large.tmp");
        write_report(&aside, employees);
        let bytes = aside.metadata().unwrap().len();
        // Only what taking it costs: telling the ledger is the same for a file of any size.
        let gateway = house.serve_with(&[], &["--pause-dispatch"]);
        let before = gateway.resident_kib();
        let begun = Instant::now();
        fs::rename(aside, house.path("drop/large.efw2")).unwrap();
        let (archived, refused) =
            (house.path("drop/archive/large.efw2"), house.path("drop/rejected/large.efw2"));
        let mut most = 0;
        while !archived.exists() {
            assert!(!refused.exists(), "{}", gateway.said());
            assert!(begun.elapsed() < Duration::from_secs(3600), "{}", gateway.said());
            most = most.max(gateway.resident_kib());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let took = begun.elapsed();
        let receipt = fs::read(house.path("drop/receipts/large.efw2.json")).unwrap();
        let receipt: Value = serde_json::from_slice(&receipt).unwrap();
        assert_eq!(
            (&receipt["state"], &receipt["messages"]),
            (&"taken".into(), &employees.into()),
            "{receipt}"
        );
        let rate = employees as f64 / took.as_secs_f64();
        println!(
            "{bytes} bytes, {employees} records: {took:.1?}, {rate:.0} records/s; resident {before} KiB before, {most} KiB at most"
        );
        assert!(most < MOST, "{most} KiB");
    });
}
