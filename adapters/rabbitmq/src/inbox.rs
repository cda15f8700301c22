//! What was delivered and not yet received, in order; what is held until it is acknowledged; what is expected.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use lapin::Channel;
use parking_lot::Mutex;
use portolan_delivery::composite::{Parcel, Received};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// A moment is this part of the wait for what should come: it is paid where another gateway took the older one.
const A_MOMENT: u32 = 20;
/// Parcels that are expected one by one; beyond, the queue is long and something is always there.
const EXPECTED: usize = 4096;

/// Deliveries of one consumer after another: what one that ended has delivered is delivered again.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    arrival: Notify,
}

#[derive(Default)]
struct State {
    connected: bool,
    /// Those that consume now, by number.
    consumers: HashMap<u64, Consumer>,
    last_consumer: u64,
    /// Oldest due first, then as they came. Bounded: the broker sends no more than the prefetch of each consumer.
    waiting: VecDeque<Arrival>,
    /// By our tags.
    held: HashMap<u64, Held>,
    last_tag: u64,
    /// On their way to the broker. They may arrive before they are confirmed.
    sending: HashSet<Parcel>,
    /// Confirmed, and not seen here.
    expected: HashSet<Parcel>,
    /// Confirmed a moment ago, oldest first; some have been seen.
    recent: VecDeque<(Instant, Parcel)>,
    /// In the queue when its consumer started, and not seen here.
    backlog: HashMap<Arc<str>, u64>,
    passed_over: Vec<Arc<str>>,
}

struct Consumer {
    route: Arc<str>,
    channel: Arc<Channel>,
    /// How many more it may be sent before one is acknowledged.
    room: u64,
}

struct Held {
    consumer: u64,
    channel: Arc<Channel>,
    /// The channel's own.
    delivery_tag: u64,
}

struct Arrival {
    consumer: u64,
    delivery_tag: u64,
    parcel: Parcel,
}

impl Inbox {
    pub(crate) fn connected(&self) {
        self.state.lock().connected = true;
    }

    pub(crate) fn disconnected(&self) {
        self.state.lock().forget();
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state.lock().connected
    }

    pub(crate) fn sending(&self, parcel: &Parcel) {
        let mut state = self.state.lock();
        if state.sending.len() < EXPECTED {
            state.sending.insert(parcel.clone());
        }
    }

    /// It is in the queue, or it is not.
    pub(crate) fn sent(&self, parcel: &Parcel, confirmed: bool) {
        let mut state = self.state.lock();
        if state.sending.remove(parcel) && confirmed && state.expected.len() < EXPECTED {
            state.expected.insert(parcel.clone());
            state.recent.push_back((Instant::now(), parcel.clone()));
            if state.recent.len() > EXPECTED {
                state.recent.pop_front();
            }
        }
    }

    /// A consumer starts, with this prefetch, on a queue with so many parcels. Returns its number.
    pub(crate) fn consuming(
        &self,
        route: &Arc<str>,
        channel: &Arc<Channel>,
        prefetch: u16,
        backlog: u32,
    ) -> u64 {
        let mut state = self.state.lock();
        state.last_consumer += 1;
        let number = state.last_consumer;
        let consumer =
            Consumer { route: route.clone(), channel: Arc::clone(channel), room: u64::from(prefetch) };
        state.consumers.insert(number, consumer);
        state.backlog.insert(route.clone(), u64::from(backlog));
        number
    }

    pub(crate) fn arrived(&self, consumer: u64, delivery_tag: u64, parcel: Parcel) {
        let mut state = self.state.lock();
        let Some(sent) = state.consumers.get_mut(&consumer) else { return };
        sent.room = sent.room.saturating_sub(1);
        state.seen(&parcel);
        let place = state.waiting.partition_point(|other| other.parcel.due <= parcel.due);
        state.waiting.insert(place, Arrival { consumer, delivery_tag, parcel });
        drop(state);
        self.arrival.notify_waiters();
    }

    /// A delivery of that route was no parcel.
    pub(crate) fn rejected(&self, route: &Arc<str>) {
        let mut state = self.state.lock();
        if let Some(backlog) = state.backlog.get_mut(route) {
            *backlog = backlog.saturating_sub(1);
        }
    }

