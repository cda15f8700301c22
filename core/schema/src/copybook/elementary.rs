//! Elementary items: how each is stored, and what a mapping sees of it.

use portolan_diagnostics::Code;

use super::{
    laid::{Inherited, Part},
    lower::Lowering,
    syntax::Item as Entry,
    values,
};
use crate::{
    TypeId,
    layout::{
        Category, Clauses, Encoding, Extent, Form, Invalid, ItemContent, Side, Storage, Text, Usage, scalar,
        storage,
    },
};

impl Lowering<'_> {
    /// An elementary item.
    pub(super) fn value(&mut self, entry: &Entry, handed: Inherited) -> Part {
        let found = self.stored(entry, handed);
        let (mut storage, bytes) = match found {
            Ok((storage, Extent::Bytes(bytes))) => (storage, bytes),
            Ok((storage, _)) => (storage, 0),
            Err(what) => {
                let bare = entry.picture.is_none() && entry.usage.is_none();
                let (code, what) = match bare {
                    true => (
                        Code::COPYBOOK_INVALID,
                        format!("`{}` has neither a picture nor items", entry.shown()),
                    ),
                    false => (Code::COPYBOOK_PICTURE, format!("`{}`: {what}", entry.shown())),
                };
                let at = entry.picture.as_ref().map_or(entry.span, |(_, at)| *at);
                self.report(code, what, at);
                return Part::nothing();
            }
        };
        if handed.overlaid {
            storage.invalid = Invalid::Null;
        }
        let extent = Extent::Bytes(bytes);
        let length = match &storage.form {
            Form::Text(Text { encoding: Encoding::Utf16(_), .. }) => bytes / 2,
            _ => bytes,
        };
        let mut seen = scalar(&storage, extent);
        seen.enumeration = values::enumeration(&entry.conditions, &storage, length);
        let aligned =
            if handed.synchronized { self.options.dialect.aligned(usage(entry, handed), bytes) } else { 1 };
        Part {
            ty: Some(TypeId::Scalar(self.schema.add_scalar(seen))),
            filler: values::filler(entry.value.as_ref(), &storage, length),
            default: entry
                .value
                .as_ref()
                .and_then(|value| values::lexical(value, &storage, length))
                .map(Into::into),
            content: ItemContent::Value(storage),
            least: u64::from(bytes),
            most: u64::from(bytes),
            fixed: true,
            aligned,
        }
    }

    /// How a value is stored.
    pub(super) fn stored(&self, entry: &Entry, handed: Inherited) -> Result<(Storage, Extent), String> {
        let picture = entry.picture.as_ref().map(|(picture, _)| picture);
        let signed = picture.is_some_and(|picture| picture.signed);
        let clauses = Clauses {
            // A group's SIGN is one of the numbers in it that have a sign.
            sign: entry.sign.or(handed.sign.filter(|_| signed)),
            justified_right: entry.justified,
            blank_when_zero: entry.blank_when_zero,
        };
        storage(picture, usage(entry, handed), &clauses, &self.options.dialect)
    }

    /// So many bytes as text.
    pub(super) fn text(&mut self, bytes: u64) -> (Storage, TypeId) {
        let dialect = &self.options.dialect;
        let form = Form::Text(Text {
            encoding: dialect.encoding,
            pad: ' ',
            justified: Side::Left,
            trim: dialect.trim,
            transliterate: false,
            chars: None,
        });
        let storage = Storage { form, nulls: Vec::new(), invalid: Invalid::Null };
        let ty = TypeId::Scalar(self.schema.add_scalar(scalar(&storage, Extent::Bytes(bytes as u32))));
        (storage, ty)
    }
}

/// The usage of a value: a group's is one of the numbers in it, unless it goes with what the picture says.
pub(super) fn usage(entry: &Entry, handed: Inherited) -> Usage {
    match (&entry.usage, handed.usage) {
        (Some((own, _)), _) => *own,
        (None, Some(given)) => {
            let number =
                entry.picture.as_ref().is_none_or(|(picture, _)| picture.category == Category::Numeric);
            if number { given } else { Usage::Display }
        }
        (None, None) => Usage::Display,
    }
}
