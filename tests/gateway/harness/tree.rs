//! Where things lie, and how texts are compared.

use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The `portolan` under test: the one just built, or `PORTOLAN_BIN`.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("PORTOLAN_BIN").map_or_else(|| env!("CARGO_BIN_EXE_portolan").into(), PathBuf::from)
}

/// A file of the corpus of real contracts; `None`, said aloud, where the corpus is not there.
pub(crate) fn corpus(file: &str, cases: usize) -> Option<PathBuf> {
    let root = std::env::var_os("PORTOLAN_CORPUS")
        .map_or_else(|| repository().join("../shared/corpus"), PathBuf::from);
    let path = root.join(file);
    if path.is_file() {
        return Some(path);
    }
    println!("corpus not found, {cases} cases not run");
    None
}

/// A document without the white space between its tags, and with every message id as `MESSAGE-ID`: what samples compare.
pub(crate) fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap: Option<usize> = None;
    for c in text.trim().chars() {
        match (c, gap) {
            ('>', _) => {
                out.push('>');
                gap = Some(out.len());
            }
            ('<', Some(from)) => {
                out.truncate(from);
                out.push('<');
                gap = None;
            }
            (c, Some(_)) if c.is_whitespace() => out.push(c),
            (c, _) => {
                out.push(c);
                gap = None;
            }
        }
    }
    without_ids(&out)
}

fn without_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if rest.get(..36).is_some_and(is_uuid) {
            out.push_str("MESSAGE-ID");
            rest = &rest[36..];
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, b)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    })
}

#[test]
fn documents_are_compared_without_gaps_and_ids() {
    let check = |text: &str, expected: &str| assert_eq!(collapsed(text), expected);
    check(" <a>\n  <b> x </b>\n</a>\n", "<a><b> x </b></a>");
    check("<a>0198f7a2-1111-7222-8333-444455556666</a>", "<a>MESSAGE-ID</a>");
    check("<a>ä 0198f7a2</a>", "<a>ä 0198f7a2</a>");
}
