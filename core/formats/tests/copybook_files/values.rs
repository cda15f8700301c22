//! Values that fit the fields of a record, by what the layout says of them, and lines of JSON with these values.

use std::collections::BTreeMap;

use bumpalo::Bump;
use portolan_formats::{Decimal, Value, records::FieldCodec};
use portolan_schema::layout::{Digits, Encoding, Extent, FloatStandard, Form, Item, ItemContent, Storage, Times};

/// A value of a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    /// As JSON writes it.
    Value(String),
    List(Vec<Tree>),
    Group(BTreeMap<String, Tree>),
}

/// Random numbers, the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // xorshift64* (Vigna, 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        (self.next() >> 16) % most.max(1)
    }
}

/// Fills records.
pub(crate) struct Filler<'r> {
    pub(crate) random: &'r mut Random,
    /// How often lists occur, by the item that counts them.
    counts: BTreeMap<Vec<u32>, u32>,
    /// Values that are as they must be, by name.
    given: BTreeMap<String, String>,
}

impl<'r> Filler<'r> {
    /// `given`: values by name that are not to be chosen.
    pub(crate) fn new(random: &'r mut Random, given: BTreeMap<String, String>) -> Self {
        Self { random, counts: BTreeMap::new(), given }
    }

    /// A line for a record of these items. Of items that share their bytes one has a value.
    pub(crate) fn record(&mut self, items: &[Item]) -> BTreeMap<String, Tree> {
        self.count(items);
        self.group(items, &mut Vec::new())
    }

    fn count(&mut self, items: &[Item]) {
        for item in items {
            if let Times::Counted { least, most, by, .. } = &item.times {
                let count = least + self.random.below(u64::from(most - least) + 1) as u32;
                self.counts.insert(by.clone(), count);
            }
            self.count(item.items());
        }
    }

    fn group(&mut self, items: &[Item], path: &mut Vec<u32>) -> BTreeMap<String, Tree> {
        let mut members = BTreeMap::new();
        let mut index = 0;
        while index < items.len() {
            // What follows over the same bytes.
            let over = items[index + 1..].iter().take_while(|item| item.redefines()).count();
            // The layout may have chosen: the others are never there.
            let there: Vec<usize> = (index..=index + over).filter(|at| items[*at].when.is_none()).collect();
            let chosen = there[self.random.below(there.len() as u64) as usize];
            let item = &items[chosen];
            path.push(chosen as u32);
            // A group without names has nothing to say.
            if !item.name.is_empty() && item.field.is_some() {
                let value = self.item(item, path);
                members.insert(item.name.to_string(), value);
            }
            path.pop();
            index += over + 1;
        }
        members
    }

    fn item(&mut self, item: &Item, path: &mut Vec<u32>) -> Tree {
        let times = match &item.times {
            Times::Once => return self.once(item, path),
            Times::Fixed(times) => *times,
            Times::Counted { by, .. } => self.counts[by],
        };
        Tree::List((0..times).map(|_| self.once(item, path)).collect())
    }

    fn once(&mut self, item: &Item, path: &mut Vec<u32>) -> Tree {
        match &item.content {
            ItemContent::Group(_, items) => Tree::Group(self.group(items, path)),
            ItemContent::Value(storage) => {
                if let Some(count) = self.counts.get(path) {
                    return Tree::Value(count.to_string());
                }
                if let Some(given) = self.given.get(&*item.name) {
                    return Tree::Value(given.clone());
                }
                let Extent::Bytes(bytes) = item.extent else { unreachable!("copybooks have bytes") };
                Tree::Value(value(storage, bytes as usize, self.random))
            }
            ItemContent::Filler(_) => unreachable!("it has no name"),
        }
    }
}

/// A value that fits, in JSON.
fn value(storage: &Storage, bytes: usize, random: &mut Random) -> String {
    match &storage.form {
        Form::Text(text) => {
            const LETTERS: &[u8] = b"ABCXYZabcxyz0123456789.,;:+-*/&'\"\\()";
            let unit = if matches!(text.encoding, Encoding::Utf16(_)) { 2 } else { 1 };
            let length = random.below((bytes / unit) as u64 + 1);
            let letters: String =
                (0..length).map(|_| char::from(LETTERS[random.below(LETTERS.len() as u64) as usize])).collect();
            serde_json::Value::from(letters).to_string()
        }
        Form::Octets => {
            let hex: String = (0..bytes).map(|_| format!("{:02x}", random.below(256))).collect();
            format!("\"{hex}\"")
        }
        Form::Zoned(zoned) => number(zoned.digits, zoned.sign != portolan_schema::layout::Sign::Unsigned, random),
        Form::Packed(packed) => {
            number(packed.digits, packed.sign == portolan_schema::layout::PackedSign::Signed, random)
        }
        Form::Binary(binary) => {
            // What a picture bounds, or what the bytes hold for certain.
            let most = ((bytes * 8 - 1) as f64 * 2f64.log10()).floor() as u8;
            let count = binary.digits.unwrap_or(most.min(38));
            number(Digits { count, scale: binary.scale }, binary.signed, random)
        }
        Form::Float(float) => {
            // What both standards have exactly.
            let units = random.below(1 << 20) as i32 - (1 << 19);
            let number = f64::from(units) / 16.0;
            match (float.standard, bytes) {
                (FloatStandard::Ieee, 8) => {
                    let any = f64::from_bits(random.next());
                    if any.is_finite() { format!("{any:?}") } else { format!("{number:?}") }
                }
                (_, 4) => format!("{:?}", number as f32),
                _ => format!("{number:?}"),
            }
        }
        Form::Edited(_) => edited(storage, bytes, random),
        Form::Moment(_) => unreachable!("copybooks have none"),
    }
}

