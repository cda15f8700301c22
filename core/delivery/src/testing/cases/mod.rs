//! The suite, a file for each part of a message's life.

mod accept;
mod announce;
mod claim;
mod control;
mod crash;
mod cuts;
mod files;
mod operate;
mod order;
mod order_of_dead_letters;
mod questions;
mod settle;
mod suspects;

use std::sync::Arc;

use super::{Case, Subject, messages::BUNDLE};
use crate::Delivery;

/// What every `Delivery` has to hold. Each case has a subject of its own, that holds nothing.
pub const SUITE: &[&[Case]] = &[
    accept::CASES,
    claim::CASES,
    settle::CASES,
    crash::CASES,
    suspects::CASES,
    order::CASES,
    order_of_dead_letters::CASES,
    operate::CASES,
    announce::CASES,
    control::CASES,
    files::CASES,
    cuts::CASES,
    questions::CASES,
];

/// Opens the subject, with the bundle that the messages refer to.
async fn fresh(subject: &dyn Subject) -> Arc<dyn Delivery> {
    let delivery = subject.open().await;
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    delivery
}

/// Crashes and opens again.
async fn reopened(subject: &dyn Subject, delivery: Arc<dyn Delivery>) -> Arc<dyn Delivery> {
    subject.crash(delivery).await;
    fresh(subject).await
}

/// A list of cases from the names of async functions over a subject.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(super) const CASES: &[$crate::testing::Case] = &[$(
            $crate::testing::Case { name: stringify!($name), run: |subject| Box::pin($name(subject)) }
        ),*];
    };
}
use cases;
