//! What files are called that are made of messages.

use std::{fmt, str::FromStr};

use jiff::civil::DateTime;

/// A name with places for what differs from file to file: `CLAIMS.{date}.{sequence:4}.DAT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The file's number, with so many digits at least.
    Sequence(usize),
    /// `20261130`
    Date,
    /// `173000`
    Time,
}

/// Why a text is no name of files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum FileNameError {
    #[error("`{{{0}}}` is not one of {{sequence}}, {{date}} and {{time}}")]
    Unknown(String),
    #[error("a brace is open or closed alone")]
    Brace,
    #[error("without `{{sequence}}` two files would have one name")]
    NoSequence,
    #[error("`{0}` cannot stand in it")]
    Character(char),
    #[error("names that begin with a dot are of files that are being written")]
    Dot,
    #[error("it is longer than 200 characters")]
    Long,
}

/// The most digits of a number.
const DIGITS: usize = 18;

impl FileName {
    /// Where nothing is said.
    pub fn of_route(route: &str) -> Self {
        let sequence = Piece::Sequence(6);
        Self(vec![Piece::Text(format!("{route}-")), sequence, Piece::Text(".dat".to_owned())])
    }

    /// The name of a file that was cut then.
    pub fn of(&self, sequence: u64, cut: DateTime) -> String {
        let mut name = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Sequence(digits) => name.push_str(&format!("{sequence:0digits$}")),
                Piece::Date => name.push_str(&cut.strftime("%Y%m%d").to_string()),
                Piece::Time => name.push_str(&cut.strftime("%H%M%S").to_string()),
            }
        }
        name
    }
}

impl FromStr for FileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        if text.chars().count() > 200 {
            return Err(FileNameError::Long);
        }
        if text.starts_with('.') {
            return Err(FileNameError::Dot);
        }
        let refused = |c: &char| c.is_control() || matches!(c, '/' | '\\' | '\u{feff}');
        if let Some(character) = text.chars().find(refused) {
            return Err(FileNameError::Character(character));
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            let (inside, behind) = after[1..].split_once('}').ok_or(FileNameError::Brace)?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(match inside.split_once(':') {
                None if inside == "sequence" => Piece::Sequence(1),
                None if inside == "date" => Piece::Date,
                None if inside == "time" => Piece::Time,
                Some(("sequence", digits)) => match digits.parse() {
                    Ok(digits @ 1..=DIGITS) => Piece::Sequence(digits),
                    _ => return Err(FileNameError::Unknown(inside.to_owned())),
                },
                _ => return Err(FileNameError::Unknown(inside.to_owned())),
            });
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains('}'))) {
            return Err(FileNameError::Brace);
        }
        match pieces.iter().any(|piece| matches!(piece, Piece::Sequence(_))) {
            true => Ok(Self(pieces)),
            false => Err(FileNameError::NoSequence),
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Sequence(1) => f.write_str("{sequence}"),
            Piece::Sequence(digits) => write!(f, "{{sequence:{digits}}}"),
            Piece::Date => f.write_str("{date}"),
            Piece::Time => f.write_str("{time}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in() {
        let cut = jiff::civil::date(2026, 11, 30).at(17, 30, 5, 0);
        let check = |text: &str, expected: &str| {
            let name: FileName = text.parse().unwrap();
            assert_eq!((name.of(42, cut).as_str(), name.to_string().as_str()), (expected, text));
        };
        check("CLAIMS.{date}.{sequence:4}.DAT", "CLAIMS.20261130.0042.DAT");
        check("{sequence}", "42");
        check("A{time}{sequence:1}".replace(":1", "").as_str(), "A17300542");
        assert_eq!(FileName::of_route("pay.send").of(7, cut), "pay.send-000007.dat");
    }

    #[test]
    fn names_that_are_none() {
        let check = |text: &str, expected: FileNameError| {
            assert_eq!(text.parse::<FileName>().unwrap_err(), expected);
        };
        check("CLAIMS.{date}", FileNameError::NoSequence);
        check("a/{sequence}", FileNameError::Character('/'));
        check("{sequence", FileNameError::Brace);
        check("sequence}{sequence}", FileNameError::Brace);
        check("{number}", FileNameError::Unknown("number".into()));
        check("{sequence:0}", FileNameError::Unknown("sequence:0".into()));
        check(".{sequence}", FileNameError::Dot);
    }
}
