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
    expression::Leaf,
    file::ConstantText,
    functions::Kind,
    ir::{Constant, Expr},
    parse::{Guess, guess},
};

fn by_table(shown: &str) -> String {
    format!("translate the codes by a table: lookup('table', {shown})")
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
            let names = |known: &[Arc<str>]| known.iter().all(|code| parse_decimal(code).is_none());
            let help = match &typed.ty.values {
                Values::Declared(known, _) if names(known) => Some(by_table(&shown)),
                _ => help,
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
            Values::Any => {
                if let Expr::Constant(constant) = &typed.expr
                    && let Some(fault) = never_fits(schema, scalar, &super::calls::written(constant))
                {
                    self.never(field, &fault, "", scalar, span);
                }
            }
        }
        Some(typed)
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
        let value = match target {
            Kind::Text => Some(Constant::Text(text.text.clone())),
            Kind::Bool => written.parse().ok().map(Constant::Bool),
            Kind::Integer => written.parse().ok().map(Constant::Integer),
            Kind::Decimal | Kind::Double => parse_decimal(written).and_then(|(mantissa, scale)| {
                Some(Constant::Decimal(Decimal { mantissa, scale: u8::try_from(scale).ok()? }))
            }),
            Kind::Date => written.parse().ok().map(Constant::Date),
            Kind::Bytes | Kind::Time | Kind::DateTime | Kind::Duration => {
                let message = format!("`{field}` is {}, of which there are no constants", name(target));
                self.findings.push(Diagnostic::error(Code::MAP_TYPE, message).at(span, ""));
                return None;
            }
        };
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
