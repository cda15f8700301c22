//! One field, both ways: bytes as its layout stores them, and the value that they are.

use super::codepage::Transcoder;
use super::moment::MomentCodec;
use super::null::NullCodec;
use super::number::{
    self, binary::BinaryCodec, edited::EditedCodec, float::FloatCodec, packed::PackedCodec, zoned::ZonedCodec,
};
use super::text::TextCodec;
use crate::{Compact, Decimal, Value, ValueProblem, Word};
use bumpalo::Bump;
use portolan_schema::layout::{Encoding, Form, Invalid, Storage};

/// Reads and writes the values of one field. Nothing that it reads or writes is ever cut off, rounded or guessed.
#[derive(Debug, Clone)]
pub struct FieldCodec {
    kind: Kind,
    nulls: Vec<NullCodec>,
    /// Whether bytes that stand for no value may look like a number.
    nulls_are_numbers: bool,
    /// Whether padding stands for no value, so that no text at all is none.
    empty_is_null: bool,
    invalid: Invalid,
}

/// What the bytes mean.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Text(TextCodec),
    Octets,
    Zoned(ZonedCodec),
    Packed(PackedCodec),
    Binary(BinaryCodec),
    Float(FloatCodec),
    Edited(EditedCodec),
    Moment(Box<MomentCodec>),
}

impl FieldCodec {
    /// Compiles what a layout says of the field.
    pub fn compile(storage: &Storage) -> Self {
        let kind = Kind::compile(&storage.form);
        let nulls: Vec<_> = storage.nulls.iter().map(|null| NullCodec::compile(null, &kind)).collect();
        let nulls_are_numbers = nulls.iter().any(|null| match null {
            NullCodec::Repeated(pattern) | NullCodec::Blanks(pattern) => match (&kind, pattern.as_slice()) {
                (Kind::Binary(_), _) => true,
                (kind, pattern) => kind.compact(pattern).is_some(),
            },
            NullCodec::Never => false,
            _ => true,
        });
        let mut padding = [0; 8];
        let pads = match &kind {
            Kind::Text(text) => text.pad(&[], &mut padding).is_ok(),
            _ => false,
        };
        let mut codec =
            Self { kind, nulls, nulls_are_numbers, empty_is_null: false, invalid: storage.invalid };
        codec.empty_is_null = pads && codec.is_null(&padding);
        codec
    }

    /// Whether blanks may stand in the field: it consists of characters, or they are no value.
    pub(super) fn takes_blanks(&self, blanks: &[u8]) -> bool {
        self.kind.transcoder().is_some() || self.is_null(blanks)
    }

    /// Whether the layout says which characters the field may have.
    pub(crate) fn is_restricted(&self) -> bool {
        matches!(&self.kind, Kind::Text(text) if text.is_restricted())
    }

