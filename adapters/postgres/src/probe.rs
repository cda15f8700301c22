//! Whether a database can be the ledger, without changing it. For `portolan doctor`.

use portolan_delivery::Timestamp;

use tokio_postgres::Client;
use uuid::Uuid;

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
    /// Whether the user may make the schema, or bring its tables up to date.
    pub allowed: bool,
    /// What tells this ledger from every other one; of tables of another version it is not known.
    pub identity: Option<Uuid>,
    /// Gateways that share the ledger or did within a day; of tables of another version they are not known.
    pub gateways: Vec<Gateway>,
    /// Whether it only follows another server, and takes nothing.
    pub standby: bool,
    /// The server's certificate and intermediates, in DER; none without TLS.
    pub certificates: Vec<Vec<u8>>,
    /// Whether a password crossed a network that is not encrypted.
    pub readable_password: bool,
}

/// A gateway that shares the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// As claims and the log name it.
    pub id: Uuid,
    /// Where it runs, or ran.
    pub host: String,
    /// Whether its lease holds.
    pub alive: bool,
    /// Its attempts that have no outcome.
    pub at_work: usize,
}

/// What a gateway that starts needs: of its own, as migrations change tables, unless those are of this version.
const ALLOWED: &str = "
    SELECT CASE
        WHEN to_regnamespace('portolan') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
        ELSE has_schema_privilege('portolan', 'CREATE') AND NOT EXISTS (
            SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'portolan' AND c.relkind = 'r'
              AND CASE WHEN $1 THEN NOT has_table_privilege(c.oid, 'SELECT')
                                 OR NOT has_table_privilege(c.oid, 'INSERT')
                                 OR NOT has_table_privilege(c.oid, 'UPDATE')
                                 OR NOT has_table_privilege(c.oid, 'DELETE')
                       ELSE NOT pg_has_role(c.relowner, 'USAGE') END)
    END";

async fn identity(client: &Client) -> Result<Option<Uuid>, tokio_postgres::Error> {
    let row = client.query_opt("SELECT id FROM portolan.identity", &[]).await?;
    row.map(|row| row.try_get(0)).transpose()
}

async fn gateways(client: &Client) -> Result<Vec<Gateway>, tokio_postgres::Error> {
    let rows = client.query(
        "SELECT l.id, l.host, l.expires > clock_timestamp(),
             (SELECT count(*) FROM portolan.messages m WHERE m.gateway = l.id AND m.state = 1)
         FROM portolan.leases l WHERE l.host IS NOT NULL ORDER BY l.host, l.id",
        &[],
    );
    let read = |row: &tokio_postgres::Row| {
        let at_work = usize::try_from(row.try_get::<_, i64>(3)?).unwrap_or(0);
        Ok(Gateway { id: row.try_get(0)?, host: row.try_get(1)?, alive: row.try_get(2)?, at_work })
    };
    rows.await?.iter().map(read).collect()
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
        let known = tables == Some(KNOWN);
        let allowed = client.query_one(ALLOWED, &[&known]).await?.try_get(0)?;
        let (identity, gateways) = match known {
            true => (identity(&client).await?, gateways(&client).await?),
            false => (None, Vec::new()),
        };
        // Last, on a connection that is warm.
        let before = Timestamp::now();
        let clock =
            client.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", &[]).await?;
        let middle = before.plus(Timestamp::now().since(before) / 2);
        Ok(Probe {
            server: about.get(0),
            tables,
            allowed,
            identity,
            gateways,
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
