//! Files that are dropped into a folder that two gateways share, on RabbitMQ and PostgreSQL: each is taken once, by one of them, and
//! goes on with the other when the first dies.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    files::{ROUTES, drop_into, paid, report, until_all},
    harness::{Gateway, House, Ledger, block_on},
    load::Random,
    site::Site,
};

/// Two houses, and the folder beside them.
struct Beside {
    folder: tempfile::TempDir,
    houses: [House; 2],
}

fn beside(site: &Site, ledger: &Ledger) -> Beside {
    let folder = tempfile::tempdir().unwrap();
    let houses = [(); 2].map(|()| {
        let mut house = site.house_of(&[ROUTES]);
        house.party("ledger", &format!("grpc: {{ address: 'http://{}' }}, breaker: off", ledger.address));
        house.party("employers", &format!("batch: {{ folder: '{}', every: 20ms }}", folder.path().display()));
        house
    });
    Beside { folder, houses }
}

/// The names of the files of a folder; none where it is not there.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let files = entries.map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// Each file is in the archive once, as it was, with one receipt, and nothing is anywhere else.
fn archived_once(folder: &Path, files: &[(String, String)]) {
    let wanted: BTreeSet<_> = files.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names(&folder.join("archive")), wanted);
    for (name, text) in files {
        let archived = fs::read_to_string(folder.join("archive").join(name)).unwrap();
        assert!(archived == *text, "{name} is another than was dropped");
    }
    let receipts = |name: &String| [format!("{name}.json"), format!("{name}.txt")];
    assert_eq!(names(&folder.join("receipts")), wanted.iter().flat_map(receipts).collect());
    for empty in ["", "duplicate", "rejected"] {
        assert_eq!(names(&folder.join(empty)), BTreeSet::new(), "{empty}");
    }
    let taking = fs::read_dir(folder.join(".taking")).unwrap().map(|entry| entry.unwrap().path());
    assert!(taking.map(|label| names(&label)).all(|left| left.is_empty()), "something is left half taken");
}

/// Every message once.
fn told_once(ledger: &Ledger, wanted: usize) {
    let told = ledger.told();
    assert_eq!((told.len(), told.values().filter(|times| **times != 1).count()), (wanted, 0));
}

#[test]
fn with_either_gateway_killed_at_any_instant_a_file_is_taken_once_and_whole() {
    let (rounds, first, others) = match std::env::var_os("PORTOLAN_SOAK") {
        Some(_) => (300, 200_000, 2000),
        None => (14, 20_000, 500),
    };
    let seed = std::env::var("PORTOLAN_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1);
    println!("{rounds} rounds, PORTOLAN_SEED={seed}");
    block_on(async {
        let ledger = Ledger::start(None).await;
        let site = Site::new(ledger.address);
        let Beside { folder, houses } = beside(&site, &ledger);
        let folder = folder.path();
        let mut random = Random(seed);
        // Messages wait: they are counted when every file is whole.
        let serve = |which: usize| houses[which].serve_with(&[], &["--pause-dispatch"]);
        let mut gateways = [0, 1].map(serve).map(Some);
        let (mut interrupted, mut went_on, mut files, mut next) = (0, 0, Vec::new(), 1);
        let goes_on = |gateway: &Gateway| gateway.said().matches("the file goes on").count();
        for round in 0..rounds {
            let size = if round == 0 { first } else { others };
            let name = format!("{round}.txt");
            let text = report((next..next + size).map(|number| (number, paid(number))));
            next += size;
            drop_into(folder, &name, &text);
            files.push((name, text));
            tokio::time::sleep(Duration::from_millis(random.below(if round == 0 { 1500 } else { 500 })))
                .await;
            // More often than not the one that has a file.
            let has = |gateway: &Option<Gateway>| {
                let had = gateway.as_ref().and_then(|gateway| label(folder, gateway));
                had.is_some_and(|had| !names(&had).is_empty())
            };
            let busy = gateways.iter().position(has).filter(|_| random.below(3) > 0);
            let which = busy.unwrap_or_else(|| random.below(2) as usize);
            let gateway = gateways[which].take().unwrap();
            let had = label(folder, &gateway);
            went_on += goes_on(&gateway);
            gateway.kill();
            interrupted += u32::from(had.is_some_and(|had| !names(&had).is_empty()));
            gateways[which] = Some(tokio::task::block_in_place(|| serve(which)));
        }
        let archived = || names(&folder.join("archive")).len();
        until_all("files are archived", files.len(), archived).await;
        went_on += gateways.iter().flatten().map(goes_on).sum::<usize>();
        println!(
            "{interrupted} of {rounds} kills came while the gateway had a file; {went_on} times a file went on inside"
        );
        assert!(interrupted > 0, "no kill came within a file");
        drop(gateways);
        let gateways = houses.each_ref().map(House::serve);
        let wanted = next as usize - 1;
        until_all("messages are told", wanted, || ledger.count()).await;
        told_once(&ledger, wanted);
        archived_once(folder, &files);
        drop(gateways);
    });
}

/// Where a gateway has what it takes. Its name stands in its log.
fn label(folder: &Path, gateway: &Gateway) -> Option<std::path::PathBuf> {
    let said = gateway.said();
    let labels = fs::read_dir(folder.join(".taking")).into_iter().flatten().map(|entry| entry.unwrap());
    let mut labels = labels.filter(|entry| said.contains(entry.file_name().to_str().unwrap()));
    labels.next().map(|entry| entry.path())
}

#[test]
fn of_many_files_dropped_at_once_each_is_taken_by_one_of_two_gateways() {
    let count = if std::env::var_os("PORTOLAN_SOAK").is_some() { 10_000 } else { 500 };
    block_on(async {
        let ledger = Ledger::start(None).await;
        let site = Site::new(ledger.address);
        let Beside { folder, houses } = beside(&site, &ledger);
        let folder = folder.path();
        let gateways = houses.each_ref().map(House::serve);
        let file = |number: u32| {
            let employees =
                (number * 3..number * 3 + 1 + number % 3).map(|number| (number + 1, paid(number + 1)));
            (format!("{number:05}.txt"), report(employees))
        };
        let files: Vec<_> = (0..count).map(file).collect();
        let begun = Instant::now();
        for (name, text) in &files {
            drop_into(folder, name, text);
        }
        let archived = || names(&folder.join("archive")).len();
        until_all("files are archived", files.len(), archived).await;
        let took = begun.elapsed();
        let wanted = (0..count).map(|number| 1 + number as usize % 3).sum();
        until_all("messages are told", wanted, || ledger.count()).await;
        told_once(&ledger, wanted);
        archived_once(folder, &files);
        let taken = gateways.each_ref().map(|gateway| gateway.said().matches("the file is taken").count());
        println!("{count} files in {took:?}: {taken:?} by each of the two");
        assert_eq!(taken.iter().sum::<usize>(), files.len());
        assert!(taken.iter().all(|taken| *taken > 0), "one of them took none");
    });
}
