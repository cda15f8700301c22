//! How a file is cut into records, and what else stands in it.

use super::{ByteOrder, Encoding, Verify};

/// A file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFormat {
    /// How records are told apart.
    pub framing: Framing,
    /// The encoding of whatever says no other.
    pub encoding: Encoding,
    /// Bytes before the first record and after the last that belong to none.
    pub margins: (u64, u64),
    /// Bytes of each record before its first field and after its last.
    pub record_margins: (u32, u32),
    /// What is done with a record that is shorter than its fields.
    pub short: Short,
    /// What is done with a record that is longer than its fields.
    pub long: Long,
    /// Lines that begin with one of these are none.
    pub comments: Vec<String>,
    /// Empty lines are passed over.
    pub blank_lines: bool,
    /// So many lines at the beginning are no records: column titles.
    pub header_lines: u32,
    /// Line ends stand anywhere and belong to no record.
    pub wrapped: bool,
    /// Records come in blocks that are filled up.
    pub block: Option<Block>,
    /// How the file is compressed.
    pub compression: Compression,
    /// What happens where a computed value is otherwise, unless a field says.
    pub verify: Verify,
}

impl Default for FileFormat {
    /// Lines of ASCII.
    fn default() -> Self {
        Self {
            framing: Framing::Lines { end: LineEnd::Any, length: None },
            encoding: Encoding::Ascii,
            margins: (0, 0),
            record_margins: (0, 0),
            short: Short::Refuse,
            long: Long::Refuse,
            comments: Vec::new(),
            blank_lines: false,
            header_lines: 0,
            wrapped: false,
            block: None,
            compression: Compression::Detect,
            verify: Verify::Refuse,
        }
    }
}

/// How records are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// Each has so many bytes.
    Fixed {
        /// So many.
        length: u32,
        /// Line ends between records are passed over.
        line_ends: bool,
    },
    /// Each is a line.
    Lines {
        /// What ends it.
        end: LineEnd,
        /// How long a line is to be, where that is said.
        length: Option<u32>,
    },
    /// Each says how long it is, before its first byte.
    Prefixed(Prefix),
    /// Blocks say how long they are, and within them records do: `VB`.
    Blocked(Prefix, Prefix),
    /// A number within the record says how long it is.
    LengthField {
        /// Where the number begins.
        at: u32,
        /// How many bytes it has.
        width: u32,
        /// How it is written.
        form: LengthForm,
        /// What is to be added to it for the length of the whole record.
        adjust: i32,
    },
    /// Each has as many bytes as the fields of its kind need: nothing stands between them.
    Shaped,
    /// Delimited values: CSV.
    Delimited(Delimited),
}

/// What ends a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEnd {
    /// LF.
    Lf,
    /// CR LF.
    CrLf,
    /// CR.
    Cr,
    /// LF, CR LF or CR; LF is written.
    Any,
    /// These bytes.
    Bytes(Vec<u8>),
}

/// A length before what it measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// How many bytes stand before the first of the record: 4 for an RDW.
    pub bytes: u32,
    /// Where among them the number begins.
    pub at: u32,
    /// How many bytes it has.
    pub width: u32,
    /// How it is written.
    pub form: LengthForm,
    /// What is to be added to the number for the bytes that follow the prefix: -4 where an RDW counts itself.
    pub adjust: i32,
    /// Its other bytes are zeros, as those of a descriptor word: what is there otherwise belongs to a record of several segments.
    pub zeros: bool,
}

/// How a length is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthForm {
    /// In binary.
    Binary(ByteOrder),
    /// In digits of the file's encoding.
    Decimal,
}

/// Delimited values (RFC 4180, and what people make of it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delimited {
    /// Between values.
    pub delimiter: u8,
    /// Around values that hold a delimiter, or all.
    pub quote: Option<u8>,
    /// Before a character that would mean something; otherwise a quote is doubled.
    pub escape: Option<u8>,
    /// Every value is quoted on writing.
    pub quote_all: bool,
    /// The first line names the columns.
    pub titles: bool,
    /// A delimiter stands behind the last value too.
    pub trailing: bool,
    /// What ends a line.
    pub end: LineEnd,
}

/// What is done with a record that is shorter than its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Short {
    /// It is an error.
    #[default]
    Refuse,
    /// It is read as if blanks followed.
    Pad,
    /// Fields that are not there, not even in part, have no value.
    Null,
}

/// What is done with a record that is longer than its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Long {
    /// It is an error, unless blanks follow.
    #[default]
    Refuse,
    /// What follows is passed over.
    Truncate,
}

/// Records come in blocks of so many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// How many.
    pub records: u32,
    /// What each record that fills the last block up consists of.
    pub fill: char,
    /// Whether a file whose last block is not full is accepted.
    pub partial: bool,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// It is not, or says so itself by its first bytes.
    #[default]
    Detect,
    /// It is not.
    None,
    /// RFC 1952.
    Gzip,
    /// A ZIP archive with one file in it.
    Zip,
}
