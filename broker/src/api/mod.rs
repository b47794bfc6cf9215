//! The wire: each method turns a message into domain types, calls one use case, and turns the answer back.

pub mod access;
pub mod agreement;
pub mod contribution;
pub mod directory;
pub mod entries;
pub mod flight;
mod flight_sql;
mod listing;
mod page;
pub mod plain;
pub mod rate;
mod reader;
pub mod release;
pub mod status;
pub mod trace;
pub mod transparency;
mod watch;
