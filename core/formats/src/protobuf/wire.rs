//! The protobuf wire: varints, tags, lengths (<https://protobuf.dev/programming-guides/encoding/>).

use crate::ReadErrorKind;

/// The wire types, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    StartGroup = 3,
    EndGroup = 4,
    Fixed32 = 5,
}

/// Bytes with a position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, ReadErrorKind> {
        let Some(first) = self.bytes.get(self.at) else { return Err(ReadErrorKind::Truncated) };
        if *first < 0x80 {
            self.at += 1;
            return Ok(u64::from(*first));
        }
        self.long_varint()
    }

    #[inline]
    fn long_varint(&mut self) -> Result<u64, ReadErrorKind> {
        let Some(word) = self.bytes[self.at..].first_chunk::<8>() else { return self.careful_varint() };
        let word = u64::from_le_bytes(*word);
        let ends = !word & 0x8080_8080_8080_8080;
        if ends == 0 {
            return self.careful_varint();
        }
        let length = ends.trailing_zeros() / 8 + 1;
        let groups = word & (u64::MAX >> (64 - 8 * length));
        // The groups of seven bits, moved together two by two.
        let pairs = (groups & 0x007f_007f_007f_007f) | (groups & 0x7f00_7f00_7f00_7f00) >> 1;
        let fours = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
        self.at += length as usize;
        Ok((fours & 0x0fff_ffff) | (fours & 0x0fff_ffff_0000_0000) >> 4)
    }

    /// At the end of the input, or of more than eight bytes.
    fn careful_varint(&mut self) -> Result<u64, ReadErrorKind> {
        let mut value = 0u64;
        for (i, byte) in self.bytes[self.at..].iter().take(10).enumerate() {
            if i == 9 && *byte > 1 {
                return Err(ReadErrorKind::Malformed);
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                self.at += i + 1;
                return Ok(value);
            }
        }
        Err(if self.bytes.len() - self.at < 10 { ReadErrorKind::Truncated } else { ReadErrorKind::Malformed })
    }

    /// A field's number and wire type, as they lie there.
    #[inline]
    pub(crate) fn raw_tag(&mut self) -> Result<u32, ReadErrorKind> {
        u32::try_from(self.varint()?).map_err(|_| ReadErrorKind::Malformed)
    }

    /// A field's number and wire type.
    pub(crate) fn tag(&mut self) -> Result<(u32, WireType), ReadErrorKind> {
        split_tag(self.raw_tag()?)
    }

    #[inline]
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], ReadErrorKind> {
        let end = self.at.checked_add(length).ok_or(ReadErrorKind::Truncated)?;
        let taken = self.bytes.get(self.at..end).ok_or(ReadErrorKind::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn length_delimited(&mut self) -> Result<&'a [u8], ReadErrorKind> {
        let length = usize::try_from(self.varint()?).map_err(|_| ReadErrorKind::Truncated)?;
        self.take(length)
    }

    /// The bits of a number of a wire type.
    #[inline]
    pub(crate) fn bits(&mut self, wire_type: WireType) -> Result<u64, ReadErrorKind> {
        match wire_type {
            WireType::Varint => self.varint(),
            WireType::Fixed32 => {
                let bytes = self.take(4)?;
                Ok(bytes.iter().rev().fold(0, |bits, b| bits << 8 | u64::from(*b)))
            }
            WireType::Fixed64 => {
                let bytes = self.take(8)?;
                Ok(bytes.iter().rev().fold(0, |bits, b| bits << 8 | u64::from(*b)))
            }
            _ => Err(ReadErrorKind::WireType),
        }
    }

    /// Passes over a field's value; a group with all that is in it.
    pub(crate) fn skip(&mut self, number: u32, wire_type: WireType, depth: u32) -> Result<(), ReadErrorKind> {
        match wire_type {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.take(8).map(drop),
            WireType::Fixed32 => self.take(4).map(drop),
            WireType::Length => self.length_delimited().map(drop),
            WireType::EndGroup => Err(ReadErrorKind::Malformed),
            WireType::StartGroup => {
                let inner_depth = depth.checked_sub(1).ok_or(ReadErrorKind::TooDeep)?;
                loop {
                    match self.tag()? {
                        (end, WireType::EndGroup) if end == number => return Ok(()),
                        (inner, wire_type) => self.skip(inner, wire_type, inner_depth)?,
                    }
                }
            }
        }
    }
}

/// A tag's field number and wire type.
pub(crate) fn split_tag(tag: u32) -> Result<(u32, WireType), ReadErrorKind> {
    let wire_type = match tag & 7 {
        0 => WireType::Varint,
        1 => WireType::Fixed64,
        2 => WireType::Length,
        3 => WireType::StartGroup,
        4 => WireType::EndGroup,
        5 => WireType::Fixed32,
        _ => return Err(ReadErrorKind::Malformed),
    };
    if tag >> 3 == 0 { Err(ReadErrorKind::Malformed) } else { Ok((tag >> 3, wire_type)) }
}

/// Appends a varint.
#[inline]
pub(crate) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
