//! The rival: the translation that a team would write by hand with prost and quick-xml.
//!
//! The code of `peers/gateways/rust/src/tr.rs`, laid out by rustfmt, with the message as a derived struct.

use quick_xml::{Reader, XmlVersion, events::Event};

#[derive(Clone, PartialEq, prost::Message)]
pub struct Order {
    #[prost(string, tag = "1")]
    pub order_id: String,
    #[prost(string, tag = "2")]
    pub customer_id: String,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub street: String,
    #[prost(string, tag = "5")]
    pub city: String,
    #[prost(string, tag = "6")]
    pub zip: String,
    #[prost(string, tag = "7")]
    pub country: String,
    #[prost(string, tag = "8")]
    pub email: String,
    #[prost(string, tag = "9")]
    pub phone: String,
    #[prost(string, tag = "10")]
    pub status: String,
    #[prost(string, tag = "11")]
    pub currency: String,
    #[prost(int64, tag = "12")]
    pub amount_minor: i64,
    #[prost(int64, tag = "13")]
    pub tax_minor: i64,
    #[prost(int32, tag = "14")]
    pub item_count: i32,
    #[prost(uint32, tag = "15")]
    pub version: u32,
    #[prost(bool, tag = "16")]
    pub priority: bool,
    #[prost(int64, tag = "17")]
    pub created_at: i64,
    #[prost(int64, tag = "18")]
    pub updated_at: i64,
    #[prost(string, tag = "19")]
    pub carrier: String,
    #[prost(string, tag = "20")]
    pub note: String,
}

pub fn order() -> Order {
    Order {
        order_id: "ORD-2026-000184467".into(),
        customer_id: "C-99120331".into(),
        name: "Margarethe & Söhne GmbH".into(),
        street: "Lindenallee 1442, Aufgang B".into(),
        city: "Düsseldorf".into(),
        zip: "40213".into(),
        country: "DE".into(),
        email: "einkauf@margarethe-soehne.example".into(),
        phone: "+49 211 5550 1234".into(),
        status: "PARTIALLY_SHIPPED".into(),
        currency: "EUR".into(),
        amount_minor: 12899050,
        tax_minor: 2059512,
        item_count: 17,
        version: 4,
        priority: true,
        created_at: 1795440438,
        updated_at: 1795443999,
        carrier: "DHL Freight".into(),
        note: "Leave at the loading dock; call the porter before arrival, gate code was sent by SMS.".into(),
    }
}

pub fn esc(o: &mut Vec<u8>, s: &str) {
    let b = s.as_bytes();
    let mut st = 0;
    for (i, c) in b.iter().enumerate() {
        let r: &[u8] = match c {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            _ => continue,
        };
        o.extend_from_slice(&b[st..i]);
        o.extend_from_slice(r);
        st = i + 1;
    }
    o.extend_from_slice(&b[st..]);
}

fn dec2(o: &mut Vec<u8>, v: i64) {
    let mut b = itoa::Buffer::new();
    if v < 0 {
        o.push(b'-')
    }
    let a = v.unsigned_abs();
    o.extend_from_slice(b.format(a / 100).as_bytes());
    o.push(b'.');
    let r = (a % 100) as u8;
    o.push(b'0' + r / 10);
    o.push(b'0' + r % 10);
}

fn date(o: &mut Vec<u8>, t: i64) {
    let d = t.div_euclid(86400);
    let s = t.rem_euclid(86400) as u32;
    let z = d + 719468;
    let era = z.div_euclid(146097);
    let doe = z.rem_euclid(146097);
    let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let dd = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let m = (if mp < 10 { mp + 3 } else { mp - 9 }) as u32;
    let y = (yoe + era * 400 + (m <= 2) as i64) as u32;
    let p2 = |v: u32| [b'0' + (v / 10) as u8, b'0' + (v % 10) as u8];
    let yy = p2(y / 100);
    let y2 = p2(y % 100);
    let (mo, da, h, mi, se) = (p2(m), p2(dd), p2(s / 3600), p2(s / 60 % 60), p2(s % 60));
    o.extend_from_slice(&[
        yy[0], yy[1], y2[0], y2[1], b'-', mo[0], mo[1], b'-', da[0], da[1], b'T', h[0], h[1], b':', mi[0],
        mi[1], b':', se[0], se[1], b'Z',
    ]);
}

fn pdate(s: &str) -> i64 {
    let b = s.as_bytes();
    let g = |a: usize, n: usize| b[a..a + n].iter().fold(0i64, |x, c| x * 10 + (c - b'0') as i64);
    let (y, m, d) = (g(0, 4), g(5, 2), g(8, 2));
    let y2 = y - (m <= 2) as i64;
    let era = y2.div_euclid(400);
    let yoe = y2 - era * 400;
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    (era * 146097 + doe - 719468) * 86400 + g(11, 2) * 3600 + g(14, 2) * 60 + g(17, 2)
}

fn pdec2(s: &str) -> i64 {
    let mut v = 0i64;
    let mut neg = false;
    let mut fr = -1i32;
    for c in s.bytes() {
        match c {
            b'-' => neg = true,
            b'.' => fr = 0,
            _ => {
                v = v * 10 + (c - b'0') as i64;
                if fr >= 0 {
                    fr += 1
                }
            }
        }
    }
    for _ in fr.max(0)..2 {
        v *= 10
    }
    if neg { -v } else { v }
}

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ord="http://example.com/services/orders/2021/03" xmlns:wsa="http://www.w3.org/2005/08/addressing"><soapenv:Header><wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" soapenv:mustUnderstand="1"><wsse:UsernameToken><wsse:Username>svc-orders-gateway</wsse:Username><wsse:Password Type="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText">not-a-secret-just-a-bench</wsse:Password></wsse:UsernameToken></wsse:Security><wsa:Action>http://example.com/services/orders/2021/03/OrderService/GetOrderResponse</wsa:Action><wsa:MessageID>urn:uuid:6f2a1d7e-50a3-4a8e-b0d6-7f5bb9e0a111</wsa:MessageID><wsa:RelatesTo>urn:uuid:0b8d7f4e-3d5b-4a57-9f77-2b0a4bd0c222</wsa:RelatesTo></soapenv:Header><soapenv:Body><ord:GetOrderResponse><ord:Order>"#;
const TAIL: &str = "</ord:Order></ord:GetOrderResponse></soapenv:Body></soapenv:Envelope>";

