//! A client of the broker, for every role.
//!
//! Whatever the broker answers about the log is verified before it is handed on: the checkpoint's
//! signature, the inclusion proof, what the entry says, and that the log continues the one seen
//! before ([`Profile::state`] remembers it). An answer that does not hold is an error, never a
//! result.
//!
//! ```no_run
//! use sdk::aggregate::read_cells;
//! use sdk::client::{Client, Profile, new_batch_id, push_of};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::path::Path;
//! let client = Client::connect(&Profile::read(Path::new("weir.toml"))?).await?;
//! for (agreement, cells) in read_cells(Path::new("cells"))? {
//!     let push = push_of(&agreement, &cells, new_batch_id()?, None)?;
//!     let accepted = client.push(&push, &[cells.cells], |_| {}).await?;
//!     println!("{} is entry {}", push.period, accepted.proof.index());
//! }
//! # Ok(()) }
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | `config`, `identity` | the profile and its files |
//! | `connect`, `session` | TLS and token, the [`Client`] |
//! | `directory`, `calls`, `agreements`, `life`, `notices`, `contributions`, `releases`, `opening`, `transparency` | one service each |
//! | `push`, `columns` | cells on their way to the broker |
//! | `table` | a released table on its way to us |
//! | `sql` | questions over released tables |
//! | `proof`, `expect` | receipts, and what their entries have to say |
//! | `memory`, `watch`, `observe` | the last checkpoint seen, and what contradicts it |
//! | `resend` | calls that an ending connection turned away |
//! | `retry`, `pages`, `limits`, `error` | what every call needs |

mod agreements;
mod calls;
mod columns;
mod config;
mod connect;
mod contributions;
mod directory;
mod error;
mod expect;
mod identity;
mod life;
mod limits;
mod memory;
mod notices;
mod observe;
mod opening;
mod pages;
mod proof;
mod push;
mod releases;
mod resend;
mod retry;
mod session;
mod sql;
mod table;
mod transparency;
mod watch;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use agreements::SignatureFault;
pub use config::{ConfigError, Endpoint, EndpointError, Profile};
pub use contributions::{new_batch_id, push_of};
pub use error::{ClientError, IdentityError};
pub use memory::MemoryError;
pub use notices::Watching;
pub use proof::{Proof, Proven, ReceiptFault};
pub use push::{PushProgress, Pushed};
pub use releases::{Answered, Ask, Outcome, PeriodRelease, new_request_id};
pub use retry::Retry;
pub use session::Client;
pub use sql::SqlRows;
pub use table::{Sheet, SheetRung, Table};
pub use watch::LogFault;
