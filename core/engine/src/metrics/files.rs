//! What is counted of files: how many came to which end, and what became of their messages.

use std::sync::Arc;

use portolan_delivery::FileCounts;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::Labels;

/// The series of all routes that take files.
#[derive(Default)]
pub(super) struct FileSeries {
    ended: Family<Labels<2>, Counter>,
    records: Family<Labels<2>, Counter>,
    under_way: Family<Labels<1>, Gauge>,
}

impl FileSeries {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("files", "Files at their end, by what became of them", self.ended.clone());
        registry.register(
            "file_records",
            "Records of files that ended which are messages, by what became of them",
            self.records.clone(),
        );
        registry.register("files_under_way", "Files that are being taken now", self.under_way.clone());
    }

    /// Those of one route.
    pub(super) fn of(&self, route: &Arc<str>) -> FileMetrics {
        let labels = |outcome: &str| [("route", route.clone()), ("outcome", outcome.into())];
        let ended = |outcome| self.ended.get_or_create_owned(&labels(outcome));
        let records = |outcome| self.records.get_or_create_owned(&labels(outcome));
        FileMetrics {
            taken: ended("taken"),
            refused: ended("refused"),
            duplicate: ended("duplicate"),
            accepted: records("accepted"),
            skipped: records("skipped"),
            rejected: records("rejected"),
            under_way: self.under_way.get_or_create_owned(&[("route", route.clone())]),
        }
    }
}

/// The series of a route that takes files.
pub(crate) struct FileMetrics {
    taken: Counter,
    refused: Counter,
    duplicate: Counter,
    accepted: Counter,
    skipped: Counter,
    rejected: Counter,
    under_way: Gauge,
}

impl FileMetrics {
    /// A file is under way until what is given is dropped.
    pub(crate) fn under_way(&self) -> impl Drop + '_ {
        self.under_way.inc();
        Counted(&self.under_way)
    }

    /// A file was taken.
    pub(crate) fn taken(&self, counts: FileCounts) {
        self.taken.inc();
        self.accepted.inc_by(counts.messages);
        self.skipped.inc_by(counts.skipped);
        self.rejected.inc_by(counts.rejected);
    }

    /// A file was refused whole: none of its messages came to an end of its own.
    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    /// What is in a file was taken before.
    pub(crate) fn duplicate(&self) {
        self.duplicate.inc();
    }
}

struct Counted<'a>(&'a Gauge);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