/// A number of so many digits.
fn number(digits: Digits, signed: bool, random: &mut Random) -> String {
    let count = random.below(u64::from(digits.count) + 1) as usize;
    let units: String = (0..count).map(|_| char::from(b'0' + random.below(10) as u8)).collect();
    let units: i128 = units.parse().unwrap_or(0);
    let units = if signed && random.below(2) == 0 { -units } else { units };
    decimal(units, i32::from(digits.scale))
}

fn decimal(units: i128, scale: i32) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let zeros = if units == 0 { 0 } else { (-scale).max(0) as usize };
    let scale = scale.max(0) as usize;
    let digits = format!("{:0>width$}{}", units.unsigned_abs(), "0".repeat(zeros), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A number that an edited picture can have: found by writing it.
fn edited(storage: &Storage, bytes: usize, random: &mut Random) -> String {
    let codec = FieldCodec::compile(storage);
    for _ in 0..60 {
        let most = 10u64.pow(random.below(10) as u32);
        let units = random.below(most) as i128;
        let units = if random.below(3) == 0 { -units } else { units };
        let text = decimal(units, random.below(4) as i32);
        let (mut out, arena) = (vec![0; bytes], Bump::new());
        let Some(number) = Decimal::parse(&text) else { continue };
        if codec.write(Value::Decimal(number), &mut out).is_err() {
            continue;
        }
        let read = match codec.read(&out, &arena) {
            Ok(Value::Integer(whole)) => Decimal::from_integer(whole),
            Ok(Value::Decimal(decimal)) => Some(decimal),
            _ => None,
        };
        if read.is_some_and(|read| read.compare(number).is_eq()) {
            return text;
        }
    }
    "0".to_owned()
}

/// A line of JSON.
pub(crate) fn line(record: &str, members: &BTreeMap<String, Tree>) -> String {
    let mut out = format!("{{\"_record\":\"{record}\"");
    for (name, value) in members {
        out.push_str(&format!(",\"{name}\":"));
        write(value, &mut out);
    }
    out.push('}');
    out
}

fn write(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Value(value) => out.push_str(value),
        Tree::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Tree::Group(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&format!("\"{name}\":"));
                write(value, out);
            }
            out.push('}');
        }
    }
}

/// What a line says.
pub(crate) fn parsed(line: &str) -> Tree {
    use serde_json::value::RawValue;
    match line.as_bytes()[0] {
        b'{' => {
            let members: BTreeMap<String, &RawValue> =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            Tree::Group(members.into_iter().map(|(name, value)| (name, parsed(value.get()))).collect())
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(line).unwrap();
            Tree::List(items.into_iter().map(|item| parsed(item.get())).collect())
        }
        _ => Tree::Value(line.to_owned()),
    }
}

/// Whether all that was given is said; more may be, of what shares its bytes. The names that lead to what is not.
pub(crate) fn missing(given: &Tree, said: Option<&Tree>) -> Option<String> {
    match (given, said) {
        (Tree::Group(given), Some(Tree::Group(said))) => given
            .iter()
            .find_map(|(name, given)| Some(format!("{name}.{}", missing(given, said.get(name))?))),
        (Tree::List(given), Some(Tree::List(said))) if given.len() == said.len() => {
            let mut all = given.iter().zip(said).enumerate();
            all.find_map(|(index, (given, said))| Some(format!("[{index}].{}", missing(given, Some(said))?)))
        }
        // A list of nothing may be left out.
        (Tree::List(given), None) if given.is_empty() => None,
        (Tree::Group(given), None) if given.is_empty() => None,
        (Tree::Value(given), Some(Tree::Value(said))) if same(given, said) => None,
        (given, said) => Some(format!(" {given:?} was given, {said:?} is said")),
    }
}

/// Texts are the same by their letters, numbers however many zeros they have.
fn same(given: &str, said: &str) -> bool {
    if given == said {
        return true;
    }
    if given.starts_with('"') {
        return serde_json::from_str::<String>(given).ok() == serde_json::from_str::<String>(said).ok();
    }
    match (Decimal::parse(given), Decimal::parse(said)) {
        (Some(given), Some(said)) => given.compare(said).is_eq(),
        _ => given.parse::<f64>().ok().zip(said.parse::<f64>().ok()).is_some_and(|(a, b)| a == b),
    }
}
