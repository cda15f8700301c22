//! The table of one code page, unfolded from `codepages/tables.bin` when it is first used. The file's README says what is in it.

use portolan_schema::layout::{PAGES, Page};
use std::sync::OnceLock;

const DATA: &[u8] = include_bytes!("../../../codepages/tables.bin");

/// No character, no code.
pub(super) const NONE: u16 = 0xFFFF;

/// Marks a byte that is not a character of ASCII in [`Table::ascii`].
pub(super) const NOT_ASCII: u8 = 0x80;

/// One code page, both ways.
#[derive(Debug)]
pub(super) struct Table {
    /// Whether bytes below `80` are ASCII.
    pub(super) extends_ascii: bool,
    /// Each byte in ASCII, or [`NOT_ASCII`].
    pub(super) ascii: [u8; 256],
    /// Each byte in UTF-8: up to three bytes, then how many; none where the byte is undefined.
    pub(super) utf8: [[u8; 4]; 256],
    /// The characters of two bytes by their code; empty where the page has none.
    pub(super) double: Vec<u16>,
    /// The code of each character of ASCII.
    from_ascii: [u16; 128],
    /// Characters beyond ASCII with their codes, in order.
    others: Vec<(u16, u16)>,
    /// Characters that the page does not have, with the codes of very similar ones.
    similar: Vec<(u16, u16)>,
}

static TABLES: [OnceLock<Table>; PAGES.len()] = [const { OnceLock::new() }; PAGES.len()];

impl Table {
    /// The table of a page.
    pub(super) fn of(page: Page) -> &'static Self {
        let index = usize::from(page.0) % TABLES.len();
        TABLES[index].get_or_init(|| Self::unfold(index))
    }

    /// The code of a character: of one byte below `100`, of two otherwise.
    #[inline]
    pub(super) fn code(&self, character: char) -> Option<u16> {
        let point = u16::try_from(u32::from(character)).ok()?;
        let code = match self.from_ascii.get(usize::from(point)) {
            Some(code) => *code,
            None => {
                let at = self.others.binary_search_by_key(&point, |(point, _)| *point).ok()?;
                self.others.get(at)?.1
            }
        };
        (code != NONE).then_some(code)
    }

    /// The code of a character that looks the same.
    pub(super) fn similar(&self, character: char) -> Option<u16> {
        let point = u32::from(character);
        self.similar.iter().find(|(similar, _)| u32::from(*similar) == point).map(|(_, code)| *code)
    }

    /// Translates ASCII in place; tells whether each character is one byte.
    #[inline]
    pub(super) fn encode_ascii(&self, text: &mut [u8]) -> bool {
        let mut seen = 0;
        for byte in text {
            let code = self.from_ascii[usize::from(*byte & 0x7F)];
            seen |= code;
            *byte = code as u8;
        }
        seen <= 0xFF
    }

    fn unfold(index: usize) -> Self {
        let mut data = Numbers { at: index * 256 };
        let mut table = Self {
            extends_ascii: true,
            ascii: [NOT_ASCII; 256],
            utf8: [[0; 4]; 256],
            double: Vec::new(),
            from_ascii: [NONE; 128],
            others: Vec::new(),
            similar: Vec::new(),
        };
        let mut pairs = Vec::new();
        for byte in 0..=255u8 {
            let point = data.next();
            table.extends_ascii &= byte >= 0x80 || point == u16::from(byte);
            pairs.push((point, u16::from(byte)));
            let Some(character) = char::from_u32(u32::from(point)).filter(|_| point != NONE) else {
                continue;
            };
            let utf8 = &mut table.utf8[usize::from(byte)];
            // Every character here is of the Basic Multilingual Plane: three bytes at most.
            utf8[3] = character.encode_utf8(utf8).len() as u8;
            if character.is_ascii() {
                table.ascii[usize::from(byte)] = character as u8;
            }
        }
        data.at = PAGES.len() * 256;
        let mut list = |width: usize| -> Vec<[u16; 3]> {
            (0..data.next())
                .map(|_| std::array::from_fn(|i| if i < width { data.next() } else { NONE }))
                .filter(|entry: &[u16; 3]| usize::from(entry[0]) == index)
                .collect()
        };
        let (decode_only, encode_only) = (list(2), list(3));
        for mixed in (0..PAGES.len()).filter(|page| PAGES[*page].mixed) {
            if mixed == index {
                table.double = vec![NONE; 0x1_0000];
            }
            for _ in 0..data.next() {
                let (lead, first, last) = (data.next(), data.next(), data.next());
                for trail in first..=last {
                    let (code, point) = (lead << 8 | trail, data.next());
                    if mixed == index {
                        table.double[usize::from(code)] = point;
                        pairs.push((point, code));
                    }
                }
            }
        }
        pairs.retain(|(point, code)| *point != NONE && !decode_only.iter().any(|only| only[1] == *code));
        table.similar = encode_only.iter().map(|only| (only[1], only[2])).collect();
        pairs.sort_unstable();
        for (point, code) in pairs {
            match table.from_ascii.get_mut(usize::from(point)) {
                Some(slot) => *slot = code,
                None => table.others.push((point, code)),
            }
        }
        table
    }
}

/// The file, number by number.
struct Numbers {
    at: usize,
}

impl Numbers {
    fn next(&mut self) -> u16 {
        let bytes = DATA.get(self.at * 2..).and_then(<[u8]>::first_chunk);
        self.at += 1;
        bytes.map_or(NONE, |bytes| u16::from_le_bytes(*bytes))
    }
}
