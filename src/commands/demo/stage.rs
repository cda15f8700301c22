//! What the demo plays on: a temporary folder with the worked examples, simulated systems, and a gateway process.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use portolan_diagnostics::Sources;
use portolan_schema::{Contract, Memory, Reading};
use portolan_soap::simulate::{Answers, Behaviour, Handle, Simulator};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

use crate::{
    commands::portal::{self, Portal},
    report::{Failure, Report},
};

/// The worked examples, as they stand in `mappings/`: the demo needs nothing but the binary.
const FILES: [(&str, &str); 19] = [
    (
        "population-register/registry.proto",
        include_str!("../../../mappings/population-register/registry.proto"),
    ),
    (
        "population-register/register.wsdl",
        include_str!("../../../mappings/population-register/register.wsdl"),
    ),
    (
        "population-register/get-person.yaml",
        include_str!("../../../mappings/population-register/get-person.yaml"),
    ),
    ("population-register/answers.yaml", include_str!("../../../mappings/population-register/answers.yaml")),
    ("benefits-claim/claims.proto", include_str!("../../../mappings/benefits-claim/claims.proto")),
    ("benefits-claim/benefits.wsdl", include_str!("../../../mappings/benefits-claim/benefits.wsdl")),
    ("benefits-claim/submit-claim.yaml", include_str!("../../../mappings/benefits-claim/submit-claim.yaml")),
    ("benefits-claim/answers.yaml", include_str!("../../../mappings/benefits-claim/answers.yaml")),
    ("statements/ledger.wsdl", include_str!("../../../mappings/statements/ledger.wsdl")),
    ("statements/enter-booking.yaml", include_str!("../../../mappings/statements/enter-booking.yaml")),
    ("statements/statement.yaml", include_str!("../../../mappings/statements/statement.yaml")),
    ("statements/answers.yaml", include_str!("../../../mappings/statements/answers.yaml")),
    ("benefits/claims.proto", include_str!("../../../mappings/benefits/claims.proto")),
    ("benefits/submit-claim.yaml", include_str!("../../../mappings/benefits/submit-claim.yaml")),
    ("benefits/CLAIM.cpy", include_str!("../../../mappings/benefits/CLAIM.cpy")),
    ("benefits/DECISION.cpy", include_str!("../../../mappings/benefits/DECISION.cpy")),
    ("benefits/claims.layout.yaml", include_str!("../../../mappings/benefits/claims.layout.yaml")),
    ("benefits/decisions.layout.yaml", include_str!("../../../mappings/benefits/decisions.layout.yaml")),
    ("benefits/simulate/decide.yaml", include_str!("../../../mappings/benefits/simulate/decide.yaml")),
];

/// How long the gateway may take to be ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// What went over the wire between the gateway and a system.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    Request(String),
    Reply(u16, String),
}

/// A simulated system.
pub(super) struct System {
    pub(super) handle: Handle,
    seen: Arc<Mutex<Vec<Seen>>>,
    address: std::net::SocketAddr,
}

impl System {
    async fn start(wsdl: &str, answers: &str) -> Result<Self, Failure> {
        let contract = contract(wsdl)?;
        let answers = Answers::read(file(answers), &contract).map_err(Failure::failed)?;
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (requests, replies) = (seen.clone(), seen.clone());
        let simulator = Simulator::new(contract, Some(answers), Behaviour::default())
            .map_err(Failure::failed)?
            .observed_by(Arc::new(move |_, bytes| {
                requests.lock().push(Seen::Request(String::from_utf8_lossy(bytes).into_owned()));
            }))
            .replies_observed_by(Arc::new(move |status, body| {
                replies.lock().push(Seen::Reply(status, body.to_owned()));
            }));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failure::failed)?;
        let address = listener.local_addr().map_err(Failure::failed)?;
        let handle = simulator.handle();
        tokio::spawn(simulator.serve(listener, std::future::pending()));
        Ok(Self { handle, seen, address })
    }

    /// What went over the wire since the last time this was asked.
    pub(super) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock())
    }

    /// How many replies there were with such an element.
    pub(super) fn replies(&self, element: &str) -> usize {
        let seen = self.seen.lock();
        seen.iter().filter(|seen| matches!(seen, Seen::Reply(_, body) if body.contains(element))).count()
    }
}

