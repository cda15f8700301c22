//! Sample values: a text for each scalar that its kind, its facets and its enumeration allow.

use base64::{Engine, engine::general_purpose::STANDARD};
use portolan_schema::{Facets, Scalar, ScalarId, ScalarKind, Schema, WhiteSpace};

use super::{pattern, random::Random};

/// A union of unions of lists ends somewhere.
const DEEPEST: usize = 8;
/// A `minLength` beyond this is not honoured: a sample is for reading.
const LONGEST: u64 = 1 << 16;

/// A value for a field of this name, unescaped.
pub(crate) fn value(schema: &Schema, scalar: ScalarId, name: &str, random: &mut Random) -> String {
    nested(schema, scalar, name, random, 0)
}

fn nested(schema: &Schema, id: ScalarId, name: &str, random: &mut Random, depth: usize) -> String {
    let scalar = schema.scalar(id);
    if let Some(values) = scalar.enumeration.as_ref().map(|e| &e.values).filter(|v| !v.is_empty()) {
        return values[random.below(values.len())].name.clone();
    }
    match &scalar.kind {
        ScalarKind::List(item) if depth < DEEPEST => {
            // A list of lists would be a product of lengths.
            let least = scalar.facets.min_length.unwrap_or(1).clamp(1, if depth == 0 { 1000 } else { 2 });
            let most = scalar.facets.max_length.unwrap_or(2).max(least);
            let items = (0..least.max(most.min(2))).map(|_| nested(schema, *item, name, random, depth + 1));
            return items.collect::<Vec<_>>().join(" ");
        }
        ScalarKind::Union(members) if depth < DEEPEST => {
            return members.first().map_or_else(String::new, |m| nested(schema, *m, name, random, depth + 1));
        }
        _ => {}
    }
    if let Some(text) = by_pattern(scalar, random) {
        return text;
    }
    plain(scalar, name, random)
}

/// A text by the last group of patterns: the type's own, which is the narrowest as a rule.
fn by_pattern(scalar: &Scalar, random: &mut Random) -> Option<String> {
    let alternatives = scalar.facets.patterns.last().filter(|group| !group.is_empty())?;
    let least = scalar.facets.min_length.unwrap_or(0);
    let most = scalar.facets.max_length.unwrap_or(u64::MAX);
    (0..40).find_map(|extra| {
        let chosen = &alternatives[random.below(alternatives.len())];
        let text = pattern::matching(chosen, extra, random)?;
        let length = text.chars().count() as u64;
        (least..=most).contains(&length).then_some(text)
    })
}

fn plain(scalar: &Scalar, name: &str, random: &mut Random) -> String {
    let facets = &scalar.facets;
    match &scalar.kind {
        ScalarKind::Bool => if random.chance(0.5) { "true" } else { "false" }.to_owned(),
        ScalarKind::Integer { signed, bits } => whole_number(facets, *signed, *bits, random).to_string(),
        ScalarKind::Decimal => decimal(facets, random),
        ScalarKind::Float | ScalarKind::Double => bound(facets).unwrap_or_else(|| "12.5".to_owned()),
        ScalarKind::Base64 => STANDARD.encode(octets(facets, random)),
        ScalarKind::Hex => octets(facets, random).iter().map(|octet| format!("{octet:02X}")).collect(),
        ScalarKind::Date => bound(facets).unwrap_or_else(|| date(random)),
        ScalarKind::Time => bound(facets).unwrap_or_else(|| time(random)),
        ScalarKind::DateTime => {
            bound(facets).unwrap_or_else(|| format!("{}T{}Z", date(random), time(random)))
        }
        ScalarKind::Duration if scalar.name.local == "yearMonthDuration" => "P1Y2M".to_owned(),
        ScalarKind::Duration => bound(facets).unwrap_or_else(|| "P2D".to_owned()),
        ScalarKind::CalendarPart => match scalar.name.local.as_str() {
            "gYearMonth" => "2015-03",
            "gMonth" => "--03",
            "gMonthDay" => "--03-14",
            "gDay" => "---14",
            _ => "2015",
        }
        .to_owned(),
        // The only prefix that every sample declares.
        ScalarKind::QName => "xsi:nil".to_owned(),
        ScalarKind::List(_)
        | ScalarKind::Union(_)
        | ScalarKind::Bytes
        | ScalarKind::Enum
        | ScalarKind::String => text(scalar, name, random),
    }
}

/// The least value, or the greatest, where the facets say one.
fn bound(facets: &Facets) -> Option<String> {
    facets.min_inclusive.clone().or_else(|| facets.max_inclusive.clone())
}

