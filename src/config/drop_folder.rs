//! A system that drops files into a folder, of this machine or on an SFTP server.

use std::time::Duration;

use portolan_batch::{
    Complete, FolderOptions, FolderSource, HostKeys, KeyFile, SftpOptions, SftpOptionsError,
};
use portolan_diagnostics::{Code, Diagnostic, Severity};
use portolan_mapping::yaml::{Entry, Node, NodeKind};

use super::{
    grammar,
    keys::{Group, Reader},
    system::readable,
};

/// How often a folder is looked into, where nothing is said.
const EVERY: Duration = Duration::from_secs(1);
/// And one that is far away.
const EVERY_FAR: Duration = Duration::from_secs(10);
/// How long an SFTP server may take, where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Whether a system is a folder.
pub(super) fn is_one(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Mapping(entries) if entries.iter().any(|entry| entry.key == "batch"))
}

pub(super) fn folder(entry: &Entry, reader: &mut Reader<'_>) -> Option<FolderSource> {
    let what = format!("the system `{}`", entry.key);
    let mut keys = Group::called(&what, &entry.value, &grammar::FOLDER_SYSTEM, reader)?;
    let batch = keys.require("batch", reader);
    keys.finish(reader);
    let mut keys = Group::of(&batch?.value, &grammar::FOLDER, reader)?;
    let mut options = match (keys.take("folder"), keys.take("sftp")) {
        (Some(entry), None) => {
            reader.text(entry).map(|path| FolderOptions::new(reader.folder.join(&path.value)))
        }
        (None, Some(of)) => sftp(&of.value, &entry.key, reader),
        (None, None) => {
            let message = format!("{what} has no `folder`, and no `sftp` either");
            reader.findings.push(Diagnostic::error(Code::YAML_MISSING_KEY, message).at(entry.key_span, ""));
            None
        }
        (Some(_), Some(second)) => {
            let message = format!("{what} has a `folder` or is reached by `sftp`, one of them");
            let finding = Diagnostic::error(Code::CONFIG_INVALID, message).at(second.key_span, "");
            reader.findings.push(finding.help("one that uses both is two systems, each with its name"));
            None
        }
    };
    let far = options.as_ref().is_some_and(|options| options.sftp.is_some());
    // Whatever else is wrong is said as well.
    let mut unused = FolderOptions::new("");
    let set = options.as_mut().unwrap_or(&mut unused);
    for (key, place) in [
        ("archive", &mut set.archive),
        ("rejected", &mut set.rejected),
        ("duplicate", &mut set.duplicate),
        ("receipts", &mut set.receipts),
        ("put", &mut set.put),
    ] {
        if let Some(text) = keys.take(key).and_then(|e| reader.text(e)) {
            *place = text.value.into();
        }
    }
    if let Some(entry) = keys.take("complete") {
        set.complete = complete(entry, reader).unwrap_or_default();
    }
    if let Some(bytes) = keys.take("max-bytes").and_then(|e| reader.bytes(e)) {
        set.max_bytes = bytes as u64;
    }
    let every = keys.take("every").and_then(|e| reader.duration(e));
    let every = every.unwrap_or(if far { EVERY_FAR } else { EVERY });
    keys.finish(reader);
    Some(FolderSource { system: entry.key.as_str().into(), options: options?, every })
}

