//! Whether the routes that the configuration opens to strangers are fit for them.

use std::{collections::HashMap, sync::Arc};

use portolan_diagnostics::{Code, Diagnostic};
use portolan_mapping::{
    check::CheckedRoute,
    file::{Mode, Placed},
};

use super::Found;
use crate::config::{Config, Queue};

/// What is wrong with them. Only where all routes were read is it known that one is not there.
pub(super) fn unfit(routes: &[Found], all: bool, config: &Config) -> Vec<Diagnostic> {
    let Queue::RabbitMq { strangers, .. } = &config.queue else { return Vec::new() };
    let served: HashMap<&str, &CheckedRoute> =
        routes.iter().map(|found| (&*found.loaded.route.name, &found.loaded.route)).collect();
    let finding = |named: &Placed<Arc<str>>, message: String| {
        Diagnostic::error(Code::CONFIG_INVALID, message).at(named.span, "")
    };
    let look = |named: &Placed<Arc<str>>, unfit: &dyn Fn(&CheckedRoute) -> Option<(String, &'static str)>| {
        match served.get(&*named.value) {
            Some(route) => unfit(route).map(|(message, help)| finding(named, message).help(help)),
            None if all => {
                let unknown = finding(named, format!("there is no route `{}`", named.value));
                Some(unknown.did_you_mean(&named.value, served.keys().copied()))
            }
            None => None,
        }
    };
    let waits = |route: &CheckedRoute| {
        let message =
            format!("callers of the route `{}` wait for an answer, and strangers cannot", route.name);
        let help = "`ingress` takes routes of `mode: operation`; leave this one out, or give it that mode";
        (route.delivery.mode != Mode::Operation).then_some((message, help))
    };
    let unrecorded = |route: &CheckedRoute| {
        let message =
            format!("of the messages of the route `{}` nothing is kept that could be told", route.name);
        let help = "`events` takes routes of `mode: operation`, and of `request-reply` that are not `idempotent: true`";
        (!route.is_recorded()).then_some((message, help))
    };
    let ingress = strangers.ingress.iter().filter_map(|named| look(named, &waits));
    ingress.chain(strangers.events.iter().filter_map(|named| look(named, &unrecorded))).collect()
}
