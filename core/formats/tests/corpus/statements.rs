//! Norway's OCR giro and Spain's Norma 43, against the values that python-netsgiro and norma43_parser read.
//!
//! What upstream has under one name is divided among records: each expected name with the record and the field where it stands.

use portolan_formats::Decimal;

use crate::{
    decoded::{Decoded, decode},
    files::Corpus,
    json::Json,
    report::{Report, same},
};

/// Upstream's name, the record, and the field; the first record of its kind.
type Places = &'static [(&'static str, &'static str, &'static str)];

const GIRO: Places = &[
    ("transmission.number", "transmission", "number"),
    ("transmission.data_recipient", "transmission", "data_recipient"),
    ("transmission.date", "transmission_end", "date"),
    ("assignment_0.service_code", "assignment.start", "service_code"),
    ("assignment_0.agreement_id", "assignment.start", "agreement_id"),
    ("assignment_0.number", "assignment.start", "number"),
    ("assignment_0.account", "assignment.start", "account"),
    ("assignment_0.transactions", "assignment.end", "transactions"),
    ("transaction_0.number", ITEM_1, "number"),
    ("transaction_0.date", ITEM_1, "date"),
    ("transaction_0.amount", ITEM_1, "amount"),
    ("transaction_0.amount_in_cents", ITEM_1, "amount"),
    ("transaction_0.kid", ITEM_1, "kid"),
    ("transaction_0.reference", ITEM_2, "reference"),
    ("transaction_0.text", "assignment.transaction.amount_item_3", "text"),
    ("transaction_0.centre_id", ITEM_1, "centre_id"),
    ("transaction_0.day_code", ITEM_1, "day_code"),
    ("transaction_0.partial_settlement_number", ITEM_1, "partial_settlement_number"),
    ("transaction_0.partial_settlement_serial_number", ITEM_1, "partial_settlement_serial_number"),
    ("transaction_0.sign", ITEM_1, "sign"),
    ("transaction_0.form_number", ITEM_2, "form_number"),
    ("transaction_0.bank_date", ITEM_2, "bank_date"),
    ("transaction_0.debit_account", ITEM_2, "debit_account"),
];
const ITEM_1: &str = "assignment.transaction.amount_item_1";
const ITEM_2: &str = "assignment.transaction.amount_item_2";

const STATEMENT: Places = &[
    ("account_start", "account.start", ""),
    // Upstream's totals write over its header.
    ("account_start.currency_code", "account.end", "currency_code"),
    ("account_end", "account.end", ""),
    ("transaction_0", "account.transaction", ""),
    ("transaction_0_additional_item_0", "account.transaction.additional_item", ""),
];

/// Counts of records.
const COUNTS: &[(&str, &str)] = &[("accounts", "account.start"), ("transactions", "account.transaction")];

pub(crate) fn run(corpus: &Corpus, report: &mut Report) {
    let giro = "netsgiro/ocr_giro_transactions";
    file(corpus, "netsgiro", &format!("{giro}.txt"), &format!("{giro}.expected.json"), GIRO, report);
    let statement = "norma43/example1.n43";
    file(corpus, "norma43", statement, &format!("{statement}.expected.json"), STATEMENT, report);
}

fn file(corpus: &Corpus, layout: &str, path: &str, expected: &str, places: Places, report: &mut Report) {
    let layout = corpus.layout(&format!("{layout}.yaml"));
    let bytes = corpus.bytes(path);
    let decoded = decode(&layout, &bytes);
    if !report.file(path, &decoded, &bytes) {
        return;
    }
    report.rewritten(path, &layout, &bytes);
    for (name, expected) in Json::parse(&corpus.text(expected)).members() {
        if let Some((_, record)) = COUNTS.iter().find(|(of, _)| of == name) {
            let count = Json::Bare(decoded.of(record).count().to_string());
            report.value(&format!("{path}: {name}"), expected, Some(&count));
        }
        for (field, expected) in expected.members() {
            let name = format!("{name}.{field}");
            match name.as_str() {
                "transmission.assignments" => {
                    let count = Json::Bare(decoded.of("assignment.start").count().to_string());
                    report.value(&format!("{path}: {name}"), expected, Some(&count));
                }
                _ => value(path, &name, field, expected, places, &decoded, report),
            }
        }
    }
}

fn value(
    path: &str,
    name: &str,
    field: &str,
    expected: &Json,
    places: Places,
    decoded: &Decoded,
    report: &mut Report,
) {
    let exact = places.iter().find(|(known, ..)| *known == name);
    let group = places.iter().find(|(known, ..)| name.strip_suffix(field) == Some(&format!("{known}.")));
    let (_, record, ours) = exact.or(group).unwrap_or_else(|| panic!("{name} is not declared"));
    let found =
        decoded.of(record).next().and_then(|values| values.get(if ours.is_empty() { field } else { ours }));
    // Upstream has cents, but where it says otherwise.
    let fine = match (expected, found) {
        (Json::Bare(_), Some(Json::Bare(amount))) if field.contains("amount") && field != "amount_code" => {
            same(expected, Some(&Json::Bare(cents(amount))))
        }
        (Json::Text(amount), Some(Json::Bare(_))) => same(&Json::Bare(amount.clone()), found),
        _ => same(expected, found),
    };
    report.test(&format!("{path}: {name}"), fine, expected, found);
}

fn cents(amount: &str) -> String {
    Decimal::parse(amount).and_then(|amount| amount.rescale(2)).unwrap().mantissa.to_string()
}
