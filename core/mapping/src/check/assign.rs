//! A value meets its field: kinds, codes and bounds.

use std::sync::Arc;

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_formats::Decimal;
use portolan_schema::Scalar;

use super::{
    Checker,
    expression::Typed,
    tables::row_of,
    types::{Values, converts, kind_of, name, never_fits, parse_decimal},
};
use crate::{
    expression::{ExpressionKind, Leaf},
    file::ConstantText,
    functions::Kind,
    ir::{Constant, Expr},
    parse::{Guess, guess},
};

fn by_table(shown: &str) -> String {
    format!("translate the codes by a table: lookup('table', {shown})")
}

/// How codes that are names become something of another kind.
fn from_names(target: Kind, known: &[Arc<str>], shown: &str) -> Option<String> {
    let by = |function: &str| format!("translate the codes by a table: {function}(lookup('table', {shown}))");
    match target {
        Kind::Text => Some(by_table(shown)),
        Kind::Integer => {
            Some(format!("translate the codes by a table with numbers: lookup('table', {shown})"))
        }
        Kind::Decimal | Kind::Double => Some(by("decimal")),
        Kind::Date => Some(by("date")),
        Kind::DateTime => Some(by("timestamp")),
        Kind::Bool => known.last().map(|code| format!("compare it: {shown} == '{code}'")),
        Kind::Bytes | Kind::Time | Kind::Duration => None,
    }
}

