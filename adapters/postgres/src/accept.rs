//! Accept: a message with its key, and with its first attempt where that begins at once; and what undoes one of which nobody was
//! told.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use portolan_delivery::{
    Accept, Accepted, Claim, DeadLetters, DeliveryError, Failure, FaultClass, GatewayId, MessageId, Start,
    State, Status, Timestamp,
};

use crate::{
    error::failed,
    intents::count,
    ledger::Inner,
    pool::Patience,
    row::{PARKED, to_json},
    together::{NewRow, Shared},
};

impl Inner {
    /// Accepts. Where that fails, the commit may have happened all the same, with its answer lost: nobody was told of such a
    /// message and nothing of it was sent, so it must not stay claimed.
    pub(crate) async fn insert(self: &Arc<Self>, accept: Accept) -> Result<Accepted, DeliveryError> {
        let id = accept.envelope.id;
        let keyed = accept.envelope.request_key.is_some();
        let (start, received) = (accept.start, accept.envelope.received);
        let inserted = self.try_insert(accept).await;
        if inserted.is_err() {
            let inner = self.clone();
            tokio::spawn(async move {
                // What was sent must not be carried out after it was undone.
                inner.pool.fence().await;
                let undone = match start {
                    // Whoever repeats the request id may have been told of it by now: it is worked on.
                    Start::Now(gateway) if keyed => {
                        let claim = Claim { id, attempt: 1, gateway };
                        inner.wait_again(claim, received, &unsent(), received, 0).await.map(drop)
                    }
                    Start::Due(_) if keyed => Ok(()),
                    Start::Now(_) | Start::Due(_) => inner.withdraw(id).await,
                };
                if let Err(error) = undone {
                    tracing::error!(%id, %error, "a message whose commit is not known could not be settled");
                }
            });
        }
        inserted
    }

