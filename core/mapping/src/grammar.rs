//! The keys of mapping files ([`MAPPING`]) and of calendars ([`CALENDAR`]); the gateway's configuration and layouts have their own.

mod acknowledge;
mod calendar;
mod mapping;
mod outgoing;

pub(crate) use acknowledge::ACKNOWLEDGE;
pub use calendar::CALENDAR;
pub(crate) use calendar::{HOLIDAY_DATE, HOLIDAY_EASTER, HOLIDAY_WEEKDAY, OBSERVED};
pub(crate) use mapping::*;
pub use mapping::{BATCH_ROUTE, MAPPING, STANDING_HEADER};
pub use outgoing::GATHER_ROUTE;
pub(crate) use outgoing::*;
pub use portolan_syntax::grammar::{Group, Key, Value};
