//! Exact decimals of up to 38 digits: a whole number and how many of its digits stand after the point.
//!
//! Every operation that could overflow or lose digits says so by `None`; nothing here panics or rounds unasked.

use std::cmp::Ordering;

/// `mantissa / 10^scale`.
///
/// Two decimals that differ only in trailing zeros (`1.5`, `1.50`) are different here and equal by
/// [`Decimal::compare`]: what a contract wrote with two digits is written with two digits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// The digits, with their sign.
    pub mantissa: i128,
    /// Digits after the point, 0 to 38.
    pub scale: u8,
}

/// What to do with digits that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// To the nearest; a half goes to the even neighbour.
    HalfEven,
    /// To the nearest; a half goes away from zero.
    HalfUp,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
    /// Towards minus infinity.
    Floor,
    /// Towards plus infinity.
    Ceiling,
}

impl Rounding {
    /// The mode of a name, as mappings write it: `half-even`, `half-up`, `down`, `up`, `floor`, `ceiling`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "half-even" => Self::HalfEven,
            "half-up" => Self::HalfUp,
            "down" => Self::Down,
            "up" => Self::Up,
            "floor" => Self::Floor,
            "ceiling" => Self::Ceiling,
            _ => return None,
        })
    }
}

const MAX_SCALE: u8 = 38;