    /// The value that the bytes of the field are: [`Value::Absent`] where they stand for none, or cannot be read and the layout says that
    /// there is none then.
    ///
    /// # Errors
    /// What is wrong with the bytes. A number that is all blanks is no number, unless blanks are declared to be none, or zero.
    #[inline]
    pub fn read<'a>(&'a self, bytes: &'a [u8], arena: &'a Bump) -> Result<Value<'a>, ValueProblem> {
        if self.is_null(bytes) {
            return Ok(Value::Absent);
        }
        match self.kind.read(bytes, arena) {
            Err(_) if self.invalid == Invalid::Null => Ok(Value::Absent),
            Ok(Value::Text("")) if self.empty_is_null && !bytes.is_empty() => Ok(Value::Absent),
            read => read,
        }
    }

    /// The number that the bytes are, where it is one of up to 18 digits that is plainly written. `None` says nothing: ask
    /// [`FieldCodec::read`] then.
    #[inline]
    pub fn compact(&self, bytes: &[u8]) -> Option<Word> {
        let compact = self.kind.compact(bytes)?;
        if self.nulls_are_numbers && self.is_null(bytes) { None } else { Some(compact) }
    }

    /// The text that the bytes are, in UTF-8 and without its padding, where they are that already. `None` says nothing: ask
    /// [`FieldCodec::read`] then.
    #[inline]
    pub fn plain<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        match &self.kind {
            Kind::Text(text) if !self.is_null(bytes) => {
                text.plain(bytes).filter(|plain| !(plain.is_empty() && self.empty_is_null))
            }
            _ => None,
        }
    }

    /// Whether it is a text.
    pub fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text(_))
    }

    /// The text that the bytes of a text are; it borrows nothing of the codec.
    #[inline]
    pub(super) fn text<'a>(&self, bytes: &'a [u8], arena: &'a Bump) -> Result<&'a str, ValueProblem> {
        match &self.kind {
            Kind::Text(text) => text.read(bytes, arena),
            _ => Err(ValueProblem::WrongKind),
        }
    }

    /// Whether any bytes stand for no value.
    pub fn has_nulls(&self) -> bool {
        !self.nulls.is_empty()
    }

    /// Whether the bytes stand for no value.
    #[inline]
    pub fn is_null(&self, bytes: &[u8]) -> bool {
        // Most fields have none, and are asked for every record.
        self.has_nulls() && self.nulls.iter().any(|null| null.is(bytes, &self.kind))
    }

    /// Writes a value so that it fills the field. No value is the first of the bytes that stand for none; where there are none, a text is
    /// padding.
    ///
    /// # Errors
    /// Where the field cannot hold the value exactly; what is in `out` then means nothing. A number or date whose bytes would stand for
    /// no value is [`ValueProblem::Excluded`].
    pub fn write(&self, value: Value<'_>, out: &mut [u8]) -> Result<(), ValueProblem> {
        if self.is_nothing(value) {
            return match (self.nulls.first(), &self.kind) {
                (Some(null), kind) => null.write(kind, out),
                (None, Kind::Text(text)) => text.pad(&[], out),
                (None, _) if value == Value::Nil => Err(ValueProblem::Nil),
                (None, _) => Err(ValueProblem::Missing),
            };
        }
        self.kind.write(value, out)?;
        let empty = matches!((&self.kind, value), (Kind::Text(_), Value::Text("")));
        if !self.nulls.is_empty() && !empty && self.is_null(out) {
            return Err(ValueProblem::Excluded);
        }
        Ok(())
    }

    /// Writes text of which nobody has tested yet that it is UTF-8; the same as its value, without the detour.
    ///
    /// # Errors
    /// As [`FieldCodec::write`].
    #[inline]
    pub fn write_utf8(&self, text: &[u8], out: &mut [u8]) -> Result<(), ValueProblem> {
        if let (Kind::Text(codec), true) = (&self.kind, self.nulls.is_empty())
            && codec.write_ascii(text, out)
        {
            return Ok(());
        }
        self.write(Value::Text(std::str::from_utf8(text).map_err(|_| ValueProblem::Utf8)?), out)
    }

    /// Writes a number of a word as [`FieldCodec::write`] does, and faster.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn write_compact(&self, value: Word, out: &mut [u8]) -> Result<(), ValueProblem> {
        if self.nulls.is_empty() && self.kind.write_word(value, out) {
            return Ok(());
        }
        self.write(value.open().value()?, out)
    }

    /// Appends the text that the bytes are, in UTF-8 and without its padding, where all of it is ASCII: EBCDIC is translated on its way.
    /// `false` says nothing, and nothing is appended: ask [`FieldCodec::read`] then.
    #[inline]
    pub fn append_ascii(&self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        match &self.kind {
            Kind::Text(text) if !self.is_null(bytes) => text.append_ascii(bytes, out),
            _ => false,
        }
    }

    /// Appends a value without padding, for fields whose length is that of their value. No value is nothing, unless a text stands for it.
    ///
    /// # Errors
    /// As [`FieldCodec::write`]. Binary and floating numbers have no length of their own.
    pub fn write_variable(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        if self.is_nothing(value) {
            if let Some(NullCodec::Padded(bytes)) = self.nulls.first() {
                out.extend_from_slice(bytes);
            }
            return Ok(());
        }
        self.kind.append(value, out)
    }

    /// Appends a text and the padding that makes it so many characters, for encodings whose characters differ in length.
    ///
    /// # Errors
    /// As [`FieldCodec::write`]; what is no text is [`ValueProblem::WrongKind`].
    pub fn write_characters(
        &self,
        value: Value<'_>,
        count: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        let Kind::Text(text) = &self.kind else { return Err(ValueProblem::WrongKind) };
        if !self.is_nothing(value) {
            return text.append_characters(value, count, out);
        }
        match self.nulls.first() {
            None => text.append_characters(Value::Text(""), count, out),
            Some(NullCodec::Repeated(pattern) | NullCodec::Blanks(pattern)) => {
                out.extend(pattern.repeat(count as usize));
                Ok(())
            }
            Some(NullCodec::Padded(bytes)) => {
                let mut agreed = String::new();
                text.transcoder().decode(bytes, &mut agreed)?;
                text.append_characters(Value::Text(&agreed), count, out)
            }
            Some(_) => Err(ValueProblem::Missing),
        }
    }

    /// Whether it is to be written as no value.
    fn is_nothing(&self, value: Value<'_>) -> bool {
        match value {
            Value::Absent => true,
            Value::Nil => !self.nulls.is_empty(),
            _ => false,
        }
    }
}

