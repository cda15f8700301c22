//! Pictures, and how usages store them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "the helpers of tests fail by it")]

use portolan_schema::{
    ScalarKind,
    layout::{
        BinarySizes, Category, Clauses, Dialect, Encoding, Extent, Form, Notation, Picture, Sign, Usage,
        scalar, storage,
    },
};

#[test]
fn a_picture_is_a_category_with_digits_and_a_length() {
    use Category::*;
    let check = |text: &str, category, digits: Option<(u8, i8)>, signed, length| {
        let picture = Picture::parse(text).unwrap_or_else(|e| panic!("{text}: {e} at {:?}", e.range));
        let found = picture.digits.map(|d| (d.count, d.scale));
        assert_eq!(
            (picture.category, found, picture.signed, picture.length),
            (category, digits, signed, length),
            "{text}"
        );
    };
    check("X", Alphanumeric, None, false, 1);
    check("x(10)", Alphanumeric, None, false, 10);
    check("XX(3)X", Alphanumeric, None, false, 5);
    check("A(5)", Alphabetic, None, false, 5);
    check("A9X", Alphanumeric, None, false, 3);
    check("A(2)9(3)", Alphanumeric, None, false, 5);
    check("XX/XX/XXXX", AlphanumericEdited, None, false, 10);
    check("X(3)BX(3)", AlphanumericEdited, None, false, 7);
    check("N(4)", National, None, false, 4);
    check("N(2)/N", NationalEdited, None, false, 4);
    check("G(3)", DoubleByte, None, false, 3);
    check("G(2)BG", DoubleByte, None, false, 4);
    check("9", Numeric, Some((1, 0)), false, 1);
    check("9(08)", Numeric, Some((8, 0)), false, 8);
    check("S9(7)V99", Numeric, Some((9, 2)), true, 9);
    check("s9(7)v9(2)", Numeric, Some((9, 2)), true, 9);
    check("9(8)V9(2)", Numeric, Some((10, 2)), false, 10);
    check("SV9(5)", Numeric, Some((5, 5)), true, 5);
    check("V99", Numeric, Some((2, 2)), false, 2);
    check("9(5)V", Numeric, Some((5, 0)), false, 5);
    check("9(38)", Numeric, Some((38, 0)), false, 38);
    check("S9(18)V9(20)", Numeric, Some((38, 20)), true, 38);
    // P scales: the digits that it stands for are not stored.
    check("9(3)PPP", Numeric, Some((3, -3)), false, 3);
    check("S9(3)P(2)V", Numeric, Some((3, -2)), true, 3);
    check("VPP99", Numeric, Some((2, 4)), false, 2);
    check("P(3)9", Numeric, Some((1, 4)), false, 1);
    check("SPPP9(5)", Numeric, Some((5, 8)), true, 5);
    // Made up for readers.
    check("ZZ9", NumericEdited, Some((3, 0)), false, 3);
    check("Z(5)9.99-", NumericEdited, Some((8, 2)), true, 10);
    check("ZZ,ZZ9.99CR", NumericEdited, Some((7, 2)), true, 11);
    check("zz,zz9.99db", NumericEdited, Some((7, 2)), true, 11);
    check("+9(8)", NumericEdited, Some((8, 0)), true, 9);
    check("9(8)+", NumericEdited, Some((8, 0)), true, 9);
    check("Z(8)-", NumericEdited, Some((8, 0)), true, 9);
    check("+9(6)V99", NumericEdited, Some((8, 2)), true, 9);
    check("Z(6)VZZ-", NumericEdited, Some((8, 2)), true, 9);
    check("9(6).99-", NumericEdited, Some((8, 2)), true, 10);
    check("$$,$$9.99", NumericEdited, Some((6, 2)), false, 9);
    check("€(5)9", NumericEdited, Some((5, 0)), false, 6);
    check("$Z(4)9", NumericEdited, Some((5, 0)), false, 6);
    check("--,--9", NumericEdited, Some((4, 0)), true, 6);
    check("++++", NumericEdited, Some((3, 0)), true, 4);
    check("**,***.99", NumericEdited, Some((7, 2)), false, 9);
    check("99/99/9999", NumericEdited, Some((8, 0)), false, 10);
    check("9B9B9", NumericEdited, Some((3, 0)), false, 5);
    check("990", NumericEdited, Some((2, 0)), false, 3);
    check("ZZZ.ZZ", NumericEdited, Some((5, 2)), false, 6);
    // A point that is written, in what is otherwise a number.
    check("9(8).9(2)", Pointed, Some((10, 2)), false, 11);
    check("S9(3).99", Pointed, Some((5, 2)), true, 6);
    check("+9.9(8)E+99", ExternalFloat, None, true, 15);
}

