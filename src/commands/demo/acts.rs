//! The calls, and how they are shown.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    file_acts,
    stage::{Seen, Stage, System},
    wire,
};
use crate::{
    commands::portal::{Outcome, Terms},
    report::{Failure, Report},
};

const GET_PERSON: &str = "civic.registry.v1.PopulationRegister/GetPerson";
const SUBMIT_CLAIM: &str = "civic.benefits.v1.Claims/SubmitClaim";
const WAIT: &str = "google.longrunning.Operations/WaitOperation";
const GET: &str = "google.longrunning.Operations/GetOperation";

/// Plays all acts.
pub(super) async fn play(stage: &Stage, report: &Report) -> Result<(), Failure> {
    let show = Show { report };
    show.line("Portolan between a portal that speaks gRPC, legacy systems that speak SOAP, and others that drop files and pick them up.");
    show.line(&format!(
        "The gateway is a process of its own, ready in {}; its queue is a SQLite file. The systems are simulated from their WSDLs.",
        millis(stage.ready)
    ));

    show.act(1, "An answer", "registry.get-person, request-reply, SOAP 1.1");
    let request = json!({ "national_id": "38502281234", "as_of": { "year": 2026, "month": 11, "day": 23 }, "purpose": "PURPOSE_BENEFIT" });
    show.call(stage, &stage.register, GET_PERSON, &request).await?;
    show.note("GivenName and Surname became one name; '---' stands for no city; the nil child was skipped. All of it is in get-person.yaml.");

    show.act(2, "A legacy fault", "the register says no; `faults:` says what that is in gRPC");
    let request = json!({ "national_id": "39001010002", "purpose": "PURPOSE_TAX" });
    show.call(stage, &stage.register, GET_PERSON, &request).await?;

    show.act(3, "A failure in a normal reply", "most registers do this; `fail:` finds it");
    let request = json!({ "national_id": "39001010003", "purpose": "PURPOSE_TAX" });
    show.call(stage, &stage.register, GET_PERSON, &request).await?;

    show.act(4, "A bad request", "`require:` refuses it; the register is not asked");
    let request = json!({ "national_id": "3900101", "purpose": "PURPOSE_TAX" });
    show.call(stage, &stage.register, GET_PERSON, &request).await?;

    show.act(
        5,
        "A claim",
        "benefits.submit-claim, operation, SOAP 1.2: durable before the portal has its answer",
    );
    let request = claim("demo-1");
    let first = show.call(stage, &stage.benefits, SUBMIT_CLAIM, &request).await?;
    show.wait(stage, &first).await?;

    show.act(
        6,
        "The same claim again, by its request id",
        "answered once: the benefits system is not asked again",
    );
    let again = show.call(stage, &stage.benefits, SUBMIT_CLAIM, &request).await?;
    let asked = stage.benefits.handle.counts().get("RegisterClaim").copied().unwrap_or(0);
    if again["name"] != first["name"] || asked != 1 {
        return Err(Failure::failed("the repeated claim was not answered by the first one"));
    }
    show.note(&format!("The same operation. The benefits system has been asked {asked} time."));

    show.act(
        7,
        "A claim while the benefits system is down",
        "taken at once; registered when the system is back",
    );
    stage.benefits.handle.set_down(true).await;
    let down = show.call(stage, &stage.benefits, SUBMIT_CLAIM, &claim("demo-2")).await?;
    let waiting = until_tried(stage, &down).await?;
    show.line(&format!("   meanwhile   {}", progress(&waiting)));
    stage.benefits.handle.set_down(false).await;
    show.line("   the benefits system is back");
    show.wait(stage, &down).await?;

    file_acts::play(stage, &show).await?;

    show.end(stage);
    Ok(())
}

fn claim(request_id: &str) -> Value {
    json!({
        "request_id": request_id,
        "national_id": "39001010001",
        "benefit": "BENEFIT_HOUSING",
        "from": { "year": 2026, "month": 12, "day": 1 },
        "monthly_rent_minor": "74550",
        "dependants": ["61502030005"],
        "note": "Rent & heating",
    })
}

