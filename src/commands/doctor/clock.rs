//! Another machine's clock beside this one's.

use portolan_delivery::Timestamp;

use super::finding::{Check, Finding};

/// What is said of a clock, in seconds.
pub(super) struct Bounds {
    /// Up to here the clocks agree.
    pub(super) agree: u64,
    /// From here on something goes wrong by it.
    pub(super) too_far: u64,
    /// What to do.
    pub(super) todo: &'static str,
}

pub(super) fn check(check: &Check, (theirs, ours): (Timestamp, Timestamp), bounds: &Bounds) -> Finding {
    let apart = theirs.0.abs_diff(ours.0) / 1_000_000;
    let way = if theirs > ours { "ahead of" } else { "behind" };
    let said = format!("{apart} s {way} this machine's");
    if apart <= bounds.agree {
        check.ok(format!("agrees with this machine's within {} s", bounds.agree))
    } else if apart < bounds.too_far {
        check.warning(said, bounds.todo)
    } else {
        check.problem(said, bounds.todo)
    }
}
