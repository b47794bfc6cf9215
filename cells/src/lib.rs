//! The columnar store: cells come in as Arrow batches, are checked, become Parquet, are read again
//! with DataFusion, and go out as released tables.
//!
//! | module | does |
//! | --- | --- |
//! | [`check`] | refuses cells that break schema, domain, order or bounds |
//! | [`write`](mod@write) | checked batches → one Parquet blob; nothing unchecked can be written |
//! | [`read`] | blobs → cells added up by key, sorted, with checked sums |
//! | [`merge`] | which coarser row each cell falls into |
//! | [`join`] | cells of several providers over the same keys |
//! | [`release`] | kept rows and noisy columns → the released table and its bytes |
//! | [`sql`] | questions in SQL over released tables, and over nothing else |
//!
//! Memory on the way in is one batch and one row group, however large the contribution is.
//!
//! True numbers never reach an error, a log or a Debug text of this crate. It knows nothing of gRPC
//! and draws no noise.

pub mod check;
pub mod dense;
pub mod join;
pub mod merge;
pub mod read;
pub mod release;
pub mod sql;
pub mod write;

#[cfg(test)]
mod testing;
