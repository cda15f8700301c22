#![no_main]
//! Messages of a portal.

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portolan_fuzz::Subject;

static SUBJECT: LazyLock<Subject> = LazyLock::new(Subject::protobuf);

fuzz_target!(|bytes: &[u8]| SUBJECT.read(bytes));
