//! The `grpc-timeout` header: how long the caller waits (PROTOCOL-HTTP2, "Timeout"). Read from callers, and written to systems.

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

/// A `grpc-timeout`, in the finest unit whose eight digits suffice; what does not fill the unit is left off, so that nobody waits
/// for longer than was said.
pub(crate) fn written(time: Duration) -> String {
    const MOST: u128 = 99_999_999;
    let units = [(time.as_micros(), 'u'), (time.as_millis(), 'm'), (u128::from(time.as_secs()), 'S')];
    match units.into_iter().find(|(amount, _)| *amount <= MOST) {
        Some((amount, unit)) => format!("{amount}{unit}"),
        None => format!("{}H", u128::from(time.as_secs() / 3600).min(MOST)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (time, expected) in [
            (Duration::ZERO, "0u"),
            (Duration::from_micros(1500), "1500u"),
            (Duration::from_secs(10), "10000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(200_000), "200000S"),
            (Duration::from_secs(100_000_000), "27777H"),
            (Duration::MAX, "99999999H"),
        ] {
            assert_eq!(written(time), expected);
            assert!(parse(expected.as_bytes()).is_some_and(|read| read <= time), "{expected}");
        }
    }

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
