//! Why a document could not be read: the kind, the place by the contract's own names, never a value.

/// Why a document was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// What is wrong.
    pub kind: ReadErrorKind,
    /// The fields that lead there, by the contract's names, outermost first; last, what the contract does not know, by the
    /// name that the document gives it (where it is a plain one) or by its number.
    pub path: Vec<Box<str>>,
    /// Bytes from the beginning, about where it was noticed.
    pub offset: usize,
}

/// What is wrong with a document. The text completes "the document is refused at `body.x`: ...".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadErrorKind {
    /// XML that is not UTF-8, or a protobuf string that is not.
    #[error("text is not valid UTF-8")]
    Utf8,
    /// Not well-formed XML.
    #[error("it is not well-formed XML")]
    NotWellFormed,
    /// A document type declaration, which could define entities without bound.
    #[error("a DOCTYPE is not accepted")]
    Doctype,
    /// An entity that XML does not predefine.
    #[error("an entity is not one of the five that XML defines")]
    Entity,
    /// A character that XML 1.0 forbids.
    #[error("it holds a character that XML forbids")]
    IllegalCharacter,
    /// A prefix without a declaration.
    #[error("a namespace prefix is not declared")]
    Prefix,
    /// Nested deeper than the limit.
    #[error("it is nested too deeply")]
    TooDeep,
    /// More attributes on one element than the limit.
    #[error("an element has too many attributes")]
    TooManyAttributes,
    /// More items or bytes than can be counted.
    #[error("it is too large")]
    TooLarge,
    /// A value has more bytes or characters than its field.
    #[error("it is longer than its field may be")]
    TooLong,
    /// The root element is another one.
    #[error("the root element is not the one that the contract names")]
    Root,
    /// Something follows the document.
    #[error("something follows the end of the document")]
    Trailing,
    /// The document ends before it is complete.
    #[error("it ends before it is complete")]
    Truncated,
    /// An element that the contract does not name at this place.
    #[error("this element is not in the contract")]
    UnknownElement,
    /// An element of an abstract type that does not say, by `xsi:type`, which type of the contract it has.
    #[error("its type is abstract, and xsi:type names none that the contract has for it")]
    AbstractType,
    /// A reference (`href`) of an encoded document that leads to nothing in it.
    #[error("it refers to an element that is not in the document")]
    Reference,
    /// An attribute that the contract does not name at this place.
    #[error("this attribute is not in the contract")]
    UnknownAttribute,
    /// A protobuf field number that the contract does not name.
    #[error("field number {0} is not in the contract")]
    UnknownField(u32),
    /// An element that may stand once stands twice.
    #[error("it stands there more than once")]
    Duplicated,
    /// Text where only elements may stand.
    #[error("text stands where only elements may stand")]
    UnexpectedText,
    /// An element inside a simple value, or content inside a nil element.
    #[error("there is content where none may stand")]
    UnexpectedContent,
    /// A varint of more than ten bytes, or a tag that cannot be.
    #[error("it is not valid protobuf")]
    Malformed,
    /// A field's wire type is not the contract's.
    #[error("its wire type is not the one of the contract")]
    WireType,
}

impl ReadError {
    pub(crate) fn new(kind: ReadErrorKind, offset: usize) -> Self {
        Self { kind, path: Vec::new(), offset }
    }

    /// Names what the contract does not know: a name is no value, if it is short and looks like one.
    #[must_use]
    pub(crate) fn naming(self, name: &str) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if begins && name.len() <= 64 && name.chars().all(plain) { self.inside(name) } else { self }
    }

    /// Whether it holds something that the contract does not know, and that a mapping may allow.
    pub fn is_unknown(&self) -> bool {
        use ReadErrorKind::{UnknownAttribute, UnknownElement, UnknownField};
        matches!(self.kind, UnknownElement | UnknownAttribute | UnknownField(_))
    }

    /// Names the field that the error lies in; called from the innermost outwards.
    #[must_use]
    pub(crate) fn inside(mut self, field: &str) -> Self {
        self.path.insert(0, field.into());
        self
    }
}

impl std::error::Error for ReadError {}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.as_slice() {
            [] => write!(f, "the document is refused: {}", self.kind)?,
            path => write!(f, "the document is refused at `{}`: {}", path.join("."), self.kind)?,
        }
        write!(f, " (near byte {})", self.offset)
    }
}
