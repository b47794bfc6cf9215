//! Weir for the company, the planner and the auditor: what runs on their machines.

pub mod aggregate;
pub mod client;
pub mod question;
pub mod shares;
pub mod sign;
