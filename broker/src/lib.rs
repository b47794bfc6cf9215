//! The broker: the shell around `policies`, `privacy`, `audit` and `cells`.
//!
//! | module | holds |
//! | --- | --- |
//! | [`flow`] | the use cases, one file each |
//! | [`api`] | gRPC and Flight: messages in, one use case, messages out |
//! | [`web`] | what is public: HTTPS, read-only |
//! | [`cosign`] | witnesses for our own checkpoints |
//! | [`witness`] | a witness for others' |
//! | [`identity`] | who is calling |
//! | [`access`] | who may do what: the policies, and the one question they answer |
//! | [`sequencer`] | the one writer: decide, append, sync, apply, answer |
//! | [`store`] | log, index and blobs on disk |
//! | [`serve`], [`config`], [`telemetry`] | running it |
//! | [`limits`] | every bound |
//!
//! What is absent: no privacy arithmetic (`privacy`, `policies`), no rule about agreements (`policies`),
//! no Parquet (`cells`), and no way from a request to cells that does not pass a [`privacy`] `Spend`.

pub mod access;
pub mod api;
pub mod clock;
pub mod config;
pub mod cosign;
pub mod error;
pub mod flow;
pub mod identity;
pub mod limits;
pub mod sequencer;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod web;
pub mod witness;
