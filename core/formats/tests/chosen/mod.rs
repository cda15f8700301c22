//! Fields of any form, chosen by bytes, and what must hold of each: for property tests here and for the fuzz target `fixed_values`.

use bumpalo::Bump;
use portolan_formats::records::FieldCodec;
use portolan_formats::{Value, ValueProblem};
use portolan_schema::layout::{
    Base, Binary, ByteOrder, Characters, Digits, Edited, Encoding, Fill, Float, FloatStandard, Form, Invalid,
    Moment, Null, Overpunch, PAGES, Packed, PackedSign, Page, Side, Sign, Storage, Text, Trim, Zoned,
    pattern,
};

/// Choices, one byte each; zero where there are no more.
pub(crate) struct Choices<'a>(pub(crate) &'a [u8]);

impl Choices<'_> {
    fn below(&mut self, count: usize) -> usize {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        usize::from(*first) % count
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 1
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// A field of any form.
    pub(crate) fn storage(&mut self) -> Storage {
        let form = match self.below(8) {
            0 => Form::Text(self.text()),
            1 => Form::Octets,
            2 => Form::Zoned(self.zoned()),
            3 => Form::Packed(self.packed()),
            4 => Form::Binary(self.binary()),
            5 => Form::Float(Float {
                standard: self.one(&[FloatStandard::Ieee, FloatStandard::Ibm]),
                order: self.order(),
            }),
            6 => Form::Edited(self.edited()),
            _ => Form::Moment(self.moment()),
        };
        let nulls = (0..self.below(3)).map(|_| self.null()).collect();
        let invalid = self.one(&[Invalid::Refuse, Invalid::Null]);
        Storage { form, nulls, invalid }
    }

    fn encoding(&mut self) -> Encoding {
        match self.below(6) {
            0 => Encoding::Ascii,
            1 => Encoding::Utf8,
            2 => Encoding::Utf16(self.order()),
            _ => Encoding::Page(Page(self.below(PAGES.len()) as u16)),
        }
    }

    fn order(&mut self) -> ByteOrder {
        self.one(&[ByteOrder::Big, ByteOrder::Little])
    }

    fn text(&mut self) -> Text {
        let justified = self.one(&[Side::Left, Side::Right]);
        // The side that is padded is trimmed, or none is: anything else is a layout that forgets what it wrote.
        let both = self.coin();
        let encoding = self.encoding();
        // So is one of a mixed page: it may have shifts that change nothing, and is shorter without them.
        let mixed = matches!(encoding, Encoding::Page(page) if page.named().mixed);
        let trim = match self.coin() || mixed {
            true => Trim { left: both || justified == Side::Right, right: both || justified == Side::Left },
            false => Trim { left: false, right: false },
        };
        let chars = match self.below(8) {
            0 => Some(Characters::Digits),
            1 => Some(Characters::Printable),
            2 => Some(Characters::Listed("AZõ9 ".to_owned())),
            _ => None,
        };
        Text { encoding, pad: self.one(&[' ', '0', '*']), justified, trim, transliterate: self.coin(), chars }
    }

    fn digits(&mut self) -> Digits {
        Digits { count: self.below(38) as u8 + 1, scale: self.below(50) as i8 - 6 }
    }

    fn zoned(&mut self) -> Zoned {
        let side = self.one(&[Side::Left, Side::Right]);
        let overpunch = self.one(&[Overpunch::Ebcdic, Overpunch::Ascii, Overpunch::Translated]);
        Zoned {
            ebcdic: self.coin(),
            digits: self.digits(),
            sign: self.one(&[Sign::Unsigned, Sign::Separate(side), Sign::Overpunch(side, overpunch)]),
            fill: self.one(&[Fill::Zero, Fill::Blank, Fill::BlankAfter]),
            blank_when_zero: self.coin(),
            point: self.one(&[None, None, Some('.'), Some(',')]),
        }
    }

    fn packed(&mut self) -> Packed {
        let sign = self.one(&[PackedSign::Signed, PackedSign::Unsigned, PackedSign::None]);
        Packed { digits: self.digits(), sign }
    }

    fn binary(&mut self) -> Binary {
        let scale = self.digits().scale;
        let digits = self.one(&[None, None, Some(4), Some(9), Some(18)]);
        Binary { signed: self.coin(), order: self.order(), scale, digits }
    }

    fn edited(&mut self) -> Edited {
        let pictures = [
            "ZZ,ZZ9.99-",
            "ZZZZ",
            "**,***.**",
            "$$,$$9.99",
            "+++9",
            "---,--9.9",
            "999CR",
            "99/99/9999",
            "9B99",
            "Z99PP",
            "PP999",
            "$$$.$$",
            "+ZZ9.9",
            "$***9DB",
            "ZZ9V99",
            "-$$$9",
            "99900",
            "ZZ.ZZZ,99",
            "X9",
            "UU9.99U",
            "",
        ];
        let picture = self.one(&pictures).to_owned();
        Edited { ebcdic: self.coin(), picture, decimal_comma: self.coin(), blank_when_zero: self.coin() }
    }

    fn moment(&mut self) -> Moment {
        let patterns = [
            "yyMMdd",
            "yyyyMMdd",
            "CyyMMdd",
            "yyyyDDD",
            "yyDDD",
            "ddMMMyyyy",
            "HHmm",
            "HHmmssSS",
            "yyyyMMddHHmmss",
            "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
            "dd.MM.yy",
            "yyyy年MM月dd",
            "HH",
        ];
        let (parts, kind) = pattern::parse(self.one(&patterns)).expect("these are sound");
        let base = match self.below(4) {
            0 => Base::Packed(self.packed()),
            1 => Base::Binary(self.binary()),
            _ => Base::Text(self.encoding()),
        };
        Moment { base, parts, century: self.one(&[1970, 1900, 1950, 2000, 9_950]), kind }
    }

    fn null(&mut self) -> Null {
        let text = self.one(&["", "N/A", "9", "0", "-1", "99991231", "õ"]).to_owned();
        let byte = self.below(256) as u8;
        self.one(&[
            Null::Blanks,
            Null::Zeros,
            Null::Nines,
            Null::LowValues,
            Null::HighValues,
            Null::Byte(byte),
            Null::Text(text),
        ])
    }

    /// Bytes that may well be a value of the form: mere chance seldom makes one.
    pub(crate) fn bytes(&mut self, form: &Form) -> Vec<u8> {
        let likely = self.below(8) > 0;
        let length = match form {
            Form::Float(_) if likely => self.one(&[4, 8]),
            Form::Edited(edited) if likely => edited.picture.replace(['V', 'P'], "").len(),
            Form::Moment(moment) if likely && matches!(moment.base, Base::Text(_)) => {
                pattern::length(&moment.parts) as usize
            }
            _ => self.below(44),
        };
        let mut bytes: Vec<u8> = (0..length).map(|_| self.below(256) as u8).collect();
        if !likely {
            return bytes;
        }
        match form {
            Form::Zoned(zoned) => {
                let characters: &[u8] = if zoned.ebcdic { &EBCDIC } else { ASCII };
                let last = length.saturating_sub(1);
                for (at, byte) in bytes.iter_mut().enumerate() {
                    let edge = at == 0 || at == last || *byte > 250;
                    *byte = characters[usize::from(*byte) % if edge { characters.len() } else { 10 }];
                }
            }
            Form::Packed(Packed { sign, .. })
            | Form::Moment(Moment { base: Base::Packed(Packed { sign, .. }), .. }) => {
                for byte in &mut bytes {
                    *byte = (((*byte >> 4) % 10) << 4) | (*byte % 16 % 10);
                }
                if let (Some(last), true) = (bytes.last_mut(), *sign != PackedSign::None) {
                    *last = *last & 0xF0 | (10 + *last % 6);
                }
            }
            Form::Edited(Edited { ebcdic, .. }) => {
                let characters: &[u8] = if *ebcdic { &EBCDIC } else { ASCII };
                bytes.iter_mut().for_each(|byte| *byte = characters[usize::from(*byte) % characters.len()]);
            }
            Form::Moment(Moment { base: Base::Text(encoding), .. }) => {
                let zone = if encoding.is_ebcdic() { 0xF0 } else { 0x30 };
                bytes.iter_mut().for_each(|byte| *byte = zone | (*byte % if *byte > 128 { 2 } else { 10 }));
            }
            _ => {}
        }
        bytes
    }
}

