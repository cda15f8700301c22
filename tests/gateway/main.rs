//! The gateway as a black box: `portolan serve` as a process, between portals and legacy systems that nobody here wrote.
//! One binary, so that everything is linked once; a module a subject.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests wait for processes, and keep all that these say")]

mod harness;

mod amqp;
mod backlog;
mod bulk;
mod canary;
mod cluster;
mod encrypted;
mod errors;
mod examples;
mod faults;
mod files;
mod files_out;
mod files_released;
mod files_sftp;
mod files_told;
mod health;
mod held;
mod hostile;
mod kill;
mod large_cut;
mod large_file;
mod lifecycle;
mod load;
mod memory;
mod metrics;
mod one_way;
mod operations;
mod order;
mod peers;
mod poison;
mod polled;
mod repeats;
mod samples;
mod shared_files;
mod site;
mod systems;
mod topology;
mod traces;
