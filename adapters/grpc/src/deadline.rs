//! The `grpc-timeout` header: how long the caller waits (PROTOCOL-HTTP2, "Timeout").

use std::time::Duration;

/// Reads a `grpc-timeout`: one to eight digits and a unit, `H`, `M`, `S`, `m` (milli), `u` (micro) or `n` (nano).
/// `None` where it is anything else.
pub(crate) fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let mut amount = 0u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        amount = amount * 10 + u64::from(digit - b'0');
    }
    Some(match unit {
        b'H' => Duration::from_secs(amount * 3600),
        b'M' => Duration::from_secs(amount * 60),
        b'S' => Duration::from_secs(amount),
        b'm' => Duration::from_millis(amount),
        b'u' => Duration::from_micros(amount),
        b'n' => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts() {
        let check = |value: &str, expected: Option<Duration>| {
            assert_eq!(parse(value.as_bytes()), expected, "{value:?}");
        };
        check("1H", Some(Duration::from_secs(3600)));
        check("2M", Some(Duration::from_secs(120)));
        check("30S", Some(Duration::from_secs(30)));
        check("250m", Some(Duration::from_millis(250)));
        check("7u", Some(Duration::from_micros(7)));
        check("0n", Some(Duration::ZERO));
        check("99999999H", Some(Duration::from_secs(99_999_999 * 3600)));
        check("100000000n", None);
        check("", None);
        check("S", None);
        check("1", None);
        check("1s", None);
        check("-1S", None);
        check("1.5S", None);
        check(" 1S", None);
        check("1\u{b5}", None);
    }
}