const ASCII: &[u8] = b"0123456789 +-.,{}AJp*$/CRDB";
const EBCDIC: [u8; 20] = *b"\xF0\xF1\xF2\xF3\xF4\xF5\xF6\xF7\xF8\xF9\x40\x4E\x60\x4B\x6B\xC0\xD1\x5C\x5B\x61";

/// Whatever the bytes are, reading ends; what was read is written, and reads the same again.
pub(crate) fn reads_what_it_writes(storage: &Storage, bytes: &[u8]) {
    let codec = FieldCodec::compile(storage);
    let arena = Bump::new();
    let read = codec.read(bytes, &arena);
    if let Some(compact) = codec.compact(bytes) {
        assert_eq!(Ok(compact.open().value().expect("it fits")), read, "{storage:?} {bytes:02x?}");
    }
    if let Some(plain) = codec.plain(bytes) {
        assert_eq!(std::str::from_utf8(plain).map(Value::Text).ok(), read.ok(), "{storage:?} {bytes:02x?}");
    }
    let Ok(value) = read else { return };
    // What cannot be read is no value, but there may be no bytes for that. Padding of low values is none where other padding is.
    if value == Value::Absent && !codec.is_null(bytes) {
        let padding =
            matches!(storage.form, Form::Text(_)) && bytes.contains(&0) && !storage.nulls.is_empty();
        assert!(storage.invalid == Invalid::Null || padding, "{storage:?} {bytes:02x?}");
        return;
    }
    let mut out = vec![0xEE; bytes.len()];
    match codec.write(value, &mut out) {
        Ok(()) => {
            let again = codec.read(&out, &arena);
            let same = again == Ok(value)
                || matches!((again, value), (Ok(Value::Double(a)), Value::Double(b)) if a.is_nan() && b.is_nan());
            assert!(same, "{storage:?} {bytes:02x?} is {value:?}, written {out:02x?}, read {again:?}");
        }
        Err(problem) => {
            assert!(
                may_not_be_written(storage, value, problem),
                "{storage:?} {bytes:02x?} is {value:?}: {problem}"
            );
        }
    }
}

/// What can be read and not be written in the same room.
fn may_not_be_written(storage: &Storage, value: Value<'_>, problem: ValueProblem) -> bool {
    match (&storage.form, problem) {
        // Several ways to say no value, or a value that is said otherwise than it was written and then means none.
        _ if value == Value::Absent => true,
        (_, ValueProblem::Excluded) => !storage.nulls.is_empty(),
        // More digits than the picture has, as programs leave them there.
        (
            Form::Binary(_) | Form::Moment(Moment { base: Base::Binary(_), .. }),
            ValueProblem::TooManyDigits,
        ) => true,
        // The nearest double is beyond the greatest IBM number, or the least of them is not normal.
        (Form::Float(Float { standard: FloatStandard::Ibm, .. }), ValueProblem::OutOfRange) => true,
        // Characters of two bytes that the field's end cut off need a shift more.
        (Form::Text(Text { encoding: Encoding::Page(page), .. }), ValueProblem::TooLong) => {
            page.named().mixed
        }
        _ => false,
    }
}
