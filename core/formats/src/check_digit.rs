//! Check digits: of account, card, article and bank numbers. Digits only; whoever prints separators takes them out before.

/// How a check digit is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Modulus 10, every other digit doubled (ISO/IEC 7812-1): cards, many national numbers.
    Luhn,
    /// Modulus 10, weights 3 and 1 from the right (GS1 General Specifications, 7.9): EAN, GTIN, SSCC.
    Gs1,
    /// Modulus 10, weights 3 7 1 (ABA): routing numbers, of eight digits.
    Aba,
    /// Modulus 11, weights 2 to 7 from the right and again; a number whose digit would be 10 does not exist.
    Mod11,
    /// Modulus 97, two digits (ISO 7064, MOD 97-10).
    Mod97,
    /// Modulus 11, where 10 is written X (ISO 7064, MOD 11-2).
    Mod11X,
}

impl Scheme {
    /// All, by the name that mappings and layouts know them by.
    pub const NAMED: [(&str, Self); 6] = [
        ("luhn", Self::Luhn),
        ("gs1", Self::Gs1),
        ("aba", Self::Aba),
        ("mod-11", Self::Mod11),
        ("iso7064-mod-97-10", Self::Mod97),
        ("iso7064-mod-11-2", Self::Mod11X),
    ];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, scheme)| *scheme)
    }

    /// How many characters stand at the end of a number for it.
    pub const fn length(self) -> usize {
        match self {
            Self::Mod97 => 2,
            _ => 1,
        }
    }

    /// What is to stand after these digits; `None` where they are not digits, or there is none for them.
    pub fn of(self, number: &str) -> Option<CheckDigit> {
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = number.bytes().map(|b| u64::from(b - b'0'));
        let weighted = |weights: &'static [u64]| -> u64 {
            digits.clone().rev().zip(weights.iter().cycle()).map(|(digit, weight)| digit * weight).sum()
        };
        let to_ten = |sum: u64| (10 - sum % 10) % 10;
        let value = match self {
            Self::Luhn => {
                let doubled = |(place, digit): (usize, u64)| match place % 2 {
                    0 => digit * 2 / 10 + digit * 2 % 10,
                    _ => digit,
                };
                to_ten(digits.clone().rev().enumerate().map(doubled).sum())
            }
            Self::Gs1 => to_ten(weighted(&[3, 1])),
            Self::Aba if number.len() != 8 => return None,
            Self::Aba => to_ten(weighted(&[7, 3, 1])),
            Self::Mod11 => (11 - weighted(&[2, 3, 4, 5, 6, 7]) % 11) % 11,
            Self::Mod97 => 98 - digits.fold(0, |rest, digit| (rest * 10 + digit) % 97) * 100 % 97,
            Self::Mod11X => (12 - digits.fold(0, |rest, digit| (rest + digit) * 2 % 11)) % 11,
        };
        CheckDigit::new(self, value)
    }

    /// Whether a number ends with what is to stand there.
    pub fn holds(self, number: &str) -> bool {
        let Some(split) = number.len().checked_sub(self.length()) else { return false };
        let Some((before, given)) = number.split_at_checked(split) else { return false };
        self.of(before).is_some_and(|digit| digit.as_str() == given)
    }
}

/// What stands at the end of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckDigit {
    characters: [u8; 2],
    length: usize,
}

impl CheckDigit {
    fn new(scheme: Scheme, value: u64) -> Option<Self> {
        let digit = |value: u64| u8::try_from(value % 10).ok().map(|digit| b'0' + digit);
        let (characters, length) = match (scheme, value) {
            (Scheme::Mod97, _) => ([digit(value / 10)?, digit(value)?], 2),
            (Scheme::Mod11X, 10) => (*b"X ", 1),
            (_, 0..=9) => ([digit(value)?, b' '], 1),
            _ => return None,
        };
        Some(Self { characters, length })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.characters[..self.length]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that others published with their check digits.
    #[test]
    fn agrees_with_published_numbers() {
        for (scheme, number) in [
            (Scheme::Luhn, "4539148803436467"),
            (Scheme::Luhn, "79927398713"),
            (Scheme::Gs1, "4006381333931"),
            (Scheme::Gs1, "73513537"),
            (Scheme::Aba, "231380104"),
            (Scheme::Aba, "021000021"),
            (Scheme::Mod11, "0365327"),
            (Scheme::Mod97, "79444"),
            (Scheme::Mod11X, "07940"),
            (Scheme::Mod11X, "000000029999998X"),
        ] {
            assert!(scheme.holds(number), "{scheme:?} {number}");
        }
    }

    #[test]
    fn every_single_wrong_digit_is_found() {
        for (_, scheme) in Scheme::NAMED {
            let digits = "83600071";
            let Some(check) = scheme.of(digits) else { panic!("{scheme:?}") };
            let number = format!("{digits}{}", check.as_str());
            assert!(scheme.holds(&number));
            for place in 0..digits.len() {
                for digit in '0'..='9' {
                    let mut other: Vec<char> = number.chars().collect();
                    if std::mem::replace(&mut other[place], digit) != digit {
                        let other: String = other.into_iter().collect();
                        assert!(!scheme.holds(&other), "{scheme:?} {other}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_has_none() {
        for (_, scheme) in Scheme::NAMED {
            for text in ["", "12a45678", "١٢٣٤٥٦٧٨", "-1234567", " 1234567"] {
                assert_eq!(scheme.of(text), None, "{scheme:?} {text}");
            }
            assert!(!scheme.holds("õ") && !scheme.holds(""));
        }
    }
}
