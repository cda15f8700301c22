//! Records, fields and scalars: an arena that readers fill and that does not change afterwards.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use crate::{Exclusive, FieldRules};

/// A name with its namespace: `{urn:x}Person`, or `civic.v1.Person` where the namespace is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize)]
pub struct Name {
    /// The XML namespace; empty for none, and always empty in protobuf.
    pub namespace: String,
    /// The local name; in protobuf the full name of a type, the plain name of a field.
    pub local: String,
}

impl Name {
    /// A name in a namespace.
    pub fn new(namespace: impl Into<String>, local: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), local: local.into() }
    }

    /// A name without a namespace.
    pub fn plain(local: impl Into<String>) -> Self {
        Self::new("", local)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.local)
        } else {
            write!(f, "{{{}}}{}", self.namespace, self.local)
        }
    }
}

/// A record of one [`Schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct RecordId(pub u32);

/// A scalar of one [`Schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct ScalarId(pub u32);

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub enum TypeId {
    /// Named parts.
    Record(RecordId),
    /// One value.
    Scalar(ScalarId),
}

/// A field's index within its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct FieldId(pub u32);

/// A choice's index within its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct ChoiceId(pub u32);

/// The types of one contract.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    records: Vec<Record>,
    scalars: Vec<Scalar>,
    /// Those of one name, so that one that is there already is found among many.
    named: HashMap<Name, Vec<ScalarId>>,
    rules: BTreeMap<(RecordId, FieldId), FieldRules>,
    exclusive: BTreeMap<RecordId, Vec<Exclusive>>,
}

impl Schema {
    /// Adds a record. Readers of recursive types add it empty and fill it by [`Schema::record_mut`].
    pub fn add_record(&mut self, record: Record) -> RecordId {
        self.records.push(record);
        RecordId((self.records.len() - 1) as u32)
    }

    /// Adds a scalar; one that is there already gives the same id.
    pub fn add_scalar(&mut self, scalar: Scalar) -> ScalarId {
        let same = self.named.get(&scalar.name);
        let known = same.and_then(|same| same.iter().find(|id| *self.scalar(**id) == scalar));
        if let Some(known) = known {
            return *known;
        }
        let id = ScalarId(self.scalars.len() as u32);
        self.named.entry(scalar.name.clone()).or_default().push(id);
        self.scalars.push(scalar);
        id
    }

    /// The record of an id that this schema gave out.
    pub fn record(&self, id: RecordId) -> &Record {
        &self.records[id.0 as usize]
    }

    /// For readers, while they fill it.
    pub fn record_mut(&mut self, id: RecordId) -> &mut Record {
        &mut self.records[id.0 as usize]
    }

    /// The scalar of an id that this schema gave out.
    pub fn scalar(&self, id: ScalarId) -> &Scalar {
        &self.scalars[id.0 as usize]
    }

    /// A field of a record.
    pub fn field(&self, record: RecordId, field: FieldId) -> &Field {
        &self.record(record).fields[field.0 as usize]
    }

    /// What is demanded of a field beyond its type; most have nothing of the kind.
    pub fn rules(&self, record: RecordId, field: FieldId) -> Option<&FieldRules> {
        self.rules.get(&(record, field))
    }

    /// Whether anything at all is demanded beyond types.
    pub fn has_rules(&self) -> bool {
        let choices = || self.records.iter().flat_map(|record| &record.choices);
        !self.rules.is_empty() || !self.exclusive.is_empty() || choices().any(|choice| choice.required)
    }

    /// For readers, while they fill it.
    pub fn set_rules(&mut self, record: RecordId, field: FieldId, rules: FieldRules) {
        self.rules.insert((record, field), rules);
    }

    /// Fields of a record of which at most one is set, besides its choices.
    pub fn exclusive(&self, record: RecordId) -> &[Exclusive] {
        self.exclusive.get(&record).map_or(&[], Vec::as_slice)
    }

    /// For readers, while they fill it.
    pub fn set_exclusive(&mut self, record: RecordId, exclusive: Vec<Exclusive>) {
        self.exclusive.insert(record, exclusive);
    }

    /// Every record with its id.
    pub fn records(&self) -> impl Iterator<Item = (RecordId, &Record)> {
        self.records.iter().enumerate().map(|(i, r)| (RecordId(i as u32), r))
    }

    /// Every scalar with its id.
    pub fn scalars(&self) -> impl Iterator<Item = (ScalarId, &Scalar)> {
        self.scalars.iter().enumerate().map(|(i, s)| (ScalarId(i as u32), s))
    }
}

