//! The last step of loading: a checked route, compiled to plans.

use std::sync::Arc;

use portolan_formats::records::RecordFile;
use portolan_schema::layout::Excerpt;

use crate::{
    load::{LoadedBatch, LoadedRoute},
    plan::{Contracts, Plan, ReplyPlan, Visible},
};

/// A route that takes files, ready to run.
#[derive(Debug)]
pub struct CompiledBatch {
    /// How its files are read.
    pub file: RecordFile,
    /// What a message is.
    pub excerpt: Arc<Excerpt>,
    /// From a message to what the system is told.
    pub request: Plan,
    /// What the system's answer means, where that is in a document.
    pub answer: Option<ReplyPlan>,
    /// What may be shown of a message.
    pub visible: Visible,
}

impl LoadedBatch {
    /// Compiles the route.
    pub fn compile(&self) -> Option<CompiledBatch> {
        let route = &self.route;
        let excerpt = Arc::clone(route.message.excerpt.as_ref()?);
        let there = Contracts {
            source: (&route.source, &route.message),
            target: (&route.target, &route.target_message),
            original: None,
            tables: &route.tables,
        };
        let answer = route.answer.as_ref().map(|answer| {
            let (nobody, nothing) = (&answer.nobody.0, &answer.nobody.1);
            let back = Contracts {
                source: (&route.target, &answer.document),
                target: (nobody, nothing),
                original: Some((&route.source, &route.message)),
                tables: &route.tables,
            };
            ReplyPlan::compile(&answer.reply, back)
        });
        let skip = route.skip.iter().map(|rule| (&rule.when, rule.reason.clone()));
        Some(CompiledBatch {
            file: RecordFile::compile(Arc::clone(&excerpt.layout)),
            excerpt,
            request: Plan::compile(&route.request, there).with_skip(skip, there),
            answer,
            visible: Visible::compile(&route.source, &route.message, &route.visible),
        })
    }
}

/// A route that can run.
#[derive(Debug)]
pub struct CompiledRoute {
    /// From the caller's message to the system's. Its keys (see [`Plan::run_with_keys`]) are the caller's request id,
    /// where the message has one, then the idempotency key and the order key, where the route names them.
    pub request: Plan,
    /// From the system's reply to the caller's.
    pub reply: ReplyPlan,
    /// From the system's reply to what it is asked for the answer, where that comes later.
    pub poll: Option<ReplyPlan>,
    /// Whether the first key is the caller's request id.
    pub has_request_id: bool,
    /// Whether the next key is the idempotency key.
    pub has_key: bool,
    /// Whether the last key is the order key.
    pub has_order: bool,
    /// What may be shown of the caller's message.
    pub visible_request: Visible,
    /// What may be shown of the system's reply.
    pub visible_reply: Visible,
}

impl LoadedRoute {
    /// Compiles the route; it is kept for as long as the bundle serves.
    pub fn compile(&self) -> CompiledRoute {
        let (route, source, target) = (&self.route, &self.source.schema, &self.target.schema);
        let documents = &route.documents;
        let there = Contracts {
            source: (source, &documents.request),
            target: (target, &documents.target_request),
            original: None,
            tables: &route.tables,
        };
        let back = Contracts {
            source: (target, &documents.target_reply),
            target: (source, &documents.reply),
            original: Some((source, &documents.request)),
            tables: &route.tables,
        };
        let on = route.poll.as_ref().map(|poll| {
            let on = Contracts { source: (target, &poll.taken), target: (target, &poll.asked), ..back };
            ReplyPlan::compile(&poll.request, on)
        });
        let reply = ReplyPlan::compile(&route.reply, back);
        let keys =
            route.request_id.iter().chain(&route.key).chain(route.order.iter().map(|order| &order.key));
        CompiledRoute {
            request: Plan::compile(&route.request, there).with_keys(keys, there),
            reply: match &route.poll {
                Some(poll) => reply.with_until(&poll.until, back),
                None => reply,
            },
            poll: on,
            has_request_id: route.request_id.is_some(),
            has_key: route.key.is_some(),
            has_order: route.order.is_some(),
            visible_request: Visible::compile(source, &documents.request, &route.visible_request),
            visible_reply: Visible::compile(target, &documents.target_reply, &route.visible_reply),
        }
    }
}
