//! The systems as this process knows them: the gate to each, and why an attempt does not begin.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, RwLock};
use portolan_delivery::{
    Failure, FaultClass, Status, Timestamp,
    system::{Gate, Probe, Refused, Shut, Sign, SystemPolicy},
};
use tokio::sync::Notify;

/// Every system that a route of this process asks.
#[derive(Debug, Default)]
pub(crate) struct Systems {
    by_name: RwLock<HashMap<Arc<str>, Arc<System>>>,
    /// Rung when more may begin than before.
    freed: Arc<Notify>,
}

/// A system and the gate to it.
#[derive(Debug)]
pub(crate) struct System {
    name: Arc<str>,
    gate: Mutex<Gate>,
    freed: Arc<Notify>,
    /// Rung when the system is found to be away.
    shut: Notify,
}

/// An attempt that was let through; it tells its system's gate how it ended.
#[derive(Debug)]
pub(crate) struct Passage {
    system: Arc<System>,
    probe: Option<Probe>,
    told: bool,
}

impl Systems {
    pub(crate) fn new(freed: Arc<Notify>) -> Self {
        Self { freed, ..Self::default() }
    }

    /// Policies as they are configured now; what is known of a system stays known.
    pub(crate) fn configure(&self, policies: HashMap<String, SystemPolicy>) {
        for (name, policy) in policies {
            self.get(&name.into()).gate.lock().set_policy(policy);
        }
    }

    /// A system by name, with the usual policy where it is not configured any more.
    pub(crate) fn get(&self, name: &Arc<str>) -> Arc<System> {
        if let Some(system) = self.by_name.read().get(name) {
            return system.clone();
        }
        let system = || {
            let gate = Mutex::new(Gate::new(SystemPolicy::default()));
            Arc::new(System { name: name.clone(), gate, freed: self.freed.clone(), shut: Notify::new() })
        };
        self.by_name.write().entry(name.clone()).or_insert_with(system).clone()
    }
}

impl System {
    /// Reads what the gate says.
    pub(crate) fn gate<T>(&self, read: impl FnOnce(&Gate) -> T) -> T {
        read(&self.gate.lock())
    }

    /// An attempt from the queue, for which there was room.
    pub(crate) fn begin(self: &Arc<Self>, now: Timestamp) -> Passage {
        let probe = self.gate.lock().begin(now);
        Passage { system: self.clone(), probe, told: false }
    }

    /// Lets a caller's attempt through once it is its turn, or says why not, at once.
    pub(crate) async fn admit(self: &Arc<Self>, deadline: Option<Timestamp>) -> Result<Passage, Failure> {
        let now = Timestamp::now();
        let patience = deadline.map_or(Duration::MAX, |deadline| deadline.since(now));
        let admitted = self.gate.lock().admit(now, patience);
        let (turn, probe) = admitted.map_err(|refused| refusal(refused, now))?;
        let passage = Passage { system: self.clone(), probe, told: false };
        if turn > now {
            tokio::time::sleep(turn.since(now)).await;
            // It may have been found to be away meanwhile, but not by the attempt that finds out.
            if passage.probe.is_none()
                && let Some(refusal) = self.refusal(Timestamp::now())
            {
                return Err(refusal);
            }
        }
        Ok(passage)
    }

    /// Why no attempt begins now, as a caller is told.
    pub(crate) fn refusal(&self, now: Timestamp) -> Option<Failure> {
        self.gate.lock().shut(now).map(|shut| refusal(Refused::Shut(shut), now))
    }

    /// Resolves when no attempt begins any more.
    pub(crate) async fn is_shut(&self) {
        /// A window begins by the clock, and rings no bell.
        const LOOK_AGAIN: Duration = Duration::from_secs(1);
        loop {
            let shut = self.shut.notified();
            tokio::pin!(shut);
            shut.as_mut().enable();
            if self.gate.lock().shut(Timestamp::now()).is_some() {
                return;
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, shut).await;
        }
    }

    fn end(&self, probe: Option<Probe>, sign: Sign) {
        let now = Timestamp::now();
        let (changed, shut) = {
            let mut gate = self.gate.lock();
            let changed = gate.end(probe, sign, now);
            (changed, changed.then(|| gate.shut(now)).flatten())
        };
        if let (true, Some(Shut::Away(until))) = (changed, shut) {
            tracing::warn!(system = %self.name, look_again_in_ms = until.since(now).as_millis() as u64,
                "the system is away: nothing more is sent to it until one attempt finds that it is back");
            self.shut.notify_waiters();
        } else if changed && sign == Sign::Alive {
            tracing::info!(system = %self.name, "the system is back");
        }
        if changed || probe.is_some() {
            self.freed.notify_one();
        }
    }
}

impl Passage {
    pub(crate) fn leads_to(&self, system: &str) -> bool {
        *self.system.name == *system
    }

    /// What the attempt said about the system.
    pub(crate) fn tell(mut self, sign: Sign) {
        self.told = true;
        self.system.end(self.probe, sign);
    }
}

impl Drop for Passage {
    /// Nobody asked the system, or nobody waited for it.
    fn drop(&mut self) {
        if !self.told {
            self.system.end(self.probe, Sign::Nothing);
        }
    }
}

/// Why a caller's attempt does not begin, and when to come again.
fn refusal(refused: Refused, now: Timestamp) -> Failure {
    /// Sooner is no use to anyone.
    const SOONEST: Duration = Duration::from_millis(100);
    let (status, reason, why, until) = match refused {
        Refused::Shut(Shut::Away(until)) => (
            Status::Unavailable,
            "SYSTEM_UNAVAILABLE",
            "the system does not answer at present; nothing was sent to it by this request",
            until,
        ),
        Refused::Shut(Shut::Maintenance(until)) => (
            Status::Unavailable,
            "SYSTEM_MAINTENANCE",
            "the system is in maintenance; nothing was sent to it by this request",
            until,
        ),
        Refused::TooMany(until) => (
            Status::ResourceExhausted,
            "SYSTEM_BUSY",
            "the system is asked as often as it may be; nothing was sent to it by this request",
            until,
        ),
    };
    Failure::new(status, FaultClass::Unsent, reason, why).retry_after(until.since(now).max(SOONEST))
}
