//! Exact decimals of up to 38 digits: a whole number and how many of its digits stand after the point.

/// `mantissa / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// The digits, with their sign.
    pub mantissa: i128,
    /// Digits after the point, 0 to 38.
    pub scale: u8,
}