impl Kind {
    fn compile(form: &Form) -> Self {
        match form {
            Form::Text(text) => Self::Text(TextCodec::compile(text)),
            Form::Octets => Self::Octets,
            Form::Zoned(zoned) => Self::Zoned(ZonedCodec::compile(zoned)),
            Form::Packed(packed) => Self::Packed(PackedCodec::compile(packed)),
            Form::Binary(binary) => Self::Binary(BinaryCodec::compile(binary)),
            Form::Float(float) => Self::Float(FloatCodec::compile(float)),
            Form::Edited(edited) => Self::Edited(EditedCodec::compile(edited)),
            Form::Moment(moment) => Self::Moment(Box::new(MomentCodec::compile(moment))),
        }
    }

    #[inline]
    fn compact(&self, bytes: &[u8]) -> Option<Word> {
        match self {
            Self::Zoned(zoned) => zoned.compact(bytes),
            Self::Packed(packed) => packed.compact(bytes),
            Self::Binary(binary) => binary.compact(bytes),
            Self::Moment(moment) => moment.compact(bytes),
            _ => None,
        }
    }

    /// Writes a number that is in units of the form's scale, or becomes that within a word; tells whether it could.
    #[inline]
    fn write_word(&self, value: Word, out: &mut [u8]) -> bool {
        let (units, scale) = match value.open() {
            Compact::Integer(whole) => (whole, 0),
            Compact::Minor(units, scale) => (units, scale),
            _ => return false,
        };
        let wanted = match self {
            Self::Zoned(zoned) => zoned.scale(),
            Self::Packed(packed) => packed.scale(),
            Self::Binary(binary) => binary.scale(),
            _ => return false,
        };
        let units = match usize::try_from(i16::from(wanted) - i16::from(scale)) {
            Ok(0) => Some(units),
            Ok(more @ ..=18) => units.checked_mul(number::POWERS[more] as i64),
            _ => None,
        };
        let Some(units) = units else { return false };
        match self {
            Self::Zoned(zoned) => zoned.write_word(units, out),
            Self::Packed(packed) => packed.write_word(units, out),
            Self::Binary(binary) => binary.write_word(units, out),
            _ => false,
        }
    }

