//! Two acts with files: a bank drops one with a line that is wrong; and claims of a day go to a mainframe in one file, which another answers.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    acts::Show,
    stage::{Stage, write_bytes},
};
use crate::{commands::simulate_batch::Partner, report::Failure};

const SUBMIT_NIGHTLY: &str = "civic.benefits.nightly.v1.NightlyClaims/SubmitClaim";
const NIGHTLY: &str = "benefits.nightly-claim";
/// How long a file may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A bank's statement; one line's day does not exist. In ISO 8859-1, as banks write.
const STATEMENT: &str = "IBAN;Buchungstag;Betrag;Währung;Auftraggeber/Empfänger;Verwendungszweck\r
DE02120300000000202051;02.11.2026;-1250,00;EUR;Wohnbau Köln eG;Miete November\r
DE02120300000000202051;31.11.2026;89,90;EUR;Jürgen Groß;Rechnung 2026/117\r
DE02120300000000202051;30.11.2026;-12,00;EUR;Müller & Söhne GmbH;\r
SUMME;0000003;-1172,10\r
";

pub(super) async fn play(stage: &Stage, show: &Show<'_>) -> Result<(), Failure> {
    show.act(
        8,
        "A dropped file with a bad line",
        "statements.enter-booking: verified whole, then each line a booking by SOAP",
    );
    let drop = stage.folder.join("drop/bank");
    show.block("bank drops", &format!("november.csv\n{STATEMENT}"));
    dropped(&drop, "november.csv", STATEMENT)?;
    let receipt = receipt(&drop, "november.csv").await?;
    show.block("receipt", &counts(&receipt));
    for error in receipt["errors"].as_array().into_iter().flatten() {
        let (record, offset, field) = (&error["record"], &error["offset"], error["field"].as_str());
        show.block(
            "",
            &format!(
                "record {record}, byte {offset}, field {}: {}",
                field.unwrap_or("-"),
                error["reason"].as_str().unwrap_or_default()
            ),
        );
    }
    let rejected = std::fs::read(drop.join("rejected/november.csv")).map_err(Failure::failed)?;
    let rejected: String = rejected.into_iter().map(char::from).collect();
    show.block("rejected", &rejected);
    show.note("The line stands there byte for byte, between titles and a sum of its own: a valid file, to be corrected and dropped as it is.");

    let corrected = rejected.replace("31.11.2026", "30.11.2026");
    show.line("   the clerk   corrects the day, and drops the file again");
    dropped(&drop, "corrected.csv", &corrected)?;
    show.block("receipt", &counts(&self::receipt(&drop, "corrected.csv").await?));
    until("three bookings", || {
        let entered = stage.bookings.replies("EnterBookingResponse");
        (entered >= 3).then_some(())
    })
    .await?;
    show.note(
        "Three bookings are in the ledger, each once. The first was asked for twice: the ledger was busy.",
    );

    show.act(
        9,
        "Tomorrow's file",
        "benefits.nightly-claim: operations gather into one EBCDIC file, and another file answers them",
    );
    let mut operations = Vec::new();
    for (request, rent) in [("night-1", "74550"), ("night-2", "125000")] {
        operations.push(show.call(stage, &stage.benefits, SUBMIT_NIGHTLY, &claim(request, rent)).await?);
    }
    show.line(
        "   operator    portolan batch cut benefits.nightly-claim       (or it is eight in the evening)",
    );
    let cut = stage.portolan(&["batch", "cut", NIGHTLY]).await?;
    let wanted =
        |line: &&str| ["file ", "messages", "bytes", "state"].iter().any(|name| line.starts_with(name));
    show.block("", &cut.lines().filter(wanted).collect::<Vec<_>>().join("\n"));
    let out = stage.folder.join("drop/mainframe/out");
    let name = until("the file for the mainframe", || first_file(&out)).await?;
    let layout = "mappings/benefits/claims.layout.yaml";
    let records =
        stage.portolan(&["decode", "--layout", layout, &format!("drop/mainframe/out/{name}")]).await?;
    show.line(&format!("   in it       portolan decode --layout claims.layout.yaml {name}"));
    for record in records.lines() {
        let record: Value = serde_json::from_str(record).map_err(Failure::failed)?;
        show.block("", &short(&record));
    }

    let mainframe = Partner::new(&stage.folder.join("mappings/benefits/simulate/decide.yaml"))?;
    mainframe.answer_all(&out, &stage.folder.join("drop/mainframe"), show.report)?;
    show.note("That was the mainframe: it grants up to 900.00 a month, and refuses the other for reason 01, which the mapping puts into words.");
    for operation in &operations {
        show.wait(stage, operation).await?;
    }
    Ok(())
}

fn claim(request_id: &str, rent: &str) -> Value {
    json!({
        "request_id": request_id,
        "national_id": "39001010001",
        "benefit": "BENEFIT_HOUSING",
        "office": "TLN",
        "from": { "year": 2026, "month": 12, "day": 1 },
        "monthly_rent_minor": rent,
        "dependants": 2,
    })
}

/// Drops a file as a partner does: written under another name, then renamed.
fn dropped(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let latin1: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    let aside = folder.join(format!("{name}.tmp"));
    write_bytes(&aside, &latin1)?;
    std::fs::rename(aside, folder.join(name)).map_err(Failure::failed)
}

async fn receipt(folder: &Path, name: &str) -> Result<Value, Failure> {
    let path: PathBuf = folder.join(format!("receipts/{name}.json"));
    let text = until(name, || std::fs::read_to_string(&path).ok()).await?;
    serde_json::from_str(&text).map_err(Failure::failed)
}

fn counts(receipt: &Value) -> String {
    format!(
        "{}: {} messages, {} rejected, {} records in all",
        receipt["state"].as_str().unwrap_or_default(),
        receipt["messages"],
        receipt["rejected"],
        receipt["records"]
    )
}

/// What of a record fits into a line.
fn short(record: &Value) -> String {
    let members = record.as_object().into_iter().flatten();
    let said = members.filter(|(name, value)| {
        !matches!(name.as_str(), "_record" | "record_type" | "rest") && !value.is_null()
    });
    let said = said.take(4).map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>();
    format!("{:<22} {}", record["_record"].as_str().unwrap_or_default(), said.join(", "))
}

fn first_file(folder: &Path) -> Option<String> {
    let names =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| !name.starts_with('.')).min()
}

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T, Failure> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            return Err(Failure::failed(format_args!("{what} did not come in {PATIENCE:?}")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
