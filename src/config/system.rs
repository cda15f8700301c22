//! `systems`: the parties outside, each configured once by name.

use std::{collections::BTreeMap, time::Duration};

use portolan_delivery::system::SystemPolicy;
use portolan_diagnostics::{Code, Diagnostic, Severity, Span};
use portolan_grpc::{GrpcTarget, system::Options as GrpcOptions};
use portolan_mapping::yaml::{Entry, Node, NodeKind, Scalar};
use portolan_soap::{Auth, PasswordType, SoapOptions, SoapTarget, TlsOptions, WsSecurity};

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
    /// gRPC: address, limits, metadata.
    Grpc(Box<GrpcOptions>),
}

impl SystemKind {
    /// How long one attempt may take, where a mapping says nothing.
    pub(crate) fn timeout(&self) -> Duration {
        match self {
            Self::Soap { options, .. } => options.timeout,
            Self::Grpc(options) => options.timeout,
        }
    }

    /// Whom it is trusted by, and what it is shown.
    pub(crate) fn tls(&self) -> &TlsOptions {
        match self {
            Self::Soap { options, .. } => &options.tls,
            Self::Grpc(options) => &options.tls,
        }
    }

    fn max_concurrency(&mut self) -> &mut usize {
        match self {
            Self::Soap { options, .. } => &mut options.max_concurrency,
            Self::Grpc(options) => &mut options.max_concurrency,
        }
    }
}

pub(super) fn system(entry: &Entry, reader: &mut Reader<'_>) -> Option<System> {
    let what = format!("the system `{}`", entry.key);
    let mut keys = Group::called(&what, &entry.value, &grammar::SYSTEM, reader)?;
    let mut kind = match (keys.take("soap"), keys.take("grpc")) {
        (Some(entry), None) => soap(&entry.value, reader),
        (None, Some(entry)) => grpc(&entry.value, reader),
        (None, None) => {
            let message = format!("{what} has no `soap`, and no `grpc` either");
            reader.findings.push(Diagnostic::error(Code::YAML_MISSING_KEY, message).at(entry.key_span, ""));
            None
        }
        (Some(_), Some(second)) => {
            let message = format!("{what} speaks `soap` or `grpc`, one of them");
            let finding = Diagnostic::error(Code::CONFIG_INVALID, message).at(second.key_span, "");
            reader.findings.push(finding.help("one that speaks both is two systems, each with its name"));
            None
        }
    };
    let (mut policy, at_a_time) = limits::policy(&mut keys, reader);
    if let Some(places) = kind.as_mut().map(SystemKind::max_concurrency) {
        *places = (*places).min(at_a_time.unwrap_or(usize::MAX));
        // What would only wait for a connection is not begun: if the gateway died then, nobody would know whether it was sent.
        policy.concurrency = at_a_time.unwrap_or(policy.concurrency).min(*places);
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
    options.headers = keys.take("headers").map(|e| named(e, reader)).unwrap_or_default();
    let header = keys.take("header").map(|e| standing(&e.value, reader));
    keys.finish(reader);
    together(before, endpoint?.span, || SoapTarget::new(&options), reader);
    Some(SystemKind::Soap { options: Box::new(options), header })
}

fn grpc(node: &Node, reader: &mut Reader<'_>) -> Option<SystemKind> {
    let mut keys = Group::of(node, &grammar::GRPC_SYSTEM, reader)?;
    let address = keys.require("address", reader).and_then(|e| reader.text(e));
    let before = reader.findings.len();
    let mut options = GrpcOptions::new(address.as_ref().map(|a| a.value.clone()).unwrap_or_default());
    for (key, field) in [
        ("timeout", &mut options.timeout),
        ("connect-timeout", &mut options.connect_timeout),
        ("idle-timeout", &mut options.idle_timeout),
    ] {
        if let Some(duration) = keys.take(key).and_then(|e| reader.duration(e)) {
            *field = duration;
        }
    }
    for (key, field) in
        [("max-concurrency", &mut options.max_concurrency), ("max-waiting", &mut options.max_waiting)]
    {
        if let Some(calls) = keys.take(key).and_then(|e| reader.count(e)) {
            *field = calls;
        }
    }
    if let Some(bytes) = keys.take("max-reply-bytes").and_then(|e| reader.bytes(e)) {
        options.max_reply_bytes = bytes;
    }
    if let Some(tls) = keys.take("tls").and_then(|e| tls(&e.value, reader)) {
        options.tls = tls;
    }
    options.metadata = keys.take("metadata").map(|e| named(e, reader)).unwrap_or_default();
    keys.finish(reader);
    together(before, address?.span, || GrpcTarget::new(&options), reader);
    Some(SystemKind::Grpc(Box::new(options)))
}

/// What fits each by itself may not fit together; the adapter knows. A finding is enough if there was one already, since `before`.
fn together<T, E: std::fmt::Display>(
    before: usize,
    span: Span,
    target: impl FnOnce() -> Result<T, E>,
    reader: &mut Reader<'_>,
) {
    if reader.findings[before..].iter().all(|d| d.severity != Severity::Error)
        && let Err(problem) = target()
    {
        reader.findings.push(Diagnostic::error(Code::CONFIG_INVALID, problem.to_string()).at(span, ""));
    }
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

/// `headers`, or `metadata`: what every request carries, by its names.
pub(super) fn named(entry: &Entry, reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let entries = reader.entries(&entry.value, &format!("`{}`", entry.key)).unwrap_or_default();
    let mut named = BTreeMap::new();
    for entry in entries {
        let Some(text) = reader.text(entry) else { continue };
        if !text.resolved && super::mask::speaks_of_a_secret(&entry.key) {
            reader.findings.push(readable("a secret", text.span));
        }
        named.insert(entry.key.clone(), text.value);
    }
    named
}