impl Checker<'_> {
    /// A typed expression for a target scalar; `field` is its name in messages.
    pub(super) fn assign(
        &mut self,
        typed: Typed,
        scalar: &Scalar,
        field: &str,
        leaf: &Leaf,
    ) -> Option<Typed> {
        let schema = self.target;
        let span = leaf.place(&typed.place);
        let shown = leaf.text.get(typed.place.clone()).unwrap_or(&leaf.text).to_owned();
        let target = kind_of(schema, &scalar.kind);
        if let Err(help) = converts(typed.ty.kind, target, &shown) {
            let message = format!("`{field}` is {}, and this is {}", name(target), name(typed.ty.kind));
            let finding = Diagnostic::error(Code::MAP_TYPE, message).at(span, "");
            let help = match &typed.ty.values {
                Values::Declared(known, _) if typed.ty.is_of_names() => from_names(target, known, &shown),
                _ => self.without_writing(&typed, target, leaf).or(help),
            };
            self.findings.push(help.into_iter().fold(finding, Diagnostic::help));
            return None;
        }
        match &typed.ty.values {
            Values::Written(texts) => {
                for text in texts {
                    if let Some(fault) = never_fits(schema, scalar, text) {
                        let row = row_of(&typed.expr, text, self.tables);
                        self.never(field, &fault, text, scalar, row.unwrap_or(span));
                    }
                }
            }
            Values::Declared(known, zero) => self.codes(known, zero.as_ref(), scalar, field, &shown, span),
            Values::Any | Values::Names => {
                if let Expr::Constant(constant) = &typed.expr
                    && let Some(fault) = never_fits(schema, scalar, &super::calls::written(constant))
                {
                    self.never(field, &fault, "", scalar, span);
                }
            }
        }
        Some(typed)
    }

    /// A value that was written as text for a field that takes it as it is.
    fn without_writing(&mut self, typed: &Typed, target: Kind, leaf: &Leaf) -> Option<String> {
        let parsed = leaf.parse().ok()?;
        let ExpressionKind::Call { name, receiver, arguments } = &parsed.kind else { return None };
        let written = receiver.as_deref().or(arguments.first())?;
        if !matches!(name.name.as_str(), "format" | "string") || parsed.place != typed.place {
            return None;
        }
        let shown = leaf.text.get(written.place.clone())?;
        let kind = self.value(written, leaf)?.ty.kind;
        converts(kind, target, shown).ok().map(|()| format!("leave `{}` out: {shown}", name.name))
    }

    fn never(&mut self, field: &str, fault: &str, text: &str, scalar: &Scalar, span: Span) {
        let message = format!("this never fits `{field}`: {fault}");
        let finding = Diagnostic::error(Code::MAP_NEVER_FITS, message).at(span, "");
        let names = scalar.enumeration.iter().flat_map(|e| &e.values).map(|v| v.name.as_str());
        self.findings.push(finding.did_you_mean(text, names));
    }

    /// The codes of one contract meet those of the other.
    fn codes(
        &mut self,
        known: &[Arc<str>],
        zero: Option<&Arc<str>>,
        scalar: &Scalar,
        field: &str,
        shown: &str,
        span: Span,
    ) {
        let fits = |code: &&Arc<str>| never_fits(self.target, scalar, code).is_none();
        let wanted: Vec<&Arc<str>> = known.iter().filter(|k| zero != Some(*k)).collect();
        let strangers: Vec<&str> = wanted.iter().filter(|k| !fits(k)).map(|k| &***k).collect();
        if strangers.is_empty() {
            return;
        }
        let help = by_table(shown);
        let finding = if strangers.len() == wanted.len() {
            let message = format!("this never fits `{field}`: none of its codes is known there");
            Diagnostic::error(Code::MAP_NEVER_FITS, message)
        } else {
            let message = format!("`{field}` has no code {}", strangers.join(", "));
            Diagnostic::error(Code::MAP_UNCOVERED, message)
        };
        self.findings.push(finding.at(span, "").help(help));
    }

    /// `{ const: ... }` for a target scalar.
    pub(super) fn constant(
        &mut self,
        text: &ConstantText,
        span: Span,
        scalar: &Scalar,
        field: &str,
    ) -> Option<Constant> {
        let target = kind_of(self.target, &scalar.kind);
        let written: &str = &text.text;
        if text.hidden {
            return self.hidden(written, span, scalar, field);
        }
        if written.contains("${env:") || written.contains("${file:") {
            let message =
                "`${...}` is filled in only in portolan.yaml, and here it would be sent as it stands";
            let finding = Diagnostic::error(Code::YAML_TRAP, message).at(span, "");
            self.findings.push(finding.help("write it there, under systems.NAME.soap.header"));
            return None;
        }
        let trap = match (text.plain, guess(written), target) {
            (true, Guess::Trap(what), Kind::Text | Kind::Integer) => Some(what),
            (true, Guess::Integer, Kind::Text) => Some("a number"),
            _ => None,
        };
        if let Some(what) = trap {
            let finding =
                Diagnostic::error(Code::YAML_TRAP, format!("YAML readers take `{written}` for {what}"));
            let finding = finding.at(span, "");
            self.findings.push(match target {
                Kind::Text => {
                    let help = format!("put the code in quotes: {{ const: \"{written}\" }}");
                    finding.help(help).edit(span, written, format!("\"{written}\""))
                }
                _ => finding.help("write the number as it is counted"),
            });
            return None;
        }
        if let Some(fault) = never_fits(self.target, scalar, written) {
            self.never(field, &fault, written, scalar, span);
            return None;
        }
        if matches!(target, Kind::Bytes | Kind::Time | Kind::DateTime | Kind::Duration) {
            let message = format!("`{field}` is {}, of which there are no constants", name(target));
            self.findings.push(Diagnostic::error(Code::MAP_TYPE, message).at(span, ""));
            return None;
        }
        let value = of_kind(target, written);
        if value.is_none() {
            let message = format!("`{field}` is {}, and `{written}` is not", name(target));
            let help = match target {
                Kind::Bool => "write true or false",
                Kind::Date => "write it as 2024-01-31",
                _ => "write decimal digits",
            };
            self.findings.push(Diagnostic::error(Code::MAP_TYPE, message).at(span, "").help(help));
        }
        value
    }

    /// A constant that came from where secrets are kept: what is said of it does not show it.
    fn hidden(&mut self, written: &str, span: Span, scalar: &Scalar, field: &str) -> Option<Constant> {
        let target = kind_of(self.target, &scalar.kind);
        let fits = never_fits(self.target, scalar, written).is_none();
        let value = of_kind(target, written).filter(|_| fits);
        if value.is_none() {
            let message = format!("what this names never fits `{field}`, which is {}", name(target));
            let finding = Diagnostic::error(Code::MAP_NEVER_FITS, message).at(span, "");
            self.findings.push(finding.help("its length, its form or its kind is another: see the contract"));
        }
        value
    }

    /// The only value of a field that the contract fixes.
    pub(super) fn fixed(&self, text: &str, scalar: &Scalar) -> Option<Constant> {
        match kind_of(self.target, &scalar.kind) {
            Kind::Text => Some(Constant::Text(text.into())),
            Kind::Bool => Some(Constant::Bool(matches!(text, "true" | "1"))),
            Kind::Integer => text.parse().ok().map(Constant::Integer),
            Kind::Decimal => {
                let (mantissa, scale) = parse_decimal(text)?;
                Some(Constant::Decimal(Decimal { mantissa, scale: u8::try_from(scale).ok()? }))
            }
            _ => None,
        }
    }
}

/// A constant of a kind, as it is written; `None` where it is not one.
fn of_kind(target: Kind, written: &str) -> Option<Constant> {
    match target {
        Kind::Text => Some(Constant::Text(written.into())),
        Kind::Bool => written.parse().ok().map(Constant::Bool),
        Kind::Integer => written.parse().ok().map(Constant::Integer),
        Kind::Decimal | Kind::Double => {
            let (mantissa, scale) = parse_decimal(written)?;
            Some(Constant::Decimal(Decimal { mantissa, scale: u8::try_from(scale).ok()? }))
        }
        Kind::Date => written.parse().ok().map(Constant::Date),
        Kind::Bytes | Kind::Time | Kind::DateTime | Kind::Duration => None,
    }
}