fn octets(facets: &Facets, random: &mut Random) -> Vec<u8> {
    let least = facets.min_length.unwrap_or(0).min(LONGEST);
    let length = 6u64.max(least).min(facets.max_length.unwrap_or(u64::MAX));
    (0..length).map(|_| random.number().to_le_bytes()[0]).collect()
}

fn date(random: &mut Random) -> String {
    format!("{:04}-{:02}-{:02}", 1950 + random.below(70), 1 + random.below(12), 1 + random.below(28))
}

fn time(random: &mut Random) -> String {
    format!("{:02}:{:02}:{:02}", random.below(24), random.below(60), random.below(60))
}

/// The range of whole numbers that bounds and digits allow, of at most 18 digits.
fn range(facets: &Facets, least: i128, most: i128) -> (i128, i128) {
    let whole = |text: &Option<String>| {
        let text = text.as_deref()?.trim().trim_start_matches('+');
        text.split('.').next()?.parse::<i128>().ok()
    };
    let digits = 10i128.pow(facets.total_digits.unwrap_or(18).min(18)) - 1;
    let exclusive_least = whole(&facets.min_exclusive).map(|n| n.saturating_add(1));
    let exclusive_most = whole(&facets.max_exclusive).map(|n| n.saturating_sub(1));
    let from = [whole(&facets.min_inclusive), exclusive_least, Some(least), Some(-digits)];
    let to = [whole(&facets.max_inclusive), exclusive_most, Some(most), Some(digits)];
    let from = from.into_iter().flatten().max().unwrap_or(0);
    let to = to.into_iter().flatten().min().unwrap_or(0);
    (from, to.max(from))
}

fn whole_number(facets: &Facets, signed: bool, bits: u8, random: &mut Random) -> i128 {
    let bits = if bits == 0 || bits > 64 { 64 } else { u32::from(bits) };
    let (least, most) =
        if signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) };
    let (from, to) = range(facets, least, most);
    // Small positive numbers read best; the range has the last word.
    let wanted = 1 + i128::from(random.number() % 99);
    if (from..=to).contains(&wanted) {
        wanted
    } else if from > wanted {
        from + i128::from(random.number()) % (to - from + 1).min(100)
    } else {
        to - i128::from(random.number()) % (to - from + 1).min(100)
    }
}

fn decimal(facets: &Facets, random: &mut Random) -> String {
    let fraction = facets.fraction_digits.unwrap_or(2).min(2).min(facets.total_digits.unwrap_or(18));
    let whole_digits = facets.total_digits.map(|total| total.saturating_sub(fraction));
    let whole = Facets { total_digits: whole_digits, ..facets.clone() };
    let (from, to) = range(&whole, i128::from(i64::MIN), i128::from(i64::MAX));
    let wanted = (1 + i128::from(random.number() % 9_999)).clamp(from, to);
    // At a bound of the range a fraction could step over it.
    if fraction == 0 || wanted <= from || wanted >= to {
        let inclusive = if wanted <= from { &facets.min_inclusive } else { &facets.max_inclusive };
        return inclusive
            .clone()
            .filter(|_| wanted <= from || wanted >= to)
            .unwrap_or_else(|| wanted.to_string());
    }
    let width = fraction as usize;
    format!("{wanted}.{:0width$}", random.below(10usize.pow(fraction)))
}

fn text(scalar: &Scalar, name: &str, random: &mut Random) -> String {
    let facets = &scalar.facets;
    match scalar.name.local.as_str() {
        "language" => return "en".to_owned(),
        "anyURI" => return format!("urn:sample:{}", 1 + random.below(99)),
        // Identifiers must not be repeated within a document.
        "ID" => return format!("id{}", random.number()),
        _ => {}
    }
    let number = 1 + random.below(99);
    let blank = if facets.white_space.is_none() { " " } else { "" };
    let mut text = format!("{name}{blank}{number}");
    if facets.white_space == Some(WhiteSpace::Collapse) {
        text.retain(|c| c.is_alphanumeric());
    }
    let most = facets.max_length.unwrap_or(40).max(facets.min_length.unwrap_or(0));
    if text.chars().count() as u64 > most {
        // What tells samples apart is the number at the end.
        let keep = usize::try_from(most).unwrap_or(usize::MAX);
        let digits = number.to_string();
        let head: String = text.chars().take(keep.saturating_sub(digits.len())).collect();
        text = format!("{}{digits}", head.trim_end());
        text = text.chars().take(keep).collect();
    }
    let least = usize::try_from(facets.min_length.unwrap_or(0).min(LONGEST)).unwrap_or(0);
    let missing = least.saturating_sub(text.chars().count());
    text.extend(std::iter::repeat_n('x', missing));
    text
}
