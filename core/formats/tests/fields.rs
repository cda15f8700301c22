//! Fields of records, form by form: which bytes are which value, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bumpalo::Bump;
use jiff::civil::{date, time};
use portolan_formats::records::FieldCodec;
use portolan_formats::{Compact, DateTime, Decimal, Value, ValueProblem};
use portolan_schema::layout::{
    Base, Binary, ByteOrder, Characters, Digits, Edited, Encoding, Fill, Float, FloatStandard, Form, Invalid,
    Moment, Null, Overpunch, Packed, PackedSign, Side, Sign, Storage, Text, Trim, Zoned, pattern,
};

/// What a row of a table expects of reading.
#[derive(Clone, Copy)]
enum Is {
    /// This value, and written again it is the same bytes.
    Exactly(Value<'static>),
    /// This value, which is written otherwise.
    Reads(Value<'static>),
    /// No value.
    Refused(ValueProblem),
}
use Is::{Exactly, Reads, Refused};

fn integer(number: i128) -> Value<'static> {
    Value::Integer(number)
}

fn decimal(text: &str) -> Value<'static> {
    Value::Decimal(Decimal::parse(text).unwrap())
}

fn storage(form: Form) -> Storage {
    Storage { form, nulls: Vec::new(), invalid: Invalid::Refuse }
}

#[track_caller]
fn check(storage: &Storage, bytes: &[u8], expected: Is) {
    let codec = FieldCodec::compile(storage);
    let arena = Bump::new();
    let read = codec.read(bytes, &arena);
    match expected {
        Exactly(value) | Reads(value) => {
            assert_eq!(read, Ok(value), "{bytes:02x?} by {storage:?}");
            if let Some(compact) = codec.compact(bytes) {
                assert_eq!(compact.open().value(), Ok(value), "{bytes:02x?} by {storage:?}");
            }
        }
        Refused(problem) => {
            assert_eq!(read, Err(problem), "{bytes:02x?} by {storage:?}");
            assert_eq!(codec.compact(bytes), None, "{bytes:02x?} by {storage:?}");
        }
    }
    if let Exactly(value) = expected {
        let mut out = vec![0xEE; bytes.len()];
        assert_eq!(codec.write(value, &mut out), Ok(()), "{value:?} by {storage:?}");
        assert_eq!(out, bytes, "{value:?} by {storage:?}");
    }
}

#[track_caller]
fn refuses_to_write(storage: &Storage, value: Value<'_>, length: usize, problem: ValueProblem) {
    let written = FieldCodec::compile(storage).write(value, &mut vec![0; length]);
    assert_eq!(written, Err(problem), "{value:?} by {storage:?}");
}

fn zoned(count: u8, scale: i8, sign: Sign) -> Zoned {
    let digits = Digits { count, scale };
    Zoned { ebcdic: false, digits, sign, fill: Fill::Zero, blank_when_zero: false, point: None }
}

#[test]
fn zoned_numbers() {
    let unsigned = zoned(5, 2, Sign::Unsigned);
    let ebcdic = Zoned { ebcdic: true, ..unsigned.clone() };
    let blanks = Zoned { fill: Fill::Blank, ..zoned(5, 0, Sign::Unsigned) };
    let after = Zoned { fill: Fill::BlankAfter, ..zoned(5, 0, Sign::Unsigned) };
    let lexical = Refused(ValueProblem::Lexical);
    for (form, bytes, expected) in [
        (&unsigned, &b"12345"[..], Exactly(decimal("123.45"))),
        (&unsigned, b"00000", Exactly(decimal("0.00"))),
        (&unsigned, b"0012345", Exactly(decimal("123.45"))),
        (&unsigned, b"1234567", Refused(ValueProblem::TooManyDigits)),
        (&unsigned, b" 2345", lexical),
        (&unsigned, b"     ", lexical),
        (&unsigned, b"1234E", lexical),
        (&unsigned, b"-1234", lexical),
        (&unsigned, b"12.45", lexical),
        (&unsigned, b"", lexical),
        (&ebcdic, b"\xF1\xF2\xF3\xF4\xF5", Exactly(decimal("123.45"))),
        (&ebcdic, b"\xF1\xF2\xF3\xF4\xC5", lexical),
        (&ebcdic, b"12345", lexical),
        (&blanks, b"   12", Exactly(integer(12))),
        (&blanks, b"00012", Reads(integer(12))),
        (&blanks, b"  1 2", lexical),
        (&blanks, b"12   ", lexical),
        (&blanks, b"     ", lexical),
        (&after, b"12   ", Exactly(integer(12))),
        (&after, b"   12", lexical),
        (&Zoned { blank_when_zero: true, ..unsigned.clone() }, b"     ", Exactly(decimal("0.00"))),
        (&Zoned { blank_when_zero: true, ..unsigned.clone() }, b"00000", Reads(decimal("0.00"))),
        // Scaled by P: 999PPP and PP999.
        (&zoned(3, -3, Sign::Unsigned), b"012", Exactly(integer(12_000))),
        (&zoned(3, 5, Sign::Unsigned), b"012", Exactly(decimal("0.00012"))),
        (&zoned(38, 0, Sign::Unsigned), &[b'9'; 38], Exactly(integer(10i128.pow(38) - 1))),
        (&zoned(38, 38, Sign::Unsigned), &[b'1'; 38], Exactly(decimal(&format!("0.{}", "1".repeat(38))))),
        (&zoned(18, 0, Sign::Unsigned), b"999999999999999999", Exactly(integer(10i128.pow(18) - 1))),
    ] {
        check(&storage(Form::Zoned(form.clone())), bytes, expected);
    }
}

