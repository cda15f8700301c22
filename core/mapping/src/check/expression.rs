//! Expressions typed against the source: every path a slot, every operand of a kind that its operator takes, and
//! nothing absent where a value is needed.

use std::ops::Range;

use portolan_diagnostics::{Code, Diagnostic};

use super::{
    Checker,
    scope::{Place, What},
    types::{Type, Values, name},
};
use crate::{
    expression::{Expression, ExpressionKind as Kinds, Leaf, Segment},
    functions::Kind,
    ir::{Arithmetic, Comparison, Constant, Expr, Given},
};

/// How many values of items, and ways to look at the items of lists, a direction may keep: they are numbered by 16 bits, and no
/// expression is so long that it adds thousands.
const MAX_KEPT: usize = 50_000;

/// An expression with its type.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) ty: Type,
    /// May be absent for a reason that no `has` settles.
    pub(super) absent: bool,
    /// What makes it absent where it is not there.
    pub(super) optional: Vec<Given>,
    /// Where it stands in its leaf.
    pub(super) place: Range<usize>,
}

impl Typed {
    pub(super) fn new(expr: Expr, ty: Type, place: &Range<usize>) -> Self {
        Self { expr, ty, absent: false, optional: Vec::new(), place: place.clone() }
    }
}

impl Checker<'_> {
    /// A leaf as a value.
    pub(super) fn leaf(&mut self, leaf: &Leaf) -> Option<Typed> {
        let parsed = self.parsed(leaf)?;
        self.value(&parsed, leaf)
    }

    /// A leaf as a syntax tree.
    pub(super) fn parsed(&mut self, leaf: &Leaf) -> Option<Expression> {
        if usize::from(self.locals).max(self.scope.frames()) > MAX_KEPT {
            let message = format!("a mapping goes through at most {MAX_KEPT} lists that expressions make");
            // Once is enough: every expression that follows goes past the limit too.
            if self.findings.iter().all(|finding| finding.message != message) {
                self.findings.push(Diagnostic::error(Code::YAML_BAD_VALUE, message).at(leaf.span, ""));
            }
            return None;
        }
        leaf.parse().map_err(|d| self.findings.push(d)).ok()
    }

    /// A leaf as a condition: true or false, and always one of them.
    pub(super) fn condition(&mut self, leaf: &Leaf) -> Option<Expr> {
        let parsed = self.parsed(leaf)?;
        self.truth(&parsed, leaf)
    }

    pub(super) fn report(
        &mut self,
        code: Code,
        message: impl Into<String>,
        leaf: &Leaf,
        place: &Range<usize>,
    ) {
        self.findings.push(Diagnostic::error(code, message).at(leaf.place(place), ""));
    }

    pub(super) fn report_with(
        &mut self,
        code: Code,
        message: impl Into<String>,
        leaf: &Leaf,
        place: &Range<usize>,
        help: impl Into<String>,
    ) {
        self.findings.push(Diagnostic::error(code, message).at(leaf.place(place), "").help(help));
    }

    pub(super) fn truth(&mut self, expression: &Expression, leaf: &Leaf) -> Option<Expr> {
        let typed = self.value(expression, leaf)?;
        if typed.ty.kind != Kind::Bool {
            let message = format!("a condition is true or false, and this is {}", name(typed.ty.kind));
            let shown = leaf.text.get(expression.place.clone()).unwrap_or("x");
            let help = match typed.ty.kind {
                Kind::Text => format!("compare it: {shown} != ''"),
                Kind::Integer | Kind::Decimal => format!("compare it: {shown} != 0"),
                _ => "compare it with something".to_owned(),
            };
            self.report_with(Code::MAP_TYPE, message, leaf, &expression.place, help);
            return None;
        }
        if self.lenient && !typed.absent {
            return Some(guarded(self.open(&typed), typed.expr));
        }
        self.present(typed, leaf).map(|t| t.expr)
    }

    /// A place as written.
    pub(super) fn path(&mut self, path: &[Segment], leaf: &Leaf) -> Option<Place> {
        self.scope.resolve(path, leaf).map_err(|d| self.findings.extend(d)).ok()
    }

    /// A place as a value.
    pub(super) fn place(&mut self, place: &Place, leaf: &Leaf, at: &Range<usize>) -> Option<Typed> {
        let schema = self.scope.schema(place.side);
        let (expr, ty) = match &place.what {
            What::Scalar { slot, record, field, scalar } => {
                let expr = Expr::Field {
                    slot: *slot,
                    record: *record,
                    field: *field,
                    path: place.path.as_str().into(),
                };
                (expr, Type::of(schema, schema.scalar(*scalar)))
            }
            What::Context(field) => {
                use crate::ir::ContextField::{Attempt, Received, Sequence};
                let kind = match field {
                    Attempt | Sequence => Kind::Integer,
                    Received => Kind::DateTime,
                    _ => Kind::Text,
                };
                (Expr::Context(*field), Type::any(kind))
            }
            What::Metadata(header) => (Expr::Metadata(header.clone()), Type::any(Kind::Text)),
            What::Local(local, ty) => (Expr::Local(*local), ty.clone()),
            What::Record { .. } => {
                let message = format!("`{}` is a record, and a single value is wanted here", place.path);
                let help = match (self.scope.text_of(place), self.scope.namesake(place)) {
                    (Some(text), _) => format!("its text is `{text}`"),
                    (_, Some(field)) => format!("its field of that name is `{field}`"),
                    _ => format!("map its fields: {{ from: {}, map: {{ ... }} }}", place.path),
                };
                self.report_with(Code::MAP_TYPE, message, leaf, at, help);
                return None;
            }
            What::Group(_) => {
                let message = "this is a group, and a single value is wanted here";
                let help = "take its key, or what its items come to: g.key, size(g.items)";
                self.report_with(Code::MAP_TYPE, message, leaf, at, help);
                return None;
            }
            What::List { .. } | What::Members(_) => {
                let message = format!("`{}` is a list, and a single value is wanted here", place.path);
                let help = format!("fill a list from it: {{ each: item in {}, map: ... }}", place.path);
                self.report_with(Code::MAP_CARDINALITY, message, leaf, at, help);
                return None;
            }
        };
        Some(Typed { expr, ty, absent: false, optional: place.optional.clone(), place: at.clone() })
    }

    /// An expression as a value.
    pub(super) fn value(&mut self, e: &Expression, leaf: &Leaf) -> Option<Typed> {
        let at = &e.place;
        match &e.kind {
            Kinds::Path(path) => {
                let known = self.findings.len();
                let Some(place) = self.path(path, leaf) else {
                    // In an expression a single name that nothing has may have been meant as text.
                    if let ([only], Some(finding)) = (path.as_slice(), self.findings.get_mut(known))
                        && !only.name.contains(char::is_lowercase)
                        && *at != (0..leaf.text.len())
                    {
                        finding.help.push(format!("text stands in quotes: '{}'", only.name));
                    }
                    return None;
                };
                self.place(&place, leaf, at)
            }
            Kinds::Text(text) => {
                let ty = Type { kind: Kind::Text, values: Values::Written(vec![text.clone()]) };
                Some(Typed::new(Expr::Constant(Constant::Text(text.clone())), ty, at))
            }
            Kinds::Integer(n) => {
                Some(Typed::new(Expr::Constant(Constant::Integer(*n)), Type::any(Kind::Integer), at))
            }
            Kinds::Decimal(d) => {
                Some(Typed::new(Expr::Constant(Constant::Decimal(*d)), Type::any(Kind::Decimal), at))
            }
            Kinds::Bool(b) => Some(Typed::new(Expr::Constant(Constant::Bool(*b)), Type::any(Kind::Bool), at)),
            Kinds::List(_) => {
                self.report_with(
                    Code::MAP_CARDINALITY,
                    "a list of values stands only after `in`",
                    leaf,
                    at,
                    "write `x in ['a', 'b']`",
                );
                None
            }
            Kinds::Call { name, receiver, arguments } => {
                self.call(name, receiver.as_deref(), arguments, leaf, at)
            }
            Kinds::Not(inner) => {
                let inner = self.truth(inner, leaf)?;
                Some(Typed::new(Expr::Not(Box::new(inner)), Type::any(Kind::Bool), at))
            }
            Kinds::Negate(inner) => {
                let inner = self.value(inner, leaf)?;
                let inner = self.number(inner, leaf)?;
                let ty = Type::any(inner.ty.kind);
                let zero = Box::new(Expr::Constant(Constant::Integer(0)));
                Some(Typed::new(Expr::Arithmetic(Arithmetic::Negate, Box::new(inner.expr), zero), ty, at))
            }
            Kinds::And(a, b) => self.junction(a, b, true, leaf, at),
            Kinds::Or(a, b) => self.junction(a, b, false, leaf, at),
            Kinds::Compare(comparison, a, b) => self.comparison(*comparison, a, b, leaf, at),
            Kinds::In(a, list) => self.membership(a, list, leaf, at),
            Kinds::Arithmetic(operator, a, b) => self.arithmetic(*operator, a, b, leaf, at),
            Kinds::Conditional(condition, yes, no) => {
                let test = self.truth(condition, leaf);
                let yes = self.knowing(condition, true, leaf, |c| c.branch(yes, leaf));
                let no = self.knowing(condition, false, leaf, |c| c.branch(no, leaf));
                let (test, yes, no) = (test?, yes?, no?);
                let Some(ty) = yes.ty.either(&no.ty) else {
                    let message =
                        format!("one alternative is {}, the other {}", name(yes.ty.kind), name(no.ty.kind));
                    self.report(Code::MAP_TYPE, message, leaf, at);
                    return None;
                };
                let (absent, mut optional) = (yes.absent || no.absent, yes.optional);
                optional.extend(no.optional);
                let expr = Expr::Cases(vec![(Some(test), yes.expr), (None, no.expr)]);
                Some(Typed { expr, ty, absent, optional, place: at.clone() })
            }
        }
    }

    /// A value without what is known to be there only here.
    fn branch(&mut self, e: &Expression, leaf: &Leaf) -> Option<Typed> {
        let typed = self.value(e, leaf)?;
        let optional = self.open(&typed);
        Some(Typed { optional, ..typed })
    }

    /// What decides whether a value is there, and of which it is not known that it is.
    fn open(&self, typed: &Typed) -> Vec<Given> {
        let open = |given: &&Given| !self.scope.settled.contains(given);
        typed.optional.iter().filter(open).cloned().collect()
    }

    /// Checks something while a condition is known to hold, or not to.
    pub(super) fn knowing<T>(
        &mut self,
        condition: &Expression,
        holds: bool,
        leaf: &Leaf,
        check: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.scope.settled.len();
        self.learn(condition, holds, leaf);
        let result = check(self);
        self.scope.settled.truncate(before);
        result
    }

    /// Remembers what a condition says about presence.
    pub(super) fn learn(&mut self, condition: &Expression, holds: bool, leaf: &Leaf) {
        match &condition.kind {
            Kinds::And(a, b) if holds => {
                self.learn(a, true, leaf);
                self.learn(b, true, leaf);
            }
            Kinds::Or(a, b) if !holds => {
                self.learn(a, false, leaf);
                self.learn(b, false, leaf);
            }
            Kinds::Not(inner) => self.learn(inner, !holds, leaf),
            Kinds::Call { name, arguments, .. } if holds && name.name == "has" => {
                if let [Expression { kind: Kinds::Path(path), .. }] = arguments.as_slice()
                    && let Ok(place) = self.scope.resolve(path, leaf)
                {
                    self.scope.settled.extend(place.optional);
                }
            }
            _ => {}
        }
    }

    fn junction(
        &mut self,
        a: &Expression,
        b: &Expression,
        and: bool,
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let left = self.truth(a, leaf);
        let right = self.knowing(a, and, leaf, |c| c.truth(b, leaf));
        let mut parts = Vec::new();
        for part in [left?, right?] {
            match part {
                Expr::And(inner) if and => parts.extend(inner),
                Expr::Or(inner) if !and => parts.extend(inner),
                other => parts.push(other),
            }
        }
        Some(Typed::new(if and { Expr::And(parts) } else { Expr::Or(parts) }, Type::any(Kind::Bool), at))
    }

    /// An operand: it must be there. In a rule for faults, where anything may be missing, a condition on something
    /// absent does not hold; elsewhere it is a finding.
    fn operands(&mut self, operands: [Typed; 2], leaf: &Leaf) -> Option<([Typed; 2], Vec<Given>)> {
        let mut guards = Vec::new();
        let [a, b] = operands;
        let mut check = |c: &mut Self, typed: Typed| {
            if c.lenient && !typed.absent {
                guards.extend(c.open(&typed));
                return Some(typed);
            }
            c.present(typed, leaf)
        };
        let (a, b) = (check(self, a), check(self, b));
        Some(([a?, b?], guards))
    }

    /// Whether a value is there whatever the message.
    pub(super) fn is_there(&self, typed: &Typed) -> bool {
        !typed.absent && self.open(typed).is_empty()
    }

    /// A value that must be there.
    pub(super) fn present(&mut self, typed: Typed, leaf: &Leaf) -> Option<Typed> {
        if self.is_there(&typed) {
            return Some(typed);
        }
        let shown = leaf.text.get(typed.place.clone()).unwrap_or(&leaf.text).to_owned();
        let message = format!("`{shown}` may be absent, and a value is needed here");
        let help = if matches!(typed.expr, Expr::Field { .. } | Expr::Metadata(_) | Expr::Context(_)) {
            format!(
                "test it first: has({shown}) && ..., or give a value for its absence: default({shown}, ...)"
            )
        } else {
            let instead = if typed.ty.kind == Kind::Bool { "false" } else { "..." };
            format!("give a value for its absence: default({shown}, {instead})")
        };
        self.report_with(Code::MAP_MAYBE_ABSENT, message, leaf, &typed.place.clone(), help);
        None
    }

    fn number(&mut self, typed: Typed, leaf: &Leaf) -> Option<Typed> {
        let typed = self.present(typed, leaf)?;
        if matches!(typed.ty.kind, Kind::Integer | Kind::Decimal) {
            return Some(typed);
        }
        let message = format!("this is {}, and a number is wanted", name(typed.ty.kind));
        let shown = leaf.text.get(typed.place.clone()).unwrap_or("x");
        let help = match typed.ty.is_of_names() {
            true => format!("translate the codes by a table with numbers: lookup('table', {shown})"),
            false => "convert it by integer(x) or decimal(x)".to_owned(),
        };
        self.report_with(Code::MAP_TYPE, message, leaf, &typed.place.clone(), help);
        None
    }

    fn comparison(
        &mut self,
        comparison: Comparison,
        a: &Expression,
        b: &Expression,
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let (left, right) = (self.value(a, leaf), self.value(b, leaf));
        let ([left, right], guards) = self.operands([left?, right?], leaf)?;
        self.comparable(&left, &right, leaf, at)?;
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if !equality && matches!(left.ty.kind, Kind::Bool | Kind::Bytes) {
            let message = format!("{} has no order", name(left.ty.kind));
            self.report(Code::MAP_TYPE, message, leaf, at);
            return None;
        }
        let expr = Expr::Compare(comparison, Box::new(left.expr), Box::new(right.expr));
        Some(Typed::new(guarded(guards, expr), Type::any(Kind::Bool), at))
    }

    pub(super) fn comparable(&mut self, a: &Typed, b: &Typed, leaf: &Leaf, at: &Range<usize>) -> Option<()> {
        if a.ty.either(&b.ty).is_none() {
            let message = format!("{} is not compared with {}", name(a.ty.kind), name(b.ty.kind));
            let help = match (a.ty.kind, b.ty.kind) {
                (Kind::Text, other) | (other, Kind::Text) => match other {
                    _ if a.ty.is_of_names() || b.ty.is_of_names() => {
                        "compare it with one of its values, in quotes"
                    }
                    Kind::Integer => "convert the text: integer(x); or write the number in quotes",
                    Kind::Decimal => "convert the text: decimal(x)",
                    Kind::Date => "convert the text: date('2024-01-31')",
                    Kind::DateTime => "convert the text: timestamp(x)",
                    _ => "both sides must be of one kind",
                },
                _ => "both sides must be of one kind",
            };
            self.report_with(Code::MAP_TYPE, message, leaf, at, help);
            return None;
        }
        self.never_equal(a, b, leaf);
        self.never_equal(b, a, leaf);
        Some(())
    }

    /// A text that the other side can never be.
    pub(super) fn never_equal(&mut self, declared: &Typed, written: &Typed, leaf: &Leaf) {
        let (known, texts) = match (&declared.ty.values, &written.ty.values) {
            (Values::Declared(known, _), Values::Written(texts)) => (known, texts),
            (Values::Names, Values::Written(texts)) => {
                return self.never_named(declared, texts, written, leaf);
            }
            _ => return,
        };
        for text in texts.iter().filter(|t| !known.contains(t)) {
            let message = format!("the contract has no value `{text}` here");
            let finding = Diagnostic::error(Code::MAP_NEVER_FITS, message).at(leaf.place(&written.place), "");
            let some = known.iter().take(12).map(|k| &**k).collect::<Vec<_>>().join(", ");
            let finding = finding.did_you_mean(text, known.iter().map(|k| &**k));
            self.findings.push(finding.help(format!("its values are {some}")));
        }
    }

    fn membership(
        &mut self,
        a: &Expression,
        list: &Expression,
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let left = self.value(a, leaf)?;
        let Kinds::List(items) = &list.kind else {
            let left = self.present(left, leaf)?;
            return self.member(left, list, leaf, at);
        };
        let mut constants = Vec::new();
        for item in items {
            let typed = self.value(item, leaf)?;
            self.comparable(&left, &typed, leaf, &item.place)?;
            let Expr::Constant(constant) = typed.expr else {
                self.report(Code::EXPR_UNSUPPORTED, "`in` wants a list of constants", leaf, &item.place);
                return None;
            };
            constants.push(constant);
        }
        let other = Typed::new(Expr::Constant(Constant::Bool(true)), Type::any(Kind::Bool), at);
        let ([left, _], guards) = self.operands([left, other], leaf)?;
        let expr = Expr::In(Box::new(left.expr), constants);
        Some(Typed::new(guarded(guards, expr), Type::any(Kind::Bool), at))
    }

    fn arithmetic(
        &mut self,
        operator: Arithmetic,
        a: &Expression,
        b: &Expression,
        leaf: &Leaf,
        at: &Range<usize>,
    ) -> Option<Typed> {
        let (left, right) = (self.value(a, leaf), self.value(b, leaf));
        let (left, right) = (left?, right?);
        if operator == Arithmetic::Add && (left.ty.kind == Kind::Text || right.ty.kind == Kind::Text) {
            let (left, right) = (self.present(left, leaf), self.present(right, leaf));
            let (left, right) = (left?, right?);
            for side in [&left, &right] {
                if side.ty.kind != Kind::Text {
                    let shown = leaf.text.get(side.place.clone()).unwrap_or_default().to_owned();
                    let message = format!("text is not joined with {}", name(side.ty.kind));
                    self.report_with(
                        Code::MAP_TYPE,
                        message,
                        leaf,
                        &side.place,
                        format!("convert it: string({shown})"),
                    );
                    return None;
                }
            }
            let expr = Expr::Arithmetic(operator, Box::new(left.expr), Box::new(right.expr));
            return Some(Typed::new(expr, Type::any(Kind::Text), at));
        }
        let (left, right) = (self.number(left, leaf), self.number(right, leaf));
        let (left, right) = (left?, right?);
        let kind = if left.ty.kind == Kind::Decimal || right.ty.kind == Kind::Decimal {
            Kind::Decimal
        } else {
            Kind::Integer
        };
        let expr = Expr::Arithmetic(operator, Box::new(left.expr), Box::new(right.expr));
        Some(Typed::new(expr, Type::any(kind), at))
    }
}

/// An expression that is tested only where these are there.
fn guarded(guards: Vec<Given>, expr: Expr) -> Expr {
    if guards.is_empty() {
        return expr;
    }
    Expr::And(guards.into_iter().map(Expr::Has).chain([expr]).collect())
}
