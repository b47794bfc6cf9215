//! Many planners at once: a broker in a process of its own, with thousands of agreements, under all it can answer and
//! under twice that; how long a listing and a decision take as agreements grow, and how soon after the last
//! signature the first request is permitted.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bench::grid;
use bench::line::Line;
use bench::report::{Goal, Measure, Report};
use bench::run::{self, Failed, Settings};
use bench::series::Series;
use bench::town::{Member, STEWARD, Town};
use bench::weir::{self, Broker};
use futures::stream::{self, StreamExt, TryStreamExt};
use policies::agreement::Agreement;
use policies::id::{AgreementId, PopulationId, Role};
use proto::convert::Page;
use proto::limits::PAGE_MAX;

#[path = "planners/load.rs"]
mod load;

use load::{Planner, load, preview};

/// Providers, and as many planners.
const PAIRS: usize = 50;
/// Connections of all planners together.
const CLIENTS: usize = 200;
/// Offers and signatures that are under way at once while the town is set up.
const SIGNING: usize = 48;
/// Zones: small, since this is about calls and not about cells.
const ZONES: usize = 9;
/// Listings, decisions, and agreements brought into force, that are timed.
const LISTINGS: usize = 500;
const DECISIONS: usize = 500;
const ACTIVATIONS: usize = 30;
/// Between two calls: one organisation's are limited (`ORG_CALLS_PER_SECOND`).
const BETWEEN_CALLS: Duration = Duration::from_millis(20);
/// The whole catalogue, which everybody may read, is many pages: fewer runs.
const CATALOGUES: usize = 30;
const LISTING_MOST_S: f64 = 0.010;
const ACTIVATION_MOST_S: f64 = 0.050;

fn main() -> ExitCode {
    run::bench("planners", planners)
}

async fn planners(settings: Settings) -> Result<(), Failed> {
    let mut report = Report::new("planners", settings);
    let binary = weir::binary()?;
    if !binary.is_file() {
        report.absent(
            "weir serve",
            "no binary: cargo build --release -p cli, or say WEIR_BIN",
        );
        report.print();
        return Ok(());
    }
    let agreements = run::number("WEIR_BENCH_AGREEMENTS", 10_000)?;
    let seconds = run::number("WEIR_BENCH_SECONDS", 60)?;
    let town = Town::new()?;
    let broker = Broker::start(&binary, &town.config())?;
    let mut city = City::found(&town, &broker).await?;

    let mut lists = Line::new("a planner's list, of agreements");
    let mut decisions = Line::new("a decision and its price (preview), of agreements");
    let mut listings = Series::default();
    for count in [agreements / 100, agreements / 10, agreements] {
        city.grow(count).await?;
        listings = city.listings().await?;
        lists.add(&mut report, count, &listings);
        decisions.add(&mut report, count, &city.decisions().await?);
    }
    report.bounded(
        "  its list's 99th percentile, of all",
        Measure::Seconds,
        &one(listings.quantile(0.99)),
        Goal::Below(LISTING_MOST_S),
    );
    lists.finish(&mut report);
    decisions.finish(&mut report);
    report.note(&format!("each planner is in 1 of {PAIRS} of them"));
    catalogue(&mut report, &city, agreements).await?;
    let activations = city.activations().await?;
    let goal = Goal::Below(ACTIVATION_MOST_S);
    report.plain(
        "signing, then the first answer: what a release costs",
        Measure::Seconds,
        &activations,
    );
    let worst = one(activations.most());
    report.bounded("  the slowest of them", Measure::Seconds, &worst, goal);

    let clients = city.clients(&town, &broker).await?;
    let capacity = load(&clients, Duration::from_secs(seconds as u64 / 4), None).await?;
    capacity.report(
        &mut report,
        "200 clients, one call after the other",
        &broker,
    )?;
    let twice = 2.0 * capacity.per_second();
    let overload = load(&clients, Duration::from_secs(seconds as u64), Some(twice)).await?;
    let what = format!("200 clients, {twice:.0} calls/s asked: twice that");
    overload.report(&mut report, &what, &broker)?;
    report.note(
        "calls: read an agreement 5 in 10, preview a price 3, list 2; rows and runs play no part",
    );
    report.note("client and server share the machine's processors");
    report.print();
    Ok(())
}

/// The walk through all tables on offer, and each page of it.
async fn catalogue(report: &mut Report, city: &City, agreements: usize) -> Result<(), Failed> {
    let (mut walks, mut pages) = (Series::default(), Series::default());
    for run in 0..=CATALOGUES {
        let walk = city.walk().await?;
        if run > 0 {
            walks.push(walk.sum());
            pages.append(walk);
        }
    }
    let each = pages.count() / walks.count();
    report.plain(
        &format!("a planner's catalogue, of {agreements} agreements in {each} pages"),
        Measure::Seconds,
        &walks,
    );
    report.plain("  each page of it", Measure::Seconds, &pages);
    report.bounded(
        "  the 99th percentile of the pages",
        Measure::Seconds,
        &one(pages.quantile(0.99)),
        Goal::Below(LISTING_MOST_S),
    );
    Ok(())
}

/// A series of one figure.
fn one(figure: f64) -> Series {
    let mut series = Series::default();
    series.push(figure);
    series
}

/// The planner of the `n`th agreement: of every [`PAIRS`] in a row each has one, and each pair of organisations comes once
/// before any comes again.
fn planner_of(n: usize) -> usize {
    (n + n / PAIRS) % PAIRS
}