const POWERS: [i128; 39] = {
    let mut powers = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The greatest mantissa: 38 nines.
const MAX: i128 = POWERS[38] - 1;

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };

    /// `mantissa / 10^scale`, unless it has more than 38 digits.
    pub fn new(mantissa: i128, scale: u8) -> Option<Self> {
        (scale <= MAX_SCALE && (-MAX..=MAX).contains(&mantissa)).then_some(Self { mantissa, scale })
    }

    /// A whole number of at most 38 digits.
    pub fn from_integer(value: i128) -> Option<Self> {
        Self::new(value, 0)
    }

    /// Reads the lexical form of `xs:decimal` (XML Schema Part 2, 3.2.3): a sign, digits, a point, digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (negative, digits) = match bytes.first()? {
            b'-' => (true, &bytes[1..]),
            b'+' => (false, &bytes[1..]),
            _ => (false, bytes),
        };
        if digits.len() <= 18 {
            Self::parse_short(negative, digits)
        } else {
            Self::parse_long(negative, digits)
        }
    }

    fn parse_short(negative: bool, digits: &[u8]) -> Option<Self> {
        let (mut mantissa, mut scale, mut point, mut seen) = (0i64, 0u8, false, 0u8);
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                mantissa = mantissa * 10 + i64::from(digit);
                scale += u8::from(point);
                seen += 1;
            } else if *byte == b'.' && !point {
                point = true;
            } else {
                return None;
            }
        }
        let mantissa = i128::from(if negative { -mantissa } else { mantissa });
        (seen > 0).then_some(Self { mantissa, scale })
    }

    fn parse_long(negative: bool, digits: &[u8]) -> Option<Self> {
        let whole_end = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
        let (whole, fraction) = (&digits[..whole_end], digits.get(whole_end + 1..).unwrap_or_default());
        if !whole.iter().chain(fraction).all(u8::is_ascii_digit) || (whole.is_empty() && fraction.is_empty())
        {
            return None;
        }
        // Zeros at the end of a long fraction carry nothing; without them it may fit.
        let kept = fraction.iter().rposition(|b| *b != b'0').map_or(0, |last| last + 1);
        let fraction = if fraction.len() > usize::from(MAX_SCALE) { &fraction[..kept] } else { fraction };
        let mut mantissa = 0i128;
        for digit in whole.iter().chain(fraction) {
            mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        Self::new(if negative { -mantissa } else { mantissa }, u8::try_from(fraction.len()).ok()?)
    }

    /// Appends it as `xs:decimal`, with as many digits after the point as its scale says.
    pub fn write(self, out: &mut Vec<u8>) {
        match i64::try_from(self.mantissa) {
            Ok(small) => write_minor(small, self.scale, out),
            Err(_) => {
                let mut buffer = itoa::Buffer::new();
                push_digits(self.mantissa < 0, buffer.format(self.mantissa.unsigned_abs()), self.scale, out);
            }
        }
    }

    /// Without zeros at the end of its fraction.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }

    /// The same number with `scale` digits after the point; `None` where digits would be lost or there are too many.
    pub fn rescale(self, scale: u8) -> Option<Self> {
        if scale > MAX_SCALE {
            return None;
        }
        if scale >= self.scale {
            let mantissa = self.mantissa.checked_mul(POWERS[usize::from(scale - self.scale)])?;
            return Self::new(mantissa, scale);
        }
        let power = POWERS[usize::from(self.scale - scale)];
        (self.mantissa % power == 0).then(|| Self { mantissa: self.mantissa / power, scale })
    }

    /// The nearest number with at most `scale` digits after the point; one that has no more is given as it is,
    /// with zeros added. `None` only where there are more than 38 digits.
    pub fn round(self, scale: u8, rounding: Rounding) -> Option<Self> {
        if scale >= self.scale {
            return self.rescale(scale);
        }
        let power = POWERS[usize::from(self.scale.min(MAX_SCALE) - scale)];
        Self::new(divide_rounded(self.mantissa, power, rounding)?, scale)
    }

    /// The whole number that it is; `None` where it has a fraction.
    pub fn to_integer(self) -> Option<i128> {
        self.rescale(0).map(|d| d.mantissa)
    }

    /// Both with the greater of the two scales.
    fn aligned(self, other: Self) -> Option<(i128, i128, u8)> {
        let scale = self.scale.max(other.scale);
        Some((self.rescale(scale)?.mantissa, other.rescale(scale)?.mantissa, scale))
    }

    /// The sum.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.scale == other.scale {
            return Self::new(self.mantissa.checked_add(other.mantissa)?, self.scale);
        }
        let (a, b, scale) = self.aligned(other).or_else(|| self.normalized().aligned(other.normalized()))?;
        Self::new(a.checked_add(b)?, scale)
    }

    /// The difference.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self { mantissa: -other.mantissa, scale: other.scale })
    }

    /// The product.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let product = |a: Self, b: Self| Self::new(a.mantissa.checked_mul(b.mantissa)?, a.scale + b.scale);
        product(self, other).or_else(|| product(self.normalized(), other.normalized()))
    }

    /// The quotient, where it ends within 38 digits.
    pub fn checked_div(self, other: Self) -> Option<Self> {
        let (a, b) = (self.normalized(), other.normalized());
        if b.mantissa == 0 {
            return None;
        }
        // The quotient ends exactly when the divisor, reduced, has no factors but 2 and 5.
        let common = greatest_common_divisor(a.mantissa.unsigned_abs(), b.mantissa.unsigned_abs());
        let common = i128::try_from(common).ok()?;
        let (mut numerator, mut denominator) = (a.mantissa / common, b.mantissa / common);
        if denominator < 0 {
            (numerator, denominator) = (-numerator, -denominator);
        }
        let mut scale = i32::from(a.scale) - i32::from(b.scale);
        for (factor, missing) in [(10, 1), (5, 2), (2, 5)] {
            while denominator % factor == 0 {
                denominator /= factor;
                numerator = numerator.checked_mul(missing)?;
                scale += 1;
            }
        }
        if denominator != 1 {
            return None;
        }
        while scale < 0 {
            numerator = numerator.checked_mul(10)?;
            scale += 1;
        }
        Self::new(numerator, u8::try_from(scale).ok()?).map(Self::normalized)
    }

    /// The quotient with `scale` digits after the point.
    pub fn divide(self, other: Self, scale: u8, rounding: Rounding) -> Option<Self> {
        if other.mantissa == 0 || scale > MAX_SCALE {
            return None;
        }
        let shift = i32::from(scale) + i32::from(other.scale) - i32::from(self.scale);
        let power = |by: i32| POWERS.get(usize::try_from(by).ok()?).copied();
        let (numerator, denominator) = if shift >= 0 {
            (self.mantissa.checked_mul(power(shift)?)?, other.mantissa)
        } else {
            (self.mantissa, other.mantissa.checked_mul(power(-shift)?)?)
        };
        Self::new(divide_rounded(numerator, denominator, rounding)?, scale)
    }

    /// What is left after division by `other`, with the sign of `self`.
    pub fn checked_rem(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Self::new(a.checked_rem(b)?, scale)
    }

    /// The order of the two numbers, whatever their scales.
    pub fn compare(self, other: Self) -> Ordering {
        let (a, b) = (self.normalized(), other.normalized());
        if let Some((a, b, _)) = a.aligned(b) {
            return a.cmp(&b);
        }
        // One of them does not fit at the other's scale: their whole parts then differ, or their signs.
        let whole = |d: Self| d.mantissa / POWERS[usize::from(d.scale.min(MAX_SCALE))];
        whole(a).cmp(&whole(b)).then_with(|| a.mantissa.signum().cmp(&b.mantissa.signum())).then_with(|| {
            let fraction = |d: Self| {
                let scale = d.scale.min(MAX_SCALE);
                (d.mantissa % POWERS[usize::from(scale)]) * POWERS[usize::from(MAX_SCALE - scale)]
            };
            fraction(a).cmp(&fraction(b))
        })
    }

    /// How many digits it has: in all (leading zeros aside), and after the point, without zeros at the end.
    pub fn digits(self) -> (u32, u32) {
        let plain = self.normalized();
        let all = plain.mantissa.unsigned_abs().checked_ilog10().map_or(0, |log| log + 1);
        (all, u32::from(plain.scale))
    }
}

/// Appends `units / 10^scale` as [`Decimal::write`] does.
#[inline]
pub fn write_minor(units: i64, scale: u8, out: &mut Vec<u8>) {
    push_digits(units < 0, itoa::Buffer::new().format(units.unsigned_abs()), scale, out);
}

