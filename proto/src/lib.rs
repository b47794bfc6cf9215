//! The contract of Weir: messages, columns, and the one place that turns them into domain types.

pub mod columns;
