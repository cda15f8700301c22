//! Quantities as people write them: `50ms`, `5%`, `4MiB`.

use std::time::Duration;

/// `200ms`, `10s`, `1m`, `2h`, `3d`; at most a hundred years.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "write a whole number with its unit: 200ms, 10s, 1m, 2h, 3d".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
    let (number, unit) = text.split_at(digits);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(expected()),
    };
    let number: u64 = number.parse().map_err(|_| expected())?;
    let total = number.checked_mul(milliseconds).filter(|ms| *ms <= 36_525 * 86_400_000);
    total.map(Duration::from_millis).ok_or_else(|| "that is more than a hundred years".to_owned())
}

/// `50/s`, `100/m`, `1000/h`, `10000/d`: so many in each of these periods.
pub(crate) fn rate(text: &str) -> Result<(u32, Duration), String> {
    let expected =
        || "write how many in a second, minute, hour or day: 50/s, 100/m, 1000/h, 10000/d".to_owned();
    let (number, unit) = text.split_once('/').ok_or_else(expected)?;
    let period = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    let number = if digits { number.parse().ok() } else { None };
    number.map(|number| (number, Duration::from_secs(period))).ok_or_else(expected)
}

/// `5%` or `0.5%`, as a fraction of one.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    let expected = || "write a share from 0% to 100%: 5%, 0.5%".to_owned();
    let number = text.strip_suffix('%').ok_or_else(expected)?;
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    if number.is_empty() || !number.chars().all(digits) {
        return Err(expected());
    }
    let value: f64 = number.parse().map_err(|_| expected())?;
    if (0.0..=100.0).contains(&value) { Ok(value / 100.0) } else { Err(expected()) }
}

/// `65536`, `64KiB`, `4MiB`; at most 1 GiB.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let expected = || "write a number of bytes: 65536, 64KiB, 4MiB".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(expected()),
    };
    let number: usize = number.parse().map_err(|_| expected())?;
    let total = number.checked_mul(unit).filter(|bytes| *bytes <= 1 << 30);
    total.ok_or_else(|| "that is more than 1GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        let time =
            |text, ms: Option<u64>| assert_eq!(duration(text).ok(), ms.map(Duration::from_millis), "{text}");
        time("50ms", Some(50));
        time("0s", Some(0));
        time("2m", Some(120_000));
        time("3d", Some(259_200_000));
        for wrong in ["", "5", "s", "-1s", "1.5s", "1 s", "5min", "99999999999999999999s", "36526d", "5é"] {
            time(wrong, None);
        }
        let pace = |text, expected: Option<(u32, u64)>| {
            let expected = expected.map(|(number, seconds)| (number, Duration::from_secs(seconds)));
            assert_eq!(rate(text).ok(), expected, "{text}");
        };
        pace("50/s", Some((50, 1)));
        pace("100/m", Some((100, 60)));
        pace("10000/d", Some((10000, 86_400)));
        for wrong in ["", "50", "/s", "50/", "50/min", "-1/s", "+1/s", "1.5/s", "50 / s", "99999999999/s"] {
            pace(wrong, None);
        }
        let share = |text, expected: Option<f64>| assert_eq!(percent(text).ok(), expected, "{text}");
        share("5%", Some(0.05));
        share("0%", Some(0.0));
        share("100%", Some(1.0));
        share("0.5%", Some(0.005));
        for wrong in ["", "%", "5", "101%", "-1%", "1e1%", "nan%", ".%", "1.2.3%", "inf%"] {
            share(wrong, None);
        }
        let size = |text, expected: Option<usize>| assert_eq!(bytes(text).ok(), expected, "{text}");
        size("65536", Some(65536));
        size("64KiB", Some(65536));
        size("1GiB", Some(1 << 30));
        for wrong in ["", "KiB", "4MB", "2GiB", "-1", "99999999999999999999"] {
            size(wrong, None);
        }
    }
}