/// Named parts in an order: a protobuf message, an XML complex type, a fixed-width record.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// As the contract names it; an anonymous type carries the name of its element.
    pub name: Name,
    /// The fields, in the order of the contract (for XML: attributes first, then content in schema order).
    pub fields: Vec<Field>,
    /// How the fields may follow one another.
    pub content: Content,
    /// Groups of fields of which at most one (or exactly one) is there.
    pub choices: Vec<Choice>,
    /// Fields that the contract does not name may occur (`xs:any`, `xs:anyAttribute`, proto2 extensions).
    pub open: bool,
    /// XML text between the elements (`mixed="true"`).
    pub mixed: bool,
    /// Cannot stand by itself; one of the records that name it as `base` stands in its place (`xsi:type`).
    pub is_abstract: bool,
    /// The contract refers to it and declares it nowhere: whatever stands there is passed over, and nothing is written.
    pub is_missing: bool,
    /// A SOAP-encoded array: whatever its items are named, they are its one field.
    pub array: Option<Array>,
    /// The record that this one extends or restricts.
    pub base: Option<RecordId>,
    /// The contract's own words.
    pub doc: Option<String>,
}

impl Record {
    /// The field of the language's name.
    pub fn find(&self, name: &str) -> Option<(FieldId, &Field)> {
        self.fields_with_ids().find(|(_, f)| f.name == name)
    }

    /// Every field with its id.
    pub fn fields_with_ids(&self) -> impl Iterator<Item = (FieldId, &Field)> {
        self.fields.iter().enumerate().map(|(i, f)| (FieldId(i as u32), f))
    }
}

/// What a SOAP-encoded array says of itself (SOAP 1.1, section 5.4.2; SOAP 1.2 part 2, section 3.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// The namespace of the encoding, which differs between the versions of SOAP.
    pub encoding: String,
    /// The type of its items.
    pub item: Name,
}

/// How the elements of a record follow one another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Content {
    /// In any order: protobuf.
    #[default]
    Unordered,
    /// As the particle says: XML. Writers follow it strictly; readers take any order.
    Ordered(Particle),
}

/// An XSD model group, over the fields of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Particle {
    /// A field, as often as its own `occurs` says.
    Field(FieldId),
    /// All of them, in this order.
    Sequence(Occurs, Vec<Particle>),
    /// One of them.
    Choice(Occurs, Vec<Particle>),
    /// All of them, in any order.
    All(Occurs, Vec<Particle>),
    /// Elements that the schema does not name (`xs:any`).
    Any(Occurs),
}

/// A oneof, or an `xs:choice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The name of the oneof; empty for `xs:choice`.
    pub name: String,
    /// Whether one of them must be there.
    pub required: bool,
}

/// How often a field stands in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Occurs {
    /// At least.
    pub min: u32,
    /// At most; `None` is unbounded.
    pub max: Option<u32>,
}

impl Occurs {
    /// Exactly once.
    pub const ONCE: Self = Self { min: 1, max: Some(1) };
    /// Once or not at all.
    pub const OPTIONAL: Self = Self { min: 0, max: Some(1) };
    /// Any number.
    pub const ANY: Self = Self { min: 0, max: None };

    /// Whether it is a list.
    pub fn is_list(self) -> bool {
        self.max != Some(1) && self.max != Some(0)
    }
}

/// Whether absence can be told from the default value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub enum Presence {
    /// It can: XML, proto2, proto3 `optional`, messages, oneof members.
    #[default]
    Explicit,
    /// It cannot: a proto3 field without `optional`; the default value is read as absent.
    Implicit,
}

/// A named part of a record.
#[derive(Debug, Clone)]
pub struct Field {
    /// The name by which mappings reach it: the contract's own, with hyphens turned into underscores.
    pub name: String,
    /// What it holds.
    pub ty: TypeId,
    /// How often.
    pub occurs: Occurs,
    /// Whether absence can be seen.
    pub presence: Presence,
    /// May be nil (`xsi:nil`), which is neither absent nor empty.
    pub nillable: bool,
    /// The value that an absent or empty one stands for.
    pub default: Option<String>,
    /// The only value that it may have.
    pub fixed: Option<String>,
    /// The group of alternatives to which it belongs.
    pub choice: Option<ChoiceId>,
    /// The contract says that its value must not be shown (`debug_redact`).
    pub redact: bool,
    /// The type that `xsi:type` says of it on the wire. Types that derive from one another stand in fields of their own
    /// for one element; the one that needs no saying is without.
    pub xsi_type: Option<Name>,
    /// How it travels.
    pub wire: Wire,
    /// The contract's own words.
    pub doc: Option<String>,
}

