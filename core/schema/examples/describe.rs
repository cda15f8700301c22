//! Prints a contract: `cargo run -p portolan-schema --example describe FILE [IMPORT_PATH | URL=FILE]...`.

use portolan_diagnostics::{Sources, render};
use portolan_schema::{Directory, Reading, describe, read_file};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let entry = arguments.next().unwrap_or_default();
    let (stand_ins, import_paths): (Vec<String>, Vec<String>) = arguments.partition(|a| a.contains('='));
    let stand_ins =
        stand_ins.iter().filter_map(|s| s.rsplit_once('=')).map(|(u, f)| (u.to_owned(), f.to_owned()));
    let resolver = Directory::new("").with_stand_ins(stand_ins);
    let mut sources = Sources::default();
    let checked =
        read_file(&entry, &import_paths, &mut Reading { resolver: &resolver, sources: &mut sources });
    for found in &checked.diagnostics {
        println!("{}\n", render(found, &sources, false));
    }
    if let Some(contract) = &checked.value {
        print!("{}", describe(contract));
    }
}
