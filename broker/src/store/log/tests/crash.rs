//! A fault at every step, a power cut at every step: what was acknowledged stays, nothing is half
//! there.

use super::*;

const SEEDS: u64 = 12;
const BATCHES: [Range<u64>; 5] = [0..1, 1..4, 4..250, 250..259, 259..260];

/// What a run had said to its callers when it ended.
#[derive(Debug, Default)]
struct Told {
    /// Entries acknowledged.
    acknowledged: u64,
    /// Entries of the append that was not answered, or answered with `Sync`: there or not there.
    open: u64,
}

/// Opens and appends until something fails; goes on after errors that promise nothing happened.
fn run(disk: &SimDisk) -> Told {
    let mut told = Told::default();
    let Ok(mut log) = open(disk) else { return told };
    told.acknowledged = log.size();
    while let Some(range) = BATCHES
        .into_iter()
        .find(|range| range.end > told.acknowledged)
    {
        let wanted = entries(told.acknowledged..range.end);
        match log.append(&wanted) {
            Ok(committed) => {
                assert_eq!(committed.first, told.acknowledged);
                told.acknowledged = committed.size;
            }
            Err(LogError::Write { .. }) => assert_eq!(log.size(), told.acknowledged),
            Err(LogError::Sync { .. }) => {
                told.open = wanted.len() as u64;
                let again = log.append(&wanted);
                assert!(matches!(again, Err(LogError::Sync { .. })), "never retried");
                assert_eq!(log.size(), told.acknowledged, "nothing of it was shown");
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    told
}

/// The log has exactly what was acknowledged, or that and all of the open append.
fn check_told(disk: &SimDisk, told: &Told, context: &str) -> u64 {
    let log = open(disk).unwrap_or_else(|error| panic!("{context}: {error}"));
    let allowed = [told.acknowledged, told.acknowledged + told.open];
    assert!(
        allowed.contains(&log.size()),
        "{context}: {} entries, {told:?}",
        log.size()
    );
    check(&log, &entries(0..log.size()));
    log.size()
}

fn steps_of_a_run() -> u64 {
    let disk = SimDisk::new();
    let told = run(&disk);
    assert_eq!(told.acknowledged, 260);
    disk.steps()
}

#[test]
fn a_power_cut_after_any_step_loses_nothing_acknowledged() {
    let steps = steps_of_a_run();
    let (mut trials, mut kept_open) = (0, 0);
    for step in 0..=steps {
        for seed in 0..SEEDS {
            let disk = SimDisk::new();
            disk.crash_after(step);
            let told = run(&disk);
            let disk = disk.after_power_cut(seed);
            let context = format!("power cut after step {step} of {steps}, seed {seed}");
            let size = check_told(&disk, &told, &context);
            trials += 1;
            kept_open += u64::from(size > told.acknowledged);
            // The log goes on as if nothing had been.
            let told = run(&disk);
            assert_eq!(told.acknowledged, 260, "{context}");
            assert_eq!(check_told(&disk, &told, &context), 260);
        }
    }
    eprintln!("{trials} power cuts, {kept_open} found an unanswered append committed");
    assert!(
        kept_open > 0,
        "the crash window between frame and checkpoint was not reached"
    );
}

#[test]
fn a_second_power_cut_while_recovering_from_the_first() {
    let steps = steps_of_a_run();
    let mut trials = 0;
    for step in (0..=steps).step_by(3) {
        for seed in 0..4 {
            let disk = SimDisk::new();
            disk.crash_after(step);
            let told = run(&disk);
            let first = disk.after_power_cut(seed);
            let recovering = first.copy();
            drop(open(&recovering).unwrap());
            for second in 0..recovering.steps() {
                let disk = first.copy();
                disk.crash_after(second);
                assert!(open(&disk).is_err());
                let disk = disk.after_power_cut(seed + second);
                let context = format!("cuts after step {step} and {second}, seed {seed}");
                check_told(&disk, &told, &context);
                trials += 1;
            }
        }
    }
    eprintln!("{trials} power cuts while recovering");
    assert!(trials > 100);
}

#[test]
fn a_fault_at_any_step_is_an_error_that_tells_the_truth() {
    let steps = steps_of_a_run();
    let (mut survived, mut fatal) = (0, 0);
    for step in 1..=steps {
        let disk = SimDisk::new();
        disk.fail_at(step);
        let told = run(&disk);
        if told.acknowledged == 260 {
            survived += 1;
        } else {
            fatal += 1;
        }
        // The process ends and starts again, with the machine still up or after a power cut.
        check_told(
            &disk.copy(),
            &told,
            &format!("restart after fault at step {step}"),
        );
        for seed in 0..SEEDS {
            let disk = disk.after_power_cut(seed);
            check_told(&disk, &told, &format!("fault at step {step}, seed {seed}"));
        }
    }
    eprintln!("{survived} faults survived, {fatal} ended the process");
    assert!(survived > 0 && fatal > 0);
}

#[test]
fn a_write_error_leaves_the_log_usable_and_a_failed_sync_does_not() {
    let disk = SimDisk::new();
    let mut log = filled(&disk);
    let step = disk.steps();
    disk.fail_at(step + 1); // the append to `log/entries`
    let error = log.append(&entries(260..262)).unwrap_err();
    assert!(
        matches!(&error, LogError::Write { file, .. } if *file == ENTRIES),
        "{error}"
    );
    log.append(&entries(260..261)).unwrap();
    check(&log, &entries(0..261));

    let step = disk.steps();
    disk.fail_at(step + 3); // the append to `log/frames`
    let error = log.append(&entries(261..263)).unwrap_err();
    assert!(
        matches!(&error, LogError::Write { file, .. } if *file == FRAMES),
        "{error}"
    );
    log.append(&entries(261..262)).unwrap();
    check(&log, &entries(0..262));

    for sync in [2, 4] {
        let disk = disk.copy();
        let mut log = open(&disk).unwrap();
        disk.fail_at(disk.steps() + sync);
        let error = log.append(&entries(262..263)).unwrap_err();
        assert!(matches!(error, LogError::Sync { .. }), "{error}");
        assert!(
            error.to_string().contains("the process has to end"),
            "{error}"
        );
        let next = log.append(&entries(262..263)).unwrap_err();
        assert!(matches!(next, LogError::Sync { .. }), "{next}");
        check(&log, &entries(0..262));
    }
}
