//! What can be set about the queue's file. The defaults suit a gateway; tests change more.

/// How the queue's file is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// Intents that one commit may carry, at most.
    pub batch: usize,
    /// Intents that may wait for the writer; more callers than that wait for room.
    pub waiting: usize,
    /// Questions that are answered at the same time.
    pub readers: usize,
    /// Bytes of write-ahead log after which a checkpoint begins.
    pub checkpoint_after: u64,
    /// Bytes of write-ahead log after which the writer is held up for the rest of a checkpoint (a few fsyncs), so that
    /// the log starts over instead of growing.
    pub checkpoint_hold: u64,
    /// What a commit outlives.
    pub durability: Durability,
    /// The SQLite VFS to go through; tests put power cuts and full disks there.
    #[doc(hidden)]
    pub vfs: Option<String>,
}

/// What a commit outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: each commit is synced. The only one for a gateway.
    PowerCut,
    /// The end of the process only. Loses messages with the power; here so that a test can show that it would notice.
    ProcessOnly,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch: 256,
            waiting: 1024,
            readers: 2,
            checkpoint_after: 4 << 20,
            checkpoint_hold: 16 << 20,
            durability: Durability::PowerCut,
            vfs: None,
        }
    }
}
