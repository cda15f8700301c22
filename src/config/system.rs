//! `systems`: the parties outside, each configured once by name.

use std::collections::BTreeMap;

use portolan_delivery::system::SystemPolicy;
use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_mapping::yaml::{Entry, Node, NodeKind, Scalar};
use portolan_soap::{Auth, PasswordType, SoapOptions, TlsOptions, WsSecurity};

use super::{
    grammar,
    keys::{Group, Reader},
    limits,
};

/// A party outside.
#[derive(Debug, Clone)]
pub(crate) struct System {
    /// How it is reached.
    pub(crate) kind: SystemKind,
    /// How it may be asked.
    pub(crate) policy: SystemPolicy,
    /// Where its name stands.
    pub(crate) span: Span,
}

/// How a system is reached.
#[derive(Debug, Clone)]
pub(crate) enum SystemKind {
    /// SOAP over HTTP.
    Soap {
        /// Address, limits, credentials.
        options: Box<SoapOptions>,
        /// Rules for the SOAP headers that every request to it carries.
        header: Option<Node>,
    },
}

pub(super) fn system(entry: &Entry, reader: &mut Reader<'_>) -> Option<System> {
    let what = format!("the system `{}`", entry.key);
    let mut keys = Group::called(&what, &entry.value, &grammar::SYSTEM, reader)?;
    for later in ["grpc", "batch"] {
        if let Some(entry) = keys.later(later) {
            let finding =
                Diagnostic::error(Code::CONFIG_INVALID, format!("{later} systems are not built yet"));
            reader.findings.push(finding.at(entry.key_span, ""));
        }
    }
    let mut kind = keys.require("soap", reader).and_then(|e| soap(&e.value, reader));
    let (mut policy, at_a_time) = limits::policy(&mut keys, reader);
    if let Some(SystemKind::Soap { options, .. }) = &mut kind {
        options.max_concurrency = options.max_concurrency.min(at_a_time.unwrap_or(usize::MAX));
        // What would only wait for a connection is not begun: if the gateway died then, nobody would know whether it was sent.
        policy.concurrency = at_a_time.unwrap_or(policy.concurrency).min(options.max_concurrency);
    }
    keys.finish(reader);
    Some(System { kind: kind?, policy, span: entry.key_span })
}

fn soap(node: &Node, reader: &mut Reader<'_>) -> Option<SystemKind> {
    let mut keys = Group::of(node, &grammar::SOAP, reader)?;
    let endpoint = keys.require("endpoint", reader).and_then(|e| reader.text(e));
    let before = reader.findings.len();
    let mut options = SoapOptions::new(endpoint.as_ref().map(|e| e.value.clone()).unwrap_or_default());
    let mut set = |key, field: &mut std::time::Duration, reader: &mut Reader<'_>| {
        if let Some(duration) = keys.take(key).and_then(|e| reader.duration(e)) {
            *field = duration;
        }
    };
    set("timeout", &mut options.timeout, reader);
    set("connect-timeout", &mut options.connect_timeout, reader);
    set("idle-timeout", &mut options.idle_timeout, reader);
    if let Some(calls) = keys.take("max-concurrency").and_then(|e| reader.count(e)) {
        options.max_concurrency = calls;
    }
    if let Some(calls) = keys.take("max-waiting").and_then(|e| reader.count(e)) {
        options.max_waiting = calls;
    }
    if let Some(bytes) = keys.take("max-reply-bytes").and_then(|e| reader.bytes(e)) {
        options.max_reply_bytes = bytes;
    }
    if let Some(most) = keys.take("max-redirects").and_then(|e| redirects(e, reader)) {
        options.max_redirects = most;
    }
    if let Some(on) = keys.take("compression").and_then(|e| reader.boolean(e)) {
        options.compression = on;
    }
    options.auth = keys.take("auth").and_then(|e| auth(&e.value, reader));
    options.ws_security = keys.take("ws-security").and_then(|e| ws_security(&e.value, reader));
    if let Some(tls) = keys.take("tls").and_then(|e| tls(&e.value, reader)) {
        options.tls = tls;
    }
    options.headers = keys.take("headers").map(|e| headers(&e.value, reader)).unwrap_or_default();
    let header = keys.take("header").map(|e| standing(&e.value, reader));
    keys.finish(reader);
    let span = endpoint?.span;
    // What fits each by itself may not fit together; the adapter knows. A finding is enough if there was one already.
    if reader.findings[before..].iter().all(|d| d.severity != portolan_diagnostics::Severity::Error)
        && let Err(problem) = portolan_soap::SoapTarget::new(&options)
    {
        reader.findings.push(Diagnostic::error(Code::CONFIG_INVALID, problem.to_string()).at(span, ""));
    }
    Some(SystemKind::Soap { options: Box::new(options), header })
}

