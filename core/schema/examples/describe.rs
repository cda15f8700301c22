//! Prints a contract: `cargo run -p portolan-schema --example describe FILE [IMPORT_PATH...]`.

use portolan_diagnostics::{Sources, render};
use portolan_schema::{Directory, Reading, describe, read_file};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let entry = arguments.next().unwrap_or_default();
    let import_paths: Vec<String> = arguments.collect();
    let mut sources = Sources::default();
    let checked = read_file(
        &entry,
        &import_paths,
        &mut Reading { resolver: &Directory::new(""), sources: &mut sources },
    );
    for found in &checked.diagnostics {
        println!("{}\n", render(found, &sources, false));
    }
    if let Some(contract) = &checked.value {
        print!("{}", describe(contract));
    }
}
