//! What other people's code does to the whole process. A binary of its own: the panic hook is the process's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::panic::{catch_unwind, set_hook};
use std::sync::atomic::{AtomicU32, Ordering};

use policies::loss::{Delta, Loss, Rho};

static TOLD: AtomicU32 = AtomicU32::new(0);

/// Found in CI, whose failing tests said nothing: OpenDP silences the process's panics around its arithmetic, and two
/// threads that did so at once put back each other's silence, for ever.
#[test]
fn pricing_on_many_threads_leaves_panics_as_loud_as_they_were() {
    set_hook(Box::new(|_| {
        TOLD.fetch_add(1, Ordering::Relaxed);
    }));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for n in 1..200 {
                    let rho = Rho::from_units(n * 1_000_003 + thread);
                    let loss = Loss {
                        rho,
                        delta: Delta::ZERO,
                    };
                    privacy::convert::epsilon(loss).unwrap();
                }
            });
        }
    });
    let before = TOLD.load(Ordering::Relaxed);
    catch_unwind(|| panic!("heard?")).unwrap_err();
    assert_eq!(TOLD.load(Ordering::Relaxed), before + 1);
}
