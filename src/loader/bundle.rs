//! What is kept of a route is text in UTF-8, whatever its files were in.

use std::borrow::Cow;

use portolan_diagnostics::Sources;

/// The same files, with the same ids, as they are kept in bundles and can be read again from there.
pub(super) fn in_utf8(sources: &Sources) -> Sources {
    let mut kept = Sources::default();
    for (_, file) in sources.iter() {
        match declared_in_utf8(&file.text) {
            Cow::Borrowed(_) => kept.add(file.name.clone(), file.text.clone()),
            Cow::Owned(text) => kept.add(file.name.clone(), text),
        };
    }
    kept
}

/// A contract in another encoding was read into UTF-8, and must say so when it is read again.
fn declared_in_utf8(text: &str) -> Cow<'_, str> {
    let declared = || {
        let declaration =
            text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map(|(d, _)| d)?;
        let start = "<?xml".len() + declaration.find("encoding")?;
        let quote = start + text[start..].find(['"', '\''])?;
        let close = quote + 1 + text[quote + 1..].find(text[quote..].chars().next()?)?;
        (close < declaration.len() + "<?xml".len()).then_some(quote + 1..close)
    };
    match declared() {
        Some(encoding) if !text[encoding.clone()].eq_ignore_ascii_case("utf-8") => {
            Cow::Owned(format!("{}UTF-8{}", &text[..encoding.start], &text[encoding.end..]))
        }
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::declared_in_utf8;

    #[test]
    fn the_declaration_follows_the_text() {
        let check = |text, expected| assert_eq!(declared_in_utf8(text), expected);
        check(
            "<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
            "<?xml version='1.0' encoding='UTF-8'?><a/>",
        );
        check(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><a/>",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><a/>",
        );
        for text in [
            "<?xml version='1.0'?><a encoding='x'/>",
            "<a/>",
            "<?xml encoding",
            "<?xml encoding='?>'",
            "syntax = \"proto3\";",
            "",
        ] {
            check(text, text);
        }
    }
}
