//! Records of 512 bytes and 30 fields to protobuf and back: a plan against code written by hand, interleaved in one run; and whole
//! files, against a plain copy of them.
//!
//! Prints `name ratio`, a line each, with the figures behind it. By hand a field is trusted to be what it is, or panics; ours says
//! which field of which record is wrong.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub
)]

mod hand_written;

use std::{hint::black_box, sync::Arc, time::Instant};

use hand_written::{Claim, claim, parse, write};
use portolan_diagnostics::{SourceId, Sources, Span};
use portolan_formats::{
    Selection, Unknown,
    records::{Messages, RecordWriter},
};
use portolan_mapping::{
    compile::CompiledBatch,
    ir::{Expr, Side, SourceSlot, Tables, Translation, Write, WriteContent},
    load::{Standing, load_all},
    plan::{Contracts, Plan},
    run::{Context, Environment, Scratch},
};
use portolan_schema::{
    Memory, Reading,
    layout::{self, Excerpt},
};
use prost::Message;

const ROUNDS: usize = 401;
const TURN: usize = 200;
/// How many bytes a file has that is measured.
const FILE: usize = 64 << 20;

const FIELDS: [&str; 30] = [
    "id",
    "name",
    "street",
    "city",
    "zip",
    "country",
    "email",
    "phone",
    "status",
    "branch",
    "reference",
    "note",
    "tax_id",
    "code",
    "sequence",
    "count",
    "amount",
    "tax",
    "fee",
    "net",
    "balance",
    "change",
    "rate",
    "year",
    "flags",
    "quantity",
    "received",
    "decided",
    "paid",
    "closed",
];

fn main() {
    let environment = Environment {
        context: Context {
            message_id: "m-1",
            route: "claims",
            caller: None,
            received: jiff::Timestamp::UNIX_EPOCH,
            attempt: 1,
            request_id: None,
            sequence: None,
        },
        metadata: &[],
        original: None,
    };
    let there = route(include_str!("claim.yaml"));
    let back = back();
    let wire = claim().encode_to_vec();
    let mut record = [0u8; 512];
    write(&claim(), &mut record);
    let mut message = vec![0, 0, 0, 0, 2, 0];
    message.extend_from_slice(&record);
    let mut scratch = Scratch::default();

    // Both contestants must say the same before either is timed.
    let mut out = Vec::new();
    there.request.run(&message, &environment, &mut scratch, &mut out).unwrap();
    assert_eq!(Claim::decode(&*out).unwrap(), parse(&record));
    assert_eq!(parse(&record), claim());
    let mut out = Vec::new();
    back.run(&wire, &environment, &mut scratch, &mut out).unwrap();
    assert_eq!(String::from_utf8_lossy(&out[6..]), String::from_utf8_lossy(&record));

    let mut scratch = Scratch::default();
    compare(
        "record_to_protobuf",
        || {
            let mut out = Vec::with_capacity(1024);
            there.request.run(black_box(&message), &environment, &mut scratch, &mut out).unwrap();
            black_box(out);
        },
        || {
            let mut out = Vec::with_capacity(1024);
            parse(black_box(&record)).encode(&mut out).unwrap();
            black_box(out);
        },
    );
    let mut scratch = Scratch::default();
    compare(
        "protobuf_to_record",
        || {
            let mut out = Vec::with_capacity(1024);
            back.run(black_box(&wire), &environment, &mut scratch, &mut out).unwrap();
            black_box(out);
        },
        || {
            let mut out = [0u8; 512];
            write(&Claim::decode(black_box(&*wire)).unwrap(), &mut out);
            black_box(out.to_vec());
        },
    );

    let mut line = record.to_vec();
    line.push(b'\n');
    whole_file("file_to_protobuf", &there, &line.repeat(FILE / line.len()), &environment);
    let ebcdic = route(include_str!("claim-ebcdic.yaml"));
    let record = in_ebcdic(&ebcdic);
    whole_file("ebcdic_file_to_protobuf", &ebcdic, &record.repeat(FILE / record.len()), &environment);
}

/// Whether a figure is asked for: by the arguments, or all of them.
fn wanted(name: &str) -> bool {
    let mut asked = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).peekable();
    asked.peek().is_none() || asked.any(|asked| name == asked)
}

/// The claim as a record of the other layout.
fn in_ebcdic(route: &CompiledBatch) -> Vec<u8> {
    let claim = claim();
    let decimal = |d: &Option<hand_written::Decimal>| d.clone().unwrap().value;
    let date = |d: &Option<hand_written::Date>| {
        let d = d.clone().unwrap_or_default();
        format!("{:04}-{:02}-{:02}", d.year, d.month, d.day)
    };
    let texts = [
        &claim.id,
        &claim.name,
        &claim.street,
        &claim.city,
        &claim.zip,
        &claim.country,
        &claim.email,
        &claim.phone,
        &claim.status,
        &claim.branch,
        &claim.reference,
        &claim.note,
        &claim.tax_id,
        &claim.code,
    ];
    let mut members: Vec<String> =
        FIELDS.iter().zip(texts).map(|(name, text)| format!("{name:?}:{text:?}")).collect();
    for (name, value) in [
        ("sequence", claim.sequence.to_string()),
        ("count", claim.count.to_string()),
        ("amount", decimal(&claim.amount)),
        ("tax", decimal(&claim.tax)),
        ("fee", decimal(&claim.fee)),
        ("net", decimal(&claim.net)),
        ("balance", decimal(&claim.balance)),
        ("change", decimal(&claim.change)),
        ("rate", decimal(&claim.rate)),
        ("year", claim.year.to_string()),
        ("flags", claim.flags.to_string()),
        ("quantity", claim.quantity.to_string()),
    ] {
        members.push(format!("{name:?}:{value}"));
    }
    for (name, value) in [
        ("received", date(&claim.received)),
        ("decided", date(&claim.decided)),
        ("paid", date(&claim.paid)),
        ("closed", date(&claim.closed)),
    ] {
        members.push(format!("{name:?}:{value:?}"));
    }
    let mut out = Vec::new();
    RecordWriter::new(&route.file).line(&format!("{{{}}}", members.join(",")), &mut out).unwrap();
    out
}

