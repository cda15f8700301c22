//! A layout, compiled: what reading and writing a file of records share.

use std::{ops::Range, sync::Arc};

use bumpalo::Bump;
use portolan_schema::layout::{Delimited, FileFormat, Framing, Layout, NodeId, Requirement};

use super::{
    codepage::Transcoder,
    formula::{Facts, Formula},
    frame::{Cut, Framer, Shape},
    part::{Form, Part, PartKind, blank},
    state::{Known, State},
    structure::Structure,
    totals::Totals,
    walk,
};

/// A kind of file, compiled from its layout.
#[derive(Debug)]
pub struct RecordFile {
    pub(super) layout: Arc<Layout>,
    /// The shape of each record, by node.
    pub(super) forms: Vec<Option<Form>>,
    pub(super) structure: Structure,
    pub(super) totals: Totals,
    /// What each record must satisfy, by node.
    pub(super) requires: Vec<Vec<(Formula, Box<str>)>>,
    pub(super) text: Transcoder,
    pub(super) blank: u8,
    /// The byte that records consist of which fill a block.
    pub(super) fill: Option<u8>,
    pub(super) asks_for_last: bool,
    /// How many bytes the fields of the longest record need.
    widest: usize,
    /// Whether a layout demands anything of a record's values, by node.
    pub(super) demands: Vec<bool>,
    comments: Vec<Vec<u8>>,
    /// Cuts one framed record by itself, where its frame tells it from its bytes.
    lone: Option<Framer>,
}

impl RecordFile {
    /// Compiles a layout.
    pub fn compile(layout: Arc<Layout>) -> Self {
        let mut forms: Vec<Option<Form>> = layout
            .nodes()
            .map(|(id, node)| node.shape.as_ref().map(|shape| Form::compile(&layout, id, shape)))
            .collect();
        let mut totals = Totals::compile(&layout, &mut forms);
        let structure = Structure::compile(&layout);
        let text = Transcoder::new(layout.file.encoding);
        let compiled = |id, require: &Requirement| {
            (Formula::compile(&layout, id, &require.formula), require.text.clone())
        };
        let requires: Vec<Vec<_>> =
            layout.nodes().map(|(id, node)| node.require.iter().map(|r| compiled(id, r)).collect()).collect();
        for (index, requires) in requires.iter().enumerate() {
            for (require, _) in requires {
                totals.keep(NodeId(index as u32), require);
            }
        }
        for (index, node) in layout.nodes.iter().enumerate() {
            if let Some(rule) = &node.when {
                let rule = super::rule::Rule::compile(&layout, NodeId(index as u32), rule);
                rule.each_place(&mut |place| totals.keep_place(NodeId(index as u32), place));
            }
        }
        let encoded = |text: &str| {
            let mut bytes = Vec::new();
            let _ = Transcoder::new(layout.file.encoding).encode(text, true, &mut bytes);
            bytes
        };
        let comments = layout.file.comments.iter().map(|comment| encoded(comment)).collect();
        let fill =
            layout.file.block.as_ref().and_then(|block| encoded(&block.fill.to_string()).first().copied());
        let asks_for_last = structure.rules().any(super::rule::Rule::asks_for_last);
        let blank = blank(layout.file.encoding);
        let demands = forms.iter().zip(&requires).map(|(form, requires)| {
            !requires.is_empty() || form.as_ref().is_some_and(|form| demanding(&form.parts))
        });
        let demands = demands.collect();
        let lone = lone(&layout.file);
        let widest = forms.iter().flatten().map(|form| form.least).max().unwrap_or(0);
        Self {
            layout,
            forms,
            structure,
            totals,
            requires,
            text,
            blank,
            fill,
            asks_for_last,
            widest,
            demands,
            comments,
            lone,
        }
    }

    /// The layout.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The record whose columns a line of titles names: the first.
    pub(super) fn titled(&self) -> Option<&Form> {
        let titles = matches!(&self.layout.file.framing, Framing::Delimited(how) if how.titles);
        self.forms.iter().flatten().next().filter(|_| titles)
    }

    pub(super) fn framer(&self) -> Framer {
        Framer::new(&self.layout.file, self.comments.clone()).marked(&self.layout.file)
    }

    /// Where within one framed record its own bytes are.
    pub(super) fn within_frame(&self, framed: &[u8]) -> Option<Range<usize>> {
        let Some(mut framer) = self.lone.clone() else { return Some(0..framed.len()) };
        match framer.next(framed, true, &mut |_| Shape::Unknown) {
            Ok(Cut::Record { data, .. }) => Some(data),
            // An empty line that was a record.
            Ok(Cut::Skip(_)) => Some(0..0),
            _ => None,
        }
    }

