//! The answers file: what the simulated service says to which request, where a sample would not do.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use portolan_schema::{Contract, Document, Schema, SoapVersion, TypeId, Wire};
use quick_xml::escape::escape;
use serde::Deserialize;

use super::{
    fault::fault,
    request::{Request, is_well_formed},
    sample::wrap,
};
use crate::options::duration;

/// Answers in the order in which they are tried: the first that fits is given.
#[derive(Debug, Clone, Default)]
pub struct Answers(Vec<Answer>);

/// What is wrong with an answers file.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// It is not YAML, or not what an answers file may hold.
    #[error("the answers cannot be read: {0}")]
    Unreadable(String),
    /// An answer for what the contract does not have.
    #[error("answer {answer}: the contract has no operation `{operation}`; it has {known}")]
    UnknownOperation {
        /// Counted from 1.
        answer: usize,
        /// As it is written.
        operation: String,
        /// The operations that there are.
        known: String,
    },
    /// A condition that no request can meet.
    #[error(
        "answer {answer}: no request of this operation has `{name}`; `when` takes local names, `A/B` or `A/@b`"
    )]
    UnknownName {
        /// Counted from 1.
        answer: usize,
        /// The part of the path.
        name: String,
    },
    /// An answer must say exactly one thing.
    #[error(
        "answer {0}: write one of `reply`, `fault`, `body` or `status`; `body` and `status` may stand together"
    )]
    Ambiguous(usize),
    /// An XML fragment that is none.
    #[error("answer {0}: `{1}` is not well-formed XML, or uses a prefix that it does not declare")]
    Fragment(usize, &'static str),
    /// A status outside of 200 to 599.
    #[error("answer {0}: `status` must be from 200 to 599")]
    Status(usize),
    /// An answer that is never given.
    #[error("answer {0}: `times` must be 1 or more")]
    Times(usize),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Answer {
    operation: String,
    #[serde(default)]
    when: BTreeMap<String, String>,
    #[serde(default)]
    reply: Option<String>,
    #[serde(default)]
    fault: Option<FaultAnswer>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default, deserialize_with = "some_duration")]
    delay: Option<Duration>,
    /// It is given so often, and then no more.
    #[serde(default)]
    times: Option<u32>,
    #[serde(skip)]
    given: Arc<AtomicU32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct FaultAnswer {
    #[serde(default = "server")]
    code: String,
    reason: String,
    #[serde(default)]
    detail: String,
}

fn server() -> String {
    "Server".to_owned()
}

fn some_duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

/// What goes back over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
    pub(crate) delay: Duration,
}

impl Response {
    /// An envelope.
    pub(crate) fn envelope(version: SoapVersion, (status, body): (u16, String)) -> Self {
        Self { status, content_type: content_type(version).to_owned(), body, delay: Duration::ZERO }
    }
}

/// The media type of an envelope.
fn content_type(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V11 => "text/xml; charset=utf-8",
        SoapVersion::V12 => "application/soap+xml; charset=utf-8",
    }
}

impl Answers {
    /// Reads the YAML of an answers file, and checks all that can be checked before a request comes.
    pub fn read(yaml: &str, contract: &Contract) -> Result<Self, AnswersError> {
        let answers: Vec<Answer> =
            serde_saphyr::from_str(yaml).map_err(|error| AnswersError::Unreadable(error.to_string()))?;
        for (index, answer) in answers.iter().enumerate() {
            answer.check(index + 1, contract)?;
        }
        Ok(Self(answers))
    }

    /// The answer to a request, if there is one for it.
    pub(crate) fn find(&self, operation: &str, request: &Request) -> Option<Response> {
        let fits = |answer: &&Answer| {
            answer.operation == operation
                && answer.when.iter().all(|(path, value)| request.text_at(path) == Some(value.trim()))
        };
        self.0.iter().filter(fits).find(|answer| answer.is_left()).map(|answer| answer.response(request))
    }
}

