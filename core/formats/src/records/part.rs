//! Shapes of records, compiled: every field with its codec, every condition with its bytes.

use portolan_schema::layout::{
    self, Delimited, Encoding, Extent, Filler, Fillers, Framing, Item, ItemContent, Layout, NodeId, Shape,
    Start, Times, Verify,
};

use super::{codepage::Transcoder, field::FieldCodec, formula::Formula, rule::Rule, sign::SignElsewhere};
use portolan_schema::FieldId;

/// A record's shape, compiled. Of a line of delimited values places and lengths are columns, not bytes.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) parts: Vec<Part>,
    /// Bytes at least and at most, or columns.
    pub(super) least: usize,
    pub(super) most: Option<usize>,
    /// So many bytes must be there even where blanks stand for what is not: binary fields hold no blanks.
    pub(super) solid: usize,
    /// How values are delimited, where they are: its record is a line of them.
    pub(super) delimited: Option<Delimited>,
}

/// Part of a record.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: Box<str>,
    /// What a line of titles calls it; `None`: anything.
    pub(super) title: Option<Box<str>>,
    pub(super) field: Option<FieldId>,
    pub(super) start: Start,
    pub(super) extent: Extent,
    /// How long a delimited value may be; its extent is a column then.
    pub(super) longest: Option<Extent>,
    /// How another item says its sign.
    pub(super) sign: Option<SignElsewhere>,
    /// The item that says how long it is, where that is counted.
    pub(super) measured: Option<Box<[u32]>>,
    /// Its length is another in each record.
    pub(super) varies: bool,
    pub(super) times: Times,
    pub(super) kind: PartKind,
    pub(super) when: Option<Rule>,
    pub(super) value: Option<(Formula, Verify)>,
    /// What must hold, and how the layout writes it.
    pub(super) require: Option<(Formula, Box<str>)>,
    pub(super) default: Option<Box<str>>,
    /// The only texts that it may have.
    pub(super) listed: Option<Vec<Box<str>>>,
    /// It is one of several, of which one must be there.
    pub(super) variant: bool,
    /// It shares its bytes with others that are there as well: what cannot be read as it is none.
    pub(super) shared: bool,
    /// It shares its bytes with others, whether or not it is the one that is there: their room is that of the longest.
    pub(super) overlaid: bool,
    /// What cannot be read as it is no value.
    pub(super) lenient: bool,
    /// It is a floating-point number of four bytes: fewer of its digits mean anything.
    pub(super) single: bool,
    /// It is octets.
    pub(super) octets: bool,
    /// It says of another how often it is there, how long it is or which sign it has: whoever writes that other one writes it.
    pub(super) tells: bool,
}

/// What a part is.
#[derive(Debug)]
pub(super) enum PartKind {
    /// A value.
    Value(Box<FieldCodec>),
    /// Parts.
    Group(Vec<Part>),
    /// Bytes without a meaning: one of its bytes, or a text for all.
    Filler { fill: Fill, exact: bool },
}

/// What fillers are written with.
#[derive(Debug, Clone)]
pub(super) enum Fill {
    Byte(u8),
    Text(Vec<u8>, u8),
}

impl Fill {
    /// Fills bytes.
    pub(super) fn write(&self, out: &mut [u8]) {
        match self {
            Self::Byte(byte) => out.fill(*byte),
            Self::Text(text, pad) => {
                for (index, byte) in out.iter_mut().enumerate() {
                    *byte = text.get(index).copied().unwrap_or(*pad);
                }
            }
        }
    }

    /// Whether bytes are what would be written.
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Byte(byte) => bytes.iter().all(|b| b == byte),
            Self::Text(text, pad) => bytes
                .iter()
                .enumerate()
                .all(|(index, byte)| *byte == text.get(index).copied().unwrap_or(*pad)),
        }
    }
}

/// The blank and the zero digit of an encoding.
pub(super) fn blank(encoding: Encoding) -> u8 {
    if encoding.is_ebcdic() { 0x40 } else { b' ' }
}

pub(super) fn zero(encoding: Encoding) -> u8 {
    if encoding.is_ebcdic() { 0xF0 } else { b'0' }
}

