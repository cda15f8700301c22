//! How a number is stored, by the words of COBOL's USAGE clause and of layout files.

use std::fmt;

/// The USAGE of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Usage {
    /// Characters.
    #[default]
    Display,
    /// `COMP`, `COMP-4`, `BINARY`.
    Binary,
    /// `COMP-1`: a floating-point number of four bytes.
    Comp1,
    /// `COMP-2`: a floating-point number of eight bytes.
    Comp2,
    /// `COMP-3`, `PACKED-DECIMAL`.
    Packed,
    /// `COMP-5`: binary in the machine's own order, with all the values that its bytes have.
    Native,
    /// `COMP-6`: packed without a sign.
    PackedUnsigned,
    /// `COMP-9`: binary with the least significant byte first (Cobrix).
    Little,
    /// `COMP-X`: binary of as few bytes as hold the digits, or of as many as an `X` picture says (Micro Focus).
    CompX,
    /// `BINARY-CHAR`, `-SHORT`, `-LONG`, `-DOUBLE`: so many bytes, perhaps signed, without a picture.
    Bytes(u8, bool),
    /// `NATIONAL`: UTF-16.
    National,
    /// `DISPLAY-1`: two bytes a character.
    DoubleByte,
    /// `INDEX`.
    Index,
    /// `POINTER` and its kin.
    Pointer,
}

impl Usage {
    /// The usage of a name, in any case: `comp-3`, `COMPUTATIONAL-3`, `PACKED-DECIMAL`, `display`.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        let short = name.strip_prefix("COMPUTATIONAL").map(|rest| format!("COMP{rest}"));
        Some(match short.as_deref().unwrap_or(&name) {
            "DISPLAY" => Self::Display,
            "COMP" | "COMP-0" | "COMP-4" | "BINARY" => Self::Binary,
            "COMP-1" | "FLOAT-SHORT" | "FLOAT-BINARY-32" => Self::Comp1,
            "COMP-2" | "FLOAT-LONG" | "FLOAT-BINARY-64" => Self::Comp2,
            "COMP-3" | "PACKED-DECIMAL" => Self::Packed,
            "COMP-5" | "COMP-N" => Self::Native,
            "COMP-6" => Self::PackedUnsigned,
            "COMP-9" => Self::Little,
            "COMP-X" => Self::CompX,
            "BINARY-CHAR" => Self::Bytes(1, true),
            "BINARY-SHORT" => Self::Bytes(2, true),
            "BINARY-LONG" | "BINARY-INT" => Self::Bytes(4, true),
            "BINARY-DOUBLE" | "BINARY-LONG-LONG" => Self::Bytes(8, true),
            "NATIONAL" => Self::National,
            "DISPLAY-1" => Self::DoubleByte,
            "INDEX" => Self::Index,
            "POINTER" | "PROCEDURE-POINTER" | "FUNCTION-POINTER" | "PROGRAM-POINTER" | "POINTER-32" => {
                Self::Pointer
            }
            _ => return None,
        })
    }

    /// Whether an item of it has no picture.
    pub fn is_bare(self) -> bool {
        matches!(self, Self::Comp1 | Self::Comp2 | Self::Bytes(..) | Self::Index | Self::Pointer)
    }

    /// Every name that layouts write, as messages suggest them.
    pub const NAMES: &[&str] = &[
        "display",
        "comp",
        "binary",
        "comp-1",
        "comp-2",
        "comp-3",
        "packed-decimal",
        "comp-4",
        "comp-5",
        "comp-6",
        "comp-9",
        "comp-x",
        "national",
        "display-1",
        "index",
        "pointer",
    ];
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Display => "DISPLAY",
            Self::Binary => "COMP",
            Self::Comp1 => "COMP-1",
            Self::Comp2 => "COMP-2",
            Self::Packed => "COMP-3",
            Self::Native => "COMP-5",
            Self::PackedUnsigned => "COMP-6",
            Self::Little => "COMP-9",
            Self::CompX => "COMP-X",
            Self::Bytes(1, _) => "BINARY-CHAR",
            Self::Bytes(2, _) => "BINARY-SHORT",
            Self::Bytes(4, _) => "BINARY-LONG",
            Self::Bytes(..) => "BINARY-DOUBLE",
            Self::National => "NATIONAL",
            Self::DoubleByte => "DISPLAY-1",
            Self::Index => "INDEX",
            Self::Pointer => "POINTER",
        })
    }
}
