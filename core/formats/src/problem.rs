//! What can be wrong with one value, said without the value: it may be personal.

/// Why a value is not what its type, its facets or its target allow. The text completes "the value ...".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueProblem {
    /// The text is not of the type's lexical form.
    #[error("is not written as its type demands")]
    Lexical,
    /// A number is outside what the type or its bounds hold.
    #[error("is outside the bounds of its type")]
    OutOfRange,
    /// Fewer characters or octets than the least.
    #[error("is too short")]
    TooShort,
    /// More characters or octets than fit; it is never cut off.
    #[error("is too long")]
    TooLong,
    /// More digits, in all or after the point, than the type has.
    #[error("has more digits than its type")]
    TooManyDigits,
    /// No pattern of the type matches.
    #[error("does not match the pattern of its type")]
    Pattern,
    /// Not one of the values that the type lists.
    #[error("is not one of the values that its type lists")]
    NotListed,
    /// One of the values that the contract forbids.
    #[error("is one of those that its contract forbids")]
    Excluded,
    /// The target cannot hold it exactly.
    #[error("would lose something in the target's type")]
    Loss,
    /// The kind of value does not fit the target.
    #[error("is of a kind that does not fit")]
    WrongKind,
    /// A character that XML 1.0 cannot carry.
    #[error("holds a character that XML cannot carry")]
    IllegalCharacter,
    /// The target has no nil.
    #[error("is nil, and the target has no nil")]
    Nil,
    /// Text that is not UTF-8.
    #[error("is not valid UTF-8")]
    Utf8,
    /// Digits of a date that no calendar has: 29 February of most years, month 13.
    #[error("is a day that does not exist")]
    NoSuchDay,
    /// Digits of a time that no clock shows.
    #[error("is a time of day that does not exist")]
    NoSuchTime,
    /// A date without a zone where an instant is wanted.
    #[error("has no time zone, and the target needs one")]
    NoZone,
    /// Bytes that are no characters of their encoding.
    #[error("holds bytes that are no characters of its encoding")]
    NoCharacter,
    /// A character that the target's encoding does not have.
    #[error("holds a character that the encoding of its target does not have")]
    NotEncodable,
    /// A character that the field's class of characters leaves out.
    #[error("holds a character that its field does not allow")]
    CharacterClass,
    /// The field that says the sign of a number says none.
    #[error("has its sign in another field, and that has none of the texts that mean plus or minus")]
    Sign,
    /// There is no value, and no bytes are declared to stand for none.
    #[error("is missing, and its field has no bytes for that")]
    Missing,
}