#[test]
fn signs_of_zoned_numbers() {
    let separate = |side, fill| Zoned { fill, ..zoned(3, 0, Sign::Separate(side)) };
    let overpunch = |side, overpunch| zoned(3, 1, Sign::Overpunch(side, overpunch));
    let ebcdic = |form: Zoned| Zoned { ebcdic: true, ..form };
    let (leading, trailing) = (separate(Side::Left, Fill::Zero), separate(Side::Right, Fill::Zero));
    let floating = separate(Side::Left, Fill::Blank);
    let translated = overpunch(Side::Right, Overpunch::Translated);
    let ascii = overpunch(Side::Right, Overpunch::Ascii);
    let host = ebcdic(overpunch(Side::Right, Overpunch::Ebcdic));
    let host_first = ebcdic(overpunch(Side::Left, Overpunch::Ebcdic));
    let lexical = Refused(ValueProblem::Lexical);
    for (form, bytes, expected) in [
        (&leading, &b"-012"[..], Exactly(integer(-12))),
        (&leading, b"+012", Exactly(integer(12))),
        (&leading, b" 012", Reads(integer(12))),
        (&leading, b"0012", lexical),
        (&leading, b"-   ", lexical),
        (&leading, b"--12", lexical),
        (&trailing, b"012-", Exactly(integer(-12))),
        (&trailing, b"012 ", Reads(integer(12))),
        (&floating, b"  -1", Exactly(integer(-1))),
        (&floating, b"-  1", Reads(integer(-1))),
        (&floating, b"  12", Reads(integer(12))),
        (&floating, b"0012", lexical),
        (&separate(Side::Right, Fill::BlankAfter), b"1-  ", Exactly(integer(-1))),
        (&separate(Side::Right, Fill::BlankAfter), b"1   ", Reads(integer(1))),
        (&ebcdic(leading.clone()), b"\x60\xF0\xF1\xF2", Exactly(integer(-12))),
        (&translated, b"01B", Exactly(decimal("1.2"))),
        (&translated, b"01K", Exactly(decimal("-1.2"))),
        (&translated, b"01}", Exactly(decimal("-1.0"))),
        (&translated, b"00{", Exactly(decimal("0.0"))),
        (&translated, b"00}", Reads(decimal("0.0"))),
        (&translated, b"012", Reads(decimal("1.2"))),
        (&translated, b"01r", lexical),
        (&translated, b"K12", lexical),
        (&ascii, b"012", Exactly(decimal("1.2"))),
        (&ascii, b"01r", Exactly(decimal("-1.2"))),
        (&ascii, b"01B", lexical),
        (&host, b"\xF0\xF1\xC2", Exactly(decimal("1.2"))),
        (&host, b"\xF0\xF1\xD2", Exactly(decimal("-1.2"))),
        (&host, b"\xF0\xF1\xF2", Reads(decimal("1.2"))),
        (&host, b"\xF0\xF1\xE2", lexical),
        (&host_first, b"\xD0\xF1\xF2", Exactly(decimal("-1.2"))),
        (&overpunch(Side::Left, Overpunch::Translated), b"A23", Exactly(decimal("12.3"))),
    ] {
        check(&storage(Form::Zoned(form.clone())), bytes, expected);
    }
}

#[test]
fn points_that_are_written() {
    let point = Zoned { point: Some('.'), ..zoned(7, 2, Sign::Separate(Side::Left)) };
    let comma = Zoned { point: Some(','), fill: Fill::Blank, ebcdic: true, ..zoned(7, 2, Sign::Unsigned) };
    for (form, bytes, expected) in [
        (&point, &b"-0012.50"[..], Exactly(decimal("-12.50"))),
        (&point, b"+0000.05", Exactly(decimal("0.05"))),
        (&point, b"+0000012", Reads(decimal("12.00"))),
        (&point, b"+001.234", Refused(ValueProblem::TooManyDigits)),
        (&point, b"+001.230", Reads(decimal("1.23"))),
        (&point, b"+0012.5.", Refused(ValueProblem::Lexical)),
        (&point, b"+000012.", Reads(decimal("12.00"))),
        (&comma, b"\x40\x40\xF1\xF2\x6B\xF5\xF0", Exactly(decimal("12.50"))),
        (&comma, b"\x40\x40\xF1\xF2\x4B\xF5\xF0", Refused(ValueProblem::Lexical)),
        (&comma, b"\x40\x40\x40\xF0\x6B\xF0\xF5", Exactly(decimal("0.05"))),
    ] {
        check(&storage(Form::Zoned(form.clone())), bytes, expected);
    }
}

