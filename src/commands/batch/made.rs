//! Files that are made of messages, as an operator sees them.

use portolan_delivery::{CutRecord, CutState, MadeFile, MadeView};
use serde_json::{Value, json};

use super::view;
use crate::{commands::queue::view::time, report::Report, table::printable};

/// Which way such a file goes.
pub(super) const DIRECTION: &str = "out";

/// `3 messages`
pub(super) fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

/// A file for programs.
pub(super) fn file(view: &MadeView) -> Value {
    let MadeView { file, system, trouble } = view;
    let mut shown = json!({
        "direction": DIRECTION,
        "route": file.route(),
        "system": system,
        "state": file.state(),
        "messages": file.messages(),
        "trouble": trouble,
    });
    match file {
        MadeFile::Gathering(gathered) => shown["oldest"] = json!(time(gathered.oldest)),
        MadeFile::Cut(cut) => {
            shown["name"] = json!(cut.name);
            shown["number"] = json!(cut.sequence);
            shown["outstanding"] = json!(cut.outstanding);
            shown["sha256"] = json!(cut.hash.map(|hash| hash.to_string()));
            shown["bundle"] = json!(cut.bundle.to_string());
            shown["bytes"] = json!(cut.hash.map(|_| cut.bytes));
            shown["cut"] = json!(time(cut.at));
            shown["delivered"] = json!(cut.delivered.map(time));
        }
    }
    shown
}

/// `gathering: 3 messages, since TIME`, `ready: not delivered: something has its name`
pub(super) fn state(view: &MadeView) -> String {
    let state = view.file.state();
    match (&view.file, &view.trouble) {
        (_, Some(why)) => format!("{state}; failing: {why}"),
        (MadeFile::Gathering(gathered), None) => format!("{state} since {}", time(gathered.oldest)),
        (MadeFile::Cut(_), None) => state.to_owned(),
    }
}

fn line(report: &Report, name: &str, value: impl Into<String>) {
    report.line(format_args!("{name:<14}{}", printable(value.into())));
}

/// What was cut.
pub(super) fn print_cut(cut: &CutRecord, report: &Report) {
    let line = |name, value: String| line(report, name, value);
    let not_yet = || "not known before it is ready".to_owned();
    line("file", cut.name.as_ref().map_or_else(not_yet, ToString::to_string));
    line("direction", DIRECTION.to_owned());
    line("route", cut.route.to_string());
    line("number", cut.sequence.to_string());
    line("messages", cut.messages.to_string());
    line("bytes", cut.hash.map_or_else(not_yet, |_| cut.bytes.to_string()));
    line("sha256", cut.hash.map_or_else(not_yet, |hash| hash.to_string()));
    line("bundle", cut.bundle.to_string());
    line("cut", time(cut.at));
    line(
        "state",
        match cut.delivered {
            Some(at) => format!("{} {}", cut.state.name(), time(at)),
            None => cut.state.name().to_owned(),
        },
    );
    line(
        "outstanding",
        match (cut.outstanding, cut.state) {
            (0, _) => "0".to_owned(),
            (count, CutState::Delivered) => format!("{} without an answer", messages(count)),
            (count, _) => messages(count),
        },
    );
}

/// A file with all that is known, and what to do.
pub(super) fn print(view: &MadeView, report: &Report) {
    match &view.file {
        MadeFile::Gathering(gathered) => {
            line(report, "route", gathered.route.to_string());
            line(report, "state", state(view));
            line(report, "messages", gathered.messages.to_string());
        }
        MadeFile::Cut(cut) => print_cut(cut, report),
    }
    if let Some(system) = &view.system {
        line(report, "system", system.to_string());
    }
    if let Some(why) = &view.trouble {
        line(report, "error", why.to_string());
    }
    if let Some(what) = what_to_do(view) {
        line(report, "to do", what);
    }
}

fn what_to_do(view: &MadeView) -> Option<String> {
    let MadeFile::Cut(cut) = &view.file else { return None };
    let (route, failing) = (&cut.route, view.trouble.is_some());
    Some(match (cut.state, failing, &view.system) {
        (CutState::Open, true, _) => format!(
            "mend what the error says; the gateway tries again, a minute later at most, and `portolan batch retry {0} --route {route}` at once. A changed \
             mapping does not reach a file that is cut: `portolan batch refuse {0} --route {route} --reason TEXT` gives it up, and `portolan queue retry \
             --newest --route {route}` has its messages in the next file, which waits meanwhile",
            cut.sequence
        ),
        (CutState::Ready, true, _) => format!(
            "mend what the error says; the gateway tries again, a minute later at most, and `portolan batch retry {} --route {route}` at once. The next \
             file of the route waits for this one",
            cut.sequence
        ),
        (CutState::Open | CutState::Ready, false, None) => format!(
            "nothing was learned from a gateway that serves route {route}: one that does goes on with the file by itself; where none runs, start it \
             with `portolan serve`"
        ),
        (CutState::Open | CutState::Ready, false, Some(_)) => {
            "wait: a gateway is at it, and its log says how it fares".to_owned()
        }
        (CutState::Delivered, ..) if cut.outstanding > 0 => format!(
            "wait for the file that answers it; `portolan queue list --route {route} --state claimed` shows messages that are not answered"
        ),
        (CutState::Delivered, ..) => return None,
    })
}

/// The columns of a list: since when, its name, number and hash.
pub(super) fn cells(made: &MadeView) -> [String; 11] {
    let file = &made.file;
    let (name, number, outstanding, hash) = match file {
        MadeFile::Gathering(_) => Default::default(),
        MadeFile::Cut(cut) => (
            cut.name.as_deref().unwrap_or_default().to_owned(),
            cut.sequence.to_string(),
            cut.outstanding.to_string(),
            cut.hash.map(view::short).unwrap_or_default(),
        ),
    };
    [
        time(file.since()),
        DIRECTION.to_owned(),
        file.route().to_string(),
        name,
        number,
        state(made),
        file.messages().to_string(),
        outstanding,
        String::new(),
        String::new(),
        hash,
    ]
}
