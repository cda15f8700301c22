#![no_main]
//! Replies of a SOAP service.

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portolan_fuzz::Subject;

static SUBJECT: LazyLock<Subject> = LazyLock::new(Subject::xml);

fuzz_target!(|bytes: &[u8]| SUBJECT.read(bytes));
