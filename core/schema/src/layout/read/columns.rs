//! `4-13`, `12`, `40-`: columns as specifications print them.

/// Bytes of a record, from 0; `to` is one past the last, `None` the record's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    /// The first.
    pub(super) from: u32,
    /// One past the last.
    pub(super) to: Option<u32>,
}

impl Columns {
    /// Columns as they are written, or `None` where it is something else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| -> Option<u32> {
            let digits = !text.is_empty() && text.len() <= 8 && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let (from, to) = match text.split_once('-') {
            None => (number(text)?, Some(number(text)?)),
            Some((from, "")) => (number(from)?, None),
            Some((from, to)) => (number(from)?, Some(number(to)?)),
        };
        let from = from.checked_sub(1)?;
        if to.is_some_and(|to| to <= from) {
            return None;
        }
        Some(Self { from, to })
    }

    /// How many bytes they are.
    pub(super) fn length(self) -> Option<u32> {
        self.to.map(|to| to - self.from)
    }
}

/// What is said of columns that cannot be read.
pub(super) const WRONG: &str =
    "columns are written `4-13`, `12`, or `40-` for the rest of the record, from 1";

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn columns_are_counted_from_one() {
        let check = |text, expected: Option<(u32, Option<u32>)>| {
            assert_eq!(Columns::parse(text), expected.map(|(from, to)| Columns { from, to }), "{text}");
        };
        check("4-13", Some((3, Some(13))));
        check("12", Some((11, Some(12))));
        check("40-", Some((39, None)));
        for text in ["0", "0-4", "13-4", "-4", "", "a", "4-b", "4 - 5", "99999999999"] {
            check(text, None);
        }
    }
}