/// Everything that the acts need.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    keep: bool,
    pub(super) register: System,
    pub(super) benefits: System,
    pub(super) bookings: System,
    pub(super) portal: Portal,
    /// How long the gateway took from its start to its first word.
    pub(super) ready: Duration,
    /// Where operators are answered.
    admin: String,
    gateway: Mutex<Option<Child>>,
}

impl Stage {
    pub(super) async fn set(keep: bool) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("portolan-demo-{}", std::process::id()));
        for (name, text) in FILES {
            write(&folder.join("mappings").join(name), text)?;
        }
        let register =
            System::start("population-register/register.wsdl", "population-register/answers.yaml").await?;
        let benefits = System::start("benefits-claim/benefits.wsdl", "benefits-claim/answers.yaml").await?;
        let bookings = System::start("statements/ledger.wsdl", "statements/answers.yaml").await?;
        for drop in ["drop/bank", "drop/mainframe"] {
            std::fs::create_dir_all(folder.join(drop)).map_err(Failure::failed)?;
        }
        let ports = if keep { Some((free_port()?, free_port()?)) } else { None };
        let configuration = configuration([&register, &benefits, &bookings], ports.unwrap_or((0, 0)));
        write(&folder.join("portolan.yaml"), &configuration)?;
        let started = Instant::now();
        let (gateway, [address, admin]) = start_gateway(&folder).await?;
        let ready = started.elapsed();
        let protos = [
            file("population-register/registry.proto"),
            file("benefits-claim/claims.proto"),
            file("benefits/claims.proto"),
        ];
        let contracts = protos.into_iter().map(portal::pool).collect::<Result<_, _>>()?;
        let portal = Portal::connect(&address, contracts).await?;
        let gateway = Mutex::new(Some(gateway));
        Ok(Self { folder, keep, register, benefits, bookings, portal, ready, admin, gateway })
    }

    /// What a command of an operator says, in the folder.
    pub(super) async fn portolan(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new(std::env::current_exe().map_err(Failure::failed)?);
        command.args(arguments).current_dir(&self.folder);
        if arguments.first() == Some(&"batch") {
            command.args(["--admin", &self.admin]);
        }
        let said = command.output().await.map_err(Failure::failed)?;
        match said.status.success() {
            true => Ok(String::from_utf8_lossy(&said.stdout).into_owned()),
            false => Err(Failure::failed(String::from_utf8_lossy(&said.stderr))),
        }
    }

    /// Stops the gateway as an operator would, and clears up.
    pub(super) async fn strike(self, report: &Report) -> Result<(), Failure> {
        let gateway = self.gateway.lock().take();
        if let Some(mut gateway) = gateway {
            // The queue is in the folder that goes next: nothing needs to be finished.
            gateway.kill().await.map_err(Failure::failed)?;
        }
        if self.keep {
            return self.leave(report);
        }
        std::fs::remove_dir_all(&self.folder).map_err(Failure::failed)
    }

    /// Leaves everything as it was played with, and says how to go on.
    fn leave(&self, report: &Report) -> Result<(), Failure> {
        write(
            &self.folder.join("request.json"),
            "{ \"national_id\": \"39001010001\", \"purpose\": \"PURPOSE_TAX\" }\n",
        )?;
        let program = std::env::args().next().unwrap_or_else(|| "portolan".to_owned());
        report
            .line(format_args!("\nThe folder is left. To go on, each in a terminal of its own or with `&`:"));
        report.line(format_args!("   cd {}", self.folder.display()));
        let program = match program.contains('/') {
            true => std::path::absolute(&program).map_err(Failure::failed)?.display().to_string(),
            false => program,
        };
        for (folder, wsdl, system) in [
            ("population-register", "register.wsdl", &self.register),
            ("benefits-claim", "benefits.wsdl", &self.benefits),
            ("statements", "ledger.wsdl", &self.bookings),
        ] {
            report.line(format_args!(
                "   {program} simulate soap --wsdl mappings/{folder}/{wsdl} --answers mappings/{folder}/answers.yaml --listen {}",
                system.address
            ));
        }
        report.line(format_args!(
            "   {program} simulate batch mappings/benefits/simulate/decide.yaml --from drop/mainframe/out --to drop/mainframe"
        ));
        report.line(format_args!("   {program} serve"));
        report.line(format_args!("   {program} call registry.get-person --request request.json"));
        report.line(format_args!("   {program} queue list"));
        report.line(format_args!("   {program} batch list"));
        Ok(())
    }
}

