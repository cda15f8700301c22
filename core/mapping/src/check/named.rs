//! What expressions name besides fields and tables: secrets of the configuration, and calendars of the mapping.

use std::sync::Arc;

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::Checker;
use crate::{
    calendar::Named,
    functions::{Form, Prepared},
    secret::Secrets,
};

impl Checker<'_> {
    /// What a constant argument becomes; `None` as an error where another finding says why there is none.
    pub(super) fn prepared(
        &mut self,
        form: Form,
        text: &str,
        at: Span,
    ) -> Result<Option<Prepared>, Option<Diagnostic>> {
        match form {
            Form::Secret => self.secret(text, at).map(Some).map_err(Some),
            Form::Calendar => self.calendar(text, at).map(Some),
            _ => Prepared::of(form, text)
                .map_err(|message| Some(Diagnostic::error(Code::EXPR_ARGUMENTS, message).at(at, ""))),
        }
    }

    /// A secret by its name. Without a configuration nobody knows which there are.
    fn secret(&self, name: &str, at: Span) -> Result<Prepared, Diagnostic> {
        let key = self.secrets.get(name).cloned();
        match (self.secrets, key) {
            (Secrets::Known(known), None) => {
                let message = format!("there is no secret `{name}`");
                let finding = Diagnostic::error(Code::MAP_UNKNOWN_SECRET, message).at(at, "");
                let help = "secrets stand under `secrets:` in portolan.yaml";
                Err(finding.did_you_mean(name, known.keys().map(|name| &**name)).for_a_person().help(help))
            }
            (_, key) => Ok(Prepared::Secret(name.into(), key)),
        }
    }

    /// A calendar by its name.
    fn calendar(&mut self, name: &str, at: Span) -> Result<Prepared, Option<Diagnostic>> {
        let calendars = self.calendars;
        let Some(index) = calendars.iter().position(|one| *one.name.value == *name) else {
            let message = format!("there is no calendar `{name}`");
            let finding = Diagnostic::error(Code::MAP_UNKNOWN_CALENDAR, message).at(at, "");
            let finding =
                finding.did_you_mean(name, calendars.iter().map(|one| &*one.name.value)).for_a_person();
            return Err(Some(match calendars {
                [] => finding.help("name its file: `calendars: { banks: bank-days.yaml }`"),
                _ => finding,
            }));
        };
        self.uses.asked_calendar(index);
        let one = calendars.get(index).ok_or(None)?;
        let calendar: Arc<_> = one.calendar.clone().ok_or(None)?;
        Ok(Prepared::Calendar(Named { name: one.name.value.clone(), calendar }))
    }
}
