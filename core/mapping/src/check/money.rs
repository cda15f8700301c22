//! Money: a decimal of the old contract against `google.type.Money` of the modern one.

use std::ops::Range;

use portolan_diagnostics::{Code, Diagnostic};
use portolan_schema::TypeId;

use super::{
    Checker,
    expression::Typed,
    rules::{Filled, Target},
    scope::What,
    types::name,
};
use crate::{
    expression::{Expression, ExpressionKind as Kinds, Leaf, Segment},
    functions::Kind,
    ir::{Comparison, Expr, Given, Write, WriteContent},
};

const MONEY: &str = "google.type.Money";

impl Checker<'_> {
    /// `price: money(Total, 'EUR')`, where that is what fills a field.
    pub(super) fn money(
        &mut self,
        parsed: &Expression,
        leaf: &Leaf,
        target: Target<'_>,
    ) -> Option<Option<Filled>> {
        let Kinds::Call { name, receiver: None, arguments } = &parsed.kind else { return None };
        let ([amount, currency], TypeId::Record(record)) = (arguments.as_slice(), target.ty) else {
            return None;
        };
        let is_money = name.name == "money" && !target.list && self.target.record(record).name.local == MONEY;
        is_money.then(|| self.filled_with_money(amount, currency, leaf, target))
    }

    fn filled_with_money(
        &mut self,
        amount: &Expression,
        currency: &Expression,
        leaf: &Leaf,
        target: Target<'_>,
    ) -> Option<Filled> {
        let TypeId::Record(record) = target.ty else { return None };
        let part = |function: &str| Expression {
            kind: Kinds::Call {
                name: Segment { name: function.to_owned(), place: amount.place.clone() },
                receiver: None,
                arguments: vec![amount.clone()],
            },
            place: amount.place.clone(),
        };
        let typed = self.value(amount, leaf);
        let currency = self.value(currency, leaf);
        let (typed, currency) = (typed?, currency?);
        if currency.ty.kind != Kind::Text {
            let message = format!("a currency is text, and this is {}", name(currency.ty.kind));
            self.report(Code::MAP_TYPE, message, leaf, &currency.place);
            return None;
        }
        let currency = self.present(currency, leaf)?;
        let (units, nanos) = (self.value(&part("units"), leaf)?, self.value(&part("nanos"), leaf)?);
        // Without an amount there is no money, whatever its currency would be.
        let there = Expr::Compare(Comparison::Equal, Box::new(typed.expr.clone()), Box::new(typed.expr));
        let currency = Expr::Cases(vec![(Some(there), currency.expr)]);
        let mut write = Vec::new();
        for (field, expr) in [("currency_code", currency), ("units", units.expr), ("nanos", nanos.expr)] {
            let Some((field, _)) = self.target.record(record).find(field) else { continue };
            write.push(Write { record, field, content: WriteContent::Scalar(expr), span: leaf.span });
        }
        write.sort_by_key(|write| write.field);
        let always = !units.absent && units.optional.iter().all(|slot| self.scope.settled.contains(slot));
        Some(Filled { content: WriteContent::Record { given: None, write }, always })
    }

    /// `amount(price)`
    pub(super) fn amount_of(&mut self, money: &Expression, leaf: &Leaf, at: &Range<usize>) -> Option<Typed> {
        let place = match &money.kind {
            Kinds::Path(path) => Some((self.path(path, leaf)?, path)),
            _ => None,
        };
        let Some((place, path)) = place.filter(|(place, _)| match place.what {
            What::Record { record, .. } => self.scope.schema(place.side).record(record).name.local == MONEY,
            _ => false,
        }) else {
            let message =
                "`amount` is that of a google.type.Money, named by its path, or of its units and nanos";
            let finding = Diagnostic::error(Code::EXPR_ARGUMENTS, message).at(leaf.place(&money.place), "");
            self.findings.push(finding.help("write amount(price), or amount(units, nanos)"));
            return None;
        };
        let part = |field: &str| {
            let mut path = path.clone();
            path.push(Segment { name: field.to_owned(), place: money.place.clone() });
            Expression { kind: Kinds::Path(path), place: money.place.clone() }
        };
        let known = self.scope.settled.len();
        self.scope.settled.extend(place.optional.iter().cloned());
        let call = Kinds::Call {
            name: Segment { name: "amount".to_owned(), place: at.clone() },
            receiver: None,
            arguments: vec![part("units"), part("nanos")],
        };
        let typed = self.value(&Expression { kind: call, place: at.clone() }, leaf);
        self.scope.settled.truncate(known);
        let typed = typed?;
        let expr = match place.what {
            What::Record { slot: Some(slot), .. } => {
                Expr::Cases(vec![(Some(Expr::Has(Given::Slot(slot))), typed.expr)])
            }
            _ => typed.expr,
        };
        Some(Typed { expr, optional: place.optional, ..typed })
    }
}
