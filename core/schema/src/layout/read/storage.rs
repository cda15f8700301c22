//! How a field's keys say what its bytes mean: by a picture, or by type and length.

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_syntax::{
    expression::Leaf,
    keys::{Keys, bad, entries, leaf, text},
    yaml::{Entry, NodeKind},
};

use super::{Builder, columns::Columns, words};
use crate::layout::{
    Base, Binary, Characters, Clauses, Digits, Encoding, Extent, Fill, Float, Form, Moment, MomentKind,
    Packed, PackedSign, Picture, Side, Sign, Storage, Text, Trim, Usage, Zoned, pattern, storage,
};

/// What was read of a field already.
pub(super) struct Declared<'a> {
    /// Its columns.
    pub(super) columns: Option<Columns>,
    /// The picture of the short form.
    pub(super) picture: Option<&'a Leaf>,
    /// Where the field stands.
    pub(super) span: Span,
}

impl Declared<'_> {
    /// A field that stands there, with its columns.
    pub(super) fn at(span: Span, columns: Option<Columns>) -> Self {
        Self { columns, picture: None, span }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Type {
    Text,
    Integer,
    Decimal,
    Float,
    Bytes,
    Moment(MomentKind),
}

const TYPES: &[(&str, Type)] = &[
    ("text", Type::Text),
    ("integer", Type::Integer),
    ("decimal", Type::Decimal),
    ("float", Type::Float),
    ("bytes", Type::Bytes),
    ("date", Type::Moment(MomentKind::Date)),
    ("time", Type::Moment(MomentKind::Time)),
    ("datetime", Type::Moment(MomentKind::DateTime)),
];

/// `sign:`: the side, and whether it has a byte of its own; `None` is no sign.
const SIGNS: &[(&str, Option<(Side, bool)>)] = &[
    ("none", None),
    ("leading", Some((Side::Left, false))),
    ("trailing", Some((Side::Right, false))),
    ("leading-separate", Some((Side::Left, true))),
    ("trailing-separate", Some((Side::Right, true))),
];

impl<'a> Builder<'a> {
    /// The storage of a field, and its extent. Without keys it is the short form.
    pub(super) fn storage(
        &mut self,
        declared: &Declared<'_>,
        keys: Option<&mut Keys<'a>>,
    ) -> Option<(Storage, Extent)> {
        let Some(keys) = keys else {
            let length = self.columns_extent(declared.columns);
            return match declared.picture {
                Some(picture) => {
                    let place = (length, declared.columns);
                    self.pictured(picture, "display", declared.span, place, &mut None)
                }
                None => {
                    let form = Form::Text(self.text_form(self.file.encoding));
                    length.map(|extent| (self.with_defaults(form), extent))
                }
            };
        };
        let declared_extent = self.declared_extent(declared, keys);
        let (mut storage, mut extent) = self.form(declared, declared_extent, keys)?;
        self.refine(&mut storage, keys);
        // A picture counts no byte for the point of a delimited value.
        if let (None, true, Extent::Bytes(length), Form::Zoned(Zoned { point: Some(_), .. })) =
            (declared_extent, self.delimited(), extent, &storage.form)
        {
            extent = Extent::Bytes(length + 1);
        }
        if let Some(null) = keys.take("null") {
            storage.nulls = words::nulls(&null.value, self.findings);
        }
        if let Some(invalid) =
            keys.take("invalid").and_then(|e| words::word(e, words::INVALID, self.findings))
        {
            storage.invalid = invalid;
        }
        Some((storage, extent))
    }

    /// How long a field is that has no form: a filler.
    pub(super) fn extent(&mut self, declared: &Declared<'_>, keys: &mut Keys<'a>) -> Option<Extent> {
        let extent = self.declared_extent(declared, keys);
        if extent.is_none() {
            self.no_length(declared.span);
        }
        extent
    }

    fn no_length(&mut self, span: Span) {
        self.invalid(span, "nothing says how long this field is")
            .help
            .push("give it `columns`, a `length`, or a `picture`".to_owned());
    }

    fn columns_extent(&mut self, columns: Option<Columns>) -> Option<Extent> {
        columns.map(|columns| match columns.length() {
            Some(length) => Extent::Bytes(length),
            None => Extent::Rest,
        })
    }

    fn declared_extent(&mut self, declared: &Declared<'_>, keys: &mut Keys<'a>) -> Option<Extent> {
        let by_columns = self.columns_extent(declared.columns);
        let length =
            keys.take("length").and_then(|e| words::length(e, self.findings).map(|length| (length, e)));
        let characters = keys.take("characters").and_then(|e| words::length(e, self.findings));
        if let (Some(Extent::Bytes(columns)), Some((length, entry))) = (by_columns, &length)
            && columns != *length
        {
            let message = format!("its columns are {}, and its length is {length}", words::bytes(columns));
            self.too_wide(entry.value.span, message);
        }
        by_columns.or(length.map(|(length, _)| Extent::Bytes(length))).or(characters.map(Extent::Characters))
    }

    fn with_defaults(&self, form: Form) -> Storage {
        let nulls = self.defaults.nulls_of(&form);
        Storage { form, nulls, invalid: self.defaults.invalid }
    }

    /// Where texts are trimmed that say nothing of it: nothing fills up a delimited value.
    fn trimmed(&self) -> Trim {
        self.defaults.trim.unwrap_or(Trim { left: false, right: !self.delimited() })
    }

    fn text_form(&self, encoding: Encoding) -> Text {
        Text {
            encoding,
            pad: ' ',
            justified: Side::Left,
            trim: self.trimmed(),
            transliterate: false,
            chars: self.defaults.chars.clone(),
        }
    }

    /// By a picture, or by what stands for one.
    fn form(
        &mut self,
        declared: &Declared<'_>,
        extent: Option<Extent>,
        keys: &mut Keys<'a>,
    ) -> Option<(Storage, Extent)> {
        let encoding = keys.take("encoding").and_then(|e| words::encoding(e, self.findings));
        let encoding = encoding.unwrap_or(self.file.encoding);
        let usage_entry = keys.take("usage");
        let usage = usage_entry.and_then(|e| text(e, self.findings));
        let usage_span = usage.as_ref().map_or(declared.span, |usage| usage.span);
        let sign = keys.take("sign").and_then(|e| words::word(e, SIGNS, self.findings));
        let signed = keys.take("signed").map(|e| words::flag(Some(e), self.findings));
        let moment = self.moment_key(keys);
        if let Some(picture) = keys.take("picture").and_then(|e| leaf(e, self.findings)) {
            let usage = usage.as_ref().map_or("display", |usage| usage.value.as_str());
            let saved = self.options.dialect.encoding;
            self.options.dialect.encoding = encoding;
            let mut sign = sign;
            let made = self.pictured(&picture, usage, usage_span, (extent, declared.columns), &mut sign);
            self.options.dialect.encoding = saved;
            let (mut storage, extent) = made?;
            if let Some((kind, parts)) = moment {
                storage.form = self.moment(kind, parts, storage.form, encoding, keys);
            }
            return Some((storage, extent));
        }
        let kind = keys.take("type").and_then(|e| words::word(e, TYPES, self.findings));
        let kind = match (&moment, kind) {
            (Some((kind, _)), _) => Type::Moment(*kind),
            (None, Some(kind)) => kind,
            (None, None) if usage.is_some() => Type::Integer,
            (None, None) => Type::Text,
        };
        let Some(extent) = extent else {
            self.no_length(declared.span);
            return None;
        };
        let form = match kind {
            Type::Text => Form::Text(self.text_form(encoding)),
            Type::Bytes => Form::Octets,
            Type::Float => self.float(declared.span, extent),
            Type::Integer | Type::Decimal => self.number(
                declared.span,
                extent,
                encoding,
                usage.map(|u| u.value),
                usage_span,
                sign,
                signed,
                keys,
            )?,
            Type::Moment(_) => {
                let base = match &usage {
                    None => Form::Text(self.text_form(encoding)),
                    Some(_) => self.number(
                        declared.span,
                        extent,
                        encoding,
                        usage.map(|u| u.value),
                        usage_span,
                        sign,
                        signed,
                        keys,
                    )?,
                };
                match moment {
                    Some((kind, parts)) => self.moment(kind, parts, base, encoding, keys),
                    None => {
                        self.invalid(declared.span, "nothing says how the date is written")
                            .help
                            .push("write `date: yyyyMMdd` instead of `type: date`".to_owned());
                        return None;
                    }
                }
            }
        };
        Some((self.with_defaults(form), extent))
    }

    fn moment_key(&mut self, keys: &mut Keys<'a>) -> Option<(MomentKind, Vec<crate::layout::Part>)> {
        let mut found = None;
        for (key, kind) in
            [("date", MomentKind::Date), ("time", MomentKind::Time), ("datetime", MomentKind::DateTime)]
        {
            let Some(written) = keys.take(key).and_then(|e| text(e, self.findings)) else { continue };
            match pattern::parse(&written.value) {
                Ok((parts, is)) if is == kind => found = Some((kind, parts)),
                Ok((_, is)) => {
                    let word = match is {
                        MomentKind::Date => "date",
                        MomentKind::Time => "time",
                        MomentKind::DateTime => "datetime",
                    };
                    let message = format!("this pattern is that of a {word}, not of a {key}");
                    self.invalid(written.span, message)
                        .help
                        .push(format!("write `{word}: {}`", written.value));
                }
                Err(message) => {
                    self.invalid(written.span, message);
                }
            }
        }
        found
    }

    fn moment(
        &mut self,
        kind: MomentKind,
        parts: Vec<crate::layout::Part>,
        base: Form,
        encoding: Encoding,
        keys: &mut Keys<'a>,
    ) -> Form {
        let century = keys.take("century").and_then(|e| words::whole(e, 1000, 9900, self.findings));
        let base = match base {
            Form::Packed(packed) => Base::Packed(packed),
            Form::Binary(binary) => Base::Binary(binary),
            _ => Base::Text(encoding),
        };
        Form::Moment(Moment { base, parts, century: century.unwrap_or(1970) as u16, kind })
    }

    fn pictured(
        &mut self,
        picture: &Leaf,
        usage: &str,
        usage_span: Span,
        (declared, at): (Option<Extent>, Option<Columns>),
        sign: &mut Option<Option<(Side, bool)>>,
    ) -> Option<(Storage, Extent)> {
        let (text, span) = (&*picture.text, picture.span);
        let parsed = match Picture::parse_in(text, self.dialect().notation) {
            Ok(parsed) => parsed,
            Err(error) => {
                let message = format!("`{text}` is no picture: {}", error.message);
                self.invalid(picture.place(&error.range), message);
                return None;
            }
        };
        let usage = self.usage(usage, usage_span)?;
        let clauses = Clauses { sign: sign.take().flatten(), ..Clauses::default() };
        let (mut made, extent) = match storage(Some(&parsed), usage, &clauses, self.dialect()) {
            Ok(made) => made,
            Err(message) => {
                self.invalid(span, message);
                return None;
            }
        };
        made.nulls = self.defaults.nulls_of(&made.form);
        made.invalid = self.defaults.invalid;
        if let Form::Text(text) = &mut made.form {
            text.trim = self.trimmed();
            text.chars.clone_from(&self.defaults.chars);
        }
        match (declared, extent) {
            (Some(Extent::Bytes(columns)), Extent::Bytes(length)) if columns != length => {
                let message = format!(
                    "the picture `{text}` takes {}, and the field has {columns}",
                    words::bytes(length)
                );
                let finding = self.too_wide(span, message);
                if let Some(at) = at {
                    let help = format!(
                        "columns {}-{} are as many as it takes",
                        at.from + 1,
                        at.from.saturating_add(length)
                    );
                    finding.help.push(help);
                }
                Some((made, Extent::Bytes(columns)))
            }
            (Some(declared), _) => Some((made, declared)),
            (None, extent) => Some((made, extent)),
        }
    }

    /// A length that disagrees with another.
    fn too_wide(&mut self, span: Span, message: String) -> &mut Diagnostic {
        self.findings.push(Diagnostic::error(Code::LAYOUT_LENGTH, message).at(span, ""));
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    fn usage(&mut self, usage: &str, span: Span) -> Option<Usage> {
        let found = Usage::parse(usage);
        if found.is_none() {
            let finding = bad(span, format!("`{usage}` is no usage"));
            let finding = finding.did_you_mean(usage, Usage::NAMES.iter().copied());
            self.findings.push(finding);
        }
        found
    }

    fn float(&mut self, span: Span, extent: Extent) -> Form {
        if !matches!(extent, Extent::Bytes(4 | 8)) {
            self.too_wide(span, "a floating-point number has 4 or 8 bytes".to_owned());
        }
        Form::Float(Float { standard: self.dialect().float, order: self.dialect().order })
    }

    #[allow(clippy::too_many_arguments, reason = "they are what a number is declared by")]
    fn number(
        &mut self,
        span: Span,
        extent: Extent,
        encoding: Encoding,
        usage: Option<String>,
        usage_span: Span,
        sign: Option<Option<(Side, bool)>>,
        signed: Option<bool>,
        keys: &mut Keys<'a>,
    ) -> Option<Form> {
        let Extent::Bytes(length) = extent else {
            self.invalid(span, "a number has a length in bytes");
            return None;
        };
        let scale =
            keys.take("scale").and_then(|e| words::whole(e, -38, 38, self.findings)).unwrap_or(0) as i8;
        let digits = keys.take("digits").and_then(|e| words::whole(e, 1, 38, self.findings)).map(|d| d as u8);
        let usage = self.usage(usage.as_deref().unwrap_or("display"), usage_span)?;
        let order = self.dialect().order;
        let too_long = |builder: &mut Self| {
            builder.invalid(span, "a number has 38 digits at most");
        };
        Some(match usage {
            Usage::Packed | Usage::PackedUnsigned => {
                let none = usage == Usage::PackedUnsigned || sign == Some(None) && signed != Some(false);
                let room = length.checked_mul(2).map(|nibbles| nibbles - u32::from(!none));
                let Some(count) = room.filter(|room| *room <= 39).map(|room| room.min(38) as u8) else {
                    too_long(self);
                    return None;
                };
                let sign = match (none, signed) {
                    (true, _) => PackedSign::None,
                    (false, Some(false)) => PackedSign::Unsigned,
                    (false, _) => PackedSign::Signed,
                };
                Form::Packed(Packed { digits: Digits { count: digits.unwrap_or(count), scale }, sign })
            }
            Usage::Binary | Usage::Native | Usage::Little | Usage::CompX | Usage::Bytes(..) => {
                if length > 16 {
                    self.invalid(span, "a binary number has 16 bytes at most");
                    return None;
                }
                let order = if usage == Usage::Little { crate::layout::ByteOrder::Little } else { order };
                Form::Binary(Binary { signed: signed.unwrap_or(true), order, scale, digits })
            }
            Usage::Comp1 | Usage::Comp2 => self.float(span, extent),
            _ => {
                let sign = match (sign, signed) {
                    (Some(Some((side, true))), _) => Sign::Separate(side),
                    (Some(Some((side, false))), _) => Sign::Overpunch(side, self.dialect().overpunch),
                    (None, Some(true)) if self.delimited() => Sign::Minus,
                    (None, Some(true)) => Sign::Overpunch(Side::Right, self.dialect().overpunch),
                    _ => Sign::Unsigned,
                };
                let room = length - u32::from(matches!(sign, Sign::Separate(_))).min(length);
                let Some(count) = u8::try_from(room).ok().filter(|count| (1..=40).contains(count)) else {
                    too_long(self);
                    return None;
                };
                Form::Zoned(Zoned {
                    ebcdic: encoding.is_ebcdic(),
                    digits: Digits { count: digits.unwrap_or(count.min(38)), scale },
                    sign,
                    fill: Fill::Zero,
                    blank_when_zero: false,
                    // Pictures are for those whose point is not written.
                    point: (scale > 0 && self.delimited()).then_some('.'),
                })
            }
        })
    }

    /// What further keys change of a form.
    fn refine(&mut self, storage: &mut Storage, keys: &mut Keys<'a>) {
        let pad = keys.take("pad").and_then(|e| {
            let word = e.value.scalar().filter(|scalar| scalar.plain).map(|scalar| scalar.text.as_str());
            match word {
                Some("zero" | "zeros") => Some('0'),
                Some("blank" | "blanks") => Some(' '),
                _ => words::character(e, self.findings),
            }
        });
        let justify = keys.take("justify").and_then(|e| words::word(e, words::SIDE, self.findings));
        let trim = keys.take("trim").and_then(|e| words::word(e, words::TRIM, self.findings));
        let chars = keys.take("chars").and_then(|e| text(e, self.findings)).map(|t| characters(&t.value));
        let transliterate = words::flag(keys.take("transliterate"), self.findings);
        let blank_when_zero = words::flag(keys.take("blank-when-zero"), self.findings);
        let point = keys.take("point").and_then(|e| words::character(e, self.findings));
        let overpunch = keys.take("overpunch").and_then(|e| words::word(e, words::OVERPUNCH, self.findings));
        let order = keys.take("byte-order").and_then(|e| words::word(e, words::BYTE_ORDER, self.findings));
        let float = keys.take("float").and_then(|e| words::word(e, words::FLOAT, self.findings));
        match &mut storage.form {
            Form::Text(form) => {
                form.pad = pad.unwrap_or(form.pad);
                if let Some(justified) = justify {
                    form.justified = justified;
                    let left = justified == Side::Right;
                    form.trim = self.defaults.trim.unwrap_or(Trim { left, right: !left });
                }
                form.trim = trim.unwrap_or(form.trim);
                form.chars = chars.or(form.chars.take());
                form.transliterate |= transliterate;
            }
            Form::Zoned(form) => {
                match pad {
                    Some(' ') => form.fill = Fill::Blank,
                    Some('0') => form.fill = Fill::Zero,
                    _ => {}
                }
                form.blank_when_zero |= blank_when_zero;
                form.point = point.or(form.point);
                if let (Sign::Overpunch(_, punch), Some(overpunch)) = (&mut form.sign, overpunch) {
                    *punch = overpunch;
                }
            }
            Form::Edited(form) => form.blank_when_zero |= blank_when_zero,
            Form::Binary(form) => form.order = order.unwrap_or(form.order),
            Form::Float(form) => {
                form.order = order.unwrap_or(form.order);
                form.standard = float.unwrap_or(form.standard);
            }
            Form::Packed(_) | Form::Octets | Form::Moment(_) => {}
        }
    }
}

/// `chars:`
pub(super) fn characters(text: &str) -> Characters {
    match text {
        "alphabetic" => Characters::Alphabetic,
        "digits" => Characters::Digits,
        "alphanumeric" => Characters::Alphanumeric,
        "printable" => Characters::Printable,
        listed => Characters::Listed(
            listed.strip_prefix('[').and_then(|l| l.strip_suffix(']')).unwrap_or(listed).to_owned(),
        ),
    }
}

/// `values:` texts, perhaps with what they mean.
pub(super) fn values(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Vec<(String, Option<String>)> {
    match &entry.value.kind {
        NodeKind::Sequence(items) => {
            items.iter().filter_map(|item| item.scalar()).map(|scalar| (scalar.text.clone(), None)).collect()
        }
        _ => entries(&entry.value, "`values`", findings)
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.scalar().map(|scalar| scalar.text.clone())))
            .collect(),
    }
}
