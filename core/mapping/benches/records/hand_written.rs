//! What a team would write by hand: a struct, slices of the record, prost.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct Date {
    #[prost(int32, tag = "1")]
    pub year: i32,
    #[prost(int32, tag = "2")]
    pub month: i32,
    #[prost(int32, tag = "3")]
    pub day: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Decimal {
    #[prost(string, tag = "1")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Claim {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub street: String,
    #[prost(string, tag = "4")]
    pub city: String,
    #[prost(string, tag = "5")]
    pub zip: String,
    #[prost(string, tag = "6")]
    pub country: String,
    #[prost(string, tag = "7")]
    pub email: String,
    #[prost(string, tag = "8")]
    pub phone: String,
    #[prost(string, tag = "9")]
    pub status: String,
    #[prost(string, tag = "10")]
    pub branch: String,
    #[prost(string, tag = "11")]
    pub reference: String,
    #[prost(string, tag = "12")]
    pub note: String,
    #[prost(string, tag = "13")]
    pub tax_id: String,
    #[prost(string, tag = "14")]
    pub code: String,
    #[prost(uint32, tag = "15")]
    pub sequence: u32,
    #[prost(uint32, tag = "16")]
    pub count: u32,
    #[prost(message, optional, tag = "17")]
    pub amount: Option<Decimal>,
    #[prost(message, optional, tag = "18")]
    pub tax: Option<Decimal>,
    #[prost(message, optional, tag = "19")]
    pub fee: Option<Decimal>,
    #[prost(message, optional, tag = "20")]
    pub net: Option<Decimal>,
    #[prost(message, optional, tag = "21")]
    pub balance: Option<Decimal>,
    #[prost(message, optional, tag = "22")]
    pub change: Option<Decimal>,
    #[prost(message, optional, tag = "23")]
    pub rate: Option<Decimal>,
    #[prost(uint32, tag = "24")]
    pub year: u32,
    #[prost(uint32, tag = "25")]
    pub flags: u32,
    #[prost(uint32, tag = "26")]
    pub quantity: u32,
    #[prost(message, optional, tag = "27")]
    pub received: Option<Date>,
    #[prost(message, optional, tag = "28")]
    pub decided: Option<Date>,
    #[prost(message, optional, tag = "29")]
    pub paid: Option<Date>,
    #[prost(message, optional, tag = "30")]
    pub closed: Option<Date>,
}

/// A record of 512 bytes.
pub fn parse(record: &[u8]) -> Claim {
    let text = |from: usize, to: usize| {
        std::str::from_utf8(&record[from - 1..to]).unwrap().trim_end_matches(' ').to_owned()
    };
    let number = |from: usize, to: usize| -> u32 {
        std::str::from_utf8(&record[from - 1..to]).unwrap().parse().unwrap()
    };
    let decimal = |from: usize, to: usize, scale: usize| {
        let units: u64 = std::str::from_utf8(&record[from - 1..to]).unwrap().parse().unwrap();
        Some(Decimal { value: written(units as i64, scale) })
    };
    // The last digit carries the sign: `{ABCDEFGHI` plus, `}JKLMNOPQR` minus.
    let signed = |from: usize, to: usize, scale: usize| {
        let head: i64 = std::str::from_utf8(&record[from - 1..to - 1]).unwrap().parse().unwrap();
        let (digit, negative) = match record[to - 1] {
            b'{' => (0, false),
            b'}' => (0, true),
            byte @ b'A'..=b'I' => (byte - b'A' + 1, false),
            byte @ b'J'..=b'R' => (byte - b'J' + 1, true),
            byte @ b'0'..=b'9' => (byte - b'0', false),
            _ => panic!("no sign"),
        };
        let units = head * 10 + i64::from(digit);
        Some(Decimal { value: written(if negative { -units } else { units }, scale) })
    };
    let date = |from: usize| {
        let part = |from: usize, to: usize| -> i32 {
            std::str::from_utf8(&record[from - 1..to]).unwrap().parse().unwrap()
        };
        let (year, month, day) = (part(from, from + 3), part(from + 4, from + 5), part(from + 6, from + 7));
        // A date that does not exist is no date.
        jiff::civil::Date::new(year as i16, month as i8, day as i8).unwrap();
        Some(Date { year, month, day })
    };
    Claim {
        id: text(1, 12),
        name: text(13, 42),
        street: text(43, 72),
        city: text(73, 97),
        zip: text(98, 107),
        country: text(108, 109),
        email: text(110, 149),
        phone: text(150, 165),
        status: text(166, 166),
        branch: text(167, 172),
        reference: text(173, 192),
        note: text(193, 252),
        tax_id: text(253, 263),
        code: text(264, 267),
        sequence: number(268, 276),
        count: number(277, 281),
        amount: decimal(282, 294, 2),
        tax: decimal(295, 307, 2),
        fee: decimal(308, 320, 2),
        net: decimal(321, 333, 2),
        balance: signed(334, 344, 2),
        change: signed(345, 355, 2),
        rate: decimal(356, 362, 4),
        year: number(363, 366),
        flags: number(367, 368),
        quantity: number(369, 375),
        received: date(376),
        decided: date(384),
        paid: date(392),
        closed: date(400),
    }
}