#[test]
fn what_is_no_picture_says_why_and_where() {
    let check = |text: &str, range: std::ops::Range<usize>, message: &str| {
        let error = Picture::parse(text).expect_err(text);
        assert_eq!((error.range, error.message.as_str()), (range, message), "{text}");
    };
    check("", 0..0, "a picture is missing");
    check("9(5", 1..3, "the parenthesis is not closed");
    check("9(0)", 1..4, "a symbol stands there no times");
    check("9(x)", 1..4, "how often the symbol stands there is a whole number");
    check("9Q9", 1..2, "`Q` means nothing in a picture");
    check("X(4000000000)", 1..13, "there is no field that long");
    check("9S9", 1..2, "`S` stands once, before everything else");
    check("9V9V9", 3..4, "there is one point only");
    check("S", 0..1, "there is no digit in it");
    check("9(39)", 0..5, "more than 38 digits");
    check("9(20)P(20)", 0..10, "more than 38 digits");
    check("P9P", 0..3, "`P` stands in one row, before the digits or after them");
    check("9P9", 2..3, "digits stand on one side of `P` only");
    check("9PV9", 3..4, "digits stand on one side of `P` only");
    check("X(5)Z", 4..5, "`Z` does not go with characters");
    check("9Z", 1..2, "a suppressed zero does not stand after `9`");
    check("Z*9", 1..2, "zeros are suppressed in one way only");
    check("$$Z9", 2..3, "zeros are suppressed, or a symbol floats; not both");
    check("SZ9", 0..1, "`S` does not go with editing: a sign is `+`, `-`, `CR` or `DB`");
    check("+9-", 2..3, "there is one sign only");
    check("9+9", 1..2, "a sign stands before the digits, or after them");
    check("9CR9", 1..3, "a sign stands before the digits, or after them");
    check("9.9.9", 3..4, "there is one point only");
    check("9E9", 0..3, "a number with an exponent is written as `+9.9(8)E+99`");
    check("Z(300)", 0..6, "an edited picture has at most 255 characters");
}

#[test]
fn points_and_commas_change_places() {
    let notation = Notation { decimal_comma: true, currency: 'F' };
    let picture = Picture::parse_in("FFF.FF9,99-", notation).unwrap();
    assert_eq!(picture.digits.map(|d| (d.count, d.scale)), Some((7, 2)));
    assert_eq!(picture.symbols, "FFF.FF9,99-");
}

/// The bytes of a picture with a usage, and the name of its scalar.
fn stored(picture: &str, usage: &str, clauses: Clauses, dialect: &Dialect) -> Result<(u32, String), String> {
    let picture = (!picture.is_empty()).then(|| Picture::parse(picture).unwrap());
    let usage = Usage::parse(usage).unwrap_or_else(|| panic!("{usage}"));
    let (storage, extent) = storage(picture.as_ref(), usage, &clauses, dialect)?;
    let Extent::Bytes(bytes) = extent else { panic!("{extent:?}") };
    Ok((bytes, scalar(&storage, extent).name.local))
}

#[test]
fn usages_store_pictures_in_so_many_bytes() {
    let ibm = Dialect::default();
    let check = |picture: &str, usage: &str, bytes: u32, name: &str| {
        let found = stored(picture, usage, Clauses::default(), &ibm)
            .unwrap_or_else(|e| panic!("{picture} {usage}: {e}"));
        assert_eq!(found, (bytes, name.to_owned()), "{picture} {usage}");
    };
    check("X(10)", "display", 10, "PIC X(10)");
    check("N(4)", "national", 8, "PIC N(4)");
    check("G(4)", "display-1", 8, "octets(8)");
    check("S9(7)V99", "DISPLAY", 9, "PIC S9(7)V99");
    check("S9(7)V99", "COMPUTATIONAL-3", 5, "PIC S9(7)V99 COMP-3");
    check("9(4)", "packed-decimal", 3, "PIC 9(4) COMP-3");
    check("9(4)", "comp-6", 2, "PIC 9(4) COMP-6");
    check("9(5)", "comp-6", 3, "PIC 9(5) COMP-6");
    check("S9(4)", "comp", 2, "PIC S9(4) COMP");
    check("S9(5)", "COMP-4", 4, "PIC S9(5) COMP");
    check("9(18)", "BINARY", 8, "PIC 9(18) COMP");
    check("9(19)", "BINARY", 9, "PIC 9(19) COMP");
    check("9(37)", "BINARY", 16, "PIC 9(37) COMP");
    check("S9(18)V9(10)", "COMP", 12, "PIC S9(18)V9(10) COMP");
    check("S9(4)", "comp-5", 2, "binary(2)");
    check("9(9)", "comp-5", 4, "unsigned binary(4)");
    check("9(3)V99", "comp-5", 4, "unsigned binary(4) scale 2");
    check("9(2)", "comp-9", 1, "PIC 99 COMP");
    check("9(5)", "comp-x", 3, "unsigned binary(3)");
    check("X(2)", "comp-x", 2, "unsigned binary(2)");
    check("", "comp-1", 4, "COMP-1");
    check("", "comp-2", 8, "COMP-2");
    check("", "pointer", 4, "unsigned binary(4)");
    check("", "index", 4, "binary(4)");
    check("ZZ,ZZ9.99-", "display", 10, "PIC ZZ,ZZ9.99-");
    check("Z(6)VZZ-", "display", 9, "PIC Z(6)VZZ-");
    check("9(8).9(2)", "display", 11, "PIC 9(8).99");
    check("XX/XX", "display", 5, "PIC X(5)");
    check("9(3)PPP", "comp-3", 2, "PIC 9(3)P(3) COMP-3");
    check("VPP99", "comp", 2, "PIC VPP99 COMP");
}

