//! Names of files: which may be one here, and under which another file is kept when one is taken.

use std::borrow::Cow;

use portolan_delivery::Timestamp;

use crate::FolderError;

/// The most bytes of a name (`NAME_MAX`).
const LONGEST: usize = 255;

/// Why a text is no name of a file that is taken or written.
pub(crate) fn why_not(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("it is empty"),
        name if name.starts_with('.') => Some("it begins with a dot"),
        name if name.contains('/') => Some("it leads to another folder"),
        name if name.len() > LONGEST => Some("it is longer than 255 bytes"),
        name if name.chars().any(is_unprintable) => Some("it has characters that are not shown"),
        _ => None,
    }
}

/// A name as it can be shown, and be one.
pub(crate) fn shown(name: &str) -> String {
    let escaped: String = name
        .chars()
        .flat_map(|c| if is_unprintable(c) { c.escape_unicode().collect() } else { vec![c] })
        .collect();
    with_suffix(&escaped, "")
}

/// The same, as an error.
pub(crate) fn check(name: &str) -> Result<(), FolderError> {
    why_not(name).map_or(Ok(()), |why| Err(FolderError::Name { name: name.escape_debug().to_string(), why }))
}

/// Control characters, ends of lines, and what turns the direction of a text: in a terminal or a log they pretend another name.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// A gateway's label is the name of a folder, and stands in lists.
pub(crate) fn check_label(label: &str) -> Result<(), FolderError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if label.chars().all(fits) && label.len() <= 64 && why_not(label).is_none() {
        return Ok(());
    }
    let name = label.escape_debug().to_string();
    Err(FolderError::Name { name, why: "a gateway's label has 1 to 64 letters, digits, `-`, `_` and `.`" })
}

/// The names to try for a file, until one is free: its own, then with the time, then with a counter.
pub(crate) fn free_names(name: &str, now: Timestamp) -> impl Iterator<Item = Cow<'_, str>> {
    let time = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default();
    let time = time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let dated = format!(".{time}");
    let counted = (2..10_000).map(move |counter| format!(".{time}.{counter}"));
    let more = [dated].into_iter().chain(counted).map(move |suffix| Cow::Owned(with_suffix(name, &suffix)));
    [Cow::Borrowed(name)].into_iter().chain(more)
}

/// Whether a file of this name may have been kept as what was found.
pub(crate) fn is_kept_as(name: &str, found: &str) -> bool {
    let kept = before_suffix(name, LONGEST_SUFFIX);
    found == name
        || found.strip_prefix(kept).is_some_and(|rest| kept.len() < name.len() || rest.starts_with('.'))
}

/// The bytes of the longest suffix of [`free_names`].
const LONGEST_SUFFIX: usize = ".20261129T213000Z.9999".len();

/// A name that is too long with its suffix loses what is before it.
fn with_suffix(name: &str, suffix: &str) -> String {
    format!("{}{suffix}", before_suffix(name, suffix.len()))
}

/// What stands of a name before a suffix of so many bytes.
fn before_suffix(name: &str, suffix: usize) -> &str {
    let room = LONGEST.saturating_sub(suffix);
    let end = (0..=name.len().min(room)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_name() {
        let long = "x".repeat(256);
        for name in ["pay.txt", "a b", "ä€", "~", "-", "x..", &long[1..]] {
            assert_eq!(why_not(name), None, "{name}");
        }
        for name in ["", ".", "..", ".x", "a/b", "/etc", "a\nb", "a\u{202E}txt.exe", "a\u{7f}", "\0", &long] {
            assert!(why_not(name).is_some(), "{name:?}");
        }
        for label in ["gw-1", "0198f3c2-7b1a-7000-8000-000000000001", "a.b_c"] {
            check_label(label).unwrap();
        }
        for label in ["", "..", ".a", "a b", "a/b", &long[..65]] {
            check_label(label).unwrap_err();
        }
    }

    #[test]
    fn names_until_one_is_free() {
        // 2026-11-29T21:30:00Z.
        let now = Timestamp(1_795_987_800_000_000);
        let names: Vec<_> = free_names("pay.txt", now).take(3).collect();
        assert_eq!(names, ["pay.txt", "pay.txt.20261129T213000Z", "pay.txt.20261129T213000Z.2"]);
        let long = "é".repeat(127);
        assert!(free_names(&long, now).take(500).all(|found| is_kept_as(&long, &found)));
        assert!(free_names("pay.txt", now).take(500).all(|found| is_kept_as("pay.txt", &found)));
        for other in ["pay.tx", "pay.txt2", "", "a.pay.txt"] {
            assert!(!is_kept_as("pay.txt", other), "{other}");
        }
        assert!(free_names(&long, now).take(20).all(|name| name.len() <= LONGEST));
        assert_eq!(free_names(&long, now).take(500).collect::<std::collections::HashSet<_>>().len(), 500);
    }
}