#[test]
fn packed_numbers() {
    let packed = |count, scale, sign| Packed { digits: Digits { count, scale }, sign };
    let signed = packed(5, 2, PackedSign::Signed);
    let unsigned = packed(5, 0, PackedSign::Unsigned);
    let bare = packed(4, 0, PackedSign::None);
    let mut nines = [0x99; 20];
    (nines[0], nines[19]) = (0x09, 0x9D);
    for (form, bytes, expected) in [
        (signed, &b"\x12\x34\x5C"[..], Exactly(decimal("123.45"))),
        (signed, b"\x12\x34\x5D", Exactly(decimal("-123.45"))),
        (signed, b"\x12\x34\x5A", Reads(decimal("123.45"))),
        (signed, b"\x12\x34\x5B", Reads(decimal("-123.45"))),
        (signed, b"\x12\x34\x5E", Reads(decimal("123.45"))),
        (signed, b"\x12\x34\x5F", Reads(decimal("123.45"))),
        (signed, b"\x00\x00\x0D", Reads(decimal("0.00"))),
        (signed, b"\x12\x34\x56", Refused(ValueProblem::Lexical)),
        (signed, b"\x1A\x34\x5C", Refused(ValueProblem::Lexical)),
        (signed, b"\x40\x40\x40", Refused(ValueProblem::Lexical)),
        (signed, b"\x00\x00\x00", Refused(ValueProblem::Lexical)),
        (signed, b"", Refused(ValueProblem::Lexical)),
        // A pad half that is not zero is a digit too many.
        (packed(4, 0, PackedSign::Signed), b"\x12\x34\x5C", Refused(ValueProblem::TooManyDigits)),
        (unsigned, b"\x12\x34\x5F", Exactly(integer(12_345))),
        (unsigned, b"\x12\x34\x5C", Reads(integer(12_345))),
        (unsigned, b"\x12\x34\x5D", Refused(ValueProblem::Lexical)),
        (bare, b"\x12\x34", Exactly(integer(1_234))),
        (bare, b"\x12\x3C", Refused(ValueProblem::Lexical)),
        (packed(3, -2, PackedSign::Signed), b"\x12\x3C", Exactly(integer(12_300))),
        (
            packed(18, 0, PackedSign::Signed),
            b"\x09\x99\x99\x99\x99\x99\x99\x99\x99\x9C",
            Exactly(integer(999_999_999_999_999_999)),
        ),
        (packed(38, 0, PackedSign::Signed), &nines, Exactly(integer(1 - 10i128.pow(38)))),
    ] {
        check(&storage(Form::Packed(form)), bytes, expected);
    }
}

#[test]
fn binary_numbers() {
    let signed = Binary { signed: true, order: ByteOrder::Big, scale: 0, digits: Some(4) };
    let free = Binary { digits: None, ..signed };
    let unsigned = Binary { signed: false, ..free };
    let little = Binary { order: ByteOrder::Little, ..free };
    for (form, bytes, expected) in [
        (signed, &b"\x00\x0C"[..], Exactly(integer(12))),
        (signed, b"\xFF\xF4", Exactly(integer(-12))),
        (signed, b"\x7F\xFF", Reads(integer(32_767))),
        (free, b"\x7F\xFF", Exactly(integer(32_767))),
        (free, b"\x80", Exactly(integer(-128))),
        (free, b"\xFF\xFF\xFE", Exactly(integer(-2))),
        (unsigned, b"\xFF\xFF\xFF", Exactly(integer(16_777_215))),
        (unsigned, &[0xFF; 8], Exactly(integer(i128::from(u64::MAX)))),
        (little, b"\x0C\x00\x00\x00", Exactly(integer(12))),
        (little, b"\xFE\xFF\xFF", Exactly(integer(-2))),
        (Binary { scale: 2, ..free }, b"\x00\x00\x04\xD2", Exactly(decimal("12.34"))),
        (free, &[0xFF; 16], Exactly(integer(-1))),
        (free, &[0x7F; 16], Refused(ValueProblem::OutOfRange)),
        (free, &[0; 17], Refused(ValueProblem::Lexical)),
        (free, b"", Refused(ValueProblem::Lexical)),
    ] {
        let reads = storage(Form::Binary(form));
        check(&reads, bytes, expected);
    }
}

