#![no_main]
//! Fields of records: any form, any bytes. What is read is written and reads the same again.

use libfuzzer_sys::fuzz_target;

#[path = "../../core/formats/tests/chosen/mod.rs"]
mod chosen;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = chosen::Choices(bytes);
    let storage = choices.storage();
    let data = choices.bytes(&storage.form);
    chosen::reads_what_it_writes(&storage, &data);
});
