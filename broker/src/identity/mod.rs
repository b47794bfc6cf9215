//! Who is calling: a client certificate with one SPIFFE id, and a token bound to that certificate.
//!
//! | module | turns | into |
//! | --- | --- | --- |
//! | [`tls`] | files | a TLS 1.3 configuration that demands client certificates |
//! | [`accept`] | TCP connections | connections with a [`peer::Peer`] |
//! | [`peer`] | a certificate | a [`peer::Peer`]: which organisation holds this connection |
//! | [`token`] | a token and its `Peer` | a [`caller::Caller`]: who asks, in which role |
//! | [`layer`] | a request | a request that carries its `Caller`, or `UNAUTHENTICATED` |
//!
//! A caller learns one sentence only, whatever was wrong; the cause goes to the operator's log.

pub mod accept;
pub mod caller;
pub mod layer;
pub mod peer;
mod share;
pub mod tls;
pub mod token;

#[cfg(test)]
mod testing;
