//! `ListOperations`: a caller's own operations, out of a ledger that has everybody's messages in order of acceptance.

use portolan_delivery::{
    Failure, Filter, MessageId, OperationFilter, OperationPage, OperationState, OperationView, Record,
    StateKind,
};

use crate::{delete, engine::Engine, operations};

/// Messages that are asked for at a time, and how often for one page: whose operations are few among many gets short pages.
const AT_A_TIME: usize = 500;
const TIMES: usize = 4;
/// Operations on a page, at most.
const PAGE: usize = 100;
/// Where a page of large answers ends: callers take 4 MiB by default.
const BYTES: usize = 1 << 20;

pub(crate) async fn list(engine: &Engine, asked: OperationFilter) -> Result<OperationPage, Failure> {
    let limit = asked.limit.clamp(1, PAGE);
    let mut page = OperationPage::default();
    let (mut before, mut bytes) = (asked.before, 0);
    for _ in 0..TIMES {
        let filter = Filter {
            route: asked.route.clone(),
            state: asked.done.filter(|done| *done).map(|_| StateKind::Finished),
            class: None,
            before,
            limit: AT_A_TIME,
        };
        let found = engine.delivery.list(filter).await.map_err(|error| engine.unreadable(error))?;
        for record in found.records.iter().filter(|record| fits(record, &asked)) {
            let id = record.envelope.id;
            let Some(view) = whole(engine, id, &asked).await? else { continue };
            bytes += size(&view);
            page.operations.push(view);
            if page.operations.len() == limit || bytes >= BYTES {
                page.next = Some(id);
                return Ok(page);
            }
        }
        before = found.next;
        if before.is_none() {
            return Ok(page);
        }
    }
    page.next = before.map(blurred);
    Ok(page)
}

fn fits(record: &Record, asked: &OperationFilter) -> bool {
    let is_done = record.state.kind() == StateKind::Finished;
    operations::is_of(&record.envelope, Some(&asked.caller))
        && !delete::is_deleted(&record.state)
        && asked.done.is_none_or(|done| done == is_done)
}

/// With its answer. `None` where it has changed since, or was forgotten, or cannot be told any more, which the log says.
async fn whole(
    engine: &Engine,
    id: MessageId,
    asked: &OperationFilter,
) -> Result<Option<OperationView>, Failure> {
    match engine.operation(id, Some(&asked.caller)).await {
        Ok(view) => Ok(asked.done.is_none_or(|done| done == operations::done(&view)).then_some(view)),
        Err(failure) if failure.retry_after.is_some() => Err(failure),
        Err(_) => Ok(None),
    }
}

fn size(view: &OperationView) -> usize {
    /// Name, metadata, and what an error says.
    const ABOUT: usize = 512;
    match &view.state {
        OperationState::Succeeded(reply) => ABOUT + reply.len(),
        _ => ABOUT,
    }
}

/// A place in the order that is no message's id: it may be somebody else's who knows his operation by nothing but its id.
/// What has the same beginning is looked at again.
fn blurred(id: MessageId) -> MessageId {
    const UNTOLD: u128 = (1 << 48) - 1;
    MessageId(uuid::Uuid::from_u128(id.0.as_u128() | UNTOLD))
}
