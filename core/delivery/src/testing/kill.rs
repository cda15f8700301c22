//! A portal, a gateway and a system that bring messages to their end, killed at every step on the way and started again:
//! what must hold then, for any `Delivery` that runs over stores with a fuse.

mod line;
mod one_message;

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use super::Fuse;
use crate::{Delivery, Event};

/// Stores that outlive the processes that use them.
pub trait Stores: Send + Sync {
    /// Another process over the same stores, which dies with the fuse. Whatever the last one held is delivered again.
    fn process(&self, fuse: Fuse) -> Arc<dyn Delivery>;
    /// How much is left to be delivered, once everything is settled.
    fn undelivered(&self) -> usize;
    /// What those who listen were told, in order.
    fn announced(&self) -> Vec<Event>;
    /// Stores that hold nothing.
    fn fresh() -> Self
    where
        Self: Sized;
}

/// What happens, and what must have come of it.
trait Story: Debug {
    /// What the world outside knows, which no crash of the gateway takes back.
    type World: Default;
    /// One process: start, the portal's calls with their request ids, and work until everything is settled.
    async fn live(&self, delivery: &dyn Delivery, fuse: &Fuse, world: &Mutex<Self::World>);
    /// What must hold in the end.
    async fn judge(&self, delivery: &dyn Delivery, world: &Self::World, when: &str);
    /// What those who listen must have been told of it.
    async fn listen(&self, _delivery: &dyn Delivery, _announced: &[Event], _when: &str) {}
}

/// Steps of a process from its start until all is settled, at most.
const LIFE: u64 = 70;

/// Runs each story with a kill at every step, and then with two; returns how many runs there were.
pub async fn at_every_step<S: Stores>() -> usize {
    let mut runs = 0;
    for plot in one_message::plots() {
        runs += once_and_twice(plot, S::fresh).await;
    }
    for plot in line::plots() {
        runs += once_and_twice(plot, S::fresh).await;
    }
    runs
}

async fn once_and_twice<S: Stores>(story: impl Story, fresh: fn() -> S) -> usize {
    let mut runs = kills(&story, |first| vec![first], fresh).await;
    for second in 0..=LIFE {
        runs += kills(&story, |first| vec![first, second], fresh).await;
    }
    runs
}

/// Kills at step 0, 1, 2, and so on, until a run comes to its end before the first kill.
async fn kills<S: Stores, T: Story>(story: &T, fuses: impl Fn(u64) -> Vec<u64>, fresh: fn() -> S) -> usize {
    for first in 0.. {
        let stores = fresh();
        let world = Mutex::new(T::World::default());
        let fuses = fuses(first);
        let mut survived = None;
        for (life, step) in fuses.iter().copied().map(Fuse::at).chain([Fuse::never()]).enumerate() {
            let delivery = stores.process(step.clone());
            let ended = tokio::select! {
                biased;
                () = step.burnt() => false,
                () = story.live(&*delivery, &step, &world) => true,
            };
            if ended {
                survived = Some(life);
                break;
            }
        }
        let world = world.into_inner().unwrap_or_else(PoisonError::into_inner);
        let delivery = stores.process(Fuse::never());
        let when = format!("{story:?} killed at {fuses:?}");
        story.judge(&*delivery, &world, &when).await;
        story.listen(&*delivery, &stores.announced(), &when).await;
        assert_eq!(stores.undelivered(), 0, "{when}: parcels are left");
        if survived == Some(0) {
            return usize::try_from(first).unwrap_or(usize::MAX) + 1;
        }
    }
    0
}