fn written(units: i64, scale: usize) -> String {
    let divisor = 10i64.pow(scale as u32);
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{}.{:0scale$}", units.abs() / divisor, units.abs() % divisor)
}

/// The way back.
pub fn write(claim: &Claim, record: &mut [u8; 512]) {
    use std::io::Write;
    record.fill(b' ');
    let mut text = |from: usize, to: usize, text: &str| {
        assert!(text.len() <= to + 1 - from && text.is_ascii());
        record[from - 1..from - 1 + text.len()].copy_from_slice(text.as_bytes());
    };
    text(1, 12, &claim.id);
    text(13, 42, &claim.name);
    text(43, 72, &claim.street);
    text(73, 97, &claim.city);
    text(98, 107, &claim.zip);
    text(108, 109, &claim.country);
    text(110, 149, &claim.email);
    text(150, 165, &claim.phone);
    text(166, 166, &claim.status);
    text(167, 172, &claim.branch);
    text(173, 192, &claim.reference);
    text(193, 252, &claim.note);
    text(253, 263, &claim.tax_id);
    text(264, 267, &claim.code);
    let mut number = |from: usize, to: usize, number: u64| {
        let width = to + 1 - from;
        assert!(number < 10u64.pow(width as u32));
        write!(&mut record[from - 1..to], "{number:0width$}").unwrap();
    };
    let units = |decimal: &Option<Decimal>, scale: usize| -> i64 {
        let value = &decimal.as_ref().unwrap().value;
        let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
        assert!(fraction.len() <= scale);
        let negative = whole.starts_with('-');
        let whole: i64 = whole.trim_start_matches('-').parse().unwrap();
        let mut part: i64 = if fraction.is_empty() { 0 } else { fraction.parse().unwrap() };
        part *= 10i64.pow((scale - fraction.len()) as u32);
        let units = whole * 10i64.pow(scale as u32) + part;
        if negative { -units } else { units }
    };
    number(268, 276, claim.sequence.into());
    number(277, 281, claim.count.into());
    number(282, 294, units(&claim.amount, 2) as u64);
    number(295, 307, units(&claim.tax, 2) as u64);
    number(308, 320, units(&claim.fee, 2) as u64);
    number(321, 333, units(&claim.net, 2) as u64);
    number(356, 362, units(&claim.rate, 4) as u64);
    number(363, 366, claim.year.into());
    number(367, 368, claim.flags.into());
    number(369, 375, claim.quantity.into());
    let mut date = |from: usize, date: &Option<Date>| {
        let date = date.as_ref().unwrap();
        jiff::civil::Date::new(date.year as i16, date.month as i8, date.day as i8).unwrap();
        write!(&mut record[from - 1..from + 7], "{:04}{:02}{:02}", date.year, date.month, date.day).unwrap();
    };
    date(376, &claim.received);
    date(384, &claim.decided);
    date(392, &claim.paid);
    date(400, &claim.closed);
    let mut signed = |from: usize, to: usize, units: i64| {
        let width = to + 1 - from;
        write!(&mut record[from - 1..to], "{:0width$}", units.abs()).unwrap();
        let digit = record[to - 1] - b'0';
        let signs = if units < 0 { b"}JKLMNOPQR" } else { b"{ABCDEFGHI" };
        record[to - 1] = signs[usize::from(digit)];
    };
    signed(334, 344, units(&claim.balance, 2));
    signed(345, 355, units(&claim.change, 2));
}

/// The claim that is measured.
pub fn claim() -> Claim {
    let decimal = |value: &str| Some(Decimal { value: value.to_owned() });
    let date = |year, month, day| Some(Date { year, month, day });
    Claim {
        id: "CL-2026-0471".into(),
        name: "Mari-Liis Example-Person".into(),
        street: "12 Long Street, Apartment 4".into(),
        city: "Tallinn".into(),
        zip: "10115".into(),
        country: "EE".into(),
        email: "mari.example@example.test".into(),
        phone: "+372 5555 0147".into(),
        status: "A".into(),
        branch: "TLN-04".into(),
        reference: "REF-0000-4471-9921".into(),
        note: "Housing benefit, first quarter, second instalment".into(),
        tax_id: "38001085718".into(),
        code: "H2B1".into(),
        sequence: 104_711,
        count: 12,
        amount: decimal("123456.78"),
        tax: decimal("24691.35"),
        fee: decimal("12.50"),
        net: decimal("98752.93"),
        balance: decimal("-4512.07"),
        change: decimal("19.99"),
        rate: decimal("20.0000"),
        year: 2026,
        flags: 7,
        quantity: 3,
        received: date(2026, 2, 1),
        decided: date(2026, 2, 17),
        paid: date(2026, 3, 1),
        closed: date(2026, 3, 31),
    }
}
