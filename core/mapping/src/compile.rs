//! The last step of loading: a checked route, compiled to plans.

use std::sync::Arc;

use portolan_formats::records::RecordFile;
use portolan_schema::{
    Document, Schema,
    layout::{Excerpt, NodeId},
};

use crate::{
    check::{
        CheckedAcknowledgement, CheckedAnswers, CheckedAround, CheckedCut, CheckedFile, CheckedRoute, Travel,
        nothing,
    },
    file::Silence,
    file_name::{AnswerName, FileName},
    ir::Tables,
    load::{LoadedBatch, LoadedRoute},
    plan::{Contracts, Plan, ReplyPlan, Visible},
    told,
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
    /// What tells whoever dropped a file what became of it.
    pub acknowledgement: Option<CompiledAcknowledgement>,
    /// The file that is made of the messages, where they gather into one; the keys of `request` are those of its groups then.
    pub made: Option<CompiledFile>,
}

/// A file that tells what became of another, ready to be written. Its plans read `portolan.v1.Acknowledgement`; the request that they know is a
/// message of the file, as far as it is known.
#[derive(Debug)]
pub struct CompiledAcknowledgement {
    /// How it is written.
    pub file: RecordFile,
    /// What it is called.
    pub name: AnswerName,
    /// From the top of the layout to the record of a problem, which is the last; empty, where there is none.
    pub chain: Vec<NodeId>,
    /// The other records.
    pub around: Vec<(NodeId, Plan)>,
    /// The record of a problem.
    pub problem: Option<Plan>,
}

/// A file that is made of messages, ready to be written.
#[derive(Debug)]
pub struct CompiledFile {
    /// How it is written, and read again.
    pub file: RecordFile,
    /// What a message is when the file is read again.
    pub sent: Arc<Excerpt>,
    /// From the top of the layout to the record of a message, which is the last.
    pub chain: Vec<NodeId>,
    /// What files are called.
    pub name: FileName,
    /// When they are cut.
    pub cut: CheckedCut,
    /// Which messages share a group, the outermost first: the group, and how many of the keys are its own.
    pub groups: Vec<(NodeId, usize)>,
    /// What stands around messages, by its record; of the first message within.
    pub around: Vec<(NodeId, Plan)>,
    /// What answers.
    pub answers: Option<CompiledAnswers>,
}

/// Files whose records answer messages, ready to be read.
#[derive(Debug)]
pub struct CompiledAnswers {
    /// Who drops them.
    pub system: Arc<str>,
    /// The names of the files that are taken.
    pub pattern: Option<Arc<str>>,
    /// How they are read.
    pub file: RecordFile,
    /// What an answer is.
    pub excerpt: Arc<Excerpt>,
    /// By what an answer is known: the keys of the plan.
    pub of_reply: Plan,
    /// By what a message is known: the keys of the plan.
    pub of_sent: Plan,
    /// What it means that no answer came in time.
    pub silence: Silence,
}

impl CompiledAcknowledgement {
    fn of(checked: &CheckedAcknowledgement, original: (&Schema, &Document), tables: &Tables) -> Self {
        let plan = |record: &CheckedAround| {
            let target = (&*record.schema, &record.document);
            let contracts = Contracts { source: told::contract(), target, original: Some(original), tables };
            Plan::compile(&record.translation, contracts)
        };
        Self {
            file: RecordFile::compile(Arc::clone(&checked.layout)),
            name: checked.name.clone(),
            chain: checked.chain.clone(),
            around: checked.around.iter().map(|record| (record.node, plan(record))).collect(),
            problem: checked.problem.as_ref().map(plan),
        }
    }
}

impl CompiledFile {
    fn of(
        checked: &CheckedFile,
        source: (&Schema, &Document),
        reply: Option<&crate::ir::Reply>,
        tables: &Tables,
    ) -> Self {
        let around = checked.around.iter().map(|around| {
            let contracts =
                Contracts { source, target: (&around.schema, &around.document), original: None, tables };
            (around.node, Plan::compile(&around.translation, contracts))
        });
        Self {
            file: RecordFile::compile(Arc::clone(&checked.layout)),
            sent: Arc::clone(&checked.sent),
            chain: crate::check::chain(&checked.layout, checked.record),
            name: checked.name.clone(),
            cut: checked.cut.clone(),
            groups: checked.groups.iter().map(|group| (group.node, group.by.len())).collect(),
            around: around.collect(),
            answers: reply
                .zip(checked.answers.as_deref())
                .and_then(|(reply, answers)| CompiledAnswers::of(answers, reply, tables)),
        }
    }
}

