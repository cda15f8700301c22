//! Regular expressions in XML Schema's dialect (Part 2, appendix F), said in the dialect of the `regex` crate.

use regex::{Regex, RegexBuilder};

/// Compiles the alternatives of one `xs:pattern` group; the error says in words what is not understood.
pub(super) fn compile(alternatives: &[String]) -> Result<Regex, String> {
    let mut whole = String::from("^(?:");
    for (i, alternative) in alternatives.iter().enumerate() {
        let translated =
            translate(alternative).ok_or_else(|| format!("the pattern `{alternative}` cannot be tested"))?;
        if i > 0 {
            whole.push('|');
        }
        whole.push_str("(?:");
        whole.push_str(&translated);
        whole.push(')');
    }
    whole.push_str(")$");
    RegexBuilder::new(&whole)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| format!("the pattern `{}` cannot be tested", alternatives.join("|")))
}

fn translate(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut classes = 0usize;
    let mut class_is_new = false;
    while let Some(c) = chars.next() {
        let was_new = std::mem::take(&mut class_is_new);
        match c {
            '\\' => out.push_str(&escape(&mut chars)?),
            // Without a meaning in XSD, with one in `regex`.
            '^' if classes == 0 => out.push_str("\\^"),
            '$' => out.push_str("\\$"),
            '.' if classes == 0 => out.push_str("[^\\n\\r]"),
            '[' if classes == 0 => {
                classes = 1;
                class_is_new = true;
                out.push('[');
            }
            // Subtraction: [a-z-[aeiou]].
            '-' if classes > 0 && chars.peek() == Some(&'[') => {
                chars.next();
                classes += 1;
                class_is_new = true;
                out.push_str("--[");
            }
            '[' => return None,
            ']' if classes > 0 => {
                classes -= 1;
                out.push(']');
            }
            '^' if was_new => {
                class_is_new = true;
                out.push('^');
            }
            '&' | '~' | '^' if classes > 0 => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    (classes == 0).then_some(out)
}

fn escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let c = chars.next()?;
    Some(match c {
        's' => "[ \\t\\n\\r]".to_owned(),
        'S' => "[^ \\t\\n\\r]".to_owned(),
        'i' => "[\\p{L}_:]".to_owned(),
        'I' => "[^\\p{L}_:]".to_owned(),
        'c' => "[\\p{L}\\p{M}\\p{Nd}._:\\-]".to_owned(),
        'C' => "[^\\p{L}\\p{M}\\p{Nd}._:\\-]".to_owned(),
        'w' => "[^\\p{P}\\p{Z}\\p{C}]".to_owned(),
        'W' => "[\\p{P}\\p{Z}\\p{C}]".to_owned(),
        'd' | 'D' | 'n' | 'r' | 't' => format!("\\{c}"),
        'p' | 'P' => {
            let mut class = format!("\\{c}");
            if chars.next()? != '{' {
                return None;
            }
            let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
            // Unicode blocks (`IsBasicLatin`) are not known to `regex`.
            if name.starts_with("Is") {
                return None;
            }
            class.push('{');
            class.push_str(&name);
            class.push('}');
            class
        }
        _ if c.is_ascii_punctuation() => format!("\\{c}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns_mean_what_xsd_says() {
        for (pattern, text, expected) in [
            ("[0-9]{11}", "38001010000", true),
            ("[0-9]{11}", "x38001010000", false),
            ("a|b", "ab", false),
            ("[a-z-[aeiou]]+", "xyz", true),
            ("[a-z-[aeiou]]+", "xaz", false),
            ("\\i\\c*", "Name-1", true),
            ("a$b", "a$b", true),
            ("[^a]", "b", true),
            (".", "\n", false),
            ("[\\d.]+", "1.2", true),
        ] {
            let regex = super::compile(&[pattern.to_owned()]).unwrap();
            assert_eq!(regex.is_match(text), expected, "{pattern} {text}");
        }
        assert!(super::compile(&["\\p{IsBasicLatin}".to_owned()]).is_err());
        assert!(super::compile(&["(a{1000}){1000}".to_owned()]).is_err());
    }
}
