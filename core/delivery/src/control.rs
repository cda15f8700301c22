//! What an operator says of a route: work on it, leave it alone, or let it run empty.

/// How a route is to be served, by every gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Control {
    /// Messages are accepted and worked on.
    #[default]
    Running,
    /// Messages are accepted, and wait: no attempt begins. Callers who would wait for an answer are refused.
    Paused,
    /// No message is accepted; those that wait are worked on.
    Draining,
}

impl Control {
    /// Every control with its name.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Running, "running"), (Self::Paused, "paused"), (Self::Draining, "draining")];

    /// The name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// By name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(control, _)| *control)
    }
}
