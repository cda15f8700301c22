//! Slack bytes: what stands before a synchronized number, so that it begins where the machine wants it.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "SYNCHRONIZED clause", "Slack bytes within records" and "between records".

use super::{
    elementary::usage,
    laid::{Inherited, Laid, handed_down, made},
    lower::Lowering,
    syntax::Item as Entry,
};
use crate::layout::{Alignment, Extent, Filler, Fillers, ItemContent, Start, Times};

impl Lowering<'_> {
    /// Adds the slack bytes before a synchronized item.
    pub(super) fn slack(&mut self, laid: &mut Laid, entry: &Entry, inherited: Inherited, base: u64) {
        let multiple = match self.options.dialect.alignment {
            Alignment::Words => self.leading(entry, inherited),
            Alignment::Natural if entry.children.is_empty() => self.leading(entry, inherited),
            Alignment::Natural => 1,
        };
        let over = (base + laid.most) % u64::from(multiple.max(1));
        if over > 0 {
            self.pad(laid, u64::from(multiple) - over);
        }
    }

    /// Adds bytes that nothing names.
    pub(super) fn pad(&mut self, laid: &mut Laid, bytes: u64) {
        let start = if laid.fixed { Start::At(laid.most as u32) } else { Start::Next };
        let content = ItemContent::Filler(Filler { fill: Fillers::Byte(0), exact: false });
        laid.items.push(made("", None, start, bytes, Times::Once, content));
        laid.least += bytes;
        laid.most += bytes;
    }

    /// The multiple at which the first value of an entry begins.
    pub(super) fn leading(&self, entry: &Entry, inherited: Inherited) -> u32 {
        let handed = handed_down(entry, inherited);
        match entry.children.iter().find(|child| child.redefines.is_none()) {
            Some(first) => self.leading(first, handed),
            None if handed.synchronized => self.alignment(entry, handed),
            None => 1,
        }
    }

    pub(super) fn alignment(&self, entry: &Entry, handed: Inherited) -> u32 {
        match self.stored(entry, handed) {
            Ok((_, Extent::Bytes(bytes))) => self.options.dialect.aligned(usage(entry, handed), bytes),
            _ => 1,
        }
    }
}