macro_rules! st {
    ($o:ident,$n:literal,$e:expr) => {
        $o.extend_from_slice(concat!("<ord:", $n, ">").as_bytes());
        $e;
        $o.extend_from_slice(concat!("</ord:", $n, ">").as_bytes());
    };
}

pub fn write_soap(o: &mut Vec<u8>, m: &Order) {
    o.extend_from_slice(HEAD.as_bytes());
    let mut b = itoa::Buffer::new();
    st!(o, "OrderId", esc(o, &m.order_id));
    st!(o, "CustomerId", esc(o, &m.customer_id));
    st!(o, "Name", esc(o, &m.name));
    st!(o, "Street", esc(o, &m.street));
    st!(o, "City", esc(o, &m.city));
    st!(o, "PostalCode", esc(o, &m.zip));
    st!(o, "Country", esc(o, &m.country));
    st!(o, "Email", esc(o, &m.email));
    st!(o, "Phone", esc(o, &m.phone));
    st!(o, "Status", esc(o, &m.status));
    st!(o, "Currency", esc(o, &m.currency));
    st!(o, "Amount", dec2(o, m.amount_minor));
    st!(o, "Tax", dec2(o, m.tax_minor));
    st!(o, "ItemCount", o.extend_from_slice(b.format(m.item_count).as_bytes()));
    st!(o, "Version", o.extend_from_slice(b.format(m.version).as_bytes()));
    st!(o, "Priority", o.extend_from_slice(if m.priority { b"true" } else { b"false" }));
    st!(o, "CreatedAt", date(o, m.created_at));
    st!(o, "UpdatedAt", date(o, m.updated_at));
    st!(o, "Carrier", esc(o, &m.carrier));
    st!(o, "Note", esc(o, &m.note));
    o.extend_from_slice(TAIL.as_bytes());
}

pub fn ent(out: &mut String, n: &str) {
    match n {
        "amp" => out.push('&'),
        "lt" => out.push('<'),
        "gt" => out.push('>'),
        "quot" => out.push('"'),
        "apos" => out.push('\''),
        _ => {
            if let Some(x) = n.strip_prefix("#x") {
                out.push(char::from_u32(u32::from_str_radix(x, 16).unwrap()).unwrap())
            } else if let Some(x) = n.strip_prefix('#') {
                out.push(char::from_u32(x.parse().unwrap()).unwrap())
            } else {
                panic!()
            }
        }
    }
}

fn set_field(m: &mut Order, f: usize, t: &str) {
    match f {
        0 => m.order_id = t.into(),
        1 => m.customer_id = t.into(),
        2 => m.name = t.into(),
        3 => m.street = t.into(),
        4 => m.city = t.into(),
        5 => m.zip = t.into(),
        6 => m.country = t.into(),
        7 => m.email = t.into(),
        8 => m.phone = t.into(),
        9 => m.status = t.into(),
        10 => m.currency = t.into(),
        11 => m.amount_minor = pdec2(t),
        12 => m.tax_minor = pdec2(t),
        13 => m.item_count = t.parse().unwrap(),
        14 => m.version = t.parse().unwrap(),
        15 => m.priority = t == "true" || t == "1",
        16 => m.created_at = pdate(t),
        17 => m.updated_at = pdate(t),
        18 => m.carrier = t.into(),
        19 => m.note = t.into(),
        _ => {}
    }
}

fn fidx(n: &str) -> usize {
    match n {
        "OrderId" => 0,
        "CustomerId" => 1,
        "Name" => 2,
        "Street" => 3,
        "City" => 4,
        "PostalCode" => 5,
        "Country" => 6,
        "Email" => 7,
        "Phone" => 8,
        "Status" => 9,
        "Currency" => 10,
        "Amount" => 11,
        "Tax" => 12,
        "ItemCount" => 13,
        "Version" => 14,
        "Priority" => 15,
        "CreatedAt" => 16,
        "UpdatedAt" => 17,
        "Carrier" => 18,
        "Note" => 19,
        _ => 99,
    }
}

pub fn parse_qx(x: &str) -> Order {
    let mut r = Reader::from_str(x);
    let mut m = Order::default();
    let mut depth = 0;
    let mut cur = 99;
    let mut txt = String::new();
    loop {
        match r.read_event().unwrap() {
            Event::Start(e) => {
                depth += 1;
                if depth == 5 {
                    cur = fidx(e.local_name().as_ref());
                    txt.clear();
                }
            }
            Event::End(_) => {
                if depth == 5 {
                    set_field(&mut m, cur, &txt);
                    cur = 99;
                }
                depth -= 1;
            }
            Event::Text(t) => {
                if cur != 99 {
                    txt.push_str(&t.xml_content(XmlVersion::Implicit1_0))
                }
            }
            Event::GeneralRef(g) => {
                if cur != 99 {
                    ent(&mut txt, &g.xml_content(XmlVersion::Implicit1_0))
                }
            }
            Event::CData(t) => {
                if cur != 99 {
                    txt.push_str(&t.xml_content(XmlVersion::Implicit1_0))
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    m
}
