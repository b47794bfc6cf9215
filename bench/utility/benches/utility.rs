//! What is left of a city's figures at the grain that was asked for: the tables of `docs/UTILITY.md`.

use std::process::ExitCode;

use policies::loss::{Delta, UNITS_PER_ONE};
use policies::mechanism::Mechanism;
use utility::data;
use utility::ladder::Figures;
use utility::opendp::OpenDp;
use utility::optimum::Optimum;
use utility::ours::{DELTA, Ours};
use utility::score::{Score, k_only, optimal_coverage};
use utility::set::{Cells, Grain, Rung, Set};
use utility::tables::{HEAD, Line};
use utility::{Failed, SEED};

/// In millionths.
const EPSILONS: [(&str, u64); 3] = [("0.5", 500_000), ("1", 1_000_000), ("2", 2_000_000)];
const KS: [u32; 3] = [5, 10, 20];

fn main() -> ExitCode {
    if !std::env::args().any(|arg| arg == "--bench") {
        eprintln!("`utility` is a bench: cargo bench -p utility");
        return ExitCode::SUCCESS;
    }
    match utility() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench `utility` failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn utility() -> Result<(), Failed> {
    let runs = std::env::var("WEIR_BENCH_RUNS").map_or(Ok(10), |runs| runs.parse())?;
    println!(
        "utility: {runs} draws of each release, seed {SEED} (made-up city, bounding), δ {DELTA}"
    );
    let mut python = match OpenDp::start() {
        Ok(python) => {
            println!("{}", python.version);
            Some(python)
        }
        Err(error) => {
            println!("NOT MEASURED: OpenDP's Python package: {error}");
            None
        }
    };
    let mut missed = 0;
    for set in data::all()? {
        let measured = Measured::new(&set);
        let Set {
            name,
            unit_is,
            grain,
            cells_max,
            ..
        } = &set;
        let (cells, units) = measured.size();
        println!("\n### {name}: {grain}\n");
        println!("Unit: {unit_is}. {cells} true cells, {units} units in them, L0 {cells_max}.\n");
        println!("{HEAD}");
        for epsilon in EPSILONS {
            for k in KS {
                let line = measured.line(epsilon, k, runs, python.as_mut())?;
                println!("{}", line.markdown());
                missed += line.missed().len();
            }
        }
    }
    if missed > 0 {
        println!("\nMISSED: {missed} goals, by the letters of the tables");
    }
    Ok(())
}

/// A set with its cells at every grain.
struct Measured<'a> {
    set: &'a Set,
    truth: Cells,
    fine: Cells,
    rungs: Vec<Cells>,
    profile: Option<Cells>,
}

impl<'a> Measured<'a> {
    fn new(set: &'a Set) -> Self {
        let at = |rung: &Rung| set.bounded(rung.grain, rung.cells_max);
        Self {
            set,
            truth: set.truth(),
            fine: set.bounded(Grain::FINE, set.cells_max),
            rungs: set.rungs.iter().map(at).collect(),
            profile: set.profile.as_ref().map(at),
        }
    }

    fn size(&self) -> (usize, u64) {
        (self.truth.len(), self.truth.values().sum())
    }

    fn line(
        &self,
        (name, epsilon): (&str, u64),
        k: u32,
        runs: usize,
        python: Option<&mut OpenDp>,
    ) -> Result<Line, Failed> {
        let table = self.set.table(self.set.cells_max)?;
        let ours = Ours::new(table, self.set.unit, k, (epsilon, DELTA))?;
        let mut alone = Score::default();
        for _ in 0..runs {
            alone.add(&self.truth, &self.fine, &ours.draw(&self.fine)?);
        }
        let delta = DELTA.units() as f64 / UNITS_PER_ONE as f64;
        let stated = (epsilon as f64 / 1e6, delta);
        let bounds = (self.set.cells_max, k);
        let optimum = Optimum::new(stated.0, stated.1, bounds.0, k);
        let opendp = python.map(|python| -> Result<_, Failed> {
            let drawn = python.draw(stated, bounds, runs, &self.fine)?;
            let mut score = Score::default();
            for rows in &drawn.runs {
                score.add(&self.truth, &self.fine, rows);
            }
            Ok((score, drawn.published_from))
        });
        Ok(Line {
            epsilon: name.to_owned(),
            k,
            noise: noise(&ours.mechanism),
            ours: alone,
            opendp: opendp.transpose()?,
            published_from: ours.published_from(),
            optimum: optimal_coverage(&self.truth, &self.fine, &optimum),
            optimum_from: optimum.half_at(),
            k_only: k_only(&self.truth, k),
            ladder: self.ladder(epsilon, k, runs)?,
        })
    }

    /// All tables of the ladder together cost (ε, δ), by basic composition.
    fn ladder(&self, epsilon: u64, k: u32, runs: usize) -> Result<Score, Failed> {
        let (set, unit) = (self.set, self.set.unit);
        let noise = |share: u64, cells_max: u32| -> Result<Ours, Failed> {
            let part = (
                epsilon * share / 100,
                Delta::from_units(DELTA.units() * share / 100),
            );
            Ours::new(set.table(cells_max)?, unit, k, part)
        };
        let of = |rung: &Rung| noise(rung.share, rung.cells_max);
        let coarser: u64 = set.rungs.iter().chain(&set.profile).map(|r| r.share).sum();
        let fine = noise(100 - coarser, set.cells_max)?;
        let rungs = set.rungs.iter().map(of).collect::<Result<Vec<_>, _>>()?;
        let profile = set.profile.as_ref().map(of).transpose()?;
        let mut score = Score::default();
        for _ in 0..runs {
            let drawn = rungs.iter().zip(&self.rungs);
            let drawn = drawn.map(|(noise, cells)| noise.draw(cells));
            let drawn = drawn.collect::<Result<Vec<_>, _>>()?;
            let profile = match profile.as_ref().zip(self.profile.as_ref()) {
                Some((noise, cells)) => Some((noise.draw(cells)?, noise.published_from())),
                None => None,
            };
            let profile = profile.as_ref().map(|(rows, from)| (rows, *from));
            let figures = Figures::new(set, &fine.draw(&self.fine)?, &drawn, profile);
            score.add_figures(&self.truth, &figures);
        }
        Ok(score)
    }
}

fn noise(mechanism: &Mechanism) -> String {
    match mechanism {
        Mechanism::Thresholded { selection, .. } => {
            let scale = selection.draw.scale.sixteenths() as f64 / 16.0;
            format!("{:?} {scale}", selection.draw.noise)
        }
        _ => "none".into(),
    }
}
