//! What a check found, and to whom it is told.

use std::{cell::RefCell, time::Duration};

use tokio::time::timeout;

use crate::{report::Report, table::printable};

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

/// What was found so far, each told as soon as it is.
pub(super) struct Findings<'a> {
    found: RefCell<Vec<Finding>>,
    /// To whom; nobody, where all of it is told at the end.
    report: Option<&'a Report>,
}

/// Longer than anything that a check waits for by itself.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> Findings<'a> {
    /// Told to a person at once, under headings.
    pub(super) fn told(report: &'a Report) -> Self {
        report.line(report.bold(&line(["STATE", "CHECK", "OF", "FINDING"])));
        Self { found: RefCell::default(), report: Some(report) }
    }

    /// Kept until the end.
    pub(super) fn kept() -> Self {
        Self { found: RefCell::default(), report: None }
    }

    pub(super) fn tell(&self, found: impl IntoIterator<Item = Finding>) {
        for finding in found {
            if let Some(report) = self.report {
                let said = match &finding.todo {
                    Some(todo) => format!("{}; {todo}", finding.said),
                    None => finding.said.clone(),
                };
                report.line(printable(line([finding.state.name(), finding.check, &finding.of, &said])));
            }
            self.found.borrow_mut().push(finding);
        }
    }

    /// What a check finds, or that it does not end.
    pub(super) async fn of(&self, check: &Check, looked: impl Future<Output = Vec<Finding>>) {
        match timeout(PATIENCE, looked).await {
            Ok(found) => self.tell(found),
            Err(_) => self.tell([check.problem(
                format!("this check did not end within {PATIENCE:?}"),
                "see whether it hangs: the network, a name server, a disk",
            )]),
        }
    }

    pub(super) fn into_all(self) -> Vec<Finding> {
        self.found.into_inner()
    }
}

/// In columns that most fit into: how wide they must be is not known before the end.
fn line([state, check, of, said]: [&str; 4]) -> String {
    format!("{state:<7}  {check:<13}  {of:<27}  {said}")
}