/// Organisations of one broker and the agreements between them.
struct City {
    geojson: Vec<u8>,
    providers: Vec<Member>,
    planners: Vec<Member>,
    agreements: Vec<(usize, AgreementId)>,
}

impl City {
    async fn found(town: &Town, broker: &Broker) -> Result<Self, Failed> {
        let geojson = grid::geojson(ZONES)?;
        let steward = town.connect(STEWARD, broker.address).await?;
        steward
            .add_zoning(grid::ZONING.parse()?, geojson.clone().into())
            .await?;
        let (mut providers, mut planners) = (Vec::new(), Vec::new());
        for n in 0..PAIRS {
            let (fleet, city) = (format!("fleet-{n}"), format!("city-{n}"));
            providers.push(
                town.join(&steward, &fleet, Role::Provider, broker.address)
                    .await?,
            );
            planners.push(
                town.join(&steward, &city, Role::Planner, broker.address)
                    .await?,
            );
        }
        Ok(Self {
            geojson,
            providers,
            planners,
            agreements: Vec::new(),
        })
    }

    /// The `n`th agreement's planner and terms: every one about people of its own, so that all can be in force.
    fn terms(&self, n: usize) -> Result<(&Member, &Member, Agreement), Failed> {
        let provider = self.providers.get(n % PAIRS).ok_or("no provider")?;
        let planner = self.planners.get(planner_of(n)).ok_or("no planner")?;
        let mut terms = grid::agreement(provider.party(), planner.party(), &self.geojson, ZONES)?;
        terms.population.id = format!("travellers-{n}").parse::<PopulationId>()?;
        Ok((provider, planner, terms))
    }

    async fn sign(&self, n: usize) -> Result<(usize, AgreementId), Failed> {
        let (provider, planner, terms) = self.terms(n)?;
        let id = terms.id()?;
        provider.client.offer(&terms, &provider.signer).await?;
        planner.client.sign_agreement(&id, &planner.signer).await?;
        Ok((planner_of(n), id))
    }

    /// Brings so many agreements into force in all.
    async fn grow(&mut self, until: usize) -> Result<(), Failed> {
        let from = self.agreements.len();
        let signed = stream::iter(from..until)
            .map(|n| self.sign(n))
            .buffer_unordered(SIGNING);
        let signed: Vec<_> = signed.try_collect().await?;
        self.agreements.extend(signed);
        Ok(())
    }

    /// The agreements of the planner that lists and asks alone.
    fn own(&self) -> impl Iterator<Item = &AgreementId> {
        let own = self.agreements.iter().filter(|(planner, _)| *planner == 0);
        own.map(|(_, id)| id)
    }

    /// Seconds of one planner's listings.
    async fn listings(&self) -> Result<Series, Failed> {
        let planner = self.planners.first().ok_or("no planner")?;
        let mut series = Series::default();
        for run in 0..LISTINGS {
            let start = Instant::now();
            planner.client.agreements().await?;
            if run > 0 {
                series.push_since(start);
            }
            tokio::time::sleep(BETWEEN_CALLS).await;
        }
        Ok(series)
    }

    /// Seconds of one planner's questions whether a release is permitted and what it costs, of its agreements in turn.
    async fn decisions(&self) -> Result<Series, Failed> {
        let planner = self.planners.first().ok_or("no planner")?;
        let own: Vec<_> = self.own().collect();
        let mut series = Series::default();
        for (run, id) in own.iter().cycle().take(DECISIONS).enumerate() {
            let start = Instant::now();
            preview(&planner.client, id).await?;
            if run > 0 {
                series.push_since(start);
            }
            tokio::time::sleep(BETWEEN_CALLS).await;
        }
        Ok(series)
    }

    /// Seconds of each page of one planner's walk through all tables on offer.
    async fn walk(&self) -> Result<Series, Failed> {
        let planner = self.planners.first().ok_or("no planner")?;
        let (mut series, mut after) = (Series::default(), None);
        loop {
            let size = PAGE_MAX;
            let start = Instant::now();
            let page = Page { size, after };
            after = planner.client.tables_on_offer_page(page).await?.next;
            series.push_since(start);
            tokio::time::sleep(BETWEEN_CALLS).await;
            if after.is_none() {
                return Ok(series);
            }
        }
    }

    /// Seconds from the planner's signature on its way to the answer of its first permitted request, which asks
    /// what a release costs.
    async fn activations(&self) -> Result<Series, Failed> {
        let mut series = Series::default();
        let first = self.agreements.len();
        for n in first..first + ACTIVATIONS {
            let (provider, planner, terms) = self.terms(n)?;
            let id = terms.id()?;
            provider.client.offer(&terms, &provider.signer).await?;
            let start = Instant::now();
            planner.client.sign_agreement(&id, &planner.signer).await?;
            preview(&planner.client, &id).await?;
            series.push_since(start);
        }
        Ok(series)
    }

    /// [`CLIENTS`] connections of the planners, each with the agreements that it asks about.
    async fn clients(&self, town: &Town, broker: &Broker) -> Result<Vec<Planner>, Failed> {
        let mut clients = Vec::with_capacity(CLIENTS);
        for n in 0..CLIENTS {
            let org = n % PAIRS;
            let name = &self.planners.get(org).ok_or("no planner")?.name;
            let own = self
                .agreements
                .iter()
                .filter(|(planner, _)| *planner == org);
            clients.push(Planner {
                client: town.connect(name, broker.address).await?,
                agreements: own.map(|(_, id)| id.clone()).collect::<Vec<_>>().into(),
            });
        }
        Ok(clients)
    }
}
