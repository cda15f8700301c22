//! The 20-field message, and a list of ten thousand children, gRPC to SOAP and back: a plan against code written by hand,
//! interleaved in one run.
//!
//! Prints `name ratio`, a line each: our time over theirs, by the medians of many short turns taken alternately.
//! Both sides do the same conversions: minor units to `xs:decimal`, seconds to `xs:dateTime`; ours also checks what
//! the hand-written code takes on trust (names, namespaces, duplicates, unknown fields, illegal characters).
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::collapsible_match, unreachable_pub)]

mod children;
mod hand_written;
mod order_route;

use hand_written::{Order, order, parse_qx, write_soap};
use order_route::OrderRoute;
use portolan_mapping::run::{Context, Environment, Scratch};
use prost::Message;
use std::{hint::black_box, time::Instant};

const ROUNDS: usize = 401;
const TURN: usize = 200;
/// The same of a message that is thousands of times larger.
const ROUNDS_OF_LISTS: usize = 101;

fn main() {
    let route = OrderRoute::new();
    let environment = Environment {
        context: Context {
            message_id: "m-1",
            route: "orders",
            caller: None,
            received: jiff::Timestamp::UNIX_EPOCH,
            attempt: 1,
            request_id: None,
            sequence: None,
        },
        metadata: &[],
        original: None,
    };
    let wire = order().encode_to_vec();
    let mut soap = Vec::new();
    write_soap(&mut soap, &order());
    let mut scratch = Scratch::default();

    // Both contestants must say the same before either is timed.
    let mut out = Vec::new();
    route.request.run(&wire, &environment, &mut scratch, &mut out).unwrap();
    assert_eq!(parse_qx(std::str::from_utf8(&out).unwrap()), order());
    // The prefixes differ; everything else is there.
    assert!(
        out.len() + 128 > soap.len(),
        "too little is written: {} against {} bytes",
        out.len(),
        soap.len()
    );
    let mut back = Vec::new();
    route.reply.run(&soap, &environment, &mut scratch, &mut back).unwrap();
    assert_eq!(Order::decode(&*back).unwrap(), order());

    compare(
        (ROUNDS, TURN),
        "translate_request",
        || {
            let mut out = Vec::with_capacity(2048);
            route.request.run(black_box(&wire), &environment, &mut scratch, &mut out).unwrap();
            black_box(out);
        },
        || {
            let mut out = Vec::with_capacity(2048);
            write_soap(&mut out, &Order::decode(black_box(&*wire)).unwrap());
            black_box(out);
        },
    );
    let mut scratch = Scratch::default();
    compare(
        (ROUNDS, TURN),
        "translate_reply",
        || {
            let mut out = Vec::with_capacity(512);
            route.reply.run(black_box(&soap), &environment, &mut scratch, &mut out).unwrap();
            black_box(out);
        },
        || {
            black_box(parse_qx(std::str::from_utf8(black_box(&soap)).unwrap()).encode_to_vec());
        },
    );
    lists(&environment);
}

/// Ten thousand children.
fn lists(environment: &Environment<'_>) {
    let route = children::route();
    let wire = children::family().encode_to_vec();
    let soap = children::write(&children::family(), "PutResponse");
    let mut scratch = Scratch::default();
    let mut out = Vec::new();
    route.request.run(&wire, environment, &mut scratch, &mut out).unwrap();
    assert_eq!(children::read(std::str::from_utf8(&out).unwrap()), children::family());
    out.clear();
    route.reply.run(&soap, environment, &mut scratch, &mut out).unwrap();
    assert_eq!(children::Family::decode(&*out).unwrap(), children::family());
    compare(
        (ROUNDS_OF_LISTS, 1),
        "translate_list_request",
        || {
            let mut out = Vec::with_capacity(children::CHILDREN * 100);
            route.request.run(black_box(&wire), environment, &mut scratch, &mut out).unwrap();
            black_box(out);
        },
        || {
            let family = children::Family::decode(black_box(&*wire)).unwrap();
            black_box(children::write(&family, "Put"));
        },
    );
    let mut scratch = Scratch::default();
    compare(
        (ROUNDS_OF_LISTS, 1),
        "translate_list_reply",
        || {
            let mut out = Vec::with_capacity(children::CHILDREN * 50);
            route.reply.run(black_box(&soap), environment, &mut scratch, &mut out).unwrap();
            black_box(out);
        },
        || {
            let text = std::str::from_utf8(black_box(&soap)).unwrap();
            black_box(children::read(text).encode_to_vec());
        },
    );
}

/// Turns taken alternately; the medians' ratio.
fn compare((rounds, turns): (usize, usize), name: &str, mut ours: impl FnMut(), mut theirs: impl FnMut()) {
    let turn = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..turns {
            run();
        }
        start.elapsed().as_nanos() as f64 / turns as f64
    };
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        our_times.push(turn(&mut ours));
        their_times.push(turn(&mut theirs));
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (ours, theirs) = (median(&mut our_times), median(&mut their_times));
    println!("{name} {:.3}", ours / theirs);
    eprintln!("  {ours:.0} ns against {theirs:.0} ns by hand");
}
