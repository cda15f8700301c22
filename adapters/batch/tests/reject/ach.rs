//! NACHA's ACH files: batches that are left out, counts, hashes and blocks. By one made here, and by all of the corpus where that is.

use std::{fs, path::Path};

use super::*;

fn nacha() -> RecordFile {
    compiled(include_str!("../../../../tests/corpus/nacha.yaml"))
}

fn entry(trace: u32, amount: u64, addenda: bool) -> String {
    let indicator = u8::from(addenda);
    let entry = format!(
        "622231380104{:<17}{amount:010}{:<15}{:<22}  {indicator}12104288{trace:07}\n",
        "744-5678-99", "ID", "NAME"
    );
    let information = format!("705{:<80}0001{trace:07}\n", "FOR SERVICES");
    if addenda { entry + &information } else { entry }
}

fn batch(number: u32, entries: &[String]) -> String {
    let all = entries.concat();
    let amounts = all.lines().filter(|line| line.starts_with('6'));
    let amount: u64 = amounts.clone().map(|line| line[29..39].parse::<u64>().unwrap()).sum();
    let hash = amounts.count() as u64 * 23_138_010;
    let count = all.lines().count();
    format!(
        "5220{:<16}{:<20}{:<10}PPD{:<10}{:<6}261130   1{:08}{number:07}\n{all}8220{count:06}{hash:010}{:012}{amount:012}{:<10}{:25}{:08}{number:07}\n",
        "COMPANY", "", "1234567890", "PAYROLL", "", 12_104_288, 0, "1234567890", "", 12_104_288
    )
}

fn file(batches: &[String]) -> String {
    let head = format!("101 231380104 1210428821611291200A094101{:<23}{:<23}{:8}\n", "BANK", "COMPANY", "");
    let all = batches.concat();
    let field = |line: &str, from: usize, to: usize| line[from..to].parse::<u64>().unwrap();
    let controls: Vec<&str> = all.lines().filter(|line| line.starts_with('8')).collect();
    let sum = |from, to| controls.iter().map(|line| field(line, from, to)).sum::<u64>();
    let records = all.lines().count() + 2;
    let control = format!(
        "9{:06}{:06}{:08}{:010}{:012}{:012}{:39}\n",
        batches.len(),
        records.div_ceil(10),
        sum(4, 10),
        sum(10, 20) % 10_000_000_000,
        0,
        sum(32, 44),
        ""
    );
    let fill = format!("{}\n", "9".repeat(94)).repeat(records.next_multiple_of(10) - records);
    head + &all + &control + &fill
}

#[test]
fn batches_counts_hashes_and_blocks() {
    let layout = nacha();
    let entries: Vec<String> = (1..=9).map(|n| entry(n, u64::from(n) * 100, n % 2 == 0)).collect();
    let whole = file(&[batch(1, &entries[..3]), batch(2, &entries[3..5]), batch(3, &entries[5..])]);
    assert_eq!(errors(&layout, whole.as_bytes()), []);
    let numbers = numbers(&layout, "batch.entry", whole.as_bytes());
    let of = |wanted: &[usize]| wanted.iter().map(|index| numbers[*index]).collect::<Vec<_>>();
    let some = |wanted: &[usize]| wanted.iter().map(|index| entries[*index].clone()).collect::<Vec<_>>();
    check(&layout, "batch.entry", &whole, &of(&[1]), &file(&[batch(1, &some(&[1]))]));
    let two = file(&[batch(1, &some(&[0, 2])), batch(3, &some(&[7]))]);
    check(&layout, "batch.entry", &whole, &of(&[0, 2, 7]), &two);
    check(&layout, "batch.entry", &whole, &numbers, &whole);
    // A wrong check digit stays wrong, an amount in letters is not counted.
    let bad = entries[4].replace("622231380104", "622231380105").replace("0000000500", "00000005OO");
    let broken = whole.replace(&entries[4], &bad);
    let (out, _) = rejects(&layout, "batch.entry", broken.as_bytes(), &of(&[4])).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains(&bad), "{out}");
    assert!(errors(&layout, out.as_bytes()).iter().all(|(record, _)| *record == 3), "{out}");
}

/// Whatever is refused of a file that is valid, the reject file is valid.
#[test]
fn reject_files_of_the_corpus_are_valid() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let default = here.join("../../../shared/corpus");
    let root = std::env::var_os("PORTOLAN_CORPUS").map_or(default, Into::into);
    let Ok(folder) = fs::read_dir(root.join("fixed-width/ach")) else { return };
    let layout = nacha();
    let mut tried = 0;
    for path in
        folder.flatten().map(|entry| entry.path()).filter(|path| path.extension() == Some("ach".as_ref()))
    {
        let bytes = fs::read(&path).unwrap();
        let before = errors(&layout, &bytes);
        for each in ["batch.entry", "batch.iat_entry", "batch.adv_entry"] {
            let all = numbers(&layout, each, &bytes);
            for step in 1..4 {
                let refused: Vec<u64> = all.iter().copied().step_by(step).collect();
                match rejects(&layout, each, &bytes, &refused) {
                    Ok((out, told)) if before.is_empty() && told.messages > 0 => {
                        assert_eq!(errors(&layout, &out), [], "{} {each} {refused:?}", path.display());
                        tried += 1;
                    }
                    // A file that is not valid is refused whole where it cannot be rebuilt.
                    Ok(_) | Err(RejectError::Around(_) | RejectError::Unreadable(_)) => {}
                    Err(error) => panic!("{}: {error}", path.display()),
                }
            }
        }
    }
    assert!(tried > 30, "only {tried} reject files");
}
