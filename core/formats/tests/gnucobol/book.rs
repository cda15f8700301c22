//! Copybooks with all usages that GnuCOBOL has, and rows of values that their items can have.

use std::fmt::Write as _;

/// An entry of a copybook.
pub(crate) enum Entry {
    Value { name: &'static str, clauses: &'static str, kind: Kind, times: Times },
    Group { name: &'static str, clauses: &'static str, times: Times, entries: Vec<Entry> },
}

/// What an item holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A number of so many units of the last place: the least, the greatest, and digits after the point (before it, where negative).
    Number {
        least: i128,
        most: i128,
        scale: i32,
    },
    /// So many characters.
    Text(usize),
    /// The same, at the right side.
    Right(usize),
    /// Digits with something between them, as text.
    Inserted(usize),
    /// A floating-point number of four bytes, and of eight.
    Single,
    Double,
    /// How often the list that is last occurs: at least and at most.
    Count(u32, u32),
    /// One of two letters, which says which of two groups over the same bytes is meant.
    Code,
}

/// How often an entry stands there.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Times {
    Once,
    Fixed(usize),
    /// As often as the item of this name says, and so often at most.
    Counted(&'static str, usize),
}

/// An elementary item in all its occurrences.
pub(crate) struct Place {
    /// As a program names it.
    pub(crate) reference: String,
    pub(crate) kind: Kind,
    /// The counts that must be as great for it to be there, and the code that must be there.
    pub(crate) conditions: Vec<(&'static str, Condition)>,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Condition {
    AtLeast(usize),
    Is(&'static str),
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    Units(i128),
    Text(String),
    Bits(u64),
}

/// A signed number of so many digits.
pub(crate) fn signed(digits: u32, scale: i32) -> Kind {
    let most = 10i128.pow(digits) - 1;
    Kind::Number { least: -most, most, scale }
}

/// A number of so many digits that is never negative.
pub(crate) fn unsigned(digits: u32, scale: i32) -> Kind {
    Kind::Number { least: 0, most: 10i128.pow(digits) - 1, scale }
}

/// A number of so many bytes.
pub(crate) fn whole(bytes: u32, signed: bool) -> Kind {
    let bits = bytes * 8;
    match signed {
        true => Kind::Number { least: -(1i128 << (bits - 1)), most: (1i128 << (bits - 1)) - 1, scale: 0 },
        false => Kind::Number { least: 0, most: (1i128 << bits) - 1, scale: 0 },
    }
}

pub(crate) fn value(name: &'static str, clauses: &'static str, kind: Kind) -> Entry {
    Entry::Value { name, clauses, kind, times: Times::Once }
}

pub(crate) fn list(name: &'static str, clauses: &'static str, kind: Kind, times: Times) -> Entry {
    Entry::Value { name, clauses, kind, times }
}

pub(crate) fn group(name: &'static str, clauses: &'static str, times: Times, entries: Vec<Entry>) -> Entry {
    Entry::Group { name, clauses, times, entries }
}

/// The text of a copybook.
pub(crate) fn written(entries: &[Entry]) -> String {
    fn write(entries: &[Entry], level: usize, out: &mut String) {
        for entry in entries {
            let (name, clauses, times) = match entry {
                Entry::Value { name, clauses, times, .. } | Entry::Group { name, clauses, times, .. } => {
                    (name, clauses, times)
                }
            };
            let _ = write!(out, "       {:indent$}{level:02} {name} {clauses}", "", indent = level / 5);
            match times {
                Times::Once => {}
                Times::Fixed(times) => out.push_str(&format!(" OCCURS {times}")),
                Times::Counted(by, most) => {
                    let _ = write!(out, "\n           OCCURS 0 TO {most} DEPENDING ON {by}");
                }
            }
            out.push_str(".\n");
            if let Entry::Group { entries, .. } = entry {
                write(entries, level + 5, out);
            }
        }
    }
    let mut out = String::from("       01 THE-RECORD.\n");
    write(entries, 5, &mut out);
    out
}

/// Its items, one after another.
pub(crate) fn places(entries: &[Entry]) -> Vec<Place> {
    let mut out = Vec::new();
    walk(entries, &mut Vec::new(), &mut Vec::new(), &mut out);
    out
}

fn walk(
    entries: &[Entry],
    indexes: &mut Vec<usize>,
    conditions: &mut Vec<(&'static str, Condition)>,
    out: &mut Vec<Place>,
) {
    for entry in entries {
        let (name, clauses, times) = match entry {
            Entry::Value { name, clauses, times, .. } | Entry::Group { name, clauses, times, .. } => {
                (name, clauses, *times)
            }
        };
        let most = match times {
            Times::Once => 1,
            Times::Fixed(most) | Times::Counted(_, most) => most,
        };
        let before = conditions.len();
        // Which of two groups over the same bytes is the one.
        match (*name, clauses.starts_with("REDEFINES")) {
            (_, true) => conditions.push(("KIND-CODE", Condition::Is("B"))),
            ("BODY-A", false) => conditions.push(("KIND-CODE", Condition::Is("A"))),
            _ => {}
        }
        for index in 1..=most {
            let within = conditions.len();
            if times != Times::Once {
                indexes.push(index);
            }
            if let Times::Counted(by, _) = times {
                conditions.push((by, Condition::AtLeast(index)));
            }
            match entry {
                Entry::Group { entries, .. } => walk(entries, indexes, conditions, out),
                Entry::Value { kind, .. } => {
                    let subscripts: Vec<String> = indexes.iter().map(ToString::to_string).collect();
                    let reference = match subscripts.is_empty() {
                        true => (*name).to_owned(),
                        false => format!("{name}({})", subscripts.join(" ")),
                    };
                    out.push(Place { reference, kind: *kind, conditions: conditions.clone() });
                }
            }
            if times != Times::Once {
                indexes.pop();
            }
            conditions.truncate(within);
        }
        conditions.truncate(before);
    }
}

/// Random numbers, the same in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        // xorshift64* (Vigna, 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}

/// The values of a row, with `None` for what is not there. The first rows are those of the edges.
pub(crate) fn row(places: &[Place], index: usize, random: &mut Random) -> Vec<Option<Given>> {
    let mut known: Vec<(&str, Given)> = Vec::new();
    let mut out = Vec::new();
    for place in places {
        let there = place.conditions.iter().all(|(name, condition)| {
            let given = known.iter().find(|(known, _)| known == name).map(|(_, given)| given);
            match (given, condition) {
                (Some(Given::Units(count)), Condition::AtLeast(least)) => *count >= *least as i128,
                (Some(Given::Text(code)), Condition::Is(wanted)) => code == wanted,
                _ => false,
            }
        });
        let given = there.then(|| given(place.kind, index, random));
        if let Some(given) = &given {
            known.push((&place.reference, given.clone()));
        }
        out.push(given);
    }
    out
}

fn given(kind: Kind, row: usize, random: &mut Random) -> Given {
    match kind {
        Kind::Number { least, most, .. } => Given::Units(match row {
            0 => 0,
            1 => most,
            2 => least,
            3 => 1.min(most),
            4 => (-1).max(least),
            // As many digits as it happens: most numbers are short.
            _ => {
                let bits = random.below(127) as u32;
                let wide = (u128::from(random.next()) << 64 | u128::from(random.next())) >> (127 - bits);
                let number = (wide >> 1) as i128 % (most + 1).max(1);
                if least < 0 && random.below(2) == 0 { -number.min(-least) } else { number }
            }
        }),
        Kind::Count(least, most) => Given::Units(match row {
            0 | 2 => i128::from(least),
            1 => i128::from(most),
            _ => i128::from(least) + i128::from(random.below(u64::from(most - least) + 1)),
        }),
        Kind::Code => Given::Text(if random.below(2) == 0 { "A" } else { "B" }.to_owned()),
        Kind::Text(length) | Kind::Right(length) => {
            const LETTERS: &[u8] = b"ABCXYZ abcxyz 0123456789 .,;:+-*/$&'\"\\{}~";
            let length = match row {
                0 => 0,
                1 => length as u64,
                _ => random.below(length as u64 + 1),
            };
            let letters: Vec<u8> =
                (0..length).map(|_| LETTERS[random.below(LETTERS.len() as u64) as usize]).collect();
            let text = String::from_utf8(letters).unwrap();
            // A program moves a text with the blanks at its end, which JUSTIFIED keeps.
            Given::Text(text.trim_end().to_owned())
        }
        Kind::Inserted(length) => {
            let letters = (0..length).map(|_| char::from(b'A' + random.below(26) as u8)).collect();
            Given::Text(letters)
        }
        Kind::Single => {
            const EDGES: [f32; 8] = [0.0, f32::MAX, f32::MIN, 1.0, -1.0, f32::MIN_POSITIVE, 1.1, -123_456.79];
            let bits = EDGES.get(row).map_or_else(|| finite32(random), |edge| edge.to_bits());
            Given::Bits(u64::from(bits))
        }
        Kind::Double => {
            const EDGES: [f64; 8] =
                [0.0, 1.5e308, -1.5e308, 1.0, -1.0, f64::MIN_POSITIVE, 0.1, -123_456_789.012_345_67];
            Given::Bits(EDGES.get(row).map_or_else(|| finite64(random), |edge| edge.to_bits()))
        }
    }
}

fn finite32(random: &mut Random) -> u32 {
    loop {
        let bits = random.next() as u32;
        if f32::from_bits(bits).is_finite() {
            return bits;
        }
    }
}

fn finite64(random: &mut Random) -> u64 {
    loop {
        let bits = random.next();
        if f64::from_bits(bits).is_finite() {
            return bits;
        }
    }
}
