//! Whether a database can be the ledger, without changing it. For `portolan doctor`.

use portolan_delivery::Timestamp;

use crate::{
    OpenError, Options,
    schema::{self, KNOWN},
    way::Way,
};

/// What a database shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The server's version.
    pub server: String,
    /// The version of the ledger's tables; `None` where the first start will make them.
    pub tables: Option<i64>,
    /// The server's clock, and this machine's at the same moment, give or take half of what the question took.
    pub clocks: (Timestamp, Timestamp),
    /// Whether it only follows another server, and takes nothing.
    pub standby: bool,
    /// The server's certificate and intermediates, in DER; none without TLS.
    pub certificates: Vec<Vec<u8>>,
    /// Whether a password crossed a network that is not encrypted.
    pub readable_password: bool,
}

/// Connects and asks.
pub async fn probe(options: &Options) -> Result<Probe, OpenError> {
    let way = Way::of(options, "portolan doctor")?;
    let failed = |error| way.failed(&error);
    let (client, driver) = way.connect().await.map_err(failed)?;
    let asked = async {
        let about =
            client.query_one("SELECT current_setting('server_version'), pg_is_in_recovery()", &[]).await?;
        let tables = schema::version(&client).await?;
        // Last, on a connection that is warm.
        let before = Timestamp::now();
        let clock =
            client.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", &[]).await?;
        let middle = before.plus(Timestamp::now().since(before) / 2);
        Ok(Probe {
            server: about.get(0),
            tables,
            clocks: (Timestamp(clock.get(0)), middle),
            standby: about.get(1),
            readable_password: way.certificates().is_empty() && way.carries_a_password(),
            certificates: way.certificates(),
        })
    };
    let probe = asked.await.map_err(failed);
    driver.abort();
    match probe {
        Ok(Probe { tables: Some(found), .. }) if found > KNOWN => {
            Err(OpenError::Newer { found, known: KNOWN })
        }
        probe => probe,
    }
}