fn push_digits(negative: bool, digits: &str, scale: u8, out: &mut Vec<u8>) {
    if negative {
        out.push(b'-');
    }
    let scale = usize::from(scale);
    if scale == 0 {
        out.extend_from_slice(digits.as_bytes());
    } else if digits.len() > scale {
        let (whole, fraction) = digits.as_bytes().split_at(digits.len() - scale);
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + scale - digits.len(), b'0');
        out.extend_from_slice(digits.as_bytes());
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::with_capacity(40);
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

fn divide_rounded(numerator: i128, denominator: i128, rounding: Rounding) -> Option<i128> {
    let (quotient, rest) = (numerator.checked_div(denominator)?, numerator.checked_rem(denominator)?);
    if rest == 0 {
        return Some(quotient);
    }
    let away = if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
    let (twice, whole) = (rest.unsigned_abs().checked_mul(2), denominator.unsigned_abs());
    let half = twice.map_or(Ordering::Greater, |twice| twice.cmp(&whole));
    let outwards = match rounding {
        Rounding::Down => false,
        Rounding::Up => true,
        Rounding::Floor => away < 0,
        Rounding::Ceiling => away > 0,
        Rounding::HalfUp => half != Ordering::Less,
        Rounding::HalfEven => half == Ordering::Greater || (half == Ordering::Equal && quotient % 2 != 0),
    };
    quotient.checked_add(if outwards { away } else { 0 })
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn reads_and_writes_what_xs_decimal_allows() {
        let long = "9".repeat(38);
        for (text, expected) in [
            ("0", "0"),
            ("-0.50", "-0.50"),
            ("+1.", "1"),
            (".5", "0.5"),
            ("128990.50", "128990.50"),
            ("000000000000000000000000000000000000000000001.1", "1.1"),
            ("0.05000000000000000000000000000000000000000000000000", "0.05"),
            (long.as_str(), long.as_str()),
        ] {
            assert_eq!(decimal(text).to_string(), expected, "{text}");
        }
        let too_long = "9".repeat(39);
        for text in
            ["", "-", ".", "1e3", "1,5", " 1", "1.2.3", "--1", too_long.as_str(), "12345678901234567890."]
        {
            let expected = text == "12345678901234567890.";
            assert_eq!(Decimal::parse(text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn rounds_as_each_mode_says() {
        use Rounding::*;
        for (text, half_even, half_up, down, up, floor, ceiling) in [
            ("2.5", "2", "3", "2", "3", "2", "3"),
            ("3.5", "4", "4", "3", "4", "3", "4"),
            ("-2.5", "-2", "-3", "-2", "-3", "-3", "-2"),
            ("2.51", "3", "3", "2", "3", "2", "3"),
            ("-0.01", "0", "0", "0", "-1", "-1", "0"),
        ] {
            let modes = [
                (HalfEven, half_even),
                (HalfUp, half_up),
                (Down, down),
                (Up, up),
                (Floor, floor),
                (Ceiling, ceiling),
            ];
            for (mode, expected) in modes {
                assert_eq!(decimal(text).round(0, mode).unwrap().to_string(), expected, "{text} {mode:?}");
            }
        }
    }

    #[test]
    fn arithmetic_is_exact_or_refused() {
        assert_eq!(decimal("0.1").checked_add(decimal("0.20")).unwrap().to_string(), "0.30");
        assert_eq!(decimal("1.5").checked_mul(decimal("-2")).unwrap().to_string(), "-3.0");
        assert_eq!(decimal("1").checked_div(decimal("8")).unwrap().to_string(), "0.125");
        assert_eq!(decimal("-600").checked_div(decimal("0.03")).unwrap().to_string(), "-20000");
        assert_eq!(decimal("1").checked_div(decimal("3")), None);
        assert_eq!(decimal("1").checked_div(decimal("0.00")), None);
        assert_eq!(decimal("2").divide(decimal("3"), 2, Rounding::HalfUp).unwrap().to_string(), "0.67");
        assert_eq!(decimal("1.25").rescale(1), None);
        assert_eq!(decimal("1.20").rescale(1).unwrap().to_string(), "1.2");
        let max = Decimal { mantissa: MAX, scale: 0 };
        assert_eq!(max.checked_add(decimal("1")), None);
        assert_eq!(max.checked_mul(decimal("10")), None);
        assert_eq!(max.compare(decimal("0.5")), Ordering::Greater);
        assert_eq!(decimal("-7").checked_rem(decimal("2.5")).unwrap().to_string(), "-2.0");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics_and_text_round_trips(a in -MAX..MAX, b in -MAX..MAX, s in 0u8..=38, t in 0u8..=38) {
            let (x, y) = (Decimal { mantissa: a, scale: s }, Decimal { mantissa: b, scale: t });
            let _ = (x.checked_add(y), x.checked_sub(y), x.checked_mul(y), x.checked_div(y), x.checked_rem(y));
            let _ = (x.round(t, Rounding::HalfEven), x.divide(y, s, Rounding::Up), x.rescale(t), x.digits());
            proptest::prop_assert_eq!(x.compare(y), y.compare(x).reverse());
            proptest::prop_assert_eq!(Decimal::parse(&x.to_string()), Some(x));
        }
    }
}
