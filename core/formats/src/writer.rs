//! Writing, whatever the format: the plan says what comes next, a writer knows the bytes.

use crate::{Value, ValueProblem, Word};
use portolan_schema::{Document, FieldId, RecordId, Schema};

/// Why a document cannot be written that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable {
    /// The field, by the contract's own names; empty where it is all of the document.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A format that can be written.
///
/// It is made for a document, compiles each field that a plan writes, and is sealed once when all are known; from then
/// on it only appends bytes, or fills what it appended. Fields of one record are to be written in the contract's order, attributes first.
pub trait Writer: std::fmt::Debug + Send + Sync + Sized {
    /// A compiled field.
    type Field: std::fmt::Debug + Send + Sync;

    /// For a document.
    fn new(schema: &Schema, document: &Document) -> Self;

    /// Compiles a field. `attributes` says whether the plan writes attributes of the record that the field holds.
    fn field(&mut self, schema: &Schema, record: RecordId, field: FieldId, attributes: bool) -> Self::Field;

    /// Called once, after the last field was compiled. `attributes`: whether the plan writes attributes of the root.
    fn seal(&mut self, attributes: bool);

    /// Whether a field is an attribute, which is to be written before the rest.
    fn is_attribute(field: &Self::Field) -> bool;

    /// Whether fields have places of their own in their record, so that they are not appended.
    const POSITIONAL: bool = false;

    /// Begins the document; what it gives is where its fields are written, for formats in which they have places.
    fn open(&self, out: &mut Vec<u8>) -> usize;

    /// Ends the attributes of the document's root; only called where `seal` was told of some.
    fn open_end(&self, out: &mut Vec<u8>);

    /// Ends the document that was begun at `at`.
    ///
    /// # Errors
    /// What could not be written of it, for formats that find that out when all of it is there.
    fn close(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Unwritable>;

    /// Writes a scalar. What was appended before an error is to be thrown away. `at` is what beginning the record around it gave,
    /// or [`Writer::item_place`].
    fn scalar(
        field: &Self::Field,
        value: Value<'_>,
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem>;

    /// Writes a scalar that fits a word; the same, without the detour.
    fn compact(field: &Self::Field, value: Word, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Self::scalar(field, value.open().value()?, at, out)
    }

    /// Writes text; the same as a scalar of text, without the detour.
    fn text(field: &Self::Field, text: &str, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Self::scalar(field, Value::Text(text), at, out)
    }

    /// The same of bytes that nobody has tested to be UTF-8 yet.
    fn utf8(field: &Self::Field, bytes: &[u8], at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Self::text(field, std::str::from_utf8(bytes).map_err(|_| ValueProblem::Utf8)?, at, out)
    }

    /// The same of bytes that are known to be UTF-8.
    fn tested(field: &Self::Field, bytes: &[u8], at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Self::utf8(field, bytes, at, out)
    }

    /// Writes nil.
    fn nil(field: &Self::Field, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem>;

    /// Begins a record; what it gives is for its fields, and for [`Writer::end`].
    fn begin(field: &Self::Field, at: usize, out: &mut Vec<u8>) -> usize;

    /// Ends the attributes of a record; only called where the field was compiled with some.
    fn begin_end(field: &Self::Field, out: &mut Vec<u8>);

    /// Ends a record.
    fn end(field: &Self::Field, mark: usize, out: &mut Vec<u8>);

    /// Takes back a record that turned out not to be there; `start` is how long `out` was before it began.
    fn undo(_: &Self::Field, _: usize, start: usize, out: &mut Vec<u8>) {
        out.truncate(start);
    }

    /// Begins a list of scalars.
    fn list(field: &Self::Field, at: usize, out: &mut Vec<u8>) -> usize;

    /// Where the item of an index is written.
    fn item_place(_: &Self::Field, at: usize, _: u32, _: &mut Vec<u8>) -> usize {
        at
    }

    /// Writes a scalar item of a list.
    fn item(field: &Self::Field, value: Value<'_>, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem>;

    /// Ends a list of scalars.
    fn list_end(field: &Self::Field, mark: usize, out: &mut Vec<u8>);

    /// A list, of scalars or of records, has so many items.
    fn counted(_: &Self::Field, _: u32, _: usize, _: &mut Vec<u8>) {}
}
