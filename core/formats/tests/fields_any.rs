//! Fields of every form, with any bytes and any values.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod chosen;

use bumpalo::Bump;
use chosen::Choices;
use portolan_formats::records::FieldCodec;
use portolan_formats::{Decimal, Value};
use portolan_schema::layout::{Digits, Encoding, Form, PAGES, Packed, PackedSign, Page, Sign};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_written_and_reads_the_same(choices in prop::collection::vec(any::<u8>(), 0..96)) {
        let mut choices = Choices(&choices);
        let storage = choices.storage();
        let bytes = choices.bytes(&storage.form);
        chosen::reads_what_it_writes(&storage, &bytes);
    }

    #[test]
    fn numbers_that_fit_are_read_back(
        choices in prop::collection::vec(any::<u8>(), 24),
        kind in 2u8..5,
        digits in "[0-9]{1,38}",
        negative: bool,
        room in 0usize..4,
    ) {
        let choices = [&[kind][..], &choices].concat();
        let mut storage = Choices(&choices).storage();
        storage.nulls.clear();
        let (number, length) = match &storage.form {
            Form::Zoned(zoned) => {
                let units = units(&digits, zoned.digits, negative && zoned.sign != Sign::Unsigned);
                let beside = usize::from(matches!(zoned.sign, Sign::Separate(_))) + usize::from(zoned.point.is_some());
                // A point that is written may need zeros around it.
                let zeros = if zoned.point.is_some() { usize::from(zoned.digits.scale.unsigned_abs()) + 1 } else { 0 };
                (units, usize::from(zoned.digits.count) + beside + zeros + room)
            }
            Form::Packed(packed) => {
                let units = units(&digits, packed.digits, negative && packed.sign == PackedSign::Signed);
                (units, (usize::from(packed.digits.count) + 2) / 2 + room)
            }
            Form::Binary(binary) => {
                let most = if binary.digits.is_some() { binary.digits.unwrap() } else { 18 };
                (units(&digits, Digits { count: most, scale: binary.scale }, negative && binary.signed), 8 + room)
            }
            _ => unreachable!("only numbers are chosen"),
        };
        // Numbers of that scale that no decimal can hold, and pictures with a point that no number of theirs can have.
        let Some(number) = number else { return Ok(()) };
        let (codec, arena) = (FieldCodec::compile(&storage), Bump::new());
        let mut out = vec![0xEE; length];
        let written = codec.write(Value::Decimal(number), &mut out);
        if let Form::Zoned(zoned) = &storage.form && zoned.point.is_some() && written.is_err() {
            // The point moves: as many digits stand before it as are left.
            return Ok(());
        }
        prop_assert_eq!(written, Ok(()), "{:?} {:?}", storage, number);
        let read = match codec.read(&out, &arena) {
            Ok(Value::Integer(whole)) => Decimal::from_integer(whole),
            Ok(Value::Decimal(decimal)) => Some(decimal),
            _ => None,
        };
        prop_assert!(read.is_some_and(|read| read.compare(number).is_eq()), "{storage:?} {number:?} {out:02x?} {read:?}");
    }

    #[test]
    fn texts_of_a_page_are_read_back(page in 0..PAGES.len(), points in prop::collection::vec(any::<u16>(), 0..20), room in 0usize..12) {
        let encoding = Encoding::Page(Page(page as u16));
        let choices = [0, 0, 0, 1, 7];
        let mut storage = Choices(&choices).storage();
        storage.nulls.clear();
        let Form::Text(form) = &mut storage.form else { unreachable!("it is text") };
        form.encoding = encoding;
        let (codec, arena) = (FieldCodec::compile(&storage), Bump::new());
        // Of characters at random, those that the page has.
        let mut text = String::new();
        let mut encoded = Vec::new();
        for point in points {
            let character = char::from_u32(u32::from(point % 0x600)).unwrap_or('x').to_string();
            if codec.write_variable(Value::Text(&character), &mut encoded).is_ok() {
                text.push_str(&character);
            }
        }
        encoded.clear();
        codec.write_variable(Value::Text(&text), &mut encoded).unwrap();
        let mut out = vec![0xEE; encoded.len() + room];
        codec.write(Value::Text(&text), &mut out).unwrap();
        prop_assert_eq!(codec.read(&out, &arena), Ok(Value::Text(text.trim_end_matches(' '))));
    }
}

/// A number of the digits that are there, cut to those that the form has.
fn units(text: &str, digits: Digits, negative: bool) -> Option<Decimal> {
    let text = &text[..text.len().min(usize::from(digits.count))];
    let units: i128 = text.parse().ok()?;
    let units = if negative { -units } else { units };
    match u8::try_from(digits.scale) {
        Ok(scale) => Decimal::new(units, scale),
        Err(_) => Decimal::from_integer(
            units.checked_mul(10i128.checked_pow(u32::from(digits.scale.unsigned_abs()))?)?,
        ),
    }
}

#[test]
fn the_longest_numbers_fit() {
    let packed = Packed { digits: Digits { count: 38, scale: 38 }, sign: PackedSign::Signed };
    let storage = portolan_schema::layout::Storage {
        form: Form::Packed(packed),
        nulls: Vec::new(),
        invalid: portolan_schema::layout::Invalid::Refuse,
    };
    let number = Decimal::new(10i128.pow(38) - 1, 38).unwrap();
    let mut out = [0; 20];
    let codec = FieldCodec::compile(&storage);
    codec.write(Value::Decimal(number), &mut out).unwrap();
    assert_eq!(codec.read(&out, &Bump::new()), Ok(Value::Decimal(number)));
}
