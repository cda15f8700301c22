//! CNAB 400: return and remittance files of thirteen Brazilian banks, against the values that brcobranca's own tests expect.
//!
//! Our names are upstream's. It compares texts as they stand in the file: amounts without their point, dates as `ddMMyy`, zeros where
//! there is no date.

use portolan_formats::Decimal;

use crate::{
    decoded::{Line, decode},
    files::Corpus,
    json::Json,
    report::{Report, same},
};

/// Return files, by the end of their names, with their banks.
const RETURNS: &[(&str, &str)] = &[
    ("", "itau"),
    ("BANCOBRASILIA", "banco-brasilia"),
    ("BANCONORDESTE", "banco-nordeste"),
    ("BANRISUL", "banrisul"),
    ("BRADESCO", "bradesco"),
    ("CREDISIS", "credisis"),
    ("SANTANDER", "santander"),
    ("UNICRED", "unicred"),
];

/// Remittances, by the middle of their names, with their banks.
const REMITTANCES: &[(&str, &str)] = &[
    ("banco-brasil-cnab400", "banco-brasil"),
    ("banco-brasilia-cnab400", "banco-brasilia"),
    ("banco-nordeste-cnab400", "banco-nordeste"),
    ("banrisul-cnab400", "banrisul"),
    ("bradesco-cnab400", "bradesco"),
    ("citibank-cnab400", "citibank"),
    ("credisis-cnab400", "credisis"),
    ("itau-cnab400", "itau"),
    ("itau-cnab444", "itau-444"),
    ("santander-cnab400-pix", "santander"),
    ("santander-cnab400", "santander"),
    ("sicoob-cnab400", "sicoob"),
    ("unicred-cnab400", "unicred"),
];

/// Banks in whose layouts upstream's names mean other fields.
const RENAMED: &[(&str, &str, &str)] = &[
    ("banco-nordeste", "carteira", "codigo_carteira"),
    ("banco-nordeste", "data_credito", "data_ocorrencia"),
    ("banrisul", "carteira", "codigo_carteira"),
    ("itau", "carteira", "codigo_carteira"),
    ("santander", "carteira", "codigo_carteira"),
];

/// What upstream computes rather than reads.
const COMPUTED: &[(&str, &str, &str)] =
    &[("bradesco", "agencia_com_dv", "the check digit of the branch is not in the file")];

pub(crate) fn run(corpus: &Corpus, report: &mut Report) {
    for (bank, layout) in RETURNS {
        let path = format!("cnab400/CNAB400{bank}.RET");
        let file = corpus.layout(&format!("cnab400-return-{layout}.yaml"));
        let bytes = corpus.bytes(&path);
        let decoded = decode(&file, &bytes);
        report.rewritten(&path, &file, &bytes);
        if !report.file(&path, &decoded, &bytes) || *layout == "unicred" {
            continue;
        }
        // Upstream leaves the header out, and counts the trailer.
        let records = &decoded.lines[1..];
        for case in Json::parse(&corpus.text(&format!("{path}.expected.json"))).items() {
            let count = Json::Bare(records.len().to_string());
            report.value(&format!("{path}: records"), case.get("record_count").unwrap(), Some(&count));
            for assertion in case.get("assertions").unwrap().items() {
                let line = match assertion.get("record").map(Json::plain) {
                    Some("first") => &records[0],
                    Some(index) => &records[index.parse::<usize>().unwrap()],
                    None => continue,
                };
                fields(&path, layout, assertion.get("fields").unwrap(), line, report);
            }
        }
    }
    for (name, layout) in REMITTANCES {
        let path = format!("cnab400/remessa-{name}.rem");
        let file = corpus.layout(&format!("cnab400-remittance-{layout}.yaml"));
        let bytes = corpus.bytes(&path);
        report.rewritten(&path, &file, &bytes);
        report.file(&path, &decode(&file, &bytes), &bytes);
    }
}

fn fields(path: &str, bank: &str, expected: &Json, line: &Line, report: &mut Report) {
    for (upstream, expected) in expected.members() {
        let place = format!("{path}: {upstream}");
        if let Some((.., why)) = COMPUTED.iter().find(|(of, name, _)| *of == bank && name == upstream) {
            report.excepted.push(format!("{}: {why}", place.replace(": ", " ")));
            continue;
        }
        let renamed = RENAMED.iter().find(|(of, name, _)| *of == bank && name == upstream);
        let found = line.values().get(renamed.map_or(upstream.as_str(), |(.., ours)| ours));
        report.test(&place, as_it_stands(expected.plain(), found), expected, found);
    }
}

/// Whether a value is written so.
fn as_it_stands(written: &str, found: Option<&Json>) -> bool {
    match found {
        None => written.trim_matches([' ', '0']).is_empty(),
        Some(Json::Bare(number)) => {
            let amount = Decimal::parse(number).unwrap();
            written.parse() == Ok(amount.mantissa)
        }
        Some(Json::Text(text)) if is_date(text) => {
            let (year, month, day) = (&text[..4], &text[5..7], &text[8..]);
            written == format!("{day}{month}{}", &year[2..]) || written == format!("{day}{month}{year}")
        }
        found => same(&Json::Text(written.to_owned()), found),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-'
}
