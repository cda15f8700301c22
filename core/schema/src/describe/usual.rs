//! What most values of a layout have in common, so that it is said once.

use super::formula;
use crate::layout::{Characters, Form, Invalid, Item, ItemContent, Layout, Null, Side, Storage, Trim};

/// What most values of a layout have in common: it is said once for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Usual {
    /// When there is no value.
    pub(super) absent: Option<(Vec<Null>, Invalid)>,
    /// How texts are trimmed; `None` is as they are justified.
    pub(super) trim: Option<Trim>,
    /// What texts consist of.
    pub(super) chars: Option<Characters>,
    /// Nothing else is known: of a copybook, which says no word of encodings and trimming.
    pub(super) bare: bool,
}

/// Fewer values than these have nothing in common that is worth a sentence.
const FEW: usize = 4;

impl Usual {
    /// What most values of a layout have.
    pub(super) fn of(layout: &Layout) -> Self {
        fn each<'l>(items: &'l [Item], see: &mut dyn FnMut(&'l Storage)) {
            for item in items {
                if let ItemContent::Value(storage) = &item.content {
                    see(storage);
                }
                each(item.items(), see);
            }
        }
        let (mut absent, mut trims, mut chars) = (Votes(Vec::new()), Votes(Vec::new()), Votes(Vec::new()));
        for shape in layout.nodes().filter_map(|(_, node)| node.shape.as_ref()) {
            each(&shape.items, &mut |storage| {
                absent.cast((&storage.nulls, storage.invalid));
                if let Form::Text(text) = &storage.form {
                    trims.cast((text.trim != by_side(text.justified)).then_some(text.trim));
                    chars.cast(text.chars.as_ref());
                }
            });
        }
        Self {
            absent: absent.most().map(|(nulls, invalid)| (nulls.clone(), invalid)),
            trim: trims.most().flatten(),
            chars: chars.most().flatten().cloned(),
            bare: false,
        }
    }

    /// Of a copybook.
    pub(super) fn bare() -> Self {
        Self { absent: None, trim: None, chars: None, bare: true }
    }

    /// The same in words.
    pub(super) fn says(&self) -> Option<String> {
        let absent = self.absent.as_ref().and_then(|(nulls, invalid)| absent(nulls, *invalid));
        let texts = [self.trim.map(trimmed), self.chars.as_ref().map(formula::class)];
        let texts: Vec<String> = texts.into_iter().flatten().collect();
        let says = match (absent, texts.as_slice()) {
            (None, []) => return None,
            (Some(absent), []) => format!("values are {absent}"),
            (None, texts) => format!("texts are {}", texts.join(", ")),
            (Some(absent), texts) => format!("values are {absent}, texts are {}", texts.join(", ")),
        };
        Some(format!("{says}, unless something else is said"))
    }
}

/// What is there most.
struct Votes<T>(Vec<(T, usize)>);

impl<T: PartialEq> Votes<T> {
    fn cast(&mut self, vote: T) {
        match self.0.iter().position(|(known, _)| *known == vote) {
            Some(at) => self.0[at].1 += 1,
            None => self.0.push((vote, 1)),
        }
    }

    /// What more than half have.
    fn most(self) -> Option<T> {
        let all: usize = self.0.iter().map(|(_, count)| count).sum();
        let most = self.0.into_iter().max_by_key(|(_, count)| *count);
        most.filter(|(_, count)| count * 2 > all && all >= FEW).map(|(vote, _)| vote)
    }
}

/// From where padding is taken away where nothing else is said.
pub(super) fn by_side(side: Side) -> Trim {
    match side {
        Side::Left => Trim { left: false, right: true },
        Side::Right => Trim { left: true, right: false },
    }
}

pub(super) fn trimmed(trim: Trim) -> String {
    match trim {
        Trim { left: true, right: true } => "trimmed on both sides",
        Trim { left: true, right: false } => "trimmed on the left",
        Trim { left: false, right: true } => "trimmed on the right",
        Trim { left: false, right: false } => "not trimmed",
    }
    .to_owned()
}

pub(super) fn absent(nulls: &[Null], invalid: Invalid) -> Option<String> {
    let mut words: Vec<String> = nulls.iter().map(null).collect();
    if invalid == Invalid::Null {
        words.push("unreadable".to_owned());
    }
    (!words.is_empty()).then(|| format!("none if {}", words.join(" or ")))
}

fn null(null: &Null) -> String {
    match null {
        Null::Blanks => "blank".to_owned(),
        Null::Zeros => "zeros".to_owned(),
        Null::Nines => "nines".to_owned(),
        Null::LowValues => "low values".to_owned(),
        Null::HighValues => "high values".to_owned(),
        Null::Byte(byte) => format!("bytes of {byte:02X}"),
        Null::Text(text) => format!("{text:?}"),
    }
}