/// A whole file, from its bytes to the wire bytes of every message, on one core; and a copy of it.
fn whole_file(name: &str, route: &CompiledBatch, file: &[u8], environment: &Environment<'_>) {
    if !wanted(name) {
        return;
    }
    let mut scratch = Scratch::default();
    let mut out = Vec::with_capacity(1024);
    let mut read = || {
        let start = Instant::now();
        let mut messages = Messages::new(&route.file, &route.excerpt, file);
        let mut count = 0u64;
        while let Some((message, info)) = messages.next() {
            assert!(!info.failed);
            out.clear();
            route.request.run(message, environment, &mut scratch, &mut out).unwrap();
            black_box(&out);
            count += 1;
        }
        assert_eq!(messages.problems().count(), 0);
        (start.elapsed().as_secs_f64(), count)
    };
    let mut target = vec![0u8; file.len()];
    let mut copied = || {
        let start = Instant::now();
        target.copy_from_slice(black_box(file));
        black_box(&target);
        start.elapsed().as_secs_f64()
    };
    read();
    copied();
    let mut pairs: Vec<(f64, f64)> = (0..7).map(|_| (read().0, copied())).collect();
    pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (ours, copy) = pairs[pairs.len() / 2];
    let megabytes = |seconds: f64| file.len() as f64 / seconds / 1e6;
    println!(
        "{name}_vs_copy {:.4} ({:.0} MB/s, a copy {:.0} MB/s: {:.0} MB/s where it runs at 10 GB/s)",
        copy / ours,
        megabytes(ours),
        megabytes(copy),
        megabytes(ours) * 10_000.0 / megabytes(copy),
    );
}

fn compare(name: &str, mut ours: impl FnMut(), mut theirs: impl FnMut()) {
    if !wanted(name) {
        return;
    }
    let turn = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..TURN {
            work();
        }
        start.elapsed().as_secs_f64() / TURN as f64 * 1e9
    };
    turn(&mut ours);
    turn(&mut theirs);
    let mut times: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (turn(&mut ours), turn(&mut theirs))).collect();
    let median = |times: &mut Vec<(f64, f64)>, of: fn(&(f64, f64)) -> f64| {
        times.sort_by(|a, b| of(a).total_cmp(&of(b)));
        of(&times[times.len() / 2])
    };
    let (a, b) = (median(&mut times, |t| t.0), median(&mut times, |t| t.1));
    println!("{name} {:.3} ({a:.0} ns / {b:.0} ns)", a / b);
}

fn files(layout: &str, mapping: &str) -> Memory {
    Memory::default()
        .with("claim.yaml", layout)
        .with("claim.proto", include_str!("claim.proto"))
        .with("m.yaml", mapping)
}

/// From a record to protobuf.
fn route(layout: &str) -> CompiledBatch {
    let rules: String = FIELDS.iter().map(|name| format!("    {name}: {name}\n")).collect();
    let mapping = format!(
        "route: claims\nsource: {{ batch: {{ system: a, layout: claim.yaml, each: claim }} }}\n\
         target: {{ grpc: {{ system: b, proto: claim.proto, method: bench.Claims/Record }} }}\n\
         request:\n  body:\n{rules}"
    );
    let loaded = load_all("m.yaml", &files(layout, &mapping), &mut Sources::default(), &Standing::default());
    let batches = loaded.value.map(|loaded| loaded.batches).unwrap_or_default();
    batches.first().unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics)).compile().unwrap()
}

/// From protobuf to a record: the plan alone, as the checker would hand it over; routes that write files come with them.
fn back() -> Plan {
    let files = files(include_str!("claim.yaml"), "");
    let mut sources = Sources::default();
    let mut reading = Reading { resolver: &files, sources: &mut sources };
    let layout = Arc::new(layout::read("claim.yaml", &mut reading).value.unwrap());
    let contract = portolan_schema::protobuf::read("claim.proto", &[], &mut reading).value.unwrap();
    let document = contract.operations("Record")[0].1.input.clone();
    let (schema, target) = Excerpt::target(&layout, layout.find("claim").unwrap());
    let mut selection = Selection::new(&document, Unknown::Refuse);
    let span = Span::new(SourceId(0), 0..0);
    let write = FIELDS.iter().map(|name| {
        let (field, _) = contract.schema.record(document.record).find(name).unwrap();
        let slot = selection.field(&contract.schema, Selection::ROOT, field).slot;
        let slot = SourceSlot { side: Side::Message, slot };
        let expr = Expr::Field { slot, record: document.record, field, path: (*name).into() };
        let (field, _) = schema.record(target.record).find(name).unwrap();
        Write { record: target.record, field, content: WriteContent::Scalar(expr), span }
    });
    let write = write.collect();
    let translation = Translation {
        selection,
        original: None,
        require: Vec::new(),
        fail: Vec::new(),
        given: None,
        write,
        locals: 0,
    };
    let tables = Tables::default();
    let contracts = Contracts {
        source: (&contract.schema, &document),
        target: (&schema, &target),
        original: None,
        tables: &tables,
    };
    Plan::compile(&translation, contracts)
}
