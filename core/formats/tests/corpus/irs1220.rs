//! IRS Publication 1220: a file with its totals, and single records of every form, against the values that moov-io/irs reads.
//!
//! Our names are upstream's; amounts are dollars and cents, upstream's are cents.

use crate::{
    decoded::{Line, decode},
    files::Corpus,
    json::Json,
    report::{Report, same},
};
use portolan_formats::Decimal;

/// Single records: the end of the file's name, and the form's variant.
const FORMS: &[(&str, &str)] = &[
    ("1097Btc", "form_1097_btc"),
    ("1098C", "form_1098_c"),
    ("1098F", "form_1098_f"),
    ("1098T", "form_1098_t"),
    ("1099B", "form_1099_b"),
    ("1099Cap", "form_1099_cap"),
    ("1099G", "form_1099_g"),
    ("1099Int", "form_1099_int"),
    ("1099Ls", "form_1099_ls"),
    ("1099Misc", "form_1099_misc"),
    ("1099Oid", "form_1099_oid"),
    ("1099Q", "form_1099_q"),
    ("1099S", "form_1099_s"),
    ("1099Sb", "form_1099_sb"),
    ("3922", "form_3922"),
    ("5498Esa", "form_5498_esa"),
    ("W2G", "form_w2_g"),
];

/// What upstream expects though its file has blanks there.
const NOT_IN_THE_FILE: &[(&str, &str)] = &[("1099Oid", "description"), ("1099S", "date_closing")];

/// Upstream's names that are not ours.
const RENAMED: &[(&str, &str)] = &[("tax_tear_refund", "tax_year_refund")];

pub(crate) fn run(corpus: &Corpus, report: &mut Report) {
    let whole = corpus.layout("irs1220.yaml");
    let bytes = corpus.bytes("irs1220/oneTransactionFile.ascii");
    let decoded = decode(&whole, &bytes);
    report.file("irs1220/oneTransactionFile.ascii", &decoded, &bytes);
    report.rewritten("irs1220/oneTransactionFile.ascii", &whole, &bytes);
    let expected = Json::parse(&corpus.text("irs1220/oneTransactionFile.json"));
    let person = expected.at("payment_persons.0").unwrap();
    let rows = [expected.get("transmitter"), person.get("payer")];
    let payees = person.get("payees").unwrap().items().iter().map(Some);
    let states = person.get("states").unwrap().items().iter().map(Some);
    let ends = [person.get("end_payer")].into_iter().chain(states).chain([expected.get("end_transmitter")]);
    let rows: Vec<&Json> = rows.into_iter().chain(payees).chain(ends).map(Option::unwrap).collect();
    assert_eq!(rows.len(), decoded.lines.len());
    for (index, (row, line)) in rows.iter().zip(&decoded.lines).enumerate() {
        record(&format!("oneTransactionFile {index}"), row, line, report);
    }
    for (name, variant) in FORMS {
        single(corpus, &format!("payeeRecordWith{name}"), Some(variant), report);
    }
    single(corpus, "payerRecord", None, report);
    single(corpus, "transmitterRecord", None, report);
}

fn single(corpus: &Corpus, name: &str, variant: Option<&str>, report: &mut Report) {
    let file = match variant {
        Some(variant) => corpus.layout_of_variant("irs1220-records.yaml", variant),
        None => corpus.layout("irs1220-records.yaml"),
    };
    let path = format!("irs1220/{name}.ascii");
    let bytes = corpus.bytes(&path);
    let decoded = decode(&file, &bytes);
    if report.file(&path, &decoded, &bytes) {
        report.rewritten(&path, &file, &bytes);
        record(name, &Json::parse(&corpus.text(&format!("irs1220/{name}.json"))), &decoded.lines[0], report);
    }
}

fn record(place: &str, expected: &Json, line: &Line, report: &mut Report) {
    let form =
        line.values().members().iter().find(|(name, _)| name.starts_with("form_")).map(|(_, form)| form);
    for (upstream, expected) in expected.members() {
        let place = format!("{place}: {upstream}");
        if NOT_IN_THE_FILE.iter().any(|(file, field)| place == format!("payeeRecordWith{file}: {field}")) {
            report.excepted.push(format!("{}: the file has blanks there", place.replace(": ", " ")));
            continue;
        }
        let name =
            RENAMED.iter().find(|(theirs, _)| theirs == upstream).map_or(upstream.as_str(), |(_, ours)| ours);
        let found = line.values().get(name).or_else(|| form?.get(name));
        let fine = match found {
            Some(Json::Bare(found)) if is_amount(name) => same(expected, Some(&cents(found))),
            Some(Json::Text(date)) if expected.plain() == format!("{date}T00:00:00Z") => true,
            found => same(expected, found),
        };
        report.test(&place, fine, expected, found);
    }
}

fn is_amount(name: &str) -> bool {
    let amounts =
        ["payment_amount_", "control_total_", "state_income_tax_withheld", "local_income_tax_withheld"];
    amounts.iter().any(|amount| name.starts_with(amount))
}

fn cents(dollars: &str) -> Json {
    let cents = Decimal::parse(dollars).and_then(|dollars| dollars.rescale(2)).unwrap();
    Json::Bare(cents.mantissa.to_string())
}