/// How a field travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    /// A protobuf field.
    Protobuf {
        /// The field number.
        number: u32,
        /// How its value is encoded.
        kind: ProtoKind,
        /// Repeated scalars in one length-delimited run when written (readers take both).
        packed: bool,
        /// A map: the field's type is the entry record with fields `key` (1) and `value` (2).
        map: bool,
    },
    /// An XML element.
    Element(Name),
    /// An XML attribute.
    Attribute(Name),
    /// The text of an element with attributes (simple content); its field is named `value`.
    Text,
    /// Bytes of a record, by a layout: a value.
    Stored(Box<crate::layout::Storage>),
    /// Bytes of a record, by a layout: a group of values, or a record within a file.
    Part,
}

/// How a protobuf value is encoded (<https://protobuf.dev/programming-guides/encoding/>).
///
/// The well-known messages that stand for one value are scalars here, so that a mapping sees a date, not three integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are protobuf's own")]
pub enum ProtoKind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum,
    Message,
    /// proto2 group.
    Group,
    /// `google.protobuf.Timestamp`, a [`ScalarKind::DateTime`].
    Timestamp,
    /// `google.protobuf.Duration`, a [`ScalarKind::Duration`].
    Duration,
    /// `google.type.Date`, a [`ScalarKind::Date`].
    Date,
    /// `google.type.TimeOfDay`, a [`ScalarKind::Time`].
    TimeOfDay,
    /// `google.type.Decimal`, a [`ScalarKind::Decimal`].
    Decimal,
    /// `google.protobuf.StringValue` and its kin; the wrapped value stands in field 1.
    DoubleValue,
    FloatValue,
    Int32Value,
    Int64Value,
    Uint32Value,
    Uint64Value,
    BoolValue,
    StringValue,
    BytesValue,
}

/// One value: its kind and what bounds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// As the contract names it (`{http://www.w3.org/2001/XMLSchema}string`, `int64`, an enum's full name).
    pub name: Name,
    /// The kind.
    pub kind: ScalarKind,
    /// What bounds it.
    pub facets: Facets,
    /// The only values that it may have.
    pub enumeration: Option<Enumeration>,
}

/// The kinds of value that mappings know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScalarKind {
    /// Unicode text.
    String,
    /// True or false.
    Bool,
    /// A whole number within bounds that its bits give.
    Integer {
        /// Whether it may be negative.
        signed: bool,
        /// 8, 16, 32 or 64; 0 is unbounded (`xs:integer`), up to 38 digits here.
        bits: u8,
    },
    /// An exact decimal, up to 38 digits.
    Decimal,
    /// IEEE 754 binary32.
    Float,
    /// IEEE 754 binary64.
    Double,
    /// Octets; in XML as base64.
    Base64,
    /// Octets; in XML as hexadecimal.
    Hex,
    /// Octets as they are: protobuf `bytes`.
    Bytes,
    /// A calendar date, in XML perhaps with a zone.
    Date,
    /// A time of day.
    Time,
    /// An instant, or in XML a date and time whose zone is not said.
    DateTime,
    /// A span of time.
    Duration,
    /// `gYear`, `gYearMonth`, `gMonth`, `gMonthDay`, `gDay`, kept as text.
    CalendarPart,
    /// A qualified name, kept as written.
    QName,
    /// A protobuf enum: names with numbers.
    Enum,
    /// Values separated by blanks.
    List(ScalarId),
    /// Any of these.
    Union(Vec<ScalarId>),
}

/// XSD facets, and what bounds other contracts give (XML Schema Part 2, section 4.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    /// Characters (or octets) at least.
    pub min_length: Option<u64>,
    /// Characters (or octets) at most.
    pub max_length: Option<u64>,
    /// Regular expressions in XSD's dialect; a value must match one of each group.
    pub patterns: Vec<Vec<String>>,
    /// Lexical bound.
    pub min_inclusive: Option<String>,
    /// Lexical bound.
    pub max_inclusive: Option<String>,
    /// Lexical bound.
    pub min_exclusive: Option<String>,
    /// Lexical bound.
    pub max_exclusive: Option<String>,
    /// Digits in all.
    pub total_digits: Option<u32>,
    /// Digits after the point.
    pub fraction_digits: Option<u32>,
    /// What is done to white space before anything else: `preserve` where `None`.
    pub white_space: Option<WhiteSpace>,
}

/// XML Schema Part 2, section 4.3.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhiteSpace {
    /// Tabs and line ends become blanks.
    Replace,
    /// And runs of blanks become one, none at the ends.
    Collapse,
}

/// The values that an enumeration allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Enumeration {
    /// In the contract's order.
    pub values: Vec<EnumValue>,
    /// Others may occur as well: proto3 enums.
    pub open: bool,
}

/// One value of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumValue {
    /// The name; in XSD the value itself.
    pub name: String,
    /// The number on the wire, in protobuf.
    pub number: Option<i32>,
    /// The contract's own words.
    pub doc: Option<String>,
}
