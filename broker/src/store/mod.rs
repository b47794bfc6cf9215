//! What the broker keeps: the log is the truth, the index follows from it, blobs hold the payloads.
//!
//! | module | holds |
//! | --- | --- |
//! | [`disk`] | the one file layer of log and blobs: files, or a simulation that loses power |
//! | [`log`] | entries, commit frames, tile hashes and the signed checkpoint |
//! | [`blobs`] | payloads by salted commitment |
//! | [`index`] | what the log implies, in `sled`; rebuilt whenever in doubt |
//! | [`fsck`] | all of them against each other, without writing |
//! | [`open`] | all of them together, recovered or refused |

pub mod blobs;
pub mod disk;
pub mod fsck;
pub mod index;
pub mod log;
pub mod open;

#[cfg(test)]
mod faults;
#[cfg(test)]
pub(crate) mod testing;
