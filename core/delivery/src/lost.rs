//! What becomes of an attempt whose gateway died before its outcome was recorded. Every ledger asks here when it
//! reconciles, so that all of them give the same answer.

use crate::{DeadLetter, Envelope, Failure, FaultClass, GatewayId, Party, Status};

/// Gateways that may die over one message, one after the other, before it is a suspect.
pub const LOST_BEFORE_SUSPECT: u32 = 2;

/// Gateways that may die over one message, one after the other, before it is thought to be the reason.
const LOST_BEFORE_POISON: u32 = 5;

/// Whether a message is a suspect: whether its last `lost` attempts, which all ended with their gateway, are too many to be
/// chance.
///
/// Whatever a gateway was at dies with it, so the deaths of one poison message are counted for its neighbours, too. Therefore
/// of the suspects of a ledger, whatever their routes, one at most is claimed at a time, and the others wait their turn, oldest
/// due first, while all other messages flow. A suspect that is innocent is cleared by its next attempt that ends, well or not;
/// what is poison dies without another suspect beside it, until [`settle_lost`] buries it.
///
/// When an operator has a dead letter tried again, the count stays: a poison message that is retried is a suspect, and the first
/// gateway that dies over it makes it a dead letter again.
pub const fn is_suspect(lost: u32) -> bool {
    lost >= LOST_BEFORE_SUSPECT
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It may be repeated: due at once. The failure is for the ledger.
    Again(Failure),
    /// It may not be, or it is what gateways die of.
    Bury(DeadLetter),
}

/// Settles an attempt whose gateway is no more. `taken`: it asked for the answer to a request that the system has taken, which
/// may be repeated. `lost` counts the message's last attempts that ended so, this one included.
pub fn settle_lost(envelope: &Envelope, taken: bool, lost: u32, gateway: GatewayId) -> Lost {
    let failure = |class, reason, message| {
        let failure = Failure::new(Status::Unavailable, class, reason, message)
            .with("route", &envelope.route)
            .with("message", envelope.id);
        // Which one it was is nothing to callers.
        Failure { advice: Some(format!("it was gateway {}; see the end of its log", gateway.0)), ..failure }
    };
    if !taken && !envelope.idempotency.may_repeat() {
        return Lost::Bury(DeadLetter {
            failure: failure(
                FaultClass::Unknown,
                "OUTCOME_UNKNOWN",
                "the gateway ended during the attempt; whether the system has done it is not known",
            ),
            at_fault: Party::Gateway,
            reply: None,
        });
    }
    if lost < LOST_BEFORE_POISON {
        let message = "the gateway ended during the attempt; the system may be asked again";
        return Lost::Again(failure(FaultClass::Unknown, "GATEWAY_LOST", message));
    }
    Lost::Bury(DeadLetter {
        failure: failure(
            FaultClass::Poison,
            "POISON",
            "gateways keep ending during attempts of this message; it is not tried again by itself",
        ),
        at_fault: Party::Gateway,
        reply: None,
    })
}

/// A row of the ledger that cannot be read is for a person, like any attempt of unknown outcome, and stops no other.
pub fn unreadable_row() -> DeadLetter {
    let failure = Failure::new(
        Status::DataLoss,
        FaultClass::Internal,
        "ROW_DAMAGED",
        "the message's row is damaged and cannot be read",
    );
    DeadLetter { failure, at_fault: Party::Gateway, reply: None }
}
