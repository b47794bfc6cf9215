//! What the benches share. Each bench runs Weir and a bare tool in turn in one process and prints
//! ratios: seconds of a shared machine say little, ratios within one run say something.
//!
//! | module | holds |
//! | --- | --- |
//! | [`run`](mod@run) | settings from the environment, the entry point of a bench |
//! | [`series`] | figures of several runs: median, least, most, ratios |
//! | [`mod@line`] | one figure at growing sizes, and how it grows |
//! | [`report`] | the one table that a bench prints, goals met or missed |
//! | [`grid`] | an agreement over a square city, and its cells |
//! | `gravity` | which keys of a day have a cell |
//! | [`released`] | the steps of a release around its noise, and the file that it reads |
//! | [`reserved`] | a logged reservation: the right to draw |
//! | [`python`] | a Python process that answers in seconds |
//! | [`raw`] | raw trips as CSV and Parquet |
//! | [`usage`] | wall time, processor time and peak memory of a piece of work |
//! | [`postgres`] | a PostgreSQL of our own |
//! | [`town`] | a broker's keys and config, and the organisations of one agreement |
//! | [`watch`] | the same of another program's processes |
//! | [`week`] | a working week of cells and an ad-hoc release of it |
//! | [`question`] | what that release answers, in SQL |
//! | [`weir`] | `weir serve` in a process of its own |
//! | [`filled`] | a log full of entries |
//! | [`bare`] | Arrow Flight → Parquet → fsync without Weir |

pub mod bare;
pub mod filled;
mod gravity;
pub mod grid;
pub mod line;
pub mod postgres;
pub mod python;
pub mod question;
pub mod raw;
pub mod released;
pub mod report;
pub mod reserved;
pub mod run;
pub mod series;
pub mod town;
pub mod usage;
pub mod watch;
pub mod week;
pub mod weir;
