//! Planners' calls: one after the other, or by the clock, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench::grid;
use bench::report::{Measure, Report};
use bench::run::Failed;
use bench::series::Series;
use bench::weir::Broker;
use policies::id::AgreementId;
use sdk::client::{Client, ClientError};
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tonic::Code;

use super::one;

/// Calls of one client that wait at once where they are sent by the clock.
const WAITING_MAX: usize = 32;

pub async fn preview(client: &Client, id: &AgreementId) -> Result<(), ClientError> {
    // The grid's table and its first day: both parse.
    let (Ok(table), Ok(day)) = (grid::TABLE.parse(), "2026-10-01".parse()) else {
        return Ok(());
    };
    client.preview(id, &table, &[day]).await.map(drop)
}

/// One connection and what it asks about.
#[derive(Clone)]
pub struct Planner {
    pub client: Client,
    pub agreements: Arc<[AgreementId]>,
}

impl Planner {
    /// The `n`th call.
    async fn call(&self, n: usize) -> Result<(), ClientError> {
        let Some(id) = self.agreements.get(n % self.agreements.len().max(1)) else {
            return Ok(());
        };
        match n % 10 {
            0..5 => self.client.agreement(id).await.map(drop),
            5..8 => preview(&self.client, id).await,
            _ => self.client.agreements().await.map(drop),
        }
    }
}

/// What became of the calls of one phase.
#[derive(Default)]
pub struct Outcome {
    answered: Series,
    refused: Series,
    failed: usize,
    /// What the first of them said.
    failure: Option<String>,
    /// Not even sent: too many of this client waited.
    held_back: usize,
    seconds: f64,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.answered.count() as f64 / self.seconds
    }

    fn take(&mut self, other: Self) {
        self.answered.append(other.answered);
        self.refused.append(other.refused);
        self.failed += other.failed;
        self.failure = self.failure.take().or(other.failure);
        self.held_back += other.held_back;
    }

    fn count(&mut self, start: Instant, answer: &Result<(), ClientError>) {
        match answer {
            Ok(()) => self.answered.push_since(start),
            Err(ClientError::Status {
                code: Code::ResourceExhausted,
                ..
            }) => {
                self.refused.push_since(start);
            }
            Err(error) => {
                self.failed += 1;
                self.failure.get_or_insert_with(|| format!("{error:?}"));
            }
        }
    }

    pub fn report(&self, report: &mut Report, what: &str, broker: &Broker) -> Result<(), Failed> {
        report.plain(what, Measure::Seconds, &self.answered);
        let p99 = one(self.answered.quantile(0.99));
        report.plain("  99th percentile", Measure::Seconds, &p99);
        report.note(&format!(
            "{what}: {:.0} answered/s for {:.0} s, {} refused (median {:.4} s), {} failed{}, {} not sent; \
             broker's peak so far {:.0} MiB, {:.0} CPU s",
            self.per_second(),
            self.seconds,
            self.refused.count(),
            self.refused.median(),
            self.failed,
            self.failure
                .as_ref()
                .map_or_else(String::new, |first| format!(" (the first: {first})")),
            self.held_back,
            broker.mib("VmHWM")?,
            broker.cpu_seconds()?,
        ));
        Ok(())
    }
}

/// All clients for so long: each one call after the other, or so many calls a second of all together by the clock,
/// whether or not answers come.
pub async fn load(
    clients: &[Planner],
    lasts: Duration,
    per_second: Option<f64>,
) -> Result<Outcome, Failed> {
    let start = Instant::now();
    let every = per_second.map(|rate| Duration::from_secs_f64(clients.len() as f64 / rate));
    let running = clients.iter().cloned().enumerate().map(|(n, planner)| {
        let until = start + lasts;
        tokio::spawn(async move {
            match every {
                None => one_by_one(&planner, n, until).await,
                Some(every) => by_the_clock(planner, n, until, every).await,
            }
        })
    });
    let running: Vec<_> = running.collect();
    let mut outcome = Outcome::default();
    for task in running {
        outcome.take(task.await?);
    }
    outcome.seconds = start.elapsed().as_secs_f64();
    Ok(outcome)
}

async fn one_by_one(planner: &Planner, first: usize, until: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let mut n = first;
    while Instant::now() < until {
        let start = Instant::now();
        let answer = planner.call(n).await;
        outcome.count(start, &answer);
        n += 1;
    }
    outcome
}

async fn by_the_clock(planner: Planner, first: usize, until: Instant, every: Duration) -> Outcome {
    let (places, next) = (
        Arc::new(Semaphore::new(WAITING_MAX)),
        AtomicUsize::new(first),
    );
    let mut clock = tokio::time::interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut outcome, mut calls) = (Outcome::default(), tokio::task::JoinSet::new());
    while Instant::now() < until {
        clock.tick().await;
        while let Some(done) = calls.try_join_next() {
            done.map(|one| outcome.take(one)).unwrap_or_default();
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            outcome.held_back += 1;
            continue;
        };
        let (planner, n) = (planner.clone(), next.fetch_add(1, Ordering::Relaxed));
        let start = Instant::now();
        calls.spawn(async move {
            let mut one = Outcome::default();
            let answer = planner.call(n).await;
            one.count(start, &answer);
            drop(place);
            one
        });
    }
    while let Some(done) = calls.join_next().await {
        done.map(|one| outcome.take(one)).unwrap_or_default();
    }
    outcome
}