#[test]
fn floating_numbers() {
    use FloatStandard::{Ibm, Ieee};
    let big = |standard| Float { standard, order: ByteOrder::Big };
    let double = Value::Double;
    for (form, bytes, expected) in [
        (big(Ieee), &b"\x3F\xC0\x00\x00"[..], Exactly(double(1.5))),
        (big(Ieee), b"\xBF\xF8\x00\x00\x00\x00\x00\x00", Exactly(double(-1.5))),
        (Float { order: ByteOrder::Little, ..big(Ieee) }, b"\x00\x00\xC0\x3F", Exactly(double(1.5))),
        // The worked examples of the Principles of Operation.
        (big(Ibm), b"\x41\x10\x00\x00", Exactly(double(1.0))),
        (big(Ibm), b"\x40\x80\x00\x00", Exactly(double(0.5))),
        (big(Ibm), b"\x3F\x40\x00\x00", Exactly(double(1.0 / 64.0))),
        (big(Ibm), b"\x00\x00\x00\x00", Exactly(double(0.0))),
        (big(Ibm), b"\xC1\xF0\x00\x00", Exactly(double(-15.0))),
        (big(Ibm), b"\xC2\x76\xA0\x00", Exactly(double(-118.625))),
        (big(Ibm), b"\x42\x01\x00\x00", Reads(double(1.0))),
        (big(Ibm), b"\x43\x4E\x28\x00\x00\x00\x00\x00", Exactly(double(1250.5))),
        (big(Ibm), b"\x41\x1F\xFF\xFF\xFF\xFF\xFF\xFF", Exactly(double(2.0 - f64::EPSILON))),
        // Three bits more than a double has: the nearest.
        (big(Ibm), b"\x41\xFF\xFF\xFF\xFF\xFF\xFF\xFF", Reads(double(16.0))),
        (big(Ibm), b"\x41\x10\x00", Refused(ValueProblem::Lexical)),
    ] {
        check(&storage(Form::Float(form)), bytes, expected);
    }
    let (ieee, ibm) = (storage(Form::Float(big(Ieee))), storage(Form::Float(big(Ibm))));
    refuses_to_write(&ieee, double(0.1), 4, ValueProblem::Loss);
    refuses_to_write(&ieee, decimal("0.1"), 8, ValueProblem::Loss);
    refuses_to_write(&ibm, double(0.1), 4, ValueProblem::Loss);
    refuses_to_write(&ibm, double(1e80), 8, ValueProblem::OutOfRange);
    refuses_to_write(&ibm, double(f64::NAN), 8, ValueProblem::OutOfRange);
    let mut out = [0; 4];
    FieldCodec::compile(&ibm).write(Value::Text("0.1"), &mut out).unwrap();
    assert_eq!(out, [0x40, 0x19, 0x99, 0x9A]);
    FieldCodec::compile(&ibm).write(decimal("-118.6250"), &mut out).unwrap();
    assert_eq!(out, [0xC2, 0x76, 0xA0, 0x00]);
}

#[test]
fn edited_numbers() {
    let edited = |picture: &str| Edited {
        ebcdic: false,
        picture: picture.to_owned(),
        decimal_comma: false,
        blank_when_zero: false,
    };
    let lexical = Refused(ValueProblem::Lexical);
    for (picture, text, expected) in [
        ("ZZ,ZZ9.99-", " 1,234.50 ", Exactly(decimal("1234.50"))),
        ("ZZ,ZZ9.99-", " 1,234.50-", Exactly(decimal("-1234.50"))),
        ("ZZ,ZZ9.99-", "     0.05 ", Exactly(decimal("0.05"))),
        ("ZZ,ZZ9.99-", "01,234.50 ", Reads(decimal("1234.50"))),
        ("ZZ,ZZ9.99-", " 1234.50  ", lexical),
        ("ZZ,ZZ9.99-", "          ", lexical),
        ("ZZ,ZZ9.99-", " 1,2 4.50 ", lexical),
        ("ZZ,999", "   005", Exactly(integer(5))),
        ("ZZZZ", "    ", Exactly(integer(0))),
        ("ZZZZ", "   7", Exactly(integer(7))),
        ("ZZ.ZZ", "  .05", Exactly(decimal("0.05"))),
        ("ZZ.ZZ", "     ", Exactly(decimal("0.00"))),
        ("***9.99", "**12.50", Exactly(decimal("12.50"))),
        ("**.**", "**.**", Exactly(decimal("0.00"))),
        ("**.**", "**.05", Exactly(decimal("0.05"))),
        ("**,***.**", "***123.00", Exactly(decimal("123.00"))),
        ("$$,$$9.99", "   $12.50", Exactly(decimal("12.50"))),
        ("$$,$$9.99", " $1234.50", lexical),
        ("$$,$$9.99", "$1,234.50", Exactly(decimal("1234.50"))),
        ("$$,$$9.99", "  $123.50", Exactly(decimal("123.50"))),
        ("$$,$$9.99", "    12.50", lexical),
        ("$ZZ9.99", "$ 12.50", Exactly(decimal("12.50"))),
        ("UUU9.99", "  U2.50", Exactly(decimal("2.50"))),
        ("9.99U", "2.50U", Exactly(decimal("2.50"))),
        ("+++9", " +12", Exactly(integer(12))),
        ("+++9", " -12", Exactly(integer(-12))),
        ("+++9", "  12", lexical),
        ("---9", " -12", Exactly(integer(-12))),
        ("---9", "  12", Exactly(integer(12))),
        ("---9", "-  2", lexical),
        ("+999", "-012", Exactly(integer(-12))),
        ("-999", " 012", Exactly(integer(12))),
        ("999CR", "012CR", Exactly(integer(-12))),
        ("999DB", "012  ", Exactly(integer(12))),
        ("999DB", "012CR", lexical),
        ("99/99/9999", "31/12/2026", Exactly(integer(31_122_026))),
        ("9B99", "1 23", Exactly(integer(123))),
        ("ZZ9V99", " 1250", Exactly(decimal("12.50"))),
        ("$$$.$$", "   $.05", lexical),
        ("$$$.$$", "  $.05", Exactly(decimal("0.05"))),
        ("$$$.$$", "      ", Exactly(decimal("0.00"))),
        ("99900", "12300", Exactly(integer(123))),
        ("Z99PP", " 12", Exactly(integer(1_200))),
    ] {
        check(&storage(Form::Edited(edited(picture))), text.as_bytes(), expected);
    }
    let comma = Edited { decimal_comma: true, ..edited("ZZ.ZZ9,99") };
    check(&storage(Form::Edited(comma)), b" 1.234,50", Exactly(decimal("1234.50")));
    let ebcdic = Edited { ebcdic: true, ..edited("$ZZ9-") };
    check(&storage(Form::Edited(ebcdic)), b"\x5B\x40\xF1\xF2\x60", Exactly(integer(-12)));
    let blank = Edited { blank_when_zero: true, ..edited("ZZ9.99") };
    check(&storage(Form::Edited(blank)), b"      ", Exactly(decimal("0.00")));
    refuses_to_write(&storage(Form::Edited(edited("ZZ9"))), integer(-1), 3, ValueProblem::OutOfRange);
    refuses_to_write(&storage(Form::Edited(edited("ZZ9"))), integer(1000), 3, ValueProblem::TooManyDigits);
    refuses_to_write(&storage(Form::Edited(edited("ZZX9"))), integer(1), 4, ValueProblem::WrongKind);
}

