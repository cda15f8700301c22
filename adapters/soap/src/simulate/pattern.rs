//! Texts that match a pattern of XML Schema (Part 2, appendix F): what `xs:pattern` asks of a sample.
//!
//! XSD's dialect has no anchors, and has `\i`, `\c` and subtraction of classes. A pattern that cannot be read gives no
//! text, and the sample goes without it.

use super::random::Random;

/// Longer samples help nobody.
const LONGEST: usize = 4096;
const DEEPEST: usize = 32;

/// A text that matches the pattern; `extra` is how often something optional is repeated at most.
pub(crate) fn matching(pattern: &str, extra: u32, random: &mut Random) -> Option<String> {
    let mut parser = Parser { rest: pattern.chars().collect(), at: 0 };
    let alternatives = parser.alternatives(0)?;
    if parser.at != parser.rest.len() {
        return None;
    }
    let mut writer = Writer { extra, random, out: String::new(), steps: 0 };
    writer.write(&alternatives)?;
    Some(writer.out)
}

type Alternatives = Vec<Vec<Piece>>;

struct Piece {
    atom: Atom,
    min: u32,
    max: Option<u32>,
}

enum Atom {
    Class(Class),
    Group(Alternatives),
}

#[derive(Default)]
struct Class {
    ranges: Vec<(char, char)>,
    /// Classes that are named by their opposite: `\D` within brackets.
    without: Vec<Vec<(char, char)>>,
    negated: bool,
    minus: Option<Box<Class>>,
}

impl Class {
    fn of(ranges: &[(char, char)]) -> Self {
        Self { ranges: ranges.to_vec(), ..Self::default() }
    }

    fn contains(&self, c: char) -> bool {
        let within = |ranges: &[(char, char)]| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
        let named = within(&self.ranges) || self.without.iter().any(|ranges| !within(ranges));
        named != self.negated && !self.minus.as_ref().is_some_and(|minus| minus.contains(c))
    }

    fn pick(&self, random: &mut Random) -> Option<char> {
        let letters: Vec<char> =
            ('0'..='9').chain('A'..='Z').chain('a'..='z').filter(|c| self.contains(*c)).collect();
        if !letters.is_empty() {
            return letters.get(random.below(letters.len())).copied();
        }
        let mut others = (' '..='~').chain(self.ranges.iter().flat_map(|(from, to)| [*from, *to]));
        others.find(|c| self.contains(*c))
    }
}

struct Writer<'a> {
    extra: u32,
    random: &'a mut Random,
    out: String,
    /// What was repeated so far, empty groups too.
    steps: usize,
}

impl Writer<'_> {
    fn write(&mut self, alternatives: &Alternatives) -> Option<()> {
        for piece in alternatives.get(self.random.below(alternatives.len()))? {
            let spare = piece.max.map_or(self.extra, |max| max.saturating_sub(piece.min).min(self.extra));
            let times = piece.min.checked_add(u32::try_from(self.random.below(spare as usize + 1)).ok()?)?;
            for _ in 0..times {
                self.steps += 1;
                if self.steps > LONGEST {
                    return None;
                }
                match &piece.atom {
                    Atom::Class(class) => self.out.push(class.pick(self.random)?),
                    Atom::Group(inner) => self.write(inner)?,
                }
            }
        }
        Some(())
    }
}

