//! broker

pub mod identity;