impl Answer {
    fn check(&self, number: usize, contract: &Contract) -> Result<(), AnswersError> {
        if contract.operations(&self.operation).is_empty() {
            let names = contract.services.iter().flat_map(|s| &s.operations).map(|o| format!("`{}`", o.name));
            let mut known: Vec<String> = names.collect();
            known.sort();
            known.dedup();
            let (operation, known) = (self.operation.clone(), known.join(", "));
            return Err(AnswersError::UnknownOperation { answer: number, operation, known });
        }
        let known = contract.operations(&self.operation).into_iter();
        if let Some(known) =
            known.map(|(_, operation)| names(&contract.schema, &operation.input)).collect::<Option<Vec<_>>>()
        {
            let is_known = |part: &&str| known.iter().any(|names| names.contains(*part));
            if let Some(part) = self.when.keys().flat_map(|path| path.split('/')).find(|part| !is_known(part))
            {
                return Err(AnswersError::UnknownName { answer: number, name: part.to_owned() });
            }
        }
        let raw = self.body.is_some() || self.status.is_some();
        if [self.reply.is_some(), self.fault.is_some(), raw].iter().filter(|said| **said).count() != 1 {
            return Err(AnswersError::Ambiguous(number));
        }
        if self.times == Some(0) {
            return Err(AnswersError::Times(number));
        }
        if self.status.is_some_and(|status| !(200..600).contains(&status)) {
            return Err(AnswersError::Status(number));
        }
        let detail = self.fault.as_ref().map(|fault| fault.detail.as_str());
        for (name, fragment) in [("reply", self.reply.as_deref()), ("detail", detail)] {
            if fragment.is_some_and(|fragment| !is_well_formed(fragment)) {
                return Err(AnswersError::Fragment(number, name));
            }
        }
        Ok(())
    }

    /// Takes one of the times that it is given.
    fn is_left(&self) -> bool {
        let left = |given: u32| self.times.is_none_or(|times| given < times).then(|| given.saturating_add(1));
        self.given.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    fn response(&self, request: &Request) -> Response {
        let version = request.version;
        let mut response = match (&self.reply, &self.fault) {
            (Some(reply), _) => {
                Response::envelope(version, (200, wrap(version, "", fill(reply, request, true).trim())))
            }
            (None, Some(says)) => {
                let detail = fill(&says.detail, request, true);
                let reason = fill(&says.reason, request, false);
                Response::envelope(version, fault(version, &says.code, &reason, detail.trim()))
            }
            (None, None) => Response {
                status: self.status.unwrap_or(200),
                content_type: "text/html; charset=utf-8".to_owned(),
                body: self.body.as_ref().map_or_else(String::new, |body| fill(body, request, false)),
                delay: Duration::ZERO,
            },
        };
        if let Some(content_type) = &self.content_type {
            response.content_type.clone_from(content_type);
        }
        response.delay = self.delay.unwrap_or_default();
        response
    }
}

/// Every name that a path into this document may have; `None` where the contract leaves some of them open.
fn names(schema: &Schema, document: &Document) -> Option<HashSet<String>> {
    let mut names = HashSet::new();
    let mut seen = HashSet::new();
    let mut waiting = vec![document.record];
    while let Some(id) = waiting.pop() {
        let record = schema.record(id);
        if record.open || record.is_abstract {
            return None;
        }
        for field in &record.fields {
            match &field.wire {
                Wire::Element(name) => names.insert(name.local.clone()),
                Wire::Attribute(name) => names.insert(format!("@{}", name.local)),
                Wire::Text | Wire::Protobuf { .. } | Wire::Stored(_) | Wire::Part => false,
            };
            if let TypeId::Record(inner) = field.ty
                && seen.insert(inner)
            {
                waiting.push(inner);
            }
        }
    }
    Some(names)
}

/// Puts the request's own texts in the places of `{Path/To/Element}`; what the request does not have stays as it is
/// written.
fn fill(template: &str, request: &Request, escaped: bool) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let place = after.split_once('}').filter(|(path, _)| is_path(path));
        match place.and_then(|(path, after)| Some((request.text_at(path)?, after))) {
            Some((text, after)) => {
                if escaped {
                    out.push_str(&escape(text));
                } else {
                    out.push_str(text);
                }
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_path(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 200
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '{' | ';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request::read(
            b"<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><q:Q xmlns:q='urn:q' kind='k'>\
              <Code> 1&lt;2 </Code><Empty/></q:Q></e:Body></e:Envelope>",
        )
        .unwrap()
    }

    #[test]
    fn templates_are_filled_from_the_request() {
        for (template, escaped, expected) in [
            ("<a>{Code}</a>", true, "<a>1&lt;2</a>"),
            ("{Q/Code}", false, "1<2"),
            ("{Q/@kind}{Q/Empty}{Other}{a b}{", true, "k{Other}{a b}{"),
            ("body { color: red }", false, "body { color: red }"),
        ] {
            assert_eq!(fill(template, &request(), escaped), expected, "{template}");
        }
    }
}
