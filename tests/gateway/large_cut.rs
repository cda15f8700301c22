//! A file of many messages is written while it is cut: killed at any instant, files have every message once, in order, with the same bytes.

use std::{
    collections::BTreeMap,
    fs,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    process::Stdio,
    time::Duration,
};

use crate::{
    files::drop_into,
    files_out::seed,
    harness::{House, block_on, until},
    load::Random,
};

/// The bytes of a line.
const LINE: u64 = 41;

/// A file of lines that are numbered from there on.
fn lines(from: u64, count: u64) -> String {
    (from..from + count).map(|number| format!("{number:09}{:31}\n", format!("line {number}"))).collect()
}

/// The files that are put for the partner, and how long they are.
fn put(house: &House) -> BTreeMap<String, u64> {
    let Ok(entries) = fs::read_dir(house.path("there/out")) else { return BTreeMap::new() };
    let entries = entries.map(Result::unwrap);
    let all =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()));
    all.filter(|(name, _)| !name.starts_with('.')).collect()
}

fn read(house: &House, name: &str) -> Vec<u8> {
    fs::read(house.path("there/out").join(name)).unwrap()
}

fn hash(content: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(content)
}

#[test]
fn killed_at_any_instant_a_file_that_is_written_while_it_is_cut_is_whole() {
    // Killed within so many milliseconds, which is about as long as a file takes.
    let (rounds, count, within) = match std::env::var_os("PORTOLAN_SOAK") {
        Some(_) => (300, 200_000, 1000),
        None => (12, 20_000, 400),
    };
    let seed = seed();
    println!("{rounds} rounds, PORTOLAN_SEED={seed}");
    block_on(async {
        let mut house = House::new(&["tests/gateway/routes/listed"]);
        house.party("office", "batch: { folder: drop, every: 20ms }");
        house.party("partner", "batch: { folder: there, every: 20ms }");
        for folder in ["drop", "there"] {
            fs::create_dir(house.path(folder)).unwrap();
        }
        let cut = ["batch", "cut", "lines.again"];
        let (mut random, mut seen, mut dropped) = (Random(seed), BTreeMap::new(), 0);
        let mut delivered = 0;
        for round in 0..rounds {
            let gateway = house.serve();
            let name = format!("{round}.txt");
            drop_into(&house.path("drop"), &name, &lines(dropped, count));
            dropped += count;
            let archived = house.path(&format!("drop/archive/{name}"));
            until("it is taken", async || archived.exists().then_some(())).await;
            let before = put(&house).len();
            let address = gateway.http.to_string();
            let mut cutting = house.command(&[&cut[..], &["--admin", &address]].concat());
            let mut cutting = cutting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(random.below(within))).await;
            gateway.kill();
            cutting.wait().unwrap();
            let there = put(&house);
            delivered += usize::from(there.len() > before);
            for name in there.into_keys() {
                seen.entry(name).or_insert_with_key(|name| hash(&read(&house, name)));
            }
        }
        let gateway = house.serve();
        let all = until("all of them", async || {
            gateway.operator(&house, &cut);
            let all = put(&house);
            (all.values().sum::<u64>() == dropped * LINE).then_some(all)
        })
        .await;
        let mut before = 0;
        for (number, (name, bytes)) in (1..).zip(&all) {
            assert_eq!(*name, format!("LINES.{number:06}"), "numbers without gaps");
            let (content, count) = (read(&house, name), bytes / LINE);
            assert!(content == lines(before, count).into_bytes(), "{name}: each line once, in order");
            assert!(seen.get(name).is_none_or(|seen| *seen == hash(&content)), "{name} has changed");
            before += count;
        }
        println!("{dropped} lines in {} files, {delivered} of {rounds} delivered before the kill", all.len());
    });
}