    /// A consumer ended. What was not received of its deliveries, for others to receive.
    pub(crate) fn dropped(&self, route: &str, consumer: u64) -> Vec<u64> {
        let mut state = self.state.lock();
        state.consumers.remove(&consumer);
        state.backlog.remove(route);
        state.expected.retain(|parcel| &*parcel.route != route);
        let (gone, kept) = std::mem::take(&mut state.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(|arrival| arrival.consumer == consumer);
        state.waiting = kept;
        gone.into_iter().map(|arrival| arrival.delivery_tag).collect()
    }

    /// Where nothing is here, waits for what should come, for `patience` at most. Queues overtake each other: where more is
    /// here than was asked for, waits a moment for what was confirmed just now and is due for longer.
    pub(crate) async fn receive(
        &self,
        limit: usize,
        except: &[Arc<str>],
        patience: Duration,
    ) -> Vec<Received> {
        let until = Instant::now() + patience;
        loop {
            let mut arrival = std::pin::pin!(self.arrival.notified());
            arrival.as_mut().enable();
            let older = {
                let mut state = self.state.lock();
                let older = state.older_to_come(limit, except, patience / A_MOMENT);
                if older.is_none() {
                    let received = state.take(limit, except);
                    if !received.is_empty() || limit == 0 || !state.expects(except) {
                        return received;
                    }
                }
                older
            };
            let waited = timeout_at(older.unwrap_or(until), arrival).await;
            if waited.is_err() && older.is_none() {
                let mut state = self.state.lock();
                state.expect_none(except);
                return state.take(limit, except);
            }
        }
    }

    /// The channel, and its tag; none if the delivery was another connection's, or the channel is closed.
    pub(crate) fn release(&self, tag: u64) -> Option<(Arc<Channel>, u64)> {
        let mut state = self.state.lock();
        let Held { consumer, channel, delivery_tag } = state.held.remove(&tag)?;
        if let Some(consumer) = state.consumers.get_mut(&consumer) {
            consumer.room += 1;
        }
        channel.status().connected().then_some((channel, delivery_tag))
    }

    /// When something is here that the last receiver did not pass over.
    pub(crate) async fn something(&self) {
        loop {
            let mut arrival = std::pin::pin!(self.arrival.notified());
            arrival.as_mut().enable();
            {
                let state = self.state.lock();
                if state.waiting.iter().any(|arrival| !state.passed_over.contains(&arrival.parcel.route)) {
                    return;
                }
            }
            arrival.await;
        }
    }
}

impl State {
    fn forget(&mut self) {
        self.connected = false;
        self.consumers.clear();
        self.waiting.clear();
        self.held.clear();
        self.expected.clear();
        self.recent.clear();
        self.backlog.clear();
    }

    fn seen(&mut self, parcel: &Parcel) {
        self.sending.remove(parcel);
        self.expected.remove(parcel);
        if let Some(backlog) = self.backlog.get_mut(&parcel.route) {
            *backlog = backlog.saturating_sub(1);
        }
    }

    fn take(&mut self, limit: usize, except: &[Arc<str>]) -> Vec<Received> {
        except.clone_into(&mut self.passed_over);
        let mut received = Vec::new();
        let mut kept = VecDeque::with_capacity(self.waiting.len());
        for arrival in std::mem::take(&mut self.waiting) {
            let Arrival { consumer, delivery_tag, ref parcel } = arrival;
            let wanted = received.len() < limit && !except.contains(&parcel.route);
            match self.consumers.get(&consumer).filter(|_| wanted) {
                Some(Consumer { channel, .. }) => {
                    self.last_tag += 1;
                    let held = Held { consumer, channel: Arc::clone(channel), delivery_tag };
                    self.held.insert(self.last_tag, held);
                    received.push(Received { parcel: arrival.parcel, tag: self.last_tag });
                }
                None => kept.push_back(arrival),
            }
        }
        self.waiting = kept;
        received
    }

    /// Until when to wait for a parcel that would be taken before one of those that are here.
    fn older_to_come(&mut self, limit: usize, except: &[Arc<str>], moment: Duration) -> Option<Instant> {
        let now = Instant::now();
        while self.recent.front().is_some_and(|(confirmed, _)| *confirmed + moment <= now) {
            self.recent.pop_front();
        }
        let mut here = self.waiting.iter().filter(|arrival| !except.contains(&arrival.parcel.route));
        let last = here.nth(limit.checked_sub(1)?)?.parcel.due;
        let mut older = self.recent.iter().rev().filter(|(_, parcel)| {
            parcel.due < last && self.expected.contains(parcel) && self.comes(&parcel.route, except)
        });
        older.next().map(|(confirmed, _)| *confirmed + moment)
    }

    /// Whether parcels of a route may come: not to a consumer that has all that it may have. One that starts may have it all.
    fn comes(&self, route: &Arc<str>, except: &[Arc<str>]) -> bool {
        let full = || self.consumers.values().any(|one| one.route == *route && one.room == 0);
        // Without a connection nothing comes.
        self.connected && !except.contains(route) && !full()
    }

    fn expects(&self, except: &[Arc<str>]) -> bool {
        self.expected.iter().any(|parcel| self.comes(&parcel.route, except))
            || self.backlog.iter().any(|(route, backlog)| *backlog > 0 && self.comes(route, except))
    }

    fn expect_none(&mut self, except: &[Arc<str>]) {
        self.expected.retain(|parcel| except.contains(&parcel.route));
        self.backlog.retain(|route, _| except.contains(route));
    }
}
