//! A route at work: source, plan, queue, target, over the ports of `portolan-delivery`. Bundles by hash, drain, and
//! reload without a call dropped.

mod acknowledge;
mod admission;
mod answers;
mod attempt;
mod blocks;
mod build;
mod bundle;
mod call;
mod cancel;
mod cut_now;
mod cutting;
mod delete;
mod dispatch;
mod due;
mod engine;
mod files;
mod goes_on;
mod guarded;
mod hashed;
mod held;
mod housekeeping;
mod intake;
mod judge;
mod listing;
mod load;
mod made;
mod mapped;
mod mapped_file;
mod metrics;
mod operations;
mod operator;
mod page;
mod receipt;
mod released;
mod route;
mod seen;
mod settle;
mod standing;
mod systems;
mod trace;
mod translate;
mod trouble;
mod under_way;
mod untold;
mod waiters;

pub use bundle::Bundle;
pub use engine::{Engine, EngineOptions, StartError};
pub use intake::EngineIntake;
pub use load::{LoadError, Loaded, Loader};
pub use made::Made;
pub use mapped::{Way, compile};
pub use mapped_file::compile_file;
pub use operator::EngineOperator;
pub use route::{FileSource, Poll, Repeat, Route, RouteMode};
pub use translate::{Context, Keys, Question, Translate, Verdict};

#[cfg(test)]
mod tests;
