//! What is public: HTTPS without login, read-only, under the broker's own certificate.
//!
//! | module | holds |
//! | --- | --- |
//! | [`routes`](routes()) | all routes, and what every answer carries |
//! | `log` | the log's checkpoint and hash tiles (c2sp.org/tlog-tiles) |
//! | `serve` | the listener with its bounds |
//!
//! A new kind of page is a file with a `routes()` of its own, merged in `routes.rs`. Nothing here may
//! write, and nothing may be shown that is not public: entry bodies are for gRPC.

mod log;
mod routes;
mod serve;

pub use routes::routes;
pub use serve::serve;
