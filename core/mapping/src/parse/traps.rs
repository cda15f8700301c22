//! What YAML readers make of a value without quotes, where it is not what a person sees.

/// What a plain value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guess {
    /// Text for every reader.
    Text,
    /// A whole number, written as it would be written back.
    Integer,
    /// Something that readers change; with what they take it for.
    Trap(&'static str),
}

/// What readers of YAML 1.1 or 1.2 make of a plain value.
pub(crate) fn guess(text: &str) -> Guess {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if number(digits) {
        return match digits.len() > 1 && digits.starts_with('0') || text.starts_with('+') {
            true => Guess::Trap("a number, without its leading zeros or sign"),
            false => Guess::Integer,
        };
    }
    if ["true", "false", "yes", "no", "on", "off", "y", "n"].iter().any(|w| text.eq_ignore_ascii_case(w)) {
        return Guess::Trap("true or false");
    }
    if text.eq_ignore_ascii_case("null") {
        return Guess::Trap("nothing");
    }
    let parts: Vec<&str> = text.split('-').collect();
    if parts.len() == 3
        && parts[0].len() == 4
        && parts.iter().all(|p| number(p.split(['T', 't', ' ']).next().unwrap_or(p)))
    {
        return Guess::Trap("a date");
    }
    if text.contains(':') && text.split(':').all(number) {
        return Guess::Trap("a number to the base of sixty");
    }
    let decimal =
        digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'e' | b'E' | b'+' | b'-'));
    if decimal
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && !digits.contains('-')
        && digits.matches('.').count() <= 1
    {
        return Guess::Trap("a number, and may write it back differently");
    }
    let prefixed = |prefix: &str| {
        digits.strip_prefix(prefix).is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if prefixed("0x") || prefixed("0o") {
        return Guess::Trap("a number");
    }
    Guess::Text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_code_is_not_always_text() {
        for text in ["PersonQuery", "v1", "a-b", "EE", "10.0.0.1", "2024-Q1-x", "1 000", "e5", "x.y"] {
            assert_eq!(guess(text), Guess::Text, "{text}");
        }
        for text in ["0", "7", "-12"] {
            assert_eq!(guess(text), Guess::Integer, "{text}");
        }
        for text in [
            "01",
            "007",
            "+5",
            "NO",
            "yes",
            "Off",
            "null",
            "2024-01-31",
            "12:30",
            "1.10",
            "1e5",
            "0x1F",
            "1_000",
            "y",
        ] {
            assert!(matches!(guess(text), Guess::Trap(_)), "{text}");
        }
    }
}