/// A port that nobody listens at now.
fn free_port() -> Result<u16, Failure> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(Failure::failed)?;
    Ok(listener.local_addr().map_err(Failure::failed)?.port())
}

fn configuration(systems: [&System; 3], (grpc, http): (u16, u16)) -> String {
    let [register, benefits, bookings] = systems.map(|system| system.address);
    format!(
        "listen: {{ grpc: \"127.0.0.1:{grpc}\", http: \"127.0.0.1:{http}\" }}\n\
         routes: [ mappings ]\n\
         queue: \"sqlite:portolan.db\"\n\
         systems:\n  \
           population-register:\n    soap: {{ endpoint: \"http://{register}/\", timeout: 5s }}\n  \
           benefits:\n    soap: {{ endpoint: \"http://{benefits}/\", timeout: 10s }}\n  \
           bookings:\n    soap: {{ endpoint: \"http://{bookings}/\", timeout: 10s }}\n  \
           bank:\n    batch: {{ folder: drop/bank, every: 100ms }}\n  \
           mainframe:\n    batch: {{ folder: drop/mainframe, every: 100ms }}\n"
    )
}

/// This program as a gateway of its own; gives its gRPC and admin addresses once it takes calls.
async fn start_gateway(folder: &Path) -> Result<(Child, [String; 2]), Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let log = std::fs::File::create(folder.join("gateway.log")).map_err(Failure::failed)?;
    let mut gateway = Command::new(program)
        .args(["serve", "--config"])
        .arg(folder.join("portolan.yaml"))
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::failed)?;
    let output = gateway.stdout.take().ok_or_else(|| Failure::failed("the gateway has no output"))?;
    let mut lines = BufReader::new(output).lines();
    let first = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    let line = first.ok().and_then(Result::ok).flatten().unwrap_or_default();
    let address = |name| line.split_whitespace().find_map(|word| word.strip_prefix(name)).map(str::to_owned);
    match (address("grpc="), address("http=")) {
        (Some(grpc), Some(http)) => Ok((gateway, [grpc, http])),
        _ => {
            let log = std::fs::read_to_string(folder.join("gateway.log")).unwrap_or_default();
            Err(Failure::failed(format_args!("the gateway did not start: {line}\n{log}")))
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    write_bytes(path, text.as_bytes())
}

pub(super) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written =
        std::fs::create_dir_all(path.parent().unwrap_or(path)).and_then(|()| std::fs::write(path, bytes));
    written.map_err(|e| Failure::failed(format_args!("{} cannot be written: {e}", path.display())))
}

fn file(name: &str) -> &'static str {
    FILES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
}

fn contract(name: &str) -> Result<Contract, Failure> {
    let resolver = Memory::default().with(name, file(name));
    let mut sources = Sources::default();
    let read = portolan_schema::wsdl::read(name, &mut Reading { resolver: &resolver, sources: &mut sources });
    let (contract, _) = read.into_result().map_err(|found| Failure::configuration(found, &sources))?;
    Ok(contract)
}