    /// Removes a message that nobody but its accept knows, unless another gateway has begun to work on it.
    async fn withdraw(&self, id: MessageId) -> Result<(), DeliveryError> {
        // Alone in its line before it locks its row, as the others are.
        let withdrawn = self.pool.query(
            Patience::Forever,
            "WITH line AS MATERIALIZED (
                 SELECT portolan.lock_line(order_key) FROM portolan.messages WHERE id = $1),
             withdrawn AS (
                 DELETE FROM portolan.messages WHERE id = $1 AND (SELECT count(*) FROM line) > 0 AND (
                     (state IN (0, 4) AND attempt = 0)
                     OR (state = 1 AND attempt = 1 AND started = received AND at = received))
                 RETURNING order_key)
             SELECT count(*), min(portolan.next_in_line(order_key)) FROM withdrawn",
            |_| vec![&id.0],
        );
        self.opened(&withdrawn.await.map_err(failed)?);
        Ok(())
    }

    async fn try_insert(&self, accept: Accept) -> Result<Accepted, DeliveryError> {
        let mut again = false;
        if accept.envelope.order.is_none() {
            match self.together.insert(new_row(&accept)?).await? {
                Shared::Done(()) => return Ok(self.inserted(&accept)),
                Shared::Alone { sent_again } => again = sent_again,
            }
        }
        self.insert_alone(accept, again).await
    }

    /// New, and not parked.
    fn inserted(&self, accept: &Accept) -> Accepted {
        Accepted::New(match accept.start {
            Start::Now(gateway) => Some(Claim { id: accept.envelope.id, attempt: 1, gateway }),
            Start::Due(due) => {
                self.waits(due);
                None
            }
        })
    }

    /// `sent_again` where it may be there already.
    async fn insert_alone(&self, accept: Accept, sent_again: bool) -> Result<Accepted, DeliveryError> {
        let Accept { envelope, payload, start } = &accept;
        let (id, start) = (envelope.id, *start);
        let (state, attempt, at, started, gateway) = begins(start, envelope.received);
        let by = gateway.map(|gateway| gateway.0);
        let (caller, key) = envelope.request_key.as_ref().map(|key| (&key.caller, &key.id)).unzip();
        let (name, bundle) = (&*envelope.route, envelope.bundle.0.to_vec());
        let (json, payload_bytes) = (to_json(&envelope)?, &payload[..]);
        let line = envelope.order.map(|order| order.key.0.to_vec());
        let passes = envelope.order.is_some_and(|order| order.dead_letters == DeadLetters::Pass);
        let sent_again = AtomicBool::new(sent_again);
        // Forgotten between two statements, at most: then the key is free.
        for _ in 0..3 {
            let rows = self.pool.query(
                self.soon(),
                "WITH bundle AS (SELECT 1 FROM portolan.bundles WHERE hash = $4),
                 key AS (
                     INSERT INTO portolan.request_keys (route, caller, id, message)
                     SELECT $3, $11, $12, $1 FROM bundle WHERE $12::text IS NOT NULL
                     ON CONFLICT DO NOTHING RETURNING 1),
                 place AS MATERIALIZED (
                     SELECT coalesce(portolan.line_taken($14), false) AS parked
                     FROM bundle WHERE $12::text IS NULL OR EXISTS (SELECT 1 FROM key)),
                 message AS (
                     INSERT INTO portolan.messages
                         (id, state, route, bundle, received, attempt, at, started, gateway, taken, envelope, payload,
                          order_key, passes, announced)
                     SELECT $1, CASE WHEN parked THEN 4::int2 ELSE $2 END, $3, $4, $5::bigint,
                         CASE WHEN parked THEN 0 ELSE $6 END, $7::bigint,
                         CASE WHEN parked THEN 0::bigint ELSE $8 END, CASE WHEN NOT parked THEN $9::uuid END,
                         CASE WHEN $7::bigint <= $5::bigint THEN clock_timestamp() + interval '10 s' END, $10, $13,
                         $14, $15, $16
                     FROM place ON CONFLICT DO NOTHING RETURNING state)
                 SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM bundle), (SELECT state FROM message)",
                |again| {
                    sent_again.fetch_or(*again, Ordering::Relaxed);
                    vec![
                        &id.0, &state, &name, &bundle, &envelope.received.0, &attempt, &at.0, &started.0, &by,
                        &json, &caller, &key, &payload_bytes, &line, &passes,
                        &envelope.announced,
                    ]
                },
            );
            let rows = rows.await.map_err(failed)?;
            if count(&rows) == 1 {
                if rows.first().and_then(|row| row.try_get(2).ok()) == Some(PARKED) {
                    return Ok(Accepted::Parked);
                }
                return Ok(self.inserted(&accept));
            }
            if rows.first().and_then(|row| row.try_get::<_, i64>(1).ok()) == Some(0) {
                return Err(DeliveryError::Unavailable(format!("bundle {} is not kept", envelope.bundle)));
            }
            let known = self.pool.query(
                self.soon(),
                "SELECT message FROM portolan.request_keys WHERE route = $1 AND caller = $2 AND id = $3
                 UNION ALL SELECT id FROM portolan.messages WHERE id = $4 LIMIT 1",
                |_| vec![&name, &caller, &key, &id.0],
            );
            let known = known.await.map_err(failed)?;
            let Some(known) = known.first().and_then(|row| row.try_get(0).ok()).map(MessageId) else {
                continue;
            };
            let Some(record) = self.get(known).await? else { continue };
            if known == id && sent_again.load(Ordering::Relaxed) {
                // The first statement was carried out, and its answer lost.
                match (start, &record.state) {
                    (_, State::Waiting { .. }) if record.behind.is_some() => return Ok(Accepted::Parked),
                    (Start::Due(_), _) => {
                        self.waits(at);
                        return Ok(Accepted::New(None));
                    }
                    (Start::Now(mine), State::Claimed { gateway, .. })
                        if mine == *gateway && record.attempts.len() == 1 =>
                    {
                        return Ok(Accepted::New(Some(Claim { id, attempt: 1, gateway: mine })));
                    }
                    // Its lease ran out in between, and others went on; or it was parked, and it is its turn now.
                    (Start::Now(_), _) => {}
                }
            }
            return Ok(match record.payload == *payload {
                true => Accepted::Repeated(Box::new(record)),
                false => Accepted::Conflict(known),
            });
        }
        Err(DeliveryError::Unavailable("the request key is being forgotten; try again".to_owned()))
    }
}

fn new_row(accept: &Accept) -> Result<NewRow, DeliveryError> {
    let Accept { envelope, payload, start } = accept;
    let (state, attempt, at, started, gateway) = begins(*start, envelope.received);
    let (caller, key) = envelope.request_key.clone().map(|key| (key.caller, key.id)).unzip();
    Ok(NewRow {
        id: envelope.id.0,
        state,
        route: envelope.route.clone(),
        bundle: envelope.bundle.0,
        received: envelope.received.0,
        attempt,
        at: at.0,
        started: started.0,
        gateway: gateway.map(|gateway| gateway.0),
        envelope: to_json(envelope)?,
        caller,
        key,
        payload: payload.clone(),
        announced: envelope.announced,
    })
}

/// State, attempt, `at`, `started` and gateway of a message that is accepted.
fn begins(start: Start, received: Timestamp) -> (i16, i32, Timestamp, Timestamp, Option<GatewayId>) {
    match start {
        Start::Now(gateway) => (1, 1, received, received, Some(gateway)),
        Start::Due(due) => (0, 0, due, Timestamp(0), None),
    }
}

/// Why an attempt that began with its accept was not made.
fn unsent() -> Failure {
    let why = "the ledger was away while the request was accepted; nothing was sent by this attempt";
    Failure::new(Status::Unavailable, FaultClass::Unsent, "QUEUE_UNAVAILABLE", why)
}
