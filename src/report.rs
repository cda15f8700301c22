//! What a command says: results on standard output, what went wrong on standard error, and the exit code. The one place
//! where errors are rendered.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    sync::OnceLock,
};

use portolan_diagnostics::{Diagnostic, Rendered, Severity, Sources, render};
use serde_json::json;

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Why a command ends without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The result itself says so and is printed already: exit code 1.
    Findings,
    /// Something failed at work: exit code 1.
    Failed {
        /// What happened.
        message: String,
        /// What to do.
        help: Vec<String>,
    },
    /// The command was not used as it must be: exit code 2.
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Vec<String>,
    },
    /// The configuration, or a file that the command rests on, is not sound: exit code 2.
    Configuration {
        /// Everything that was found.
        findings: Vec<Diagnostic>,
        /// What the findings point into.
        sources: Box<Sources>,
    },
    /// Said already, as JSON.
    Printed {
        /// The exit code.
        code: u8,
    },
    /// The same, rendered already.
    Rendered {
        /// For people.
        text: String,
        /// The exit code.
        code: u8,
    },
}

impl Failure {
    pub(crate) fn failed(message: impl std::fmt::Display) -> Self {
        Self::Failed { message: message.to_string(), help: Vec::new() }
    }

    pub(crate) fn usage(message: impl std::fmt::Display) -> Self {
        Self::Usage { message: message.to_string(), help: Vec::new() }
    }

    pub(crate) fn configuration(findings: Vec<Diagnostic>, sources: &Sources) -> Self {
        Self::Configuration { findings, sources: Box::new(sources.clone()) }
    }

    /// Adds what to do.
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        if let Self::Failed { help, .. } | Self::Usage { help, .. } = &mut self {
            help.push(text.into());
        }
        self
    }
}

/// Why a part of the result was not written: the first time, by whichever part of a command.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// Where a command's words go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    color_out: bool,
    color_err: bool,
}

impl Report {
    /// Colours only where a terminal reads, and nobody asked for none (<https://no-color.org>).
    pub(crate) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let wanted = wanted && std::env::var_os("TERM").is_none_or(|v| v != "dumb");
        Self {
            color_out: wanted && std::io::stdout().is_terminal(),
            color_err: wanted && std::io::stderr().is_terminal(),
        }
    }

    /// A line of the result. A reader that went away (`| head`) is no failure.
    pub(crate) fn line(&self, text: impl std::fmt::Display) {
        self.written(writeln!(std::io::stdout(), "{text}"));
    }

    /// Bytes of the result, as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) {
        let mut out = std::io::stdout();
        self.written(out.write_all(bytes).and_then(|()| out.flush()));
    }

    /// What became of a part of the result: `false` where nobody reads more of it. A result that cannot be written, as on a full disk, is a
    /// failure of the command.
    pub(crate) fn written(&self, result: std::io::Result<()>) -> bool {
        match &result {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                let _ = UNWRITTEN.set(error.to_string());
            }
            _ => {}
        }
        result.is_ok()
    }

    /// Why part of the result was not written.
    pub(crate) fn unwritten(&self) -> Option<Failure> {
        let flushed = std::io::stdout().flush();
        self.written(flushed);
        UNWRITTEN.get().map(|why| Failure::failed(format_args!("the result cannot be written: {why}")))
    }

    /// A result for programs.
    pub(crate) fn json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(Failure::failed)?;
        self.line(text);
        Ok(())
    }

    /// Something to know besides the result.
    pub(crate) fn note(&self, text: impl std::fmt::Display) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// A heading of the result.
    pub(crate) fn bold(&self, text: &str) -> String {
        if self.color_out { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Findings as the result of a command: on standard output.
    pub(crate) fn findings(
        &self,
        findings: &[Diagnostic],
        sources: &Sources,
        format: Format,
    ) -> Result<(), Failure> {
        match format {
            Format::Json => self.json(&resolved(findings, sources)),
            Format::Text => {
                for finding in findings {
                    self.line(render(finding, sources, self.color_out));
                    self.line("");
                }
                Ok(())
            }
        }
    }

    /// Findings beside the result: on standard error.
    pub(crate) fn warnings(&self, findings: &[Diagnostic], sources: &Sources) {
        for finding in findings {
            self.note(render(finding, sources, self.color_err));
            self.note("");
        }
    }

    /// A failure in the format of the command's result: for programs it is printed here, where the result would be.
    pub(crate) fn in_format(&self, failure: Failure, format: Format) -> Failure {
        if format == Format::Text {
            return failure;
        }
        let (code, error) = match &failure {
            Failure::Findings | Failure::Printed { .. } => return failure,
            Failure::Failed { message, help } => (1, json!({ "message": message, "help": help })),
            Failure::Usage { message, help } => (2, json!({ "message": message, "help": help })),
            Failure::Configuration { findings, sources } => (
                2,
                json!({ "message": summary(findings), "help": [], "findings": resolved(findings, sources) }),
            ),
            Failure::Rendered { text, code } => (*code, json!({ "message": text, "help": [] })),
        };
        match self.json(&json!({ "error": error })) {
            Ok(()) => Failure::Printed { code },
            Err(problem) => problem,
        }
    }

    /// Says why a command ended without success, and gives the exit code.
    pub(crate) fn failure(&self, failure: &Failure) -> ExitCode {
        match failure {
            Failure::Findings => ExitCode::from(1),
            Failure::Printed { code } => ExitCode::from(*code),
            Failure::Failed { message, help } => {
                self.error(message, help);
                ExitCode::from(1)
            }
            Failure::Usage { message, help } => {
                self.error(message, help);
                ExitCode::from(2)
            }
            Failure::Configuration { findings, sources } => {
                self.warnings(findings, sources);
                self.note(summary(findings));
                ExitCode::from(2)
            }
            Failure::Rendered { text, code } => {
                self.note(text);
                ExitCode::from(*code)
            }
        }
    }

    fn error(&self, message: &str, help: &[String]) {
        let title = if self.color_err { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
        self.note(format_args!("{title}: {message}"));
        for line in help {
            self.note(format_args!("  help: {line}"));
        }
    }
}

/// Findings as records.
pub(crate) fn resolved(findings: &[Diagnostic], sources: &Sources) -> Vec<Rendered> {
    findings.iter().map(|d| Rendered::new(d, sources)).collect()
}

/// `1 file`, `2 files`
pub(crate) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// `2 errors, 1 warning`
pub(crate) fn summary(findings: &[Diagnostic]) -> String {
    let count = |severity| findings.iter().filter(|d| d.severity == severity).count();
    let parts: Vec<_> =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
            .into_iter()
            .map(|(severity, word)| (count(severity), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| plural(count, word))
            .collect();
    if parts.is_empty() { "no findings".to_owned() } else { parts.join(", ") }
}