impl Form {
    /// Compiles the shape of a node.
    pub(super) fn compile(layout: &Layout, node: NodeId, shape: &Shape) -> Self {
        let mut compiler = Compiler { layout, node, record: layout.node(node).record };
        let mut parts = compiler.parts(&shape.items);
        let mut told = Vec::new();
        tellers(&parts, &mut told);
        for path in told {
            mark(&mut parts, &path);
        }
        if let Framing::LengthField { at, width, .. } = layout.file.framing {
            let at = at.saturating_sub(layout.file.record_margins.0);
            let is_length =
                |part: &&mut Part| part.start == Start::At(at) && part.extent == Extent::Bytes(width);
            parts.iter_mut().filter(is_length).for_each(|part| part.tells = true);
        }
        if let Framing::Delimited(delimited) = &layout.file.framing {
            let (least, most) = in_columns(&mut parts);
            return Self { delimited: Some(delimited.clone()), solid: 0, parts, least, most: Some(most) };
        }
        Self {
            delimited: None,
            solid: solid(&parts, 0, blank(layout.file.encoding)),
            parts,
            least: shape.length.0 as usize,
            most: shape.length.1.map(|most| most as usize),
        }
    }

    /// Whether what a part is computed of is in its record.
    pub(super) fn is_own(&self, node: NodeId, path: &[u32]) -> bool {
        let value = self.at(path).and_then(|part| part.value.as_ref());
        value.is_some_and(|(formula, _)| formula.is_own(node))
    }

    /// The part of an index at each level.
    pub(super) fn at(&self, path: &[u32]) -> Option<&Part> {
        let (first, rest) = path.split_first()?;
        let first = self.parts.get(*first as usize)?;
        rest.iter().try_fold(first, |part, index| part.parts().get(*index as usize))
    }
}

impl Part {
    /// How many bytes all its occurrences take, where that is always the same.
    pub(super) fn room(&self) -> usize {
        let Extent::Bytes(bytes) = self.extent else { return 0 };
        let times = match self.times {
            Times::Once => 1,
            Times::Fixed(times) => times,
            Times::Counted { most, room: true, .. } => most,
            Times::Counted { .. } => 0,
        };
        if self.varies { 0 } else { (bytes as usize).saturating_mul(times as usize) }
    }

    /// Whether a delimited value is longer than its field allows.
    pub(super) fn exceeded(&self, value: &[u8]) -> bool {
        match self.longest {
            Some(Extent::Bytes(most)) => value.len() > most as usize,
            Some(Extent::Characters(most)) => super::walk::characters(value, most as usize) < value.len(),
            _ => false,
        }
    }

    /// The parts within.
    pub(super) fn parts(&self) -> &[Part] {
        match &self.kind {
            PartKind::Group(parts) => parts,
            _ => &[],
        }
    }
}

/// The byte behind the last field of which blanks are no characters.
fn solid(parts: &[Part], base: usize, blank: u8) -> usize {
    let ends = parts.iter().map(|part| {
        let (Start::At(offset), Extent::Bytes(bytes), None) = (part.start, part.extent, &part.when) else {
            return 0;
        };
        let begin = base + offset as usize;
        let last = begin + part.room().saturating_sub(bytes as usize);
        match &part.kind {
            _ if part.room() == 0 => 0,
            PartKind::Group(parts) => solid(parts, last, blank),
            PartKind::Value(codec) if !codec.takes_blanks(&vec![blank; bytes as usize]) => {
                last + bytes as usize
            }
            _ => 0,
        }
    });
    ends.max().unwrap_or(0)
}

/// The parts that say something of others: their indexes at each level.
fn tellers(parts: &[Part], told: &mut Vec<Box<[u32]>>) {
    for part in parts {
        if let Times::Counted { by, .. } = &part.times {
            told.push(by.as_slice().into());
        }
        told.extend(part.measured.clone());
        told.extend(part.sign.as_ref().map(|sign| sign.item.clone()));
        tellers(part.parts(), told);
    }
}

fn mark(parts: &mut [Part], path: &[u32]) {
    let Some((index, rest)) = path.split_first() else { return };
    match parts.get_mut(*index as usize) {
        Some(part) if rest.is_empty() => part.tells = true,
        Some(Part { kind: PartKind::Group(parts), .. }) => mark(parts, rest),
        _ => {}
    }
}

/// Counts the places and lengths of parts in columns, each value being one; how many there are at least and at most.
fn in_columns(parts: &mut [Part]) -> (usize, usize) {
    let (mut least, mut most) = (0usize, 0usize);
    for part in parts {
        part.start = Start::Next;
        let (mut one, all) = match &mut part.kind {
            PartKind::Group(inner) => in_columns(inner),
            _ => {
                part.longest = Some(part.extent);
                (1, 1)
            }
        };
        part.extent = Extent::Bytes(u32::try_from(all).unwrap_or(u32::MAX));
        part.varies = one < all;
        let (few, many) = match part.times {
            Times::Once => (1, 1),
            Times::Fixed(times) => (times, times),
            Times::Counted { most, room: true, .. } => (most, most),
            Times::Counted { least, most, .. } => (least, most),
        };
        if part.when.is_some() {
            one = 0;
        }
        least = least.saturating_add(one.saturating_mul(few as usize));
        most = most.saturating_add(all.saturating_mul(many as usize));
    }
    (least, most)
}