fn moment(text: &str, base: Base) -> Moment {
    let (parts, kind) = pattern::parse(text).unwrap();
    Moment { base, parts, century: 1970, kind }
}

#[test]
fn dates_and_times() {
    let ascii = Base::Text(Encoding::Ascii);
    let instant = |civil| Value::DateTime(DateTime { civil, offset: None });
    let lexical = Refused(ValueProblem::Lexical);
    let (no_day, no_time) = (Refused(ValueProblem::NoSuchDay), Refused(ValueProblem::NoSuchTime));
    for (pattern, text, expected) in [
        ("yyMMdd", "261123", Exactly(Value::Date(date(2026, 11, 23)))),
        ("yyMMdd", "700101", Exactly(Value::Date(date(1970, 1, 1)))),
        ("yyMMdd", "691231", Exactly(Value::Date(date(2069, 12, 31)))),
        ("yyMMdd", "260229", no_day),
        ("yyMMdd", "26 123", lexical),
        ("yyMMdd", "26112", lexical),
        ("yyMMdd", "      ", lexical),
        ("yyMMdd", "261123  ", Exactly(Value::Date(date(2026, 11, 23)))),
        ("yyMMdd", "26112300", lexical),
        ("yyyyDDD", "2024366", Exactly(Value::Date(date(2024, 12, 31)))),
        ("yyyyDDD", "2023366", no_day),
        ("yyDDD", "26001", Exactly(Value::Date(date(2026, 1, 1)))),
        ("CyyMMdd", "0991231", Exactly(Value::Date(date(1999, 12, 31)))),
        ("CyyMMdd", "1261123", Exactly(Value::Date(date(2026, 11, 23)))),
        ("ddMMMyyyy", "23NOV2026", Exactly(Value::Date(date(2026, 11, 23)))),
        ("ddMMMyyyy", "23Nov2026", Reads(Value::Date(date(2026, 11, 23)))),
        ("ddMMMyyyy", "23NVO2026", lexical),
        ("dd.MM.yyyy", "23.11.2026", Exactly(Value::Date(date(2026, 11, 23)))),
        ("dd.MM.yyyy", "23/11/2026", lexical),
        ("yyyyMMdd", "00000000", no_day),
        ("yyyyMMdd", "00000101", no_day),
        ("HHmm", "1730", Exactly(Value::Time(time(17, 30, 0, 0)))),
        ("HHmm", "2400", Refused(ValueProblem::NoSuchTime)),
        ("HHmm", "2500", no_time),
        ("HHmmssSSS", "173059125", Exactly(Value::Time(time(17, 30, 59, 125_000_000)))),
        ("yyyyMMddHHmmss", "20261123173000", Exactly(instant(date(2026, 11, 23).at(17, 30, 0, 0)))),
        ("yyyy-MM-dd'T'HH:mm", "2026-11-23T17:30", Exactly(instant(date(2026, 11, 23).at(17, 30, 0, 0)))),
        ("yyyyMMddHHmm", "202612312400", Reads(instant(date(2027, 1, 1).at(0, 0, 0, 0)))),
    ] {
        check(&storage(Form::Moment(moment(pattern, ascii.clone()))), text.as_bytes(), expected);
    }
    let packed =
        |count| Base::Packed(Packed { digits: Digits { count, scale: 0 }, sign: PackedSign::Signed });
    let binary = Base::Binary(Binary { signed: true, order: ByteOrder::Big, scale: 0, digits: Some(8) });
    let ebcdic = Base::Text(Encoding::find("cp037").unwrap());
    let day = Value::Date(date(2026, 11, 23));
    for (pattern, base, bytes, expected) in [
        ("CyyMMdd", packed(7), &b"\x12\x61\x12\x3C"[..], Exactly(day)),
        ("CyyMMdd", packed(7), b"\x09\x91\x23\x1C", Exactly(Value::Date(date(1999, 12, 31)))),
        ("CyyMMdd", packed(7), b"\x12\x61\x12\x3D", lexical),
        ("yyyyDDD", packed(7), b"\x20\x26\x32\x7F", Reads(day)),
        ("yyyyMMdd", binary, b"\x01\x35\x29\x03", Exactly(day)),
        ("yyMMdd", ebcdic, b"\xF2\xF6\xF1\xF1\xF2\xF3", Exactly(day)),
        (
            "yyMMdd",
            Base::Text(Encoding::Utf16(ByteOrder::Big)),
            b"\x002\x006\x001\x001\x002\x003\x00 ",
            Exactly(day),
        ),
    ] {
        check(&storage(Form::Moment(moment(pattern, base))), bytes, expected);
    }
    let short = storage(Form::Moment(moment("yyMMdd", ascii.clone())));
    refuses_to_write(&short, Value::Date(date(1969, 12, 31)), 6, ValueProblem::OutOfRange);
    refuses_to_write(&short, Value::Date(date(1970, 1, 1)), 5, ValueProblem::TooLong);
    refuses_to_write(&short, Value::Time(time(1, 0, 0, 0)), 6, ValueProblem::WrongKind);
    let minutes = storage(Form::Moment(moment("HHmm", ascii)));
    refuses_to_write(&minutes, Value::Time(time(1, 0, 1, 0)), 4, ValueProblem::Loss);
}

