//! Who is calling: a client certificate with one SPIFFE id, and a token bound to that certificate.
//!
//! | module | turns | into |
//! | --- | --- | --- |
//! | [`tls`], [`keys`] | files | a TLS 1.3 configuration that demands client certificates; the issuer's keys |
//! | [`jwks`] | the issuer's address | its keys, fetched again and again |
//! | [`trust`], [`reload`] | both | one snapshot of what is trusted, replaced while calls go on |
//! | [`accept`] | TCP connections | connections with a [`peer::Peer`] |
//! | [`peer`] | a certificate | a [`peer::Peer`]: which organisation holds this connection |
//! | [`token`] | a token and its `Peer` | a [`caller::Caller`]: who asks, in which role |
//! | [`layer`] | a request | a request that carries its `Caller`, or `UNAUTHENTICATED` |
//!
//! A caller learns one sentence only, whatever was wrong; the cause goes to the operator's log.

pub mod accept;
pub mod caller;
mod crl;
pub mod jwks;
pub mod keys;
pub mod layer;
pub mod peer;
pub mod reload;
pub(crate) mod share;
pub mod tls;
pub mod token;
pub mod trust;

#[cfg(test)]
pub(crate) mod testing;