fn sftp(node: &Node, system: &str, reader: &mut Reader<'_>) -> Option<FolderOptions> {
    let mut keys = Group::of(node, &grammar::SFTP, reader)?;
    let before = reader.findings.len();
    let host = keys.require("host", reader);
    let host_span = host.map(|e| e.value.span);
    let host = host.and_then(|e| reader.text(e));
    let user = keys.require("user", reader).and_then(|e| reader.text(e));
    let path = keys.require("path", reader).and_then(|e| reader.text(e));
    let port = match keys.take("port") {
        Some(entry) => reader.parsed(entry, |text| match text.parse() {
            Ok(0) | Err(_) => Err("write a port, 1 to 65535".to_owned()),
            Ok(port) => Ok(port),
        }),
        None => Some(22),
    };
    let key = keys.take("key").and_then(|e| reader.file(e));
    let mut secret = |key, what, reader: &mut Reader<'_>| {
        let text = keys.take(key).and_then(|e| reader.text(e))?;
        if !text.resolved {
            reader.findings.push(readable(what, text.span));
        }
        Some(text.value)
    };
    let passphrase = secret("passphrase", "a passphrase", reader);
    let password = secret("password", "a password", reader);
    let host_keys = match (keys.take("host-key"), keys.take("known-hosts")) {
        (Some(entry), None) => Some(HostKeys::Fingerprints(fingerprints(entry, reader))),
        (None, Some(entry)) => reader.file(entry).map(HostKeys::KnownHosts),
        (None, None) => {
            let message = "`sftp` says nothing of the key by which the server is known";
            let finding = Diagnostic::error(Code::CONFIG_INVALID, message).at(node.span, "");
            reader.findings.push(finding.help(
                "ask the server's owner for its fingerprint, and write it as `host-key: SHA256:...`; or name a file in `known-hosts`",
            ));
            None
        }
        (Some(_), Some(second)) => {
            let message = "`sftp` has `host-key` or `known-hosts`, one of them";
            reader.findings.push(Diagnostic::error(Code::CONFIG_INVALID, message).at(second.key_span, ""));
            None
        }
    };
    let spool = keys.take("spool").and_then(|e| reader.text(e)).map(|text| text.value);
    let timeout = keys.take("timeout").and_then(|e| reader.duration(e)).unwrap_or(TIMEOUT);
    keys.finish(reader);
    let options = SftpOptions {
        host: host?.value,
        port: port?,
        user: user?.value,
        key: key.map(|path| KeyFile { path, passphrase }),
        password,
        host_keys: host_keys?,
        spool: reader.folder.join(spool.unwrap_or_else(|| format!("spool/{system}"))),
        timeout,
    };
    if reader.findings[before..].iter().all(|finding| finding.severity != Severity::Error)
        && let Err(problem) = options.check()
    {
        let code = match problem {
            SftpOptionsError::KnownHosts { .. } | SftpOptionsError::Key { .. } => Code::CONFIG_SECRET,
            SftpOptionsError::NoLogin | SftpOptionsError::Fingerprint => Code::CONFIG_INVALID,
        };
        reader.findings.push(Diagnostic::error(code, problem.to_string()).at(host_span?, ""));
    }
    Some(FolderOptions { sftp: Some(Box::new(options)), ..FolderOptions::new(path?.value) })
}

/// One, or each that the server may have.
fn fingerprints(entry: &Entry, reader: &mut Reader<'_>) -> Vec<String> {
    let nodes = match &entry.value.kind {
        NodeKind::Sequence(items) => items.as_slice(),
        _ => std::slice::from_ref(&entry.value),
    };
    let texts = nodes.iter().filter_map(|node| reader.text_of(node, &entry.key, entry.key_span));
    texts.map(|text| text.value).collect()
}

fn complete(entry: &Entry, reader: &mut Reader<'_>) -> Option<Complete> {
    if let NodeKind::Scalar(_) = &entry.value.kind {
        let text = reader.text(entry)?;
        if text.value != "renamed" {
            reader.bad(
                text.span,
                "`complete` is `renamed`, or a group with `done-file`, `manifest` or `quiet`",
            );
            return None;
        }
        return Some(Complete::Renamed);
    }
    let mut keys = Group::of(&entry.value, &grammar::COMPLETE, reader)?;
    let done = keys.take("done-file").and_then(|e| reader.text(e));
    let manifest = keys.take("manifest").and_then(|e| reader.text(e));
    let quiet = keys.take("quiet").and_then(|e| reader.duration(e));
    keys.finish(reader);
    match (done, manifest, quiet) {
        (Some(suffix), None, None) => Some(Complete::DoneFile { suffix: suffix.value }),
        (None, Some(names), None) => match names.value.parse() {
            Ok(names) => Some(Complete::Manifest { names }),
            Err(problem) => {
                reader.bad(names.span, format!("{problem}"));
                None
            }
        },
        (None, None, Some(quiet)) => Some(Complete::Quiet(quiet)),
        _ => {
            reader.bad(entry.value.span, "`complete` has one of `done-file`, `manifest` and `quiet`");
            None
        }
    }
}