    #[inline]
    fn read<'a>(&self, bytes: &'a [u8], arena: &'a Bump) -> Result<Value<'a>, ValueProblem> {
        if let Some(compact) = self.compact(bytes) {
            return compact.open().value();
        }
        match self {
            Self::Text(text) => text.read(bytes, arena).map(Value::Text),
            Self::Octets => Ok(Value::Bytes(bytes)),
            Self::Zoned(zoned) => zoned.read(bytes),
            Self::Packed(packed) => packed.read(bytes),
            Self::Binary(binary) => binary.read(bytes),
            Self::Float(float) => float.read(bytes).map(Value::Double),
            Self::Edited(edited) => edited.read(bytes),
            Self::Moment(moment) => moment.read(bytes),
        }
    }

    fn write(&self, value: Value<'_>, out: &mut [u8]) -> Result<(), ValueProblem> {
        match self {
            Self::Text(text) => text.write(value, out),
            Self::Octets => {
                let bytes = octets(value)?;
                match bytes.len().cmp(&out.len()) {
                    std::cmp::Ordering::Less => Err(ValueProblem::TooShort),
                    std::cmp::Ordering::Greater => Err(ValueProblem::TooLong),
                    std::cmp::Ordering::Equal => {
                        out.copy_from_slice(bytes);
                        Ok(())
                    }
                }
            }
            Self::Float(float) => float.write(value, out),
            Self::Moment(moment) => moment.write(value, out),
            _ => self.write_number(number::decimal(value)?, out),
        }
    }

    fn append(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        match self {
            Self::Text(text) => text.append(value, out),
            Self::Octets => {
                out.extend_from_slice(octets(value)?);
                Ok(())
            }
            Self::Zoned(zoned) => zoned.append(number::decimal(value)?, out),
            Self::Moment(moment) => moment.append(value, out),
            Self::Packed(packed) => {
                let start = out.len();
                out.resize(start + packed.length(), 0);
                packed.write(number::decimal(value)?, out.get_mut(start..).unwrap_or_default())
            }
            Self::Edited(edited) => {
                let start = out.len();
                out.resize(start + edited.length(), 0);
                edited.write(number::decimal(value)?, out.get_mut(start..).unwrap_or_default())
            }
            Self::Binary(_) | Self::Float(_) => Err(ValueProblem::WrongKind),
        }
    }

    /// Writes a number, where the form has numbers.
    pub(super) fn write_number(&self, number: Decimal, out: &mut [u8]) -> Result<(), ValueProblem> {
        match self {
            Self::Zoned(zoned) => zoned.write(number, out),
            Self::Packed(packed) => packed.write(number, out),
            Self::Binary(binary) => binary.write(number, out),
            Self::Edited(edited) => edited.write(number, out),
            Self::Float(float) => float.write(Value::Decimal(number), out),
            Self::Moment(moment) => moment.write_number(number.to_integer().ok_or(ValueProblem::Loss)?, out),
            Self::Text(_) | Self::Octets => Err(ValueProblem::WrongKind),
        }
    }

    /// Writes zero in digits, whatever is said of zeros and blanks.
    pub(super) fn write_zero(&self, out: &mut [u8]) -> Result<(), ValueProblem> {
        match self {
            Self::Zoned(zoned) => zoned.write_zeros(out),
            _ => self.write_number(Decimal::ZERO, out),
        }
    }

    /// Whether values are numbers, or dates that are stored as numbers.
    pub(super) fn is_number(&self) -> bool {
        match self {
            Self::Text(_) | Self::Octets => false,
            Self::Moment(moment) => moment.transcoder().is_none(),
            _ => true,
        }
    }

