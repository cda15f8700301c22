//! What a check found.

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// In order.
    Ok,
    /// It works, and somebody should look.
    Warning,
    /// It does not work.
    Problem,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    /// The kind of check.
    pub(super) check: &'static str,
    /// What was checked, by the name that the configuration gives it.
    pub(super) of: String,
    /// What was found.
    #[serde(rename = "finding")]
    pub(super) said: String,
    /// What to do.
    pub(super) todo: Option<String>,
}

/// A check of something: what it finds about it.
#[derive(Debug, Clone)]
pub(super) struct Check {
    check: &'static str,
    of: String,
}

impl Check {
    pub(super) fn new(check: &'static str, of: impl ToString) -> Self {
        Self { check, of: of.to_string() }
    }

    pub(super) fn ok(&self, said: impl Into<String>) -> Finding {
        self.found(State::Ok, said.into(), None)
    }

    pub(super) fn warning(&self, said: impl Into<String>, todo: impl Into<String>) -> Finding {
        self.found(State::Warning, said.into(), Some(todo.into()))
    }

    pub(super) fn problem(&self, said: impl Into<String>, todo: impl Into<String>) -> Finding {
        self.found(State::Problem, said.into(), Some(todo.into()))
    }

    pub(super) fn found(&self, state: State, said: String, todo: Option<String>) -> Finding {
        Finding { state, check: self.check, of: self.of.clone(), said, todo }
    }
}
