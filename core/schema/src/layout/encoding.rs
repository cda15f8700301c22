//! The names of encodings. What their bytes mean is known to the formats, which have the tables.

use std::fmt;

/// How bytes are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// ISO 646: seven bits.
    Ascii,
    /// UTF-8.
    Utf8,
    /// UTF-16, by which byte comes first.
    Utf16(super::ByteOrder),
    /// One byte a character, by a table.
    Page(Page),
}

/// A code page of [`PAGES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page(pub u16);

/// A line of [`PAGES`].
#[derive(Debug)]
pub struct PageName {
    /// As layouts write it.
    pub name: &'static str,
    /// What iconv calls it.
    pub iconv: &'static str,
    /// Whether its digits are `F0` to `F9` and its blank is `40`.
    pub ebcdic: bool,
    /// Whether shift-out and shift-in (`0E`, `0F`) enclose characters of two bytes.
    pub mixed: bool,
}

impl Page {
    /// What is known of it.
    pub fn named(self) -> &'static PageName {
        &PAGES[usize::from(self.0) % PAGES.len()]
    }
}

impl Encoding {
    /// The encoding of a name: `ascii`, `utf-8`, `utf-16le`, `iso-8859-15`, `windows-1252`, `cp037`, `ebcdic`. Case and hyphens do not
    /// matter, nor whether a code page of IBM is called `cp037`, `ibm037` or `ebcdic-cp-037`.
    pub fn find(name: &str) -> Option<Self> {
        let plain: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        Some(match plain.as_str() {
            "ascii" | "usascii" | "iso646" => Self::Ascii,
            "utf8" => Self::Utf8,
            "utf16" | "utf16be" => Self::Utf16(super::ByteOrder::Big),
            "utf16le" => Self::Utf16(super::ByteOrder::Little),
            "latin1" => return Self::find("iso-8859-1"),
            "latin9" => return Self::find("iso-8859-15"),
            "ebcdic" => return Self::find("cp037"),
            other => {
                let number = ["ebcdiccp", "ebcdic", "ibm", "cp", "windows", "win"]
                    .iter()
                    .find_map(|prefix| other.strip_prefix(prefix))
                    .filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
                let number = number.map(|digits| digits.trim_start_matches('0'));
                let same = |page: &PageName| {
                    let known: String = page.name.chars().filter(char::is_ascii_alphanumeric).collect();
                    let digits = known.strip_prefix("cp").or(known.strip_prefix("windows"));
                    known == other || number.is_some() && digits.map(|d| d.trim_start_matches('0')) == number
                };
                Self::Page(Page(PAGES.iter().position(same)? as u16))
            }
        })
    }

    /// Whether digits are `F0` to `F9` and the blank is `40`.
    pub fn is_ebcdic(self) -> bool {
        matches!(self, Self::Page(page) if page.named().ebcdic)
    }

    /// How many bytes a character takes, where each takes the same.
    pub fn width(self) -> Option<u32> {
        match self {
            Self::Ascii => Some(1),
            Self::Page(page) if !page.named().mixed => Some(1),
            _ => None,
        }
    }

    /// Every name that [`Encoding::find`] knows, as messages suggest them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["ascii", "utf-8", "utf-16be", "utf-16le", "ebcdic"]
            .into_iter()
            .chain(PAGES.iter().map(|page| page.name))
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ascii => "ascii",
            Self::Utf8 => "utf-8",
            Self::Utf16(super::ByteOrder::Big) => "utf-16be",
            Self::Utf16(super::ByteOrder::Little) => "utf-16le",
            Self::Page(page) => page.named().name,
        })
    }
}

const fn plain(name: &'static str, iconv: &'static str) -> PageName {
    PageName { name, iconv, ebcdic: false, mixed: false }
}

const fn ebcdic(name: &'static str, iconv: &'static str) -> PageName {
    PageName { name, iconv, ebcdic: true, mixed: false }
}

const fn mixed(name: &'static str, iconv: &'static str) -> PageName {
    PageName { name, iconv, ebcdic: true, mixed: true }
}

/// Every code page. Its index is its [`Page`], and the formats' tables are in this order.
pub const PAGES: &[PageName] = &[
    plain("iso-8859-1", "ISO-8859-1"),
    plain("iso-8859-2", "ISO-8859-2"),
    plain("iso-8859-3", "ISO-8859-3"),
    plain("iso-8859-4", "ISO-8859-4"),
    plain("iso-8859-5", "ISO-8859-5"),
    plain("iso-8859-6", "ISO-8859-6"),
    plain("iso-8859-7", "ISO-8859-7"),
    plain("iso-8859-8", "ISO-8859-8"),
    plain("iso-8859-9", "ISO-8859-9"),
    plain("iso-8859-10", "ISO-8859-10"),
    plain("iso-8859-11", "ISO-8859-11"),
    plain("iso-8859-13", "ISO-8859-13"),
    plain("iso-8859-14", "ISO-8859-14"),
    plain("iso-8859-15", "ISO-8859-15"),
    plain("iso-8859-16", "ISO-8859-16"),
    plain("windows-1250", "CP1250"),
    plain("windows-1251", "CP1251"),
    plain("windows-1252", "CP1252"),
    plain("windows-1253", "CP1253"),
    plain("windows-1254", "CP1254"),
    plain("windows-1255", "CP1255"),
    plain("windows-1256", "CP1256"),
    plain("windows-1257", "CP1257"),
    plain("windows-1258", "CP1258"),
    plain("cp437", "CP437"),
    plain("cp850", "CP850"),
    plain("cp852", "CP852"),
    plain("cp858", "CP858"),
    plain("cp865", "CP865"),
    ebcdic("cp037", "IBM037"),
    ebcdic("cp273", "IBM273"),
    ebcdic("cp274", "IBM274"),
    ebcdic("cp275", "IBM275"),
    ebcdic("cp277", "IBM277"),
    ebcdic("cp278", "IBM278"),
    ebcdic("cp280", "IBM280"),
    ebcdic("cp281", "IBM281"),
    ebcdic("cp284", "IBM284"),
    ebcdic("cp285", "IBM285"),
    ebcdic("cp297", "IBM297"),
    ebcdic("cp500", "IBM500"),
    ebcdic("cp838", "ibm-838"),
    ebcdic("cp870", "IBM870"),
    ebcdic("cp871", "IBM871"),
    ebcdic("cp875", "IBM875"),
    ebcdic("cp1025", "IBM1025"),
    ebcdic("cp1047", "IBM1047"),
    ebcdic("cp1140", "IBM1140"),
    ebcdic("cp1141", "IBM1141"),
    ebcdic("cp1142", "IBM1142"),
    ebcdic("cp1143", "IBM1143"),
    ebcdic("cp1144", "IBM1144"),
    ebcdic("cp1145", "IBM1145"),
    ebcdic("cp1146", "IBM1146"),
    ebcdic("cp1147", "IBM1147"),
    ebcdic("cp1148", "IBM1148"),
    ebcdic("cp1149", "IBM1149"),
    ebcdic("cp1160", "IBM1160"),
    mixed("cp1364", "IBM1364"),
    mixed("cp1388", "IBM1388"),
];
