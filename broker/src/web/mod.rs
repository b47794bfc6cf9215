//! What is public: HTTPS without login, read-only, under the broker's own certificate.
//!
//! | module | holds |
//! | --- | --- |
//! | [`routes`](routes()) | all routes, and what every answer carries |
//! | `answer` | how a page is read beside the async threads |
//! | `log` | the log's checkpoint and hash tiles (c2sp.org/tlog-tiles) |
//! | `open` | open data: the catalogue (DCAT-AP) and the tables |
//! | `patient` | readers who stop taking an answer |
//! | `register` | the public register of agreements, HTML and JSON |
//! | `serve` | the listener with its bounds |
//!
//! A new kind of page is a file with a `routes()` of its own, merged in `routes.rs`. Nothing here may
//! write, and nothing may be shown that is not public: entry bodies are for gRPC.

mod answer;
mod log;
mod open;
mod patient;
mod register;
mod routes;
mod serve;

pub(crate) use open::is_mail;
pub use open::{Open, Presented, open_formats};
pub use routes::routes;
pub use serve::serve;