/// More is a circle.
const MOST_REDIRECTS: usize = 10;

fn redirects(entry: &Entry, reader: &mut Reader<'_>) -> Option<usize> {
    reader.parsed(entry, |text| match text.parse() {
        Ok(most) if most <= MOST_REDIRECTS => Ok(most),
        _ => Err(format!("write a whole number from 0 (none is followed) to {MOST_REDIRECTS}")),
    })
}

fn auth(node: &Node, reader: &mut Reader<'_>) -> Option<Auth> {
    let mut keys = Group::of(node, &grammar::AUTH, reader)?;
    let user = user(&mut keys, reader);
    keys.finish(reader);
    let (username, password) = user?;
    Some(Auth { username, password })
}

fn ws_security(node: &Node, reader: &mut Reader<'_>) -> Option<WsSecurity> {
    let mut keys = Group::of(node, &grammar::WS_SECURITY, reader)?;
    let user = user(&mut keys, reader);
    let password_type = keys.require("type", reader).and_then(|entry| {
        reader.parsed(entry, |text| match text {
            "text" => Ok(PasswordType::Text),
            "digest" => Ok(PasswordType::Digest),
            _ => Err("write text (the password as it is) or digest".to_owned()),
        })
    });
    let timestamp = keys.take("timestamp").map(|e| reader.duration(e));
    let must_understand = keys.take("must-understand").map(|e| reader.boolean(e));
    keys.finish(reader);
    let (username, password) = user?;
    Some(WsSecurity {
        username,
        password,
        password_type: password_type?,
        timestamp: timestamp.flatten(),
        must_understand: must_understand.flatten().unwrap_or(false),
    })
}

/// A username and its password.
fn user(keys: &mut Group<'_>, reader: &mut Reader<'_>) -> Option<(String, String)> {
    let username = keys.require("username", reader).and_then(|e| reader.text(e));
    let password = keys.require("password", reader).and_then(|e| reader.text(e));
    let (username, password) = (username?, password?);
    if !password.resolved {
        reader.findings.push(readable("a password", password.span));
    }
    Some((username.value, password.value))
}

/// A credential that is written into the configuration itself.
pub(super) fn readable(what: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(Code::CONFIG_SECRET, format!("{what} stands here for everybody to read"))
        .at(span, "")
        .help("write ${env:NAME} or ${file:/run/secrets/name}, and keep it there")
}

pub(super) fn tls(node: &Node, reader: &mut Reader<'_>) -> Option<TlsOptions> {
    let mut keys = Group::of(node, &grammar::TLS, reader)?;
    let mut file = |key| keys.take(key).map(|e| reader.file(e));
    let (ca, cert, key) = (file("ca"), file("cert"), file("key"));
    keys.finish(reader);
    // One that was named and is not there was reported, and is not the same as one that was not named.
    Some(TlsOptions { ca: ca.flatten(), cert: cert.flatten(), key: key.flatten() })
}

/// The rules for standing headers, with secrets filled in where a constant names one.
fn standing(node: &Node, reader: &mut Reader<'_>) -> Node {
    let kind = match &node.kind {
        NodeKind::Mapping(entries) => {
            NodeKind::Mapping(entries.iter().map(|entry| rule(entry, reader)).collect())
        }
        NodeKind::Sequence(items) => {
            NodeKind::Sequence(items.iter().map(|item| standing(item, reader)).collect())
        }
        other => other.clone(),
    };
    Node { kind, ..node.clone() }
}

fn rule(entry: &Entry, reader: &mut Reader<'_>) -> Entry {
    let value = match &entry.value.kind {
        NodeKind::Scalar(scalar) if entry.key == "const" && scalar.text.contains("${") => {
            let text = reader.text(entry).map(|text| Scalar {
                text: text.value,
                plain: false,
                verbatim: None,
                hidden: true,
            });
            // What could not be had was reported, and is no finding of every route as well.
            Node { kind: text.map_or(NodeKind::Broken, NodeKind::Scalar), ..entry.value.clone() }
        }
        NodeKind::Scalar(_) => entry.value.clone(),
        _ => standing(&entry.value, reader),
    };
    Entry { value, ..entry.clone() }
}

pub(super) fn headers(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let entries = reader.entries(node, "`headers`").unwrap_or_default();
    let mut headers = BTreeMap::new();
    for entry in entries {
        let Some(text) = reader.text(entry) else { continue };
        if !text.resolved && super::mask::speaks_of_a_secret(&entry.key) {
            reader.findings.push(readable("a secret", text.span));
        }
        headers.insert(entry.key.clone(), text.value);
    }
    headers
}