fn text(encoding: &str) -> Text {
    Text {
        encoding: Encoding::find(encoding).unwrap(),
        pad: ' ',
        justified: Side::Left,
        trim: Trim { left: false, right: true },
        transliterate: false,
        chars: None,
    }
}

#[test]
fn texts() {
    let right =
        Text { pad: '*', justified: Side::Right, trim: Trim { left: true, right: false }, ..text("ascii") };
    let both = Text { trim: Trim { left: true, right: true }, ..text("utf-8") };
    let digits = Text { chars: Some(Characters::Digits), ..text("cp037") };
    let listed = Text { chars: Some(Characters::Listed("YÄ".to_owned())), ..text("iso-8859-1") };
    let is = Value::Text;
    for (form, bytes, expected) in [
        (&text("ascii"), &b"Tartu                 "[..], Exactly(is("Tartu"))),
        (&text("ascii"), b" Tartu  x         ", Exactly(is(" Tartu  x"))),
        (&text("ascii"), b"        ", Exactly(is(""))),
        (&text("ascii"), b"T\xE4rtu", Refused(ValueProblem::NoCharacter)),
        (&text("utf-8"), b"J\xC3\xB5hvi  ", Exactly(is("Jõhvi"))),
        (&text("utf-8"), b"J\xF5hvi  ", Refused(ValueProblem::Utf8)),
        (&text("iso-8859-1"), b"J\xF5hvi  ", Exactly(is("Jõhvi"))),
        (&text("utf-16be"), b"\0J\0\xF5\0 \0 ", Exactly(is("Jõ"))),
        (&text("cp037"), b"\xD1\xCF\x88\xA5\x89\x40\x40", Exactly(is("Jõhvi"))),
        (&text("cp037"), b"\xE3\x81\x99\xA3\xA4\x40\x40\x40\x40\x40", Exactly(is("Tartu"))),
        (&text("cp1388"), b"\xC1\x0E\x48\xA0\x0F\x40", Exactly(is("A啊"))),
        (&right, b"***AB*", Exactly(is("AB*"))),
        (&both, b"  AB  ", Reads(is("AB"))),
        (&digits, b"\xF1\xF2\x40", Exactly(is("12"))),
        (&digits, b"\xF1\xC2\x40", Refused(ValueProblem::CharacterClass)),
        (&listed, b"\xC4 ", Exactly(is("Ä"))),
        (&listed, b"N ", Refused(ValueProblem::CharacterClass)),
    ] {
        check(&storage(Form::Text(form.clone())), bytes, expected);
    }
    let latin = storage(Form::Text(text("iso-8859-1")));
    refuses_to_write(&latin, is("Tallinn"), 6, ValueProblem::TooLong);
    refuses_to_write(&latin, is("Žižek"), 6, ValueProblem::NotEncodable);
    let mut out = *b"-------";
    let nearest = storage(Form::Text(Text { transliterate: true, ..text("iso-8859-1") }));
    FieldCodec::compile(&nearest).write(is("Žižek"), &mut out).unwrap();
    assert_eq!(&out, b"Zizek  ");
    FieldCodec::compile(&latin).write(integer(-12), &mut out).unwrap();
    assert_eq!(&out, b"-12    ");
}

