//! What is kept of a route: its mapping and its contracts, as text in UTF-8.

use std::borrow::Cow;

use portolan_diagnostics::Sources;
use portolan_engine::Bundle;
use portolan_mapping::load::LoadedRoute;

/// The bundle of a route that was just read.
pub(super) fn of(entry: &str, loaded: &LoadedRoute, sources: &Sources) -> Bundle {
    let files = loaded.files.iter().filter_map(|id| sources.get(*id));
    let files = files.map(|file| (file.name.to_string(), in_utf8(&file.text).into_owned()));
    Bundle::new(entry, &*loaded.route.name, files)
}

/// A contract in another encoding was read into UTF-8, and must say so when it is read again.
fn in_utf8(text: &str) -> Cow<'_, str> {
    let declared = || {
        let declaration = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map(|(d, _)| d)?;
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
    use super::in_utf8;

    #[test]
    fn the_declaration_follows_the_text() {
        let check = |text, expected| assert_eq!(in_utf8(text), expected);
        check("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "<?xml version='1.0' encoding='UTF-8'?><a/>");
        check("<?xml version=\"1.0\" encoding=\"utf-8\"?><a/>", "<?xml version=\"1.0\" encoding=\"utf-8\"?><a/>");
        for text in ["<?xml version='1.0'?><a encoding='x'/>", "<a/>", "<?xml encoding", "<?xml encoding='?>'", "syntax = \"proto3\";", ""] {
            check(text, text);
        }
    }
}