/// Asks for an operation until it has been tried at least twice, so that there is something to show.
async fn until_tried(stage: &Stage, operation: &Value) -> Result<Value, Failure> {
    let started = Instant::now();
    loop {
        let outcome =
            stage.portal.call(GET, &json!({ "name": operation["name"] }), &Terms::default()).await?;
        let now = outcome.answer.map_err(|r| Failure::failed(r.message))?;
        if now["metadata"]["attempts"].as_i64().unwrap_or(0) >= 2
            || started.elapsed() > Duration::from_secs(5)
        {
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn progress(operation: &Value) -> String {
    let metadata = &operation["metadata"];
    let (state, attempts) = (metadata["state"].as_str().unwrap_or("?"), &metadata["attempts"]);
    format!(
        "{state} after {attempts} attempts{}",
        metadata["next_attempt_time"].as_str().map(|at| format!(", next at {at}")).unwrap_or_default()
    )
}

/// How it is shown.
pub(super) struct Show<'a> {
    pub(super) report: &'a Report,
}

impl Show<'_> {
    pub(super) fn line(&self, text: &str) {
        self.report.line(format_args!("{text}"));
    }

    pub(super) fn act(&self, number: usize, title: &str, why: &str) {
        self.line(&format!("\n{number}  {title}\n   {why}"));
    }

    pub(super) fn note(&self, text: &str) {
        self.line(&format!("   {text}"));
    }

    pub(super) fn block(&self, label: &str, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let label = if index == 0 { label } else { "" };
            self.line(&format!("   {label:<11} {line}"));
        }
    }

    /// Makes a call and shows both sides of it; gives the answer, or null where the call was refused.
    pub(super) async fn call(
        &self,
        stage: &Stage,
        system: &System,
        method: &str,
        request: &Value,
    ) -> Result<Value, Failure> {
        let name = method.rsplit('/').next().unwrap_or(method);
        self.block("portal asks", &format!("{name} {}", shown(request)));
        let outcome = stage.portal.call(method, request, &Terms::default()).await?;
        self.wire(system);
        Ok(self.outcome(outcome))
    }

    /// Waits for an operation to be done, and shows how it ended.
    pub(super) async fn wait(&self, stage: &Stage, operation: &Value) -> Result<(), Failure> {
        let request = json!({ "name": operation["name"], "timeout": "15s" });
        let outcome = stage.portal.call(WAIT, &request, &Terms::default()).await?;
        self.wire(&stage.benefits);
        self.block("portal asks", "WaitOperation");
        let done = self.outcome(outcome);
        if done["done"] != true {
            return Err(Failure::failed("the operation was not done in 15 s"));
        }
        Ok(())
    }

    fn wire(&self, system: &System) {
        for seen in system.seen() {
            match seen {
                Seen::Request(envelope) => self.block("SOAP out", &wire::body(&envelope)),
                Seen::Reply(status, envelope) => {
                    self.block(&format!("SOAP {status}"), &wire::body(&envelope))
                }
            }
        }
    }

    fn outcome(&self, outcome: Outcome) -> Value {
        let took = millis(outcome.took);
        match outcome.answer {
            Ok(answer) => {
                self.block("portal got", &format!("OK in {took}\n{}", shown(&answer)));
                answer
            }
            Err(refusal) => {
                self.block("portal got", &format!("{} in {took}: {}", refusal.status(), refusal.message));
                for detail in refusal.details {
                    self.block("", &shown(&detail));
                }
                Value::Null
            }
        }
    }

    fn end(&self, stage: &Stage) {
        self.line("\nWhere to go next");
        self.line("   portolan check mappings                     a mapping is proved against both contracts before it runs; break one and see");
        self.line("   portolan describe mappings/population-register/register.wsdl");
        self.line("   portolan batch list --config portolan.yaml  files that came and files that were made");
        self.line("   portolan queue list --config portolan.yaml  what an operator sees at 3 am (`portolan demo --keep` leaves a queue)");
        self.line("   README.md, \"Ten minutes with it\"");
        let _ = stage;
    }
}

/// JSON on as few lines as a reader wants: one where it is short, else a line for each member.
fn shown(value: &Value) -> String {
    const SHORT: usize = 100;
    let line = value.to_string();
    match value.as_object() {
        Some(members) if line.len() > SHORT => {
            let members = members.iter().map(|(name, value)| format!("  \"{name}\": {value}"));
            format!("{{\n{}\n}}", members.collect::<Vec<_>>().join(",\n"))
        }
        _ => line,
    }
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
