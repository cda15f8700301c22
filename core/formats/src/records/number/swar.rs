//! Digits of a whole word at a time: eight characters, or sixteen halves of a byte, become a number in a dozen instructions and without a
//! branch for each, and a number becomes them. (SIMD within a register; see "Quickly parsing eight digits", D. Lemire, 2018.)

const ONES: u64 = 0x0101_0101_0101_0101;

/// The number of up to 18 digits, each `zone` plus its value; `None` where one is not.
#[inline]
pub(super) fn zoned(bytes: &[u8], zone: u8) -> Option<u64> {
    let zones = u64::from(zone) * ONES;
    let (first, words) = bytes.as_rchunks::<8>();
    if bytes.is_empty() || bytes.len() > 18 {
        return None;
    }
    // What is missing of the first word is zeros before the first digit.
    let missing = 8 * (8 - first.len() as u32);
    let mut digits = if first.is_empty() { 0 } else { (little_endian(first) ^ zones) << missing };
    let mut wrong = beyond_nine(digits);
    let mut number = eight(digits);
    for word in words {
        digits = u64::from_le_bytes(*word) ^ zones;
        wrong |= beyond_nine(digits);
        number = number * 100_000_000 + eight(digits);
    }
    (wrong == 0).then_some(number)
}

/// The number of a packed field's bytes, up to ten, without the last half of a byte where that is a sign; `None` where a half is no digit.
#[inline]
pub(super) fn packed(bytes: &[u8], signed: bool) -> Option<u64> {
    let (sign, in_word) = if signed { (4, 1_000_000_000_000_000) } else { (0, 10_000_000_000_000_000) };
    match bytes.split_last_chunk::<8>() {
        None if bytes.is_empty() => None,
        None => sixteen(big_endian(bytes) >> sign),
        Some(([], word)) => sixteen(u64::from_be_bytes(*word) >> sign),
        Some((first, word)) => {
            let first = if first.len() <= 2 { sixteen(big_endian(first))? } else { return None };
            first.checked_mul(in_word)?.checked_add(sixteen(u64::from_be_bytes(*word) >> sign)?)
        }
    }
}

/// Fills bytes with the digits of a number, at least one and zeros before them; tells whether there was room for all.
#[inline]
pub(super) fn write_zoned(mut number: u64, zone: u8, out: &mut [u8]) -> bool {
    let zones = u64::from(zone) * ONES;
    let (first, words) = out.as_rchunks_mut::<8>();
    for word in words.iter_mut().rev() {
        *word = (digits_of_eight(number % 100_000_000) | zones).to_le_bytes();
        number /= 100_000_000;
    }
    if number >= 100_000_000 {
        return false;
    }
    let word = (digits_of_eight(number) | zones).to_le_bytes();
    let (beyond, digits) = word.split_at(8 - first.len());
    for (to, from) in first.iter_mut().zip(digits) {
        *to = *from;
    }
    !out.is_empty() && beyond.iter().all(|byte| *byte == zone)
}

/// Fills bytes with the digits of a number of at most 15 digits, two a byte and zeros before them, and a last half; tells whether there was
/// room for all.
#[inline]
pub(super) fn write_packed(number: u64, last: u8, out: &mut [u8]) -> bool {
    let word = digits_of_sixteen(number) << 4 | u64::from(last);
    if let Some((first, rest)) = out.split_last_chunk_mut::<8>() {
        first.fill(0);
        *rest = word.to_be_bytes();
        return true;
    }
    let room = 8 * out.len() as u32;
    for (to, from) in out.iter_mut().rev().zip(word.to_le_bytes()) {
        *to = from;
    }
    word >> room == 0
}

/// The eight digits of a number, the first in the lowest byte.
#[inline]
fn digits_of_eight(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let pairs = hundreds | (fours - 100 * hundreds) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | (pairs - 10 * tens) << 8
}

/// The sixteen digits of a number, the last in the lowest half of a byte.
#[inline]
fn digits_of_sixteen(number: u64) -> u64 {
    let eights = number + 4_194_967_296 * (number / 100_000_000);
    let (high, low) = (eights >> 32, eights & 0xFFFF_FFFF);
    let fours = (high + 55_536 * (high / 10_000)) << 32 | (low + 55_536 * (low / 10_000));
    let hundreds = |fours: u64| ((fours * 5_243) >> 19) & 0x0000_007F_0000_007F;
    let (odd, even) = ((fours >> 16) & 0x0000_FFFF_0000_FFFF, fours & 0x0000_FFFF_0000_FFFF);
    let pairs = fours + 156 * (hundreds(odd) << 16 | hundreds(even));
    let tens = |pairs: u64| ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
    let (odd, even) = ((pairs >> 8) & 0x00FF_00FF_00FF_00FF, pairs & 0x00FF_00FF_00FF_00FF);
    pairs + 6 * (tens(odd) << 8 | tens(even))
}

