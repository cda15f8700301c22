//! What a contract demands beyond types: the options of a `.proto` that bound values (`buf.validate`) and say who fills a field
//! (`google.api.field_behavior`). XSD says the same by facets and occurrence, which need no rules of their own.

use crate::FieldId;

/// What is demanded of one field.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FieldRules {
    /// It must be set; without presence, to something other than zero.
    pub required: bool,
    /// Who fills it.
    pub behavior: Behavior,
    /// Without presence, or a list: no rule holds for zero, or for none.
    pub ignore_zero: bool,
    /// Nothing below it is tested (`IGNORE_ALWAYS`).
    pub ignored: bool,
    /// How many items a list has.
    pub items: ItemRules,
    /// Of the value, or of each item of a list.
    pub value: ValueRules,
}

impl FieldRules {
    /// Whether the field must be set whoever sends it, so that nobody need ask whether it is there.
    pub fn always_required(&self) -> bool {
        self.required && self.behavior.required_in(Way::Request) && self.behavior.required_in(Way::Reply)
    }
}

/// What `google.api.field_behavior` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Behavior {
    /// Filled by whoever answers, and not by callers.
    pub output_only: bool,
    /// Filled by callers, and not by whoever answers.
    pub input_only: bool,
}

impl Behavior {
    /// Whether a field that is required must be set in messages of this way.
    pub fn required_in(self, way: Way) -> bool {
        match way {
            Way::Request => !self.output_only,
            Way::Reply => !self.input_only,
        }
    }
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To whoever answers.
    Request,
    /// Back.
    Reply,
}

/// What is demanded of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ItemRules {
    /// At least.
    pub min: Option<u64>,
    /// At most.
    pub max: Option<u64>,
    /// No value twice.
    pub unique: bool,
}

/// What is demanded of one value. Values of other types than text stand in their lexical form; those of enums are numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueRules {
    /// Characters, or octets of bytes, at least.
    pub min_length: Option<u64>,
    /// Characters, or octets of bytes, at most.
    pub max_length: Option<u64>,
    /// Octets of text in UTF-8, at least.
    pub min_octets: Option<u64>,
    /// Octets of text in UTF-8, at most.
    pub max_octets: Option<u64>,
    /// Regular expressions in the syntax of RE2, each of which must be found in the text.
    pub patterns: Vec<String>,
    /// How the text begins.
    pub prefix: Option<String>,
    /// How the text ends.
    pub suffix: Option<String>,
    /// What the text holds.
    pub contains: Option<String>,
    /// What the text does not hold.
    pub not_contains: Option<String>,
    /// From here on. Where `upper` is less, the value lies outside of what is between them.
    pub lower: Option<Limit>,
    /// Up to here.
    pub upper: Option<Limit>,
    /// Neither infinite nor NaN.
    pub finite: bool,
    /// The only values.
    pub one_of: Option<Vec<String>>,
    /// Values that it may not have.
    pub none_of: Vec<String>,
}

impl ValueRules {
    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Allows no other values than these, of those that were allowed.
    pub(crate) fn allow(&mut self, values: Vec<String>) {
        self.one_of = Some(match self.one_of.take() {
            None => values,
            Some(known) => known.into_iter().filter(|value| values.contains(value)).collect(),
        });
    }
}

/// The end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The value, in its lexical form.
    pub value: String,
    /// Whether the value itself is within.
    pub inclusive: bool,
}

/// Fields of one record of which at most one is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusive {
    /// The fields.
    pub fields: Vec<FieldId>,
    /// Whether one must be.
    pub required: bool,
}
