//! When a file is to be cut: at its times of day, by the age of its messages, by their number.

use portolan_delivery::Timestamp;
use portolan_mapping::check::CheckedCut;

/// Whether a file is to be cut by now, where the oldest message came then and the last file was cut then.
pub(crate) fn is_due(
    cut: &CheckedCut,
    messages: u64,
    (oldest, last): (Timestamp, Timestamp),
    now: Timestamp,
) -> bool {
    let many = cut.max_records.is_some_and(|most| messages >= most);
    // A file that came in may have waited for longer than that before its messages did.
    let long = cut.every.is_some_and(|every| oldest.max(last).plus(every) <= now);
    many || long || is_time(cut, oldest, now)
}

/// Whether a time of day has come since then, on a day on which files are cut.
fn is_time(cut: &CheckedCut, since: Timestamp, now: Timestamp) -> bool {
    /// A gateway that did not run for longer than that cuts at once.
    const DAYS: usize = 400;
    let day_of = |at: Timestamp| {
        cut.zone.to_datetime(jiff::Timestamp::from_microsecond(at.0).unwrap_or_default()).date()
    };
    if cut.at.is_empty() {
        return false;
    }
    let (today, first) = (day_of(now), day_of(since));
    let mut day = today;
    for _ in 0..DAYS {
        // Where a calendar ends, nobody is to wait for ever.
        let open = cut.days.as_ref().is_none_or(|days| days.is_business_day(day).unwrap_or(true));
        for time in cut.at.iter().filter(|_| open) {
            let Ok(at) = cut.zone.to_ambiguous_timestamp(day.to_datetime(*time)).compatible() else {
                continue;
            };
            let at = at.as_microsecond();
            if since.0 < at && at <= now.0 {
                return true;
            }
        }
        match day.yesterday() {
            Ok(before) if before >= first => day = before,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use jiff::tz::TimeZone;
    use portolan_mapping::calendar::Calendar;

    use super::*;

    fn cut() -> CheckedCut {
        let zone = TimeZone::get("Europe/Tallinn").unwrap();
        CheckedCut { at: Vec::new(), zone, days: None, every: None, max_records: None }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn a_file_is_cut_by_number_by_age_and_by_command() {
        let (oldest, now) = (at("2026-11-30T10:00:00Z"), at("2026-11-30T10:15:00Z"));
        let last = Timestamp(0);
        assert!(!is_due(&cut(), 1_000_000, (oldest, last), now), "by command only");
        let many = CheckedCut { max_records: Some(3), ..cut() };
        assert_eq!(
            [2, 3, 4].map(|messages| is_due(&many, messages, (oldest, last), now)),
            [false, true, true]
        );
        let aged = |minutes: u64| CheckedCut { every: Some(Duration::from_secs(60 * minutes)), ..cut() };
        assert!(is_due(&aged(15), 1, (oldest, last), now) && !is_due(&aged(16), 1, (oldest, last), now));
        let last = at("2026-11-30T10:10:00Z");
        assert!(is_due(&aged(5), 1, (oldest, last), now) && !is_due(&aged(6), 1, (oldest, last), now));
    }

    #[test]
    fn a_file_is_cut_at_its_times_on_its_days() {
        let times = [jiff::civil::time(8, 30, 0, 0), jiff::civil::time(20, 0, 0, 0)];
        let daily = CheckedCut { at: times.to_vec(), ..cut() };
        // 20:00 in Tallinn is 18:00 in winter, and 17:00 in summer.
        let check = |cut: &CheckedCut, oldest: &str, now: &str, expected: bool| {
            assert_eq!(is_due(cut, 1, (at(oldest), at(now)), at(now)), expected, "{oldest} {now}");
        };
        check(&daily, "2026-11-30T12:00:00Z", "2026-11-30T17:59:59Z", false);
        check(&daily, "2026-11-30T12:00:00Z", "2026-11-30T18:00:00Z", true);
        check(&daily, "2026-11-30T18:00:00Z", "2026-11-30T23:59:59Z", false);
        check(&daily, "2026-11-30T18:00:00Z", "2026-12-01T06:30:00Z", true);
        check(&daily, "2026-07-30T12:00:00Z", "2026-07-30T17:00:00Z", true);
        // A gateway that was away cuts when it is back.
        check(&daily, "2026-11-01T12:00:00Z", "2026-11-30T01:00:00Z", true);
        check(&daily, "2020-11-01T12:00:00Z", "2026-11-30T01:00:00Z", true);
        // From Friday evening to Monday.
        let (from, to) = (jiff::civil::date(2026, 1, 1), jiff::civil::date(2026, 12, 31));
        let weekend = [jiff::civil::Weekday::Saturday, jiff::civil::Weekday::Sunday];
        let days = Some(Arc::new(Calendar::new(from, to, &weekend, &[])));
        let open = CheckedCut { days, ..daily };
        check(&open, "2026-11-27T18:30:00Z", "2026-11-29T20:00:00Z", false);
        check(&open, "2026-11-27T18:30:00Z", "2026-11-30T06:30:00Z", true);
        // Where the calendar has ended, nobody waits for ever.
        check(&open, "2027-01-02T12:00:00Z", "2027-01-02T18:00:00Z", true);
    }
}