struct Parser {
    rest: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self, depth: usize) -> Option<Alternatives> {
        if depth > DEEPEST {
            return None;
        }
        let mut all = vec![Vec::new()];
        while let Some(c) = self.peek() {
            match c {
                ')' => break,
                '|' => {
                    self.at += 1;
                    all.push(Vec::new());
                }
                _ => {
                    let atom = self.atom(depth)?;
                    let (min, max) = self.quantifier()?;
                    all.last_mut()?.push(Piece { atom, min, max });
                }
            }
        }
        Some(all)
    }

    fn atom(&mut self, depth: usize) -> Option<Atom> {
        Some(Atom::Class(match self.next()? {
            '(' => {
                let inner = self.alternatives(depth + 1)?;
                return self.eat(')').then_some(Atom::Group(inner));
            }
            '[' => self.class(depth)?,
            '.' => Class { ranges: vec![('\n', '\n'), ('\r', '\r')], negated: true, ..Class::default() },
            '\\' => self.escape()?,
            '*' | '+' | '?' | '{' | '}' | ']' => return None,
            c => Class::of(&[(c, c)]),
        }))
    }

    fn quantifier(&mut self) -> Option<(u32, Option<u32>)> {
        Some(match self.peek() {
            Some('?') => (self.next().map(|_| 0)?, Some(1)),
            Some('*') => (self.next().map(|_| 0)?, None),
            Some('+') => (self.next().map(|_| 1)?, None),
            Some('{') => {
                self.at += 1;
                let min = self.number()?;
                let max = match self.next()? {
                    '}' => return Some((min, Some(min))),
                    ',' if self.eat('}') => return Some((min, None)),
                    ',' => self.number()?,
                    _ => return None,
                };
                return (self.eat('}') && min <= max).then_some((min, Some(max)));
            }
            _ => (1, Some(1)),
        })
    }

    fn number(&mut self) -> Option<u32> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.rest[start..self.at].iter().collect::<String>().parse().ok()
    }

    /// After the opening bracket.
    fn class(&mut self, depth: usize) -> Option<Class> {
        if depth > DEEPEST {
            return None;
        }
        let mut class = Class { negated: self.eat('^'), ..Class::default() };
        loop {
            match self.next()? {
                ']' => return Some(class),
                '-' if self.peek() == Some('[') => {
                    self.at += 1;
                    class.minus = Some(Box::new(self.class(depth + 1)?));
                    return self.eat(']').then_some(class);
                }
                '\\' => {
                    let escaped = self.escape()?;
                    match escaped.ranges[..] {
                        [(c, d)] if c == d && !escaped.negated => self.range(c, &mut class)?,
                        _ if escaped.negated => class.without.push(escaped.ranges),
                        _ => class.ranges.extend(escaped.ranges),
                    }
                }
                c => self.range(c, &mut class)?,
            }
        }
    }

    fn range(&mut self, from: char, class: &mut Class) -> Option<()> {
        let is_range =
            self.peek() == Some('-') && !matches!(self.rest.get(self.at + 1), None | Some(']' | '['));
        if !is_range {
            class.ranges.push((from, from));
            return Some(());
        }
        self.at += 1;
        let to = match self.next()? {
            '\\' => self.escape()?.ranges.first()?.1,
            c => c,
        };
        class.ranges.push((from, to));
        Some(())
    }

    fn escape(&mut self) -> Option<Class> {
        const DIGITS: &[(char, char)] = &[('0', '9')];
        const BLANKS: &[(char, char)] = &[(' ', ' '), ('\t', '\t'), ('\n', '\n'), ('\r', '\r')];
        const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('a', 'z')];
        const INITIAL: &[(char, char)] = &[('A', 'Z'), ('a', 'z')];
        let not = |ranges| Class { negated: true, ..Class::of(ranges) };
        Some(match self.next()? {
            'd' => Class::of(DIGITS),
            'D' => not(DIGITS),
            's' => Class::of(&[(' ', ' ')]),
            'S' => not(BLANKS),
            'w' | 'c' => Class::of(WORD),
            'i' => Class::of(INITIAL),
            'W' => Class::of(&[(' ', ' '), ('-', '-')]),
            'I' | 'C' => Class::of(&[(' ', ' ')]),
            'n' => Class::of(&[('\n', '\n')]),
            'r' => Class::of(&[('\r', '\r')]),
            't' => Class::of(&[('\t', '\t')]),
            'p' => Class::of(self.category()?),
            'P' => not(self.category()?),
            c => Class::of(&[(c, c)]),
        })
    }

    /// The part of a category that lies in ASCII; one that has no such part is not known.
    fn category(&mut self) -> Option<&'static [(char, char)]> {
        let start = self.at + 1;
        if !self.eat('{') {
            return None;
        }
        while self.next()? != '}' {}
        let name: String = self.rest[start..self.at - 1].iter().collect();
        Some(match name.as_str() {
            "L" => &[('A', 'Z'), ('a', 'z')],
            "Lu" => &[('A', 'Z')],
            "Ll" => &[('a', 'z')],
            "N" | "Nd" => &[('0', '9')],
            "P" | "Po" => &[('.', '.'), (',', ','), ('!', '!')],
            "Pd" => &[('-', '-')],
            "Z" | "Zs" => &[(' ', ' ')],
            "IsBasicLatin" => &[(' ', '~')],
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_texts_that_match() {
        for (pattern, as_regex) in [
            ("[0-9]{11}", "[0-9]{11}"),
            ("(A|B)C?\\d{2,}", "(A|B)C?[0-9]{2,}"),
            ("[A-Z]{2}-[^a-z]+", "[A-Z]{2}-[^a-z]+"),
            ("[a-z-[aeiou]]{5}", "[b-df-hj-np-tv-z]{5}"),
            ("\\p{Lu}\\i\\c*", "[A-Z][A-Za-z][A-Za-z0-9]*"),
            ("[+\\-.]x", "[+.-]x"),
            ("[\\D]{3}", "[^0-9]{3}"),
            ("a.b|", "(a.b)?"),
            ("^$", "\\^\\$"),
        ] {
            let expected = regex::Regex::new(&format!("^({as_regex})$")).unwrap();
            for seed in 0..50 {
                let text = matching(pattern, 3, &mut Random::new(seed)).unwrap();
                assert!(expected.is_match(&text), "{pattern}: {text:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_gives_nothing() {
        let deep = "(".repeat(10_000);
        for pattern in [
            "(",
            "a)",
            "[a",
            "a{2",
            "a{3,2}",
            "*",
            "\\",
            "a{4000000000}{1}",
            "a{99999}",
            "(){4000000000}",
            "\\p{Yi",
            &deep,
        ] {
            assert_eq!(matching(pattern, 1, &mut Random::new(1)), None, "{pattern:.20}");
        }
    }
}
