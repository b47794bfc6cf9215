//! The privacy gate attacked as a stranger would: through what a company, a planner or an auditor can call.
//!
//! Every test allows itself one false alarm in a million runs ([`privacy::testing::ALPHA`]). What is random
//! and ours is seeded, and prints its seed; the product's noise takes no seed. Seconds are those of a dev build on two
//! cores.
//!
//! | file | attack | what it proves | s |
//! | --- | --- | --- | --- |
//! | `noise` | chi-square of released noise; repeated runs and correlations of noise over columns and releases | the noise is the one on the sheet, and every draw of it is used once | 4 |
//! | `delta` | cells of k − 1 people, who may all collude, with and without one more, through the gate and, at the most δ that an agreement may sign, over Flight; cells of nobody | a certified lower bound of δ is between half of the charge and the charge (over Flight, at most the charge); cells below k never show | 7 |
//! | `dense` | chi-square of the noise at keys that nobody is in, against the pmf on the sheet; the best guess about who is alone in four keys | an empty key looks like every other; ε that is certainly lost is between half of the claim and the claim | 9 |
//! | `membership` | Neyman and Pearson's best guess about one person, over Flight and gRPC | ε that is certainly lost is between half of the claim and the claim | 5 |
//! | `path` | the same from raw trips on, with a person who makes four times as many as may count; k − 1 riders with and without one more, at a δ that only tests may sign | the same of the whole path, of ε and of δ | 25 |
//! | `merging` | the same from rows that a person's cells were merged into | Δ2 is scaled by r | 7 |
//! | `ladder` | the same over all rungs at once; a coarse row minus a finer one in it; a remainder of few people | what all rungs were charged is what is lost; fewer than k that are left are on no rung; δ of the ladder | 5 |
//! | `together` | a company subtracts itself from a joint table; two that know all but one person of a row; every table that could be subtracted from a guarded one | each part keeps its own ε and δ; nothing stands beside a guarded table, before it or after | 4 |
//! | `randomness` | the system's fails between charge and table, over a restart, and comes back | no entry, no blob, no list and no fetch of a draw; the charge stays; then the same reservation is drawn, once | 1 |
//! | `differencing` | colluding planners with overlapping agreements and windows, a revision minus what it replaces, zone A minus A′, asking again, amending the agreement | what is certain from several tables stays within what the ledger booked | 12 |
//! | `oracle` | refusals, errors, previews, sheets over inputs of which nothing is published; sizes of answers, of every Flight message and of what is stored | an answer depends on public state and published rows alone; no byte names a withheld zone | 9 |
//! | `timing` | a stopwatch on requests with and without one suppressed cell, without the public tick | nothing certain; printed, as is what 20,000 more cells show | 30 |
//! | `traces` | random records, each rider taken out | at most `cells_max` cells of a day change, by at most `per_cell_max` and the clamps; the same days are contributed | 1 |
//! | `ledger` | random interleavings of pushes, requests and ends | a day has lost at least the sum of OpenDP's maps of all that read it, rungs included, at most its cap | 1 |
//! | `k_only` | bounds by linear programming over the public domain, from the rows of a k-only table alone | 0 and k or more remain possible for every number below k, and no hidden number is known | 4 |
//! | `reconstruction` | least squares and the polytope of all 95 % intervals, on a month of Helsinki's bikes; a linear program over windows that differ by a day, with noise and without | withheld counts are guessed exactly no better than without a release, and found where nothing but k protects them; printed | 4 |
//! | `mutants` | every hole of [`policies::mutants`], each in a process of its own that `arm` opens it in | each is found by the attack named for it | 90 |
//!
//! Elsewhere: the samplers against their exact pmf and without randomness (`privacy/src/sampler`), dashu's division
//! (`privacy/src/engine/tests.rs`), centred sums (`tests/suite/measures.rs`), k-only on many more tables
//! (`privacy/tests/konly`) and at 650,000 rows (`privacy/benches/konly.rs`).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, and say what they promise in their names"
)]

mod arm;
mod city;
mod delta;
mod dense;
mod differencing;
mod gate;
#[path = "../suite/harness.rs"]
#[allow(dead_code, reason = "the suite uses more of it")]
mod harness;
mod k_only;
mod ladder;
mod ledger;
mod membership;
mod merging;
mod mutants;
mod noise;
mod oracle;
mod path;
mod randomness;
#[path = "../suite/raw.rs"]
mod raw;
mod reconstruction;
mod timing;
mod together;
mod traces;