#[test]
fn plain_text_is_not_copied() {
    for (form, bytes, plain) in [
        (text("ascii"), &b"Tartu   "[..], Some(&b"Tartu"[..])),
        (text("windows-1257"), b"Tartu   ", Some(b"Tartu")),
        (text("windows-1257"), b"J\xF5hvi   ", None),
        (text("utf-8"), b"J\xC3\xB5hvi   ", Some(b"J\xC3\xB5hvi")),
        (text("utf-8"), b"J\xF5hvi   ", None),
        (text("cp037"), b"\xE3\x81\x99\xA3\xA4", None),
        (Text { chars: Some(Characters::Digits), ..text("ascii") }, b"12A", None),
    ] {
        assert_eq!(FieldCodec::compile(&storage(Form::Text(form))).plain(bytes), plain);
    }
}

#[test]
fn bytes_that_stand_for_no_value() {
    let number = || Form::Zoned(zoned(4, 0, Sign::Unsigned));
    let packed = || Form::Packed(Packed { digits: Digits { count: 5, scale: 0 }, sign: PackedSign::Signed });
    let dates = |base| Form::Moment(moment("yyyy-MM-dd", base));
    let ascii = || Base::Text(Encoding::Ascii);
    for (form, null, bytes) in [
        (Form::Text(text("ascii")), Null::Blanks, &b"    "[..]),
        (Form::Text(text("cp037")), Null::Blanks, b"\x40\x40"),
        (Form::Text(text("utf-16be")), Null::Blanks, b"\0 \0 "),
        (Form::Text(text("ascii")), Null::Zeros, b"0000"),
        (Form::Text(text("ascii")), Null::Text("N/A".to_owned()), b"N/A   "),
        (Form::Text(text("ascii")), Null::LowValues, b"\0\0\0"),
        (Form::Octets, Null::HighValues, b"\xFF\xFF"),
        (Form::Octets, Null::Byte(0x20), b"  "),
        (number(), Null::Blanks, b"    "),
        (number(), Null::Zeros, b"0000"),
        (number(), Null::Nines, b"9999"),
        (number(), Null::Text("NONE".to_owned()), b"NONE"),
        (number(), Null::Text("8888".to_owned()), b"8888"),
        (packed(), Null::Zeros, b"\x00\x00\x0C"),
        (packed(), Null::Nines, b"\x99\x99\x9C"),
        (packed(), Null::LowValues, b"\0\0\0"),
        (packed(), Null::Blanks, b"\x40\x40\x40"),
        (dates(ascii()), Null::Zeros, b"0000-00-00"),
        (dates(ascii()), Null::Text("9999-12-31".to_owned()), b"9999-12-31"),
        (Form::Moment(moment("yyyyMMdd", ascii())), Null::Nines, b"99999999"),
        (
            Form::Moment(moment(
                "CyyMMdd",
                Base::Packed(Packed { digits: Digits { count: 7, scale: 0 }, sign: PackedSign::Signed }),
            )),
            Null::Zeros,
            b"\0\0\0\x0C",
        ),
    ] {
        let storage = Storage { nulls: vec![null], ..storage(form) };
        check(&storage, bytes, Exactly(Value::Absent));
        assert_eq!(FieldCodec::compile(&storage).compact(bytes), None, "{storage:?}");
        assert_eq!(FieldCodec::compile(&storage).plain(bytes), None, "{storage:?}");
    }
    // The first is written; any is read.
    let several = Storage { nulls: vec![Null::Zeros, Null::Blanks], ..storage(number()) };
    check(&several, b"    ", Reads(Value::Absent));
    check(&several, b"0012", Exactly(integer(12)));
    assert_eq!(FieldCodec::compile(&several).compact(b"0012"), Some(Compact::Integer(12).into()));
    // What would be read as no value is not written as one.
    refuses_to_write(&several, integer(0), 4, ValueProblem::Excluded);
    // Without such bytes no value is padding, if it is text.
    check(&storage(Form::Text(text("ascii"))), b"   ", Exactly(Value::Text("")));
    refuses_to_write(&storage(number()), Value::Absent, 4, ValueProblem::Missing);
    refuses_to_write(&storage(number()), Value::Nil, 4, ValueProblem::Nil);
    // Bytes that cannot be read are no value, where that is said.
    let lenient = Storage { invalid: Invalid::Null, ..storage(number()) };
    check(&lenient, b"12 4", Reads(Value::Absent));
}