impl CompiledAnswers {
    fn of(checked: &CheckedAnswers, reply: &crate::ir::Reply, tables: &Tables) -> Option<Self> {
        let (schema, document) = nothing();
        let contracts = |source| Contracts { source, target: (&schema, &document), original: None, tables };
        let answer = contracts((&*checked.schema, &checked.document));
        let sent = contracts((&*checked.sent_schema, &checked.sent_document));
        let mut key = reply.response.clone();
        (key.write, key.given, key.original) = (Vec::new(), None, None);
        (key.require, key.fail) = (Vec::new(), Vec::new());
        let excerpt = checked.document.excerpt.clone()?;
        Some(Self {
            system: checked.system.value.clone(),
            pattern: checked.pattern.clone(),
            file: RecordFile::compile(Arc::clone(&excerpt.layout)),
            excerpt,
            of_reply: Plan::compile(&key, answer).with_keys(&checked.of_reply, answer),
            of_sent: Plan::compile(&checked.sent, sent).with_keys(&checked.of_sent, sent),
            silence: checked.silence,
        })
    }
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
        let groups = route.made.iter().flat_map(|made| &made.groups).flat_map(|group| &group.by);
        let source = (&*route.source, &route.message);
        Some(CompiledBatch {
            file: RecordFile::compile(Arc::clone(&excerpt.layout)),
            excerpt,
            request: Plan::compile(&route.request, there).with_skip(skip, there).with_keys(groups, there),
            answer,
            visible: Visible::compile(&route.source, &route.message, &route.visible),
            acknowledgement: route
                .acknowledgement
                .as_ref()
                .map(|told| CompiledAcknowledgement::of(told, source, &route.tables)),
            made: route.made.as_ref().map(|made| CompiledFile::of(made, source, None, &route.tables)),
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
    /// Whether the next key is the order key.
    pub has_order: bool,
    /// How many keys behind them say which messages share a group of a file.
    pub groups: usize,
    /// The file that messages gather into, where they do.
    pub made: Option<CompiledFile>,
    /// What may be shown of the caller's message.
    pub visible_request: Visible,
    /// What may be shown of the system's reply.
    pub visible_reply: Visible,
}

impl LoadedRoute {
    /// Compiles the route; it is kept for as long as the bundle serves.
    pub fn compile(&self) -> CompiledRoute {
        let (route, source) = (&self.route, &self.source.schema);
        let documents = &route.documents;
        let made = route.made();
        let target = made.map_or(&self.target.schema, |made| &*made.schema);
        let (empty, _) = nothing();
        let answer = match made {
            None => target,
            Some(made) => made.answers.as_ref().map_or(&empty, |answers| &*answers.schema),
        };
        let there = Contracts {
            source: (source, &documents.request),
            target: (target, &documents.target_request),
            original: None,
            tables: &route.tables,
        };
        let back = Contracts {
            source: (answer, &documents.target_reply),
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
        let groups = made.iter().flat_map(|made| &made.groups).flat_map(|group| &group.by);
        let message = (source, &documents.request);
        CompiledRoute {
            request: Plan::compile(&route.request, there).with_keys(keys.chain(groups.clone()), there),
            groups: groups.count(),
            made: made.map(|made| CompiledFile::of(made, message, Some(&route.reply), &route.tables)),
            reply: match &route.poll {
                Some(poll) => reply.with_until(&poll.until, back),
                None => reply,
            },
            poll: on,
            has_request_id: route.request_id.is_some(),
            has_key: route.key.is_some(),
            has_order: route.order.is_some(),
            visible_request: Visible::compile(source, &documents.request, &route.visible_request),
            visible_reply: Visible::compile(answer, &documents.target_reply, &route.visible_reply),
        }
    }
}

impl CheckedRoute {
    /// The file that its messages gather into, where they do.
    pub fn made(&self) -> Option<&CheckedFile> {
        match &self.travel {
            Travel::File(made) => Some(made),
            Travel::Soap(_) => None,
        }
    }
}
