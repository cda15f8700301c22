//! SOAP over HTTP: the [`SoapTarget`] that asks a legacy system, and the [`simulate`] module that is one.
//!
//! The target sends envelopes and tells replies apart; it never parses one further than its root element. What an
//! envelope holds is the matter of the plan that wrote the request and reads the reply.
//!
//! The simulator needs a contract and a listener, and no more:
//! ```
//! use portolan_soap::simulate::{Answers, Behaviour, Simulator};
//! # async fn run(contract: portolan_schema::Contract, wsdl: String) -> Result<(), Box<dyn std::error::Error>> {
//! let answers = Answers::read("[]", &contract)?;
//! let behaviour = Behaviour { fault_rate: 0.05, seed: 7, ..Behaviour::default() };
//! let simulator = Simulator::new(contract, Some(answers), behaviour)?.with_wsdl(wsdl);
//! let handle = simulator.handle();
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8088").await?;
//! let serving = tokio::spawn(simulator.serve(listener, async { _ = tokio::signal::ctrl_c().await }));
//! handle.set_down(true).await; // connections are refused
//! handle.set_down(false).await; // the same port again
//! println!("{:?}", handle.counts());
//! serving.await??;
//! # Ok(())
//! # }
//! ```

mod charset;
mod compression;
mod envelope;
mod error;
mod headers;
mod options;
mod payload;
mod probe;
mod redirect;
mod reply;
pub mod simulate;
mod target;
mod username_token;

pub use error::{OptionsError, reason};
pub use options::{Auth, PasswordType, SoapOptions, WsSecurity};
pub use portolan_tls::ProbeError;
pub use portolan_tls::TlsOptions;
pub use probe::{Probe, probe};
pub use target::SoapTarget;
