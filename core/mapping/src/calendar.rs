//! Business days: which days of some years a bank, an office or a clearing system works. Everything is worked out when the
//! calendar is loaded; a question is a search in a sorted list.

mod rules;

use std::sync::Arc;

use jiff::civil::{Date, Weekday};

pub use rules::{Holiday, HolidayRule, Nth, Observed, Shift};

/// The years that a calendar may cover: more would be a slip.
pub const MAX_YEARS: i16 = 200;

/// The business days from one day to another. Beyond them nothing is known, and nothing is guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    from: Date,
    to: Date,
    /// In order.
    business_days: Box<[Date]>,
}

/// A day of which a calendar knows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the calendar knows the days from {from} to {to}, and not beyond")]
pub struct Beyond {
    /// The first day that it knows.
    pub from: Date,
    /// The last one.
    pub to: Date,
}

/// Where a day goes that is no business day, by the names that finance has for it (ISDA 2006 definitions, 4.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// To the next business day.
    Following,
    /// To the business day before.
    Preceding,
    /// To the next one, unless that is in another month: then to the one before.
    ModifiedFollowing,
    /// To the one before, unless that is in another month: then to the next one.
    ModifiedPreceding,
}

impl Convention {
    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "following" => Self::Following,
            "preceding" => Self::Preceding,
            "modified-following" => Self::ModifiedFollowing,
            "modified-preceding" => Self::ModifiedPreceding,
            _ => return None,
        })
    }
}

impl Calendar {
    /// The days of which it knows, from the first to the last, without the weekends and these holidays.
    pub fn new(from: Date, to: Date, weekend: &[Weekday], holidays: &[Holiday]) -> Self {
        let closed = rules::closed(from, to, weekend, holidays);
        let is_open = |day: &Date| !weekend.contains(&day.weekday()) && closed.binary_search(day).is_err();
        let days = std::iter::successors(Some(from), |day| day.tomorrow().ok()).take_while(|day| *day <= to);
        Self { from, to, business_days: days.filter(is_open).collect() }
    }

    /// The first day that it knows.
    pub fn from(&self) -> Date {
        self.from
    }

    /// The last day that it knows.
    pub fn to(&self) -> Date {
        self.to
    }

    /// Whether a day is a business day.
    pub fn is_business_day(&self, day: Date) -> Result<bool, Beyond> {
        self.known(day)?;
        Ok(self.business_days.binary_search(&day).is_ok())
    }

    /// So many business days later, or earlier for a negative number. From a day that is none, the first step leads to the next
    /// one in that direction; no step at all leads to the following one.
    pub fn add(&self, day: Date, count: i64) -> Result<Date, Beyond> {
        self.known(day)?;
        let index = match count {
            0 => Some(self.before(day)),
            1.. => usize::try_from(count - 1).ok().and_then(|steps| self.until(day).checked_add(steps)),
            _ => usize::try_from(count.unsigned_abs()).ok().and_then(|s| self.before(day).checked_sub(s)),
        };
        index.and_then(|index| self.business_days.get(index)).copied().ok_or(self.beyond())
    }

    /// The day itself where it is a business day, else the one that the convention says.
    pub fn adjust(&self, day: Date, convention: Convention) -> Result<Date, Beyond> {
        if self.is_business_day(day)? {
            return Ok(day);
        }
        let (wanted, otherwise) = match convention {
            Convention::Following => return self.add(day, 1),
            Convention::Preceding => return self.add(day, -1),
            Convention::ModifiedFollowing => (1, -1),
            Convention::ModifiedPreceding => (-1, 1),
        };
        let adjusted = self.add(day, wanted)?;
        if adjusted.month() == day.month() { Ok(adjusted) } else { self.add(day, otherwise) }
    }

    /// How many business days there are from one day, which counts, to another, which does not; negative where the other one is
    /// earlier.
    pub fn between(&self, from: Date, to: Date) -> Result<i64, Beyond> {
        self.known(from)?;
        self.known(to)?;
        // Days of two centuries fit.
        Ok(self.before(to) as i64 - self.before(from) as i64)
    }

    fn known(&self, day: Date) -> Result<(), Beyond> {
        if (self.from..=self.to).contains(&day) { Ok(()) } else { Err(self.beyond()) }
    }

    fn beyond(&self) -> Beyond {
        Beyond { from: self.from, to: self.to }
    }

    /// How many business days there are before a day.
    fn before(&self, day: Date) -> usize {
        self.business_days.partition_point(|known| *known < day)
    }

    /// How many there are until a day, itself included.
    fn until(&self, day: Date) -> usize {
        self.business_days.partition_point(|known| *known <= day)
    }
}

/// A calendar of a mapping, by the name that the mapping gives it.
#[derive(Debug, Clone)]
pub struct Named {
    /// The name.
    pub name: Arc<str>,
    /// What it knows.
    pub calendar: Arc<Calendar>,
}

#[cfg(test)]
mod tests;
