//! Tables and calendars as a whole: rows that no lookup can ask for, those that nobody asks, and rows at fault.

use std::{collections::HashSet, sync::Arc};

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{calls::written, types::Values};
use crate::{
    file::CalendarFile,
    ir::{Constant, Expr, RowsFrom, Table},
};

/// What both directions of a route ask its tables.
pub(super) struct Uses {
    tables: Vec<Use>,
    /// Whether any function asks it.
    calendars: Vec<bool>,
}

#[derive(Default)]
struct Use {
    asked: bool,
    /// Some key may be anything.
    open: bool,
    /// The keys that may come, where contracts list them.
    keys: HashSet<Arc<str>>,
    /// Rows that another finding speaks of.
    explained: HashSet<Arc<str>>,
}

impl Uses {
    pub(super) fn new(tables: &[Table], calendars: &[CalendarFile]) -> Self {
        Self {
            tables: tables.iter().map(|_| Use::default()).collect(),
            calendars: vec![false; calendars.len()],
        }
    }

    /// Remembers that a calendar was asked.
    pub(super) fn asked_calendar(&mut self, calendar: usize) {
        if let Some(asked) = self.calendars.get_mut(calendar) {
            *asked = true;
        }
    }

    /// Remembers a lookup by keys of which something is known.
    pub(super) fn asked(&mut self, table: usize, keys: &Values) {
        let Some(used) = self.tables.get_mut(table) else { return };
        used.asked = true;
        match keys {
            Values::Declared(known, _) | Values::Written(known) => used.keys.extend(known.iter().cloned()),
            Values::Any | Values::Names => used.open = true,
        }
    }

    /// Remembers that a row was spoken of.
    pub(super) fn explained(&mut self, table: usize, row: Arc<str>) {
        if let Some(used) = self.tables.get_mut(table) {
            used.explained.insert(row);
        }
    }

    /// What remains to be said once everything was looked up. `whole`: nothing was left unchecked.
    pub(super) fn finish(
        self,
        tables: &[Table],
        calendars: &[CalendarFile],
        whole: bool,
        findings: &mut Vec<Diagnostic>,
    ) {
        let forgotten = self.calendars.iter().zip(calendars).filter(|(asked, _)| whole && !**asked);
        findings.extend(forgotten.map(|(_, CalendarFile { name, .. })| {
            let message = format!("nothing asks the calendar `{}`", name.value);
            let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, message).at(name.span, "");
            finding.help(format!("use it, is_business_day(date, '{}'), or leave it out", name.value))
        }));
        for (used, table) in self.tables.iter().zip(tables) {
            if !used.asked {
                let message = format!("nothing looks anything up in the table `{}`", table.name);
                let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, message).at(table.span, "");
                let usage = format!("use it, lookup('{}', key), or leave it out", table.name);
                findings.extend(whole.then(|| finding.help(usage)));
                continue;
            }
            if used.open || table.origin != RowsFrom::Mapping {
                continue;
            }
            for (row, span) in never_asked(used, table) {
                let message = format!("the key `{row}` never comes: the contract does not have it");
                let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, message).at(span, "");
                let finding = finding.did_you_mean(row, missing(used, table));
                findings.push(match finding.help.is_empty() {
                    true => finding.help("leave the row out"),
                    false => finding,
                });
            }
        }
    }
}

fn never_asked<'t>(used: &Use, table: &'t Table) -> Vec<(&'t str, Span)> {
    let rows =
        table.places.iter().filter(|(row, _)| !used.keys.contains(*row) && !used.explained.contains(*row));
    rows.map(|(row, place)| (&**row, place.key)).collect()
}

/// Keys that may come and have no row of their own.
fn missing<'u>(used: &'u Use, table: &'u Table) -> impl Iterator<Item = &'u str> {
    used.keys.iter().filter(|key| !table.rows.contains_key(*key)).map(|key| &**key)
}

/// Where the mapping writes a text that an expression may give: in a row of a table, if not at the expression itself.
pub(super) fn row_of(expr: &Expr, text: &str, tables: &[Table]) -> Option<Span> {
    match expr {
        Expr::Lookup { table, .. } => {
            let table = tables.get(*table)?;
            let is = |value: &Constant| written(value) == text;
            let row = table.rows.iter().find(|(_, value)| is(value)).map(|(key, _)| key.clone());
            let default = || table.default.as_ref().filter(|v| is(v)).map(|_| Arc::from("default"));
            Some(table.places.get(&row.or_else(default)?)?.value)
        }
        Expr::LookupKey { table, .. } => Some(tables.get(*table)?.places.get(text)?.key),
        Expr::Default(a, b) => row_of(a, text, tables).or_else(|| row_of(b, text, tables)),
        Expr::NullIf(a, _) => row_of(a, text, tables),
        Expr::Cases(cases) => cases.iter().find_map(|(_, then)| row_of(then, text, tables)),
        _ => None,
    }
}