    /// All that conditions may ask.
    pub(super) fn facts<'f>(&'f self, known: &'f Known, record: &'f [u8], last: bool) -> Facts<'f> {
        Facts {
            record,
            columns: None,
            node: None,
            number: known.number,
            last,
            text: &self.text,
            forms: &self.forms,
            before: &known.before,
            totals: &known.totals,
            ordinals: &known.ordinals,
            records: known.records,
            block: self.layout.file.block.as_ref().map_or(1, |block| block.records),
            from: 0,
            within: None,
            walked: None,
        }
    }

    /// Whether blanks behind a record's last field mean nothing: where its length is that of a line, or said before it.
    pub(super) fn fills_up(&self) -> bool {
        matches!(
            self.layout.file.framing,
            Framing::Lines { .. } | Framing::Prefixed(_) | Framing::Blocked(..) | Framing::LengthField { .. }
        )
    }

    /// Whether a record only fills a block up.
    pub(super) fn is_fill(&self, record: &[u8]) -> bool {
        match self.fill {
            Some(fill) => {
                let rest = record.iter().rposition(|byte| *byte != self.blank).map_or(0, |last| last + 1);
                rest > 0 && record.iter().take(rest).all(|byte| *byte == fill)
            }
            None => false,
        }
    }

    /// A record with blanks up to a length; by itself up to that of the longest record.
    pub(super) fn padded<'a>(&self, record: &'a [u8], length: Option<usize>, arena: &'a Bump) -> &'a [u8] {
        use portolan_schema::layout::Short;
        let length = length.unwrap_or(match self.layout.file.short {
            Short::Refuse => 0,
            Short::Pad | Short::Null => self.widest,
        });
        if record.len() >= length {
            return record;
        }
        let mut padded = bumpalo::collections::Vec::with_capacity_in(length, arena);
        padded.extend_from_slice(record);
        padded.resize(length, self.blank);
        padded.into_bump_slice()
    }

    /// How long the record is that begins a window, where only its kind says it.
    pub(super) fn shaped(&self, state: &State, window: &[u8], complete: bool, arena: &Bump) -> Shape {
        let (head, tail) = self.layout.file.record_margins;
        let (head, tail) = (head as usize, tail as usize);
        let Some(record) = window.get(head..) else { return Shape::Needs(head) };
        let facts = self.facts(&state.known, record, false);
        let facts = Facts { number: facts.number + 1, ..facts };
        let read = self.structure.read(&mut state.position.clone(), &facts, arena, &mut Vec::new());
        let Ok(node) = read else {
            // What tells kinds apart may not be there yet.
            let most = self.forms.iter().flatten().map(|form| form.least).max().unwrap_or(0);
            return if complete || record.len() >= most { Shape::Unknown } else { Shape::Needs(head + most) };
        };
        let Some(form) = self.forms.get(node.0 as usize).and_then(Option::as_ref) else {
            return Shape::Unknown;
        };
        if form.most == Some(form.least) {
            return Shape::Bytes(head + form.least + tail);
        }
        if record.len() < form.least {
            return Shape::Needs(head + form.least + tail);
        }
        let facts = Facts { node: Some(node), ..facts };
        let end = walk::each(&form.parts, 0, &facts, arena, &mut |_, _| {});
        Shape::Bytes(head + end.max(form.least) + tail)
    }
}

/// Whether more is demanded of parts than that their values can be read.
fn demanding(parts: &[Part]) -> bool {
    parts.iter().any(|part| {
        part.variant
            || part.require.is_some()
            || matches!(part.kind, PartKind::Filler { exact: true, .. })
            || matches!(part.times, portolan_schema::layout::Times::Counted { .. })
            || part.longest.is_some() && part.when.is_some()
            || demanding(part.parts())
    })
}

/// What cuts a record out of its own frame; `None` where all of it is the record.
fn lone(file: &FileFormat) -> Option<Framer> {
    let framing = match &file.framing {
        Framing::Blocked(_, prefix) => Framing::Prefixed(prefix.clone()),
        Framing::Shaped | Framing::LengthField { .. } => return None,
        Framing::Delimited(delimited) => Framing::Delimited(Delimited { titles: false, ..delimited.clone() }),
        other => other.clone(),
    };
    let format =
        FileFormat { framing, margins: (0, 0), comments: Vec::new(), header_lines: 0, ..file.clone() };
    Some(Framer::new(&format, Vec::new()))
}
