//! Patterns of names: `*` is any characters, `?` one of them.

use std::{fmt, str::FromStr};

/// A pattern of names, as in `*.EFW2`. Capital letters are not small ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Whether a name is one of these.
    pub fn matches(&self, name: &str) -> bool {
        let (mut pattern, mut rest) = (self.0.chars(), name.chars());
        // Where to go on when what follows the last `*` does not fit: one character later.
        let mut again = None;
        loop {
            match (pattern.next(), rest.clone().next()) {
                (None, None) => return true,
                (Some('*'), _) => again = Some((pattern.clone(), rest.clone())),
                (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                    rest.next();
                }
                _ => {
                    let Some((behind, mut from)) = again.take() else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    again = Some((behind.clone(), from.clone()));
                    (pattern, rest) = (behind, from);
                }
            }
        }
    }
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty.
    #[error("a pattern of names is empty; `*` is any name")]
    Empty,
    /// It goes into other folders.
    #[error("a pattern is of names in one folder, without `/`")]
    Path,
    /// It is of names that are never taken.
    #[error("names that begin with a dot are never taken")]
    Hidden,
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        match text {
            "" => Err(PatternError::Empty),
            text if text.contains('/') => Err(PatternError::Path),
            text if text.starts_with('.') => Err(PatternError::Hidden),
            text => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_by_pattern() {
        let check = |pattern: &str, yes: &[&str], no: &[&str]| {
            let pattern: Pattern = pattern.parse().unwrap();
            for name in yes {
                assert!(pattern.matches(name), "{pattern} is {name}");
            }
            for name in no {
                assert!(!pattern.matches(name), "{pattern} is not {name}");
            }
        };
        check("*.EFW2", &["A.EFW2", ".EFW2", "a.b.EFW2"], &["A.efw2", "A.EFW2.tmp", "EFW2"]);
        check("pay-????.txt", &["pay-2026.txt", "pay-äöü€.txt"], &["pay-26.txt", "pay-20261.txt"]);
        check("*", &["", "anything"], &[]);
        check("a*b*c", &["abc", "axxbbxc", "abcbc"], &["ab", "acb", "abcd"]);
        check("[a].txt", &["[a].txt"], &["a.txt"]);
        for refused in ["", "in/*.txt", ".hidden", "../*"] {
            assert!(refused.parse::<Pattern>().is_err(), "{refused}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern: Pattern = format!("{}b", "a*".repeat(100)).parse().unwrap();
        assert!(!pattern.matches(&"a".repeat(255)));
    }

    proptest! {
        #[test]
        fn what_a_pattern_is_made_from_matches(parts in prop::collection::vec("[a-c]{0,3}", 1..5), between in "[a-c]{0,3}") {
            let pattern = Pattern(parts.join("*").into());
            prop_assert!(pattern.matches(&parts.join(&between)));
        }
    }
}