struct Compiler<'l> {
    layout: &'l Layout,
    node: NodeId,
    record: portolan_schema::RecordId,
}

impl Compiler<'_> {
    fn parts(&mut self, items: &[Item]) -> Vec<Part> {
        let shared = |index: usize, item: &Item| {
            item.redefines() || items.iter().any(|other| other.start == Start::Like(index as u32))
        };
        items.iter().enumerate().map(|(index, item)| self.part(item, shared(index, item))).collect()
    }

    fn part(&mut self, item: &Item, shared: bool) -> Part {
        let kind = match &item.content {
            ItemContent::Value(storage) => {
                let signed = item.sign.as_ref().and_then(|_| storage.with_sign_before());
                PartKind::Value(Box::new(FieldCodec::compile(signed.as_ref().unwrap_or(storage))))
            }
            ItemContent::Group(record, items) => {
                let around = std::mem::replace(&mut self.record, *record);
                let parts = self.parts(items);
                self.record = around;
                PartKind::Group(parts)
            }
            ItemContent::Filler(Filler { fill, exact }) => {
                PartKind::Filler { fill: self.fill(fill), exact: *exact }
            }
        };
        let formula =
            |formula: &portolan_schema::layout::Formula| Formula::compile(self.layout, self.node, formula);
        let lenient = match &item.content {
            ItemContent::Value(storage) => storage.invalid == layout::Invalid::Null,
            _ => false,
        };
        let (single, octets) = match &item.content {
            ItemContent::Value(storage) => (
                matches!(storage.form, layout::Form::Float(_)) && item.extent == Extent::Bytes(4),
                matches!(storage.form, layout::Form::Octets),
            ),
            _ => (false, false),
        };
        let varies = match (&kind, item.extent) {
            (PartKind::Group(parts), _) => parts.iter().any(|part| {
                part.varies
                    || matches!(part.times, Times::Counted { room: false, .. })
                    || part.extent == Extent::Rest
            }),
            (_, Extent::Bytes(_)) => false,
            _ => true,
        };
        Part {
            name: item.name.clone(),
            title: item.title.clone().or(Some(item.name.clone()).filter(|name| !name.is_empty())),
            field: item.field,
            start: item.start,
            extent: item.extent,
            longest: None,
            sign: match (&item.sign, &item.content) {
                (Some(sign), ItemContent::Value(storage)) => Some(SignElsewhere::compile(sign, storage)),
                _ => None,
            },
            measured: item.measured.clone(),
            varies,
            times: item.times.clone(),
            kind,
            when: item.when.as_ref().map(|rule| Rule::compile(self.layout, self.node, rule)),
            value: item.value.as_ref().map(|check| (formula(&check.formula), check.verify)),
            require: item.require.as_ref().map(|require| (formula(&require.formula), require.text.clone())),
            default: item.default.clone(),
            listed: item.field.and_then(|field| self.listed(field)),
            variant: item.variant,
            shared: shared && item.when.is_none(),
            overlaid: shared,
            lenient,
            single,
            octets,
            tells: false,
        }
    }

    fn fill(&self, fill: &Fillers) -> Fill {
        let encoding = self.layout.file.encoding;
        match fill {
            Fillers::Blanks => Fill::Byte(blank(encoding)),
            Fillers::Zeros => Fill::Byte(zero(encoding)),
            Fillers::Byte(byte) => Fill::Byte(*byte),
            Fillers::Text(text) => {
                let mut bytes = Vec::new();
                // What the encoding does not have was found when the layout was read, or is blank.
                let _ = Transcoder::new(encoding).encode(text, true, &mut bytes);
                match bytes.as_slice() {
                    [one] => Fill::Byte(*one),
                    _ => Fill::Text(bytes, blank(encoding)),
                }
            }
        }
    }

    fn listed(&self, field: FieldId) -> Option<Vec<Box<str>>> {
        let portolan_schema::TypeId::Scalar(scalar) = self.layout.schema.field(self.record, field).ty else {
            return None;
        };
        let enumeration = self.layout.schema.scalar(scalar).enumeration.as_ref().filter(|e| !e.open)?;
        Some(enumeration.values.iter().map(|value| value.name.as_str().into()).collect())
    }
}