    /// The number that the bytes are, whether it is a value or not: a date that is stored as a number.
    pub(super) fn read_number(&self, bytes: &[u8]) -> Option<Value<'static>> {
        match self {
            Self::Text(_) | Self::Octets => None,
            Self::Zoned(zoned) => zoned.read(bytes).ok(),
            Self::Packed(packed) => packed.read(bytes).ok(),
            Self::Binary(binary) => binary.read(bytes).ok(),
            Self::Float(float) => float.read(bytes).ok().map(Value::Double),
            Self::Edited(edited) => edited.read(bytes).ok(),
            Self::Moment(moment) => moment.number(bytes).map(Value::Integer),
        }
    }

    /// The greatest number of the form.
    pub(super) fn nines(&self) -> Option<Decimal> {
        let scaled = |units, scale| match number::value(units, scale) {
            Ok(Value::Integer(whole)) => Decimal::from_integer(whole),
            Ok(Value::Decimal(decimal)) => Some(decimal),
            _ => None,
        };
        match self {
            Self::Zoned(zoned) => scaled(zoned.greatest(), zoned.scale()),
            Self::Packed(packed) => scaled(packed.greatest(), packed.scale()),
            Self::Binary(binary) => binary.greatest().and_then(|units| scaled(units, binary.scale())),
            Self::Edited(edited) => scaled(edited.greatest(), edited.scale()),
            Self::Moment(moment) => Decimal::from_integer(moment.greatest()),
            Self::Text(_) | Self::Octets | Self::Float(_) => None,
        }
    }

    /// Whether every character is the digit nine, however many there are.
    pub(super) fn is_nines(&self, bytes: &[u8]) -> bool {
        matches!(self, Self::Zoned(zoned) if zoned.is_nines(bytes))
    }

    /// Whether a packed field holds binary zeros: not even a sign.
    pub(super) fn is_low_zero(&self, bytes: &[u8]) -> bool {
        let packed = match self {
            Self::Packed(_) => true,
            Self::Moment(moment) => moment.transcoder().is_none(),
            _ => false,
        };
        packed && bytes.iter().all(|byte| *byte == 0)
    }

    /// Text in the encoding of the form, where it has one.
    pub(super) fn encode(&self, text: &str) -> Option<Vec<u8>> {
        let transcoder = self.transcoder()?;
        let mut out = Vec::new();
        transcoder.encode(text, false, &mut out).ok().map(|()| out)
    }

    /// Fills the field with bytes and the padding behind (or before) them.
    pub(super) fn pad(&self, bytes: &[u8], out: &mut [u8]) -> Result<(), ValueProblem> {
        if let Self::Text(text) = self {
            return text.pad(bytes, out);
        }
        let blank = self.encode(" ").filter(|blank| !blank.is_empty()).ok_or(ValueProblem::NotEncodable)?;
        let (place, padding) = out.split_at_mut_checked(bytes.len()).ok_or(ValueProblem::TooLong)?;
        if padding.len() % blank.len() != 0 {
            return Err(ValueProblem::NotEncodable);
        }
        place.copy_from_slice(bytes);
        for (to, from) in padding.iter_mut().zip(blank.iter().cycle()) {
            *to = *from;
        }
        Ok(())
    }

    /// Whether the field holds these bytes and padding, or these alone.
    pub(super) fn is_padded(&self, expected: &[u8], bytes: &[u8]) -> bool {
        if bytes.len() <= expected.len() {
            return bytes == expected;
        }
        if !bytes.starts_with(expected) && !bytes.ends_with(expected) {
            return false;
        }
        let mut padded = vec![0; bytes.len()];
        self.pad(expected, &mut padded).is_ok() && padded == bytes
    }

    fn transcoder(&self) -> Option<Transcoder> {
        let of = |ebcdic| {
            let ebcdic = if ebcdic { Encoding::find("cp037") } else { None };
            Some(Transcoder::new(ebcdic.unwrap_or(Encoding::Ascii)))
        };
        match self {
            Self::Text(text) => Some(text.transcoder()),
            Self::Zoned(zoned) => of(zoned.is_ebcdic()),
            Self::Edited(edited) => of(edited.is_ebcdic()),
            Self::Moment(moment) => moment.transcoder(),
            Self::Octets | Self::Packed(_) | Self::Binary(_) | Self::Float(_) => None,
        }
    }
}

/// Octets are octets; text would have to say in which encoding.
fn octets<'a>(value: Value<'a>) -> Result<&'a [u8], ValueProblem> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        Value::Nil => Err(ValueProblem::Nil),
        _ => Err(ValueProblem::WrongKind),
    }
}
