//! What holds attempts up: a system that is away or in maintenance, a route that an operator paused.

use std::sync::Arc;

use portolan_delivery::{Control, Timestamp};
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use super::Labels;
use crate::{held::Held, route::RouteTable};

/// Set at each scrape.
#[derive(Default)]
pub(super) struct GateGauges {
    breaker_open: Family<Labels<1>, Gauge>,
    maintenance: Family<Labels<1>, Gauge>,
    held: Family<Labels<2>, Gauge>,
}

impl GateGauges {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "breaker_open",
            "Whether the system is taken to be away: 1 or 0",
            self.breaker_open.clone(),
        );
        registry.register(
            "maintenance",
            "Whether a maintenance window of the system is open: 1 or 0",
            self.maintenance.clone(),
        );
        registry.register(
            "route_held",
            "Whether an operator holds the route up like this: 1 or 0",
            self.held.clone(),
        );
    }

    /// Of the routes that are served, and their systems.
    pub(super) fn set(&self, table: &RouteTable, held: &Held, now: Timestamp) {
        self.breaker_open.clear();
        self.maintenance.clear();
        self.held.clear();
        for route in table.by_name.values() {
            let (away, maintenance) =
                route.gate.gate(|gate| (gate.is_away(), gate.policy().maintenance.until(now).is_some()));
            let of: Labels<1> = [("system", route.system.clone())];
            self.breaker_open.get_or_create(&of).set(i64::from(away));
            self.maintenance.get_or_create(&of).set(i64::from(maintenance));
            for (control, name) in Control::ALL.into_iter().filter(|(c, _)| *c != Control::Running) {
                let labels = [("route", route.name.clone()), ("control", Arc::from(name))];
                self.held.get_or_create(&labels).set(i64::from(held.control(&route.name) == control));
            }
        }
    }
}
