//! What is decided by a record's bytes and values: which record it is, which variant, what must hold, what a total must be.

use super::{Characters, NodeId};
use portolan_syntax::{
    Decimal,
    expression::{Arithmetic, Comparison},
};

/// Any of these, each of which is all of its tests.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    /// The alternatives.
    pub any: Vec<Vec<Test>>,
}

/// A condition on a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// On bytes, as text of the file's encoding.
    Columns {
        /// The first byte, from 0.
        from: u32,
        /// One past the last; `None` is the record's end.
        to: Option<u32>,
        /// What they must be.
        matches: Matches,
    },
    /// On a value, as text.
    Value(Reference, Matches),
    /// On the record's length in bytes.
    Length(u32, u32),
    /// On the record's number in the file, from 1.
    Number(u64, u64),
    /// It is the last record of the file.
    Last,
    /// On anything.
    Formula(Formula),
}

/// What a text must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Matches {
    /// One of these.
    Literals(Vec<Box<str>>),
    /// Within these, by the order of their characters.
    Range(Box<str>, Box<str>),
    /// A regular expression, which must match the whole.
    Pattern(Box<str>),
    /// Of such characters.
    Characters(Characters),
    /// Blanks only.
    Blank,
    /// Anything else.
    Not(Box<Matches>),
}

/// A field of a record of the layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Which record: that of the rule itself, one that stands around it, or the last of its kind before it.
    pub record: NodeId,
    /// The item of it: its index at each level.
    pub item: Vec<u32>,
}

/// A value that is computed from others.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// Always this.
    Text(Box<str>),
    /// Always this.
    Number(Decimal),
    /// A field.
    Field(Reference),
    /// How many records of these kinds there are within the group around; so far, where the record that asks is one of them. A condition is
    /// on the only kind.
    Count(Vec<NodeId>, Option<Box<Formula>>),
    /// How many items a list has: in this record, or in all records of another kind within the group around.
    Items(Reference, Option<Box<Formula>>),
    /// The sum of a field over records of a kind, of those for which a condition holds; of a field of a list over its items, in this record
    /// or in all records of another kind.
    Sum(Reference, Option<Box<Formula>>),
    /// Which one it is of its kind within what is around, from 1.
    Ordinal(NodeId),
    /// A field of the record of the same kind before this one, within what is around; what it is of the first one.
    Previous(Reference, Option<Box<Formula>>),
    /// Something of the file.
    File(FileValue),
    /// A check digit over the text of a value.
    CheckDigit(CheckDigit, Box<Formula>),
    /// Whether a field has a value.
    Has(Reference),
    /// `-x`
    Negate(Box<Formula>),
    /// `a + b`
    Arithmetic(Arithmetic, Box<Formula>, Box<Formula>),
    /// `a == b`
    Compare(Comparison, Box<Formula>, Box<Formula>),
    /// `a in [b, c]`
    In(Box<Formula>, Vec<Formula>),
    /// `!x`
    Not(Box<Formula>),
    /// `a && b`
    And(Box<Formula>, Box<Formula>),
    /// `a || b`
    Or(Box<Formula>, Box<Formula>),
    /// `a ? b : c`
    Conditional(Box<Formula>, Box<Formula>, Box<Formula>),
}

/// What must hold on reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// The condition.
    pub formula: Formula,
    /// As the layout writes it.
    pub text: Box<str>,
}

impl Formula {
    /// Whether it counts or sums records.
    pub fn aggregates(&self) -> bool {
        match self {
            Self::Count(..) | Self::Items(..) | Self::Sum(..) => true,
            Self::CheckDigit(_, a) | Self::Negate(a) | Self::Not(a) => a.aggregates(),
            Self::Arithmetic(_, a, b) | Self::Compare(_, a, b) | Self::And(a, b) | Self::Or(a, b) => {
                a.aggregates() || b.aggregates()
            }
            Self::In(a, list) => a.aggregates() || list.iter().any(Self::aggregates),
            Self::Conditional(a, b, c) => a.aggregates() || b.aggregates() || c.aggregates(),
            _ => false,
        }
    }
}

/// Something of a file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileValue {
    /// How many blocks it has, the last one filled up.
    Blocks,
    /// How many records it has, those that only fill a block left out.
    Records,
    /// Which of them this is, from 1.
    Number,
}

/// A check digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckDigit {
    /// Weights 3, 7, 1 (ABA routing numbers).
    Aba,
    /// ISO/IEC 7812-1, annex B (Luhn).
    Mod10,
    /// Weights 2 to 9 from the right; 10 is `0`.
    Mod11,
    /// ISO/IEC 7064, MOD 97-10: two digits.
    Mod97,
}