#[test]
fn what_does_not_go_together_says_so() {
    let ibm = Dialect::default();
    let check = |picture: &str, usage: &str, message: &str| {
        assert_eq!(stored(picture, usage, Clauses::default(), &ibm).unwrap_err(), message);
    };
    check("X(4)", "comp-3", "`X(4)` does not go with the usage COMP-3");
    check("ZZ9", "comp", "`ZZ9` does not go with the usage COMP");
    check("", "comp", "the usage COMP needs a picture");
    check("9(4)", "comp-1", "COMP-1 has no picture");
    check("S9(4)", "comp-6", "COMP-6 has no sign");
    check("X(20)", "comp-5", "COMP-5 has 1 to 16 bytes");
    check("9(4)", "national", "digits with the usage NATIONAL are not read");
    check("+9.99E+99", "display", "numbers with an exponent are not read");
}

#[test]
fn a_dialect_says_what_the_copybook_does_not() {
    let sizes = |dialect: &Dialect, digits: &[u32], signed| -> Vec<u32> {
        digits.iter().map(|n| dialect.binary_bytes(Usage::Binary, *n, signed)).collect()
    };
    let all = [1, 2, 3, 4, 5, 7, 9, 10, 12, 14, 16, 18, 19];
    assert_eq!(sizes(&Dialect::default(), &all, true), [2, 2, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 9]);
    assert_eq!(sizes(&Dialect::gnucobol(), &all, true), [1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 16]);
    let fewest = Dialect { binary_sizes: BinarySizes::Fewest, ..Dialect::gnucobol() };
    assert_eq!(sizes(&fewest, &all, true), [1, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 9]);
    assert_eq!(sizes(&fewest, &all, false), [1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 8]);
    let sign = |dialect: &Dialect, sign| {
        let picture = Picture::parse("S9(3)").unwrap();
        let clauses = Clauses { sign, ..Clauses::default() };
        match storage(Some(&picture), Usage::Display, &clauses, dialect).unwrap() {
            (portolan_schema::layout::Storage { form: Form::Zoned(zoned), .. }, extent) => {
                (zoned.sign, extent)
            }
            other => panic!("{other:?}"),
        }
    };
    use portolan_schema::layout::{Overpunch::*, Side::*};
    let ascii = Dialect::of(Encoding::Ascii);
    assert_eq!(sign(&Dialect::default(), None), (Sign::Overpunch(Right, Ebcdic), Extent::Bytes(3)));
    assert_eq!(sign(&ascii, None), (Sign::Overpunch(Right, Translated), Extent::Bytes(3)));
    assert_eq!(
        sign(&Dialect::gnucobol(), Some((Left, false))),
        (Sign::Overpunch(Left, Ascii), Extent::Bytes(3))
    );
    assert_eq!(sign(&ascii, Some((Left, true))), (Sign::Separate(Left), Extent::Bytes(4)));
}

#[test]
fn mappings_see_the_kind_and_its_bounds() {
    let check = |picture: &str, usage: &str, kind: ScalarKind, total: Option<u32>, fraction: Option<u32>| {
        let parsed = Picture::parse(picture).unwrap();
        let usage = Usage::parse(usage).unwrap();
        let (storage, extent) =
            storage(Some(&parsed), usage, &Clauses::default(), &Dialect::default()).unwrap();
        let scalar = scalar(&storage, extent);
        let facets = (scalar.facets.total_digits, scalar.facets.fraction_digits);
        assert_eq!((scalar.kind, facets), (kind, (total, fraction)), "{picture} {usage}");
    };
    let integer = |signed, bits| ScalarKind::Integer { signed, bits };
    check("9(4)", "display", integer(false, 0), Some(4), None);
    check("S9(4)PPP", "comp-3", integer(true, 0), Some(7), None);
    check("S9(4)V99", "comp-3", ScalarKind::Decimal, Some(6), Some(2));
    check("VPP99", "display", ScalarKind::Decimal, Some(4), Some(4));
    check("S9(9)", "comp-5", integer(true, 32), None, None);
    check("9(5)", "comp-x", integer(false, 0), Some(8), None);
    check("ZZ9.99-", "display", ScalarKind::Decimal, Some(5), Some(2));
    check("X(5)", "display", ScalarKind::String, None, None);
}