#[test]
fn values_of_any_length() {
    let variable = |form, value| {
        let mut out = Vec::new();
        FieldCodec::compile(&storage(form)).write_variable(value, &mut out).map(|()| out)
    };
    let point = Zoned { point: Some('.'), ..zoned(9, 2, Sign::Unsigned) };
    assert_eq!(variable(Form::Text(text("ascii")), Value::Text("AB")), Ok(b"AB".to_vec()));
    assert_eq!(variable(Form::Text(text("ascii")), Value::Absent), Ok(Vec::new()));
    assert_eq!(variable(Form::Zoned(zoned(5, 2, Sign::Unsigned)), decimal("1.5")), Ok(b"00150".to_vec()));
    assert_eq!(variable(Form::Zoned(point), decimal("1.5")), Ok(b"1.50".to_vec()));
    let mut out = Vec::new();
    let codec = FieldCodec::compile(&storage(Form::Text(text("utf-8"))));
    codec.write_characters(Value::Text("Jõhvi"), 7, &mut out).unwrap();
    assert_eq!(out, "Jõhvi  ".as_bytes());
    assert_eq!(codec.write_characters(Value::Text("Jõhvi"), 4, &mut out), Err(ValueProblem::TooLong));
}

#[test]
fn numbers_are_exact_or_refused() {
    let amount = storage(Form::Zoned(zoned(5, 2, Sign::Unsigned)));
    for (value, expected) in [
        (integer(12), Ok(b"01200")),
        (decimal("12.3400"), Ok(b"01234")),
        (Value::Text("12.34"), Ok(b"01234")),
        (decimal("12.345"), Err(ValueProblem::Loss)),
        (integer(1000), Err(ValueProblem::TooManyDigits)),
        (integer(i128::MAX), Err(ValueProblem::OutOfRange)),
        (decimal("-0.01"), Err(ValueProblem::OutOfRange)),
        (Value::Text("twelve"), Err(ValueProblem::Lexical)),
        (Value::Bool(true), Err(ValueProblem::WrongKind)),
    ] {
        let mut out = [0; 5];
        let written = FieldCodec::compile(&amount).write(value, &mut out);
        assert_eq!(written.map(|()| &out), expected, "{value:?}");
    }
    let thousands = storage(Form::Zoned(zoned(3, -3, Sign::Unsigned)));
    refuses_to_write(&thousands, integer(12_500), 3, ValueProblem::Loss);
    let short =
        storage(Form::Binary(Binary { signed: true, order: ByteOrder::Big, scale: 0, digits: Some(4) }));
    refuses_to_write(&short, integer(10_000), 2, ValueProblem::TooManyDigits);
    let byte = storage(Form::Binary(Binary { signed: false, order: ByteOrder::Big, scale: 0, digits: None }));
    refuses_to_write(&byte, integer(256), 1, ValueProblem::OutOfRange);
}

#[test]
fn numbers_of_a_word_are_written_alike() {
    let forms = [
        Form::Zoned(zoned(9, 2, Sign::Unsigned)),
        Form::Zoned(zoned(5, -2, Sign::Separate(Side::Left))),
        Form::Zoned(zoned(4, 0, Sign::Overpunch(Side::Right, Overpunch::Translated))),
        Form::Zoned(Zoned { fill: Fill::Blank, ..zoned(9, 2, Sign::Separate(Side::Right)) }),
        Form::Packed(Packed { digits: Digits { count: 7, scale: 2 }, sign: PackedSign::Signed }),
        Form::Packed(Packed { digits: Digits { count: 18, scale: 0 }, sign: PackedSign::Unsigned }),
        Form::Packed(Packed { digits: Digits { count: 6, scale: 3 }, sign: PackedSign::None }),
        Form::Binary(Binary { signed: true, order: ByteOrder::Big, scale: 2, digits: Some(9) }),
        Form::Binary(Binary { signed: false, order: ByteOrder::Little, scale: 0, digits: None }),
    ];
    let numbers = [0, 1, -1, 12, -12_345, 99_999, 1_234_567, 4_294_967_295, i64::MAX, i64::MIN];
    for form in forms {
        let codec = FieldCodec::compile(&storage(form.clone()));
        for compact in numbers.iter().flat_map(|n| [Compact::Integer(*n), Compact::Minor(*n, 2)]) {
            for length in 0..=12 {
                let (mut fast, mut exact) = (vec![0; length], vec![0; length]);
                let written = codec.write_compact(compact.into(), &mut fast);
                assert_eq!(
                    written,
                    codec.write(compact.value().unwrap(), &mut exact),
                    "{form:?} {compact:?}"
                );
                assert!(written.is_err() || fast == exact, "{form:?} {compact:?} {fast:02x?} {exact:02x?}");
            }
        }
    }
}

#[test]
fn text_is_translated_on_its_way() {
    let mut out = b"-".to_vec();
    let codec = FieldCodec::compile(&storage(Form::Text(text("cp037"))));
    assert!(codec.append_ascii(b"\xE3\x81\x99\xA3\xA4\x40\x40", &mut out));
    assert!(!codec.append_ascii(b"\xD1\xCF\x88\xA5\x89", &mut out));
    assert_eq!(out, b"-Tartu");
}
