//! Files of the corpus with bytes changed, left out and put in: read without a panic, and written again byte for byte where nothing is found
//! to be wrong with them.

use crate::{decoded::decode, files::Corpus};

/// How often each file is changed.
const TIMES: usize = 20;
/// Large files are cut to so many bytes, mostly within a record.
const LONGEST: usize = 6000;

/// Layouts of every framing, with a file of each; and all ACH files.
const FILES: &[(&str, &str)] = &[
    ("cnab400-remittance-itau-444", "cnab400/remessa-itau-cnab444.rem"),
    ("cnab400-return-santander", "cnab400/CNAB400SANTANDER.RET"),
    ("cobrix-test1", "cobrix/test1_data/example.bin"),
    ("cobrix-test4", "cobrix/test4_data/COMP.DETAILS.SEP30.DATA.dat"),
    ("cobrix-test6", "cobrix/test6_data/INTEGR.TYPES.NOV28.DATA.rec1-50.dat"),
    ("cobrix-test7c", "cobrix/test7_data/TEST.FILLERS.DEC07.DATA.dat"),
    ("cobrix-test12", "cobrix/test12_data/data.dat"),
    ("cobrix-test14", "cobrix/test14_data/COMP.DETAILS.JUL02.DATA.dat"),
    ("cobrix-test21", "cobrix/test21_data/data.dat"),
    ("irs1220", "irs1220/oneTransactionFile.ascii"),
    ("metro2", "metro2/unpacked_fixed_file.dat"),
    ("metro2-blocked", "metro2/base_segment.dat"),
    ("metro2-segments", "metro2/j1_segment.dat"),
    ("netsgiro", "netsgiro/ocr_giro_transactions.txt"),
    ("norma43", "norma43/example1.n43"),
];

#[test]
fn changed_files_are_refused_or_written_again() {
    let Some(corpus) = Corpus::find() else { return };
    let mut random = Random(0x5EED);
    let mut accepted = 0;
    let ach = corpus.folder("ach").into_iter().filter(|file| file.ends_with(".ach"));
    let others = FILES.iter().map(|(layout, file)| (*layout, (*file).to_owned()));
    for (layout, path) in ach.map(|file| ("nacha", file)).chain(others) {
        let file = corpus.layout(&format!("{layout}.yaml"));
        let bytes = corpus.bytes(&path);
        for _ in 0..TIMES {
            let changed = random.change(&bytes);
            let decoded = decode(&file, &changed);
            if let Some(again) = decoded.again {
                accepted += 1;
                assert!(again == changed, "{path} is written otherwise: {changed:?}");
            }
        }
    }
    println!("{accepted} changed files were accepted");
    assert!(accepted > 50, "{accepted}");
}

/// The same numbers in every run (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    fn change(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut changed = bytes[..bytes.len().min(LONGEST)].to_vec();
        for _ in 0..1 + self.below(4) {
            let at = self.below(changed.len());
            match self.below(4) {
                _ if changed.is_empty() => {}
                0 => drop(changed.remove(at)),
                1 => changed.insert(at, self.below(256) as u8),
                2 => changed[at] = b"0 9\n\r\0\xFFJ"[self.below(8)],
                _ => changed[at] = self.below(256) as u8,
            }
        }
        changed
    }
}