/// Not zero where a byte is more than nine.
#[inline]
fn beyond_nine(digits: u64) -> u64 {
    (digits.wrapping_add(0x76 * ONES) | digits) & (0x80 * ONES)
}

/// The number of eight digits, the first in the lowest byte.
#[inline]
fn eight(digits: u64) -> u64 {
    let pairs = (digits.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(1 + (10_000 << 32)) >> 32
}

/// The number of sixteen digits, the last in the lowest half of a byte; `None` where one is more than nine.
#[inline]
fn sixteen(digits: u64) -> Option<u64> {
    // A half is more than nine where its eight is set, and its four or its two.
    let wrong = digits & (digits << 1 | digits << 2) & 0x8888_8888_8888_8888;
    let pairs = digits - 6 * ((digits >> 4) & 0x0F0F_0F0F_0F0F_0F0F);
    let fours = pairs.wrapping_sub(156 * ((pairs >> 8) & 0x00FF_00FF_00FF_00FF));
    let eights = fours.wrapping_sub(55_536 * ((fours >> 16) & 0x0000_FFFF_0000_FFFF));
    let number = eights.wrapping_sub(4_194_967_296 * (eights >> 32));
    (wrong == 0).then_some(number)
}

/// One to seven bytes, by two reads that overlap.
#[inline]
fn little_endian(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last)) << (8 * (length - 4));
        return u64::from(u32::from_le_bytes(*first)) | last;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<2>(), bytes.last_chunk::<2>()) {
        let last = u64::from(u16::from_le_bytes(*last)) << (8 * (length - 2));
        return u64::from(u16::from_le_bytes(*first)) | last;
    }
    bytes.first().copied().map_or(0, u64::from)
}

/// One to seven bytes, by two reads that overlap.
#[inline]
fn big_endian(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let first = u64::from(u32::from_be_bytes(*first)) << (8 * (length - 4));
        return first | u64::from(u32::from_be_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<2>(), bytes.last_chunk::<2>()) {
        let first = u64::from(u16::from_be_bytes(*first)) << (8 * (length - 2));
        return first | u64::from(u16::from_be_bytes(*last));
    }
    bytes.first().copied().map_or(0, u64::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Digits, and now and then something else.
    fn nearly_digits(zone: u8) -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![200 => (0..10u8).prop_map(move |d| zone | d), 1 => any::<u8>()];
        prop::collection::vec(byte, 0..20)
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_they_are_spelt(number: u64, shift in 0u32..64, room in 0usize..25) {
            let number = number >> shift;
            let mut out = vec![0; room];
            let fits = super::write_zoned(number, 0x30, &mut out);
            let spelt = format!("{number:0room$}");
            prop_assert_eq!(fits, spelt.len() == room);
            if fits {
                prop_assert_eq!(String::from_utf8(out).unwrap(), spelt);
            }
            let (number, mut out) = (number % 1_000_000_000_000_000, vec![0; room.min(11)]);
            let fits = super::write_packed(number, 0xC, &mut out);
            let halves = (2 * out.len()).saturating_sub(1);
            let spelt = format!("{number:0halves$}c");
            prop_assert_eq!(fits, spelt.len() == 2 * out.len());
            if fits {
                prop_assert_eq!(out.iter().map(|b| format!("{b:02x}")).collect::<String>(), spelt);
            }
        }

        #[test]
        fn characters_are_the_number_that_they_spell(bytes in prop_oneof![nearly_digits(0x30), nearly_digits(0xF0)]) {
            let zone = bytes.first().map_or(0x30, |b| b & 0xF0);
            let spelt = bytes.iter().try_fold(0u64, |n, b| {
                let digit = b ^ zone;
                (digit < 10).then(|| n.wrapping_mul(10).wrapping_add(u64::from(digit)))
            });
            let expected = spelt.filter(|_| (1..=18).contains(&bytes.len()));
            prop_assert_eq!(super::zoned(&bytes, zone), expected);
        }

        #[test]
        fn halves_are_the_number_that_they_spell(bytes in prop::collection::vec(any::<u8>(), 0..12), decimal: bool, signed: bool) {
            let bytes: Vec<u8> = bytes.iter().map(|b| if decimal { (((b >> 4) % 10) << 4) | ((b & 15) % 10) } else { *b }).collect();
            let mut halves: Vec<u8> = bytes.iter().flat_map(|b| [b >> 4, b & 15]).collect();
            if signed {
                halves.pop();
            }
            let spelt = halves.iter().try_fold(0u64, |n, half| {
                (*half < 10).then_some(())?;
                n.checked_mul(10)?.checked_add(u64::from(*half))
            });
            let expected = spelt.filter(|_| (1..=10).contains(&bytes.len()));
            prop_assert_eq!(super::packed(&bytes, signed), expected);
        }
    }
}
