//! Delivery: what a message is, what may be promised about it, and the ports through which the engine keeps the promise.
//!
//! The engine knows one port to the queue and the ledger, [`Delivery`], made of intents; one to whoever calls,
//! [`Intake`]; and one to whoever is called, [`Target`]. All time comes in as an argument.

pub mod composite;
mod control;
mod cut;
mod edge;
mod envelope;
mod event;
mod failure;
mod file;
mod lost;
mod made;
mod message_store;
mod operator;
mod outage;
mod port;
mod progress;
mod retry;
pub mod rpc;
pub mod system;
#[cfg(feature = "testing")]
pub mod testing;
mod time;

pub use control::Control;
pub use cut::{
    Built, CutMessage, CutPage, CutPlace, CutRecord, CutState, CutStore, FileAnswer, FileContent, FileDrop,
    Gathered, LateMessage, Patch, Sender, SentMessage,
};
pub use edge::{
    Answer, Call, Intake, OperationFilter, OperationPage, OperationState, OperationView, Outgoing, SendError,
    Sent, Target,
};
pub use envelope::{
    BundleHash, DeadLetters, Envelope, GatewayId, Idempotency, MessageId, Mode, Order, OrderKey,
    PayloadDigest, RequestKey,
};
pub use event::{Event, Happened, KeptEvent};
pub use failure::{Failure, FaultClass, FieldViolation, Party, Status};
pub use file::{
    Acknowledgement, Arrival, Arrived, Block, Dropped, FileCounts, FileEnd, FileError, FileFate, FileFilter,
    FileHash, FileIntake, FileReceipt, FileRecord, FileRelease, FileRoute, FileState, FileStore, FileTold,
    OpenFile, RejectedRecords, ReleaseTold,
};
pub use lost::{LOST_BEFORE_SUSPECT, Lost, is_suspect, settle_lost, unreadable_row};
pub use made::{CutNow, FileDecision, MadeFile, MadeView, SentIn};
pub use message_store::MessageStore;
pub use operator::{
    Changes, Operator, OperatorError, Reloaded, Resolution, RouteStatus, RouteView, Shown, Version,
    VisibleValue,
};
pub use outage::Outage;
pub use port::{
    Accept, Accepted, Attempt, BrokerState, Claim, Claimed, Controls, Count, DeadLetter, Delivery,
    DeliveryError, Filter, Orphan, Outcome, Page, Reconciled, Record, Start, State, StateKind,
};
pub use progress::{FilePhase, FileProgress, FileView};
pub use retry::{Decision, PolicyError, RetryPolicy, ask_again, decide, decide_poll, exhausted, overdue};
pub use time::Timestamp;

/// A boxed future: ports are used as `dyn`, and one allocation a call is not what a call costs.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
