//! What files are called that are made: of messages, or to tell what became of others.

use std::{fmt, str::FromStr};

use jiff::civil::DateTime;

/// A name with places for what differs from file to file: `CLAIMS.{date}.{sequence:4}.DAT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(Vec<Piece>);

/// The name of a file that tells what became of another: `{stem}.ACK`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerName(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The file's number, with so many digits at least.
    Sequence(usize),
    /// `20261130`
    Date,
    /// `173000`
    Time,
    /// The name of the other file.
    File,
    /// The same, without what follows its last dot.
    Stem,
    /// How its hash begins.
    Hash,
}

/// Why a text is no name of files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum FileNameError {
    #[error("`{{{0}}}` is not one of {1}")]
    Unknown(String, &'static str),
    #[error("without `{{file}}`, `{{stem}}` or `{{hash}}` nobody sees which file it is about")]
    NoFile,
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
        self.0.iter().for_each(|piece| piece.push(sequence, cut, &mut name));
        name
    }
}

impl AnswerName {
    /// Digits of a hash.
    const DIGITS: usize = 8;

    /// The name for a file of this name and hash (in hexadecimal), which ended then.
    pub fn of(&self, file: &str, hash: &str, ended: DateTime) -> String {
        let mut name = String::new();
        for piece in &self.0 {
            match piece {
                Piece::File => name.push_str(file),
                Piece::Stem => name.push_str(file.rsplit_once('.').map_or(file, |(stem, _)| stem)),
                Piece::Hash => name.push_str(hash.get(..Self::DIGITS).unwrap_or(hash)),
                piece => piece.push(0, ended, &mut name),
            }
        }
        name
    }
}

impl Default for AnswerName {
    fn default() -> Self {
        Self(vec![Piece::File, Piece::Text(".ack".to_owned())])
    }
}

impl Piece {
    /// Appends what is known of every file that is made.
    fn push(&self, sequence: u64, made: DateTime, name: &mut String) {
        match self {
            Self::Text(text) => name.push_str(text),
            Self::Sequence(digits) => name.push_str(&format!("{sequence:0digits$}")),
            Self::Date => name.push_str(&made.strftime("%Y%m%d").to_string()),
            Self::Time => name.push_str(&made.strftime("%H%M%S").to_string()),
            Self::File | Self::Stem | Self::Hash => {}
        }
    }

    /// The pieces of a text. `place` says what a name in braces stands for; `known` are all of these.
    fn all(
        text: &str,
        place: impl Fn(&str) -> Option<Self>,
        known: &'static str,
    ) -> Result<Vec<Self>, FileNameError> {
        if text.chars().count() > 200 {
            return Err(FileNameError::Long);
        }
        let refused = |c: &char| c.is_control() || matches!(c, '/' | '\\' | '\u{feff}');
        if let Some(character) = text.chars().find(refused) {
            return Err(FileNameError::Character(character));
        }
        if text.starts_with('.') {
            return Err(FileNameError::Dot);
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            let (inside, behind) = after[1..].split_once('}').ok_or(FileNameError::Brace)?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let unknown = || FileNameError::Unknown(inside.to_owned(), known);
            pieces.push(place(inside).ok_or_else(unknown)?);
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains('}'))) {
            return Err(FileNameError::Brace);
        }
        Ok(pieces)
    }
}

impl FromStr for FileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        let place = |inside: &str| match inside.split_once(':') {
            None if inside == "sequence" => Some(Piece::Sequence(1)),
            None if inside == "date" => Some(Piece::Date),
            None if inside == "time" => Some(Piece::Time),
            Some(("sequence", digits)) => {
                digits.parse().ok().filter(|digits| (1..=DIGITS).contains(digits)).map(Piece::Sequence)
            }
            _ => None,
        };
        let pieces = Piece::all(text, place, "{sequence}, {date} and {time}")?;
        match pieces.iter().any(|piece| matches!(piece, Piece::Sequence(_))) {
            true => Ok(Self(pieces)),
            false => Err(FileNameError::NoSequence),
        }
    }
}

impl FromStr for AnswerName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        let place = |inside: &str| match inside {
            "file" => Some(Piece::File),
            "stem" => Some(Piece::Stem),
            "hash" => Some(Piece::Hash),
            "date" => Some(Piece::Date),
            "time" => Some(Piece::Time),
            _ => None,
        };
        let pieces = Piece::all(text, place, "{file}, {stem}, {hash}, {date} and {time}")?;
        match pieces.iter().any(|piece| matches!(piece, Piece::File | Piece::Stem | Piece::Hash)) {
            true => Ok(Self(pieces)),
            false => Err(FileNameError::NoFile),
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| piece.fmt(f))
    }
}

impl fmt::Display for AnswerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| piece.fmt(f))
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Sequence(1) => f.write_str("{sequence}"),
            Self::Sequence(digits) => write!(f, "{{sequence:{digits}}}"),
            Self::Date => f.write_str("{date}"),
            Self::Time => f.write_str("{time}"),
            Self::File => f.write_str("{file}"),
            Self::Stem => f.write_str("{stem}"),
            Self::Hash => f.write_str("{hash}"),
        }
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
    fn names_for_what_became_of_a_file() {
        let ended = jiff::civil::date(2026, 11, 30).at(17, 30, 5, 0);
        let check = |text: &str, file: &str, expected: &str| {
            let name: AnswerName = text.parse().unwrap();
            let made = name.of(file, "0123456789abcdef", ended);
            assert_eq!((made.as_str(), name.to_string().as_str()), (expected, text));
        };
        check("{file}.ack", "A.B.EFW2", "A.B.EFW2.ack");
        check("ACK.{stem}", "A.B.EFW2", "ACK.A.B");
        check("ACK.{stem}", "REPORT", "ACK.REPORT");
        check("{date}{time}.{hash}.txt", "A", "20261130173005.01234567.txt");
        assert_eq!(AnswerName::default().to_string(), "{file}.ack");
        assert_eq!("ACK.{date}".parse::<AnswerName>(), Err(FileNameError::NoFile));
        let known = "{file}, {stem}, {hash}, {date} and {time}";
        let unknown = FileNameError::Unknown("sequence".into(), known);
        assert_eq!("{sequence}".parse::<AnswerName>(), Err(unknown));
    }

    #[test]
    fn names_that_are_none() {
        let known = "{sequence}, {date} and {time}";
        let check = |text: &str, expected: FileNameError| {
            assert_eq!(text.parse::<FileName>().unwrap_err(), expected);
        };
        check("CLAIMS.{date}", FileNameError::NoSequence);
        check("a/{sequence}", FileNameError::Character('/'));
        check("{sequence", FileNameError::Brace);
        check("sequence}{sequence}", FileNameError::Brace);
        check("{number}", FileNameError::Unknown("number".into(), known));
        check("{sequence:0}", FileNameError::Unknown("sequence:0".into(), known));
        check(".{sequence}", FileNameError::Dot);
    }
}
