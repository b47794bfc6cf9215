//! A witness (c2sp.org/tlog-witness), as a server of its own: it cosigns what continues the last
//! tree it saw of a log, and nothing else. Run it on another machine, under another organisation,
//! than the log it watches.
//!
//! | module | holds |
//! | --- | --- |
//! | `book` | the last tree of each log, durable before it is cosigned |
//! | `serve` | `POST /add-checkpoint` |

mod book;
mod serve;

pub use book::{Book, BookError};
pub use serve::{WitnessConfig, WitnessError, begin, start};
