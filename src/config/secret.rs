//! `${env:NAME}` and `${file:/path}` in a configuration's values. What is wrong is said by the name of the secret, never
//! with anything of its content.

use std::path::Path;

use portolan_diagnostics::{Code, Diagnostic, Span};

/// A secret is a password or a key, not a file of data.
const MAX_BYTES: u64 = 64 << 10;

/// Why a secret is not to be had, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    message: String,
    help: String,
}

impl Problem {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }

    /// What is wrong, in one sentence.
    pub(super) fn message(self) -> String {
        self.message
    }

    pub(super) fn at(self, span: Span) -> Diagnostic {
        Diagnostic::error(Code::CONFIG_SECRET, self.message).at(span, "").help(self.help)
    }
}

/// The text with its secrets filled in, and whether there were any.
pub(super) fn resolve(
    text: &str,
    folder: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, bool), Problem> {
    let (mut out, mut rest, mut any) = (String::with_capacity(text.len()), text, false);
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let inside = &rest[start + 2..];
        let end = inside.find('}').ok_or_else(|| {
            Problem::new(
                "`${` is not closed",
                "write ${env:NAME} or ${file:/path}; take a value that holds `${` from a file",
            )
        })?;
        out.push_str(&one(&inside[..end], folder, environment)?);
        rest = &inside[end + 1..];
        any = true;
    }
    out.push_str(rest);
    Ok((out, any))
}

fn one(name: &str, folder: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, Problem> {
    match name.split_once(':') {
        Some(("env", name)) => match environment(name) {
            Some(value) if !value.is_empty() => Ok(value),
            Some(_) => Err(Problem::new(
                format!("the environment variable `{name}` is empty"),
                "give it a value where Portolan is started",
            )),
            None => Err(Problem::new(
                format!("the environment variable `{name}` is not set"),
                "set it where Portolan is started",
            )),
        },
        Some(("file", path)) => from_file(&folder.join(path), path),
        _ => Err(Problem::new(
            "`${...}` names neither an environment variable nor a file",
            "write ${env:NAME} or ${file:/path}",
        )),
    }
}

/// The secret that a file holds; `shown` is its name in findings.
pub(super) fn from_file(path: &Path, shown: &str) -> Result<String, Problem> {
    let text = crate::files::read_text(path, MAX_BYTES).map_err(|problem| {
        Problem::new(
            format!("the secret's file `{shown}` cannot be read: {problem}"),
            "the user that runs Portolan must be able to read it",
        )
    })?;
    // Editors and `echo` end a file with a line end that is no part of the secret.
    let value = text.strip_suffix('\n').map_or(&*text, |t| t.strip_suffix('\r').unwrap_or(t));
    match value.is_empty() {
        true => {
            Err(Problem::new(format!("the secret's file `{shown}` is empty"), "write the secret into it"))
        }
        false => Ok(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_there_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("s"), "canary-file\n").unwrap();
        let environment = |name: &str| (name == "A").then(|| "canary-env".to_owned());
        let check = |text: &str, expected: Result<&str, &str>| {
            let found = resolve(text, folder.path(), &environment);
            assert_eq!(found.as_ref().map(|(t, _)| &**t).map_err(|p| &*p.message), expected, "{text}");
            assert!(found.err().is_none_or(|p| !format!("{p:?}").contains("canary")));
        };
        check("plain $ {}", Ok("plain $ {}"));
        check("${env:A}", Ok("canary-env"));
        check("x${env:A}y${file:s}z", Ok("xcanary-envycanary-filez"));
        check("${env:B}", Err("the environment variable `B` is not set"));
        check("${file:t}", Err("the secret's file `t` cannot be read: it is not there"));
        check("${env:A", Err("`${` is not closed"));
        check("${A}", Err("`${...}` names neither an environment variable nor a file"));
    }
}
