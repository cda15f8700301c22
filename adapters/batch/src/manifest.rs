//! Manifests: which files a partner has sent, with their sizes and hashes.

use std::collections::HashMap;

/// What a manifest says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) bytes: Option<u64>,
    pub(crate) sha256: [u8; 32],
}

/// What a manifest lists, and the numbers of the lines that say nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) files: HashMap<String, Listed>,
    pub(crate) unreadable: Vec<usize>,
}

/// Reads lines of `name size sha256`, or as `sha256sum` (GNU coreutils) writes them: `sha256  name`, or `sha256 *name`. Blank lines and such
/// as begin with `#` say nothing.
pub(crate) fn parse(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match by_hash(line).or_else(|| by_name(line)) {
            // The same name with another hash: neither is what is meant, as far as anybody can tell.
            Some((name, listed)) if manifest.files.get(name).is_none_or(|other| *other == listed) => {
                manifest.files.insert(name.to_owned(), listed);
            }
            _ => manifest.unreadable.push(number + 1),
        }
    }
    manifest
}

fn by_hash(line: &str) -> Option<(&str, Listed)> {
    let (hash, name) = line.split_at_checked(64)?;
    let name = name.strip_prefix("  ").or_else(|| name.strip_prefix(" *"))?;
    Some((named(name)?, Listed { bytes: None, sha256: hex(hash)? }))
}

fn by_name(line: &str) -> Option<(&str, Listed)> {
    let (rest, hash) = line.trim_end().rsplit_once([' ', '\t'])?;
    let (name, bytes) = rest.trim_end().rsplit_once([' ', '\t'])?;
    let bytes = bytes.bytes().all(|b| b.is_ascii_digit()).then(|| bytes.parse().ok())??;
    Some((named(name.trim())?, Listed { bytes: Some(bytes), sha256: hex(hash)? }))
}

/// Names in the same folder only.
fn named(name: &str) -> Option<&str> {
    let name = name.strip_prefix("./").unwrap_or(name);
    crate::name::why_not(name).is_none().then_some(name)
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let [high, low] = pair else { return None };
        let value = |digit: u8| (digit as char).to_digit(16);
        *byte = u8::try_from(value(*high)? << 4 | value(*low)?).ok()?;
    }
    (digits.len() == 64).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms() {
        let hash = "00112233445566778899aAbBcCdDeEfF00112233445566778899aabbccddeeff";
        let check = |line: &str, expected: Option<(&str, Option<u64>)>| {
            let manifest = parse(line);
            let found: Vec<_> =
                manifest.files.iter().map(|(name, listed)| (name.as_str(), listed.bytes)).collect();
            assert_eq!(found, Vec::from_iter(expected), "{line}");
            assert_eq!(manifest.unreadable.len(), usize::from(expected.is_none()), "{line}");
        };
        check(&format!("{hash}  pay 1.txt"), Some(("pay 1.txt", None)));
        check(&format!("{hash} *pay.txt\r\n"), Some(("pay.txt", None)));
        check(&format!("{hash}  ./pay.txt\n"), Some(("pay.txt", None)));
        check(&format!("pay.txt 120 {hash}"), Some(("pay.txt", Some(120))));
        check(&format!("pay 1.txt\t120   {hash} "), Some(("pay 1.txt", Some(120))));
        for wrong in ["pay.txt 120 0011", "pay.txt", "../pay.txt 1 X", "-1", "é"] {
            check(wrong, None);
        }
        for wrong in ["pay.txt -1", "pay.txt 1e3", "../pay.txt 1", "/etc/passwd 1", ".hidden 1", "1"] {
            check(&format!("{wrong} {hash}"), None);
        }
        check(&format!("{hash}  ../pay.txt"), None);
        check(&format!("\\{hash}  a\\nb"), None);
        assert_eq!(parse("# made at night\n\n"), Manifest::default());
        let twice = parse(&format!("a 1 {hash}\na 2 {hash}\na 1 {hash}\n"));
        assert_eq!((twice.files["a"].bytes, twice.unreadable), (Some(1), vec![2]));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in any::<String>(), tail in "[ \\t*0-9a-f/.]{0,90}") {
            parse(&text);
            parse(&format!("{text}{tail}"));
        }
    }
}
