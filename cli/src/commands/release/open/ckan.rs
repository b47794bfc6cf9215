//! `weir release open ckan`: the catalogue of open data into a CKAN, by its action API.

mod package;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use self::package::Package;
use super::super::super::Session;
use crate::errors::CliError;
use crate::output::{View, table};
use crate::site::{NO_ANSWER, NOT_ALLOWED, Site};

/// Where the token is, if not in a file.
const TOKEN_VARIABLE: &str = "CKAN_API_TOKEN";
/// Pages of one catalogue that are followed.
const PAGES_MAX: usize = 1000;
/// Packages in a row to which no CKAN answers, or from the first one on says that the token may not, until no further one
/// is tried: each may wait for a minute.
const REFUSED_MAX: usize = 3;
/// Failed packages that the error names.
const NAMED_MAX: usize = 5;

pub const HELP: &str = "\
Example:
  export CKAN_API_TOKEN=…                           or --token-file FILE, readable by you only
  weir release open ckan --catalogue https://data.city.example/open.jsonld \\
      --ckan https://ckan.city.example --owner city --dry-run
  weir release open ckan --catalogue https://data.city.example/open.jsonld \\
      --ckan https://ckan.city.example --owner city

Each release becomes one package, named by its key, with a link to each file: the files stay where they are. What
is in CKAN already and the same is left alone, so the command can run every night; what others added to a package
(tags, extras, resources elsewhere) stays. A release that was withdrawn keeps its package, without files, and says so;
these go first. A release whose files the broker cannot make for the moment is left as it is in CKAN. A package that
CKAN refuses keeps no other one away: the command goes on, says what failed, and exits with 1; after three without an
answer, or with a token that may nothing, it does not try the others. Both addresses have to be
https, or on this machine; the token goes to the CKAN alone. It needs `editor` rights for the organisation that --owner
names.";

/// Arguments of `weir release open ckan`.
#[derive(Debug, Args)]
pub struct Ckan {
    /// The catalogue of a broker's public side.
    #[arg(long, value_name = "URL")]
    pub catalogue: String,
    /// The CKAN, without `/api`.
    #[arg(long, value_name = "URL")]
    pub ckan: String,
    /// The CKAN organisation that owns the packages.
    #[arg(long, value_name = "NAME")]
    pub owner: String,
    /// A file with the API token; else the environment's CKAN_API_TOKEN.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) that both servers' are checked against.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/ssl/certs/ca-certificates.crt"
    )]
    pub ca: PathBuf,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// What became of one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Created,
    Updated,
    Unchanged,
    /// Not all of its files are known for the moment.
    Left,
    Failed,
}

#[derive(Serialize)]
struct Line {
    package: String,
    title: String,
    done: Done,
    /// Why it was left or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Serialize)]
struct Report {
    dry_run: bool,
    packages: Vec<Line>,
}

pub async fn run(args: Ckan, session: &Session) -> Result<(), CliError> {
    // Read before anything is fetched: without a token nothing can be done, but to look at what is public.
    let token = token(&args)?;
    if token.is_none() && !args.dry_run {
        let why = "there is no API token for the CKAN";
        let next = "put it into a file and name that with --token-file, or set CKAN_API_TOKEN";
        return Err(CliError::new(why).or_try(next));
    }
    let broker = Site::new(&args.catalogue, &args.ca)?;
    let ckan = Site::new(&args.ckan, &args.ca)?;
    let packages = packages(&broker, &args).await?;
    let mut errors = Vec::new();
    let mut report = Report {
        dry_run: args.dry_run,
        packages: Vec::with_capacity(packages.len()),
    };
    let (mut refused, mut any_allowed) = (0, false);
    for package in packages {
        let pushed = match refused < REFUSED_MAX {
            true => push(&ckan, token.as_deref(), &package, args.dry_run).await,
            false => Err(CliError::new("not tried: those before failed alike").coded(NO_ANSWER)),
        };
        refused = match &pushed {
            Err(error) if error.is_coded(NO_ANSWER) => refused + 1,
            // Of a package that belongs to others it says so, too.
            Err(error) if error.is_coded(NOT_ALLOWED) && !any_allowed => refused + 1,
            _ => 0,
        };
        any_allowed |= matches!(pushed, Ok(Done::Created | Done::Updated | Done::Unchanged));
        report.packages.push(Line::of(&package, &pushed));
        errors.extend(pushed.err());
    }
    session.output.show(&report)?;
    report.failure(errors)
}

/// The token, which never stands on a command line: others see those. `None` where there is none.
fn token(args: &Ckan) -> Result<Option<Zeroizing<String>>, CliError> {
    let text = match &args.token_file {
        Some(file) => {
            let read = std::fs::read_to_string(file);
            Some(read.map_err(|e| CliError::file("read", file, e))?)
        }
        None => std::env::var(TOKEN_VARIABLE).ok(),
    };
    let Some(text) = text.map(Zeroizing::new) else {
        return Ok(None);
    };
    let token = Zeroizing::new(text.trim().to_owned());
    let plain = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    if plain {
        return Ok(Some(token));
    }
    Err(CliError::new(
        "the API token is empty, or has more than one word in it",
    ))
}

/// One package per release of the catalogue, all its pages, newest first; but what was withdrawn before all that is not.
async fn packages(broker: &Site, args: &Ckan) -> Result<Vec<Package>, CliError> {
    let (mut packages, mut path) = (Vec::new(), broker.path().to_owned());
    for _ in 0..PAGES_MAX {
        let catalogue = broker.get(&path).await?;
        let datasets = catalogue.get("dcat:dataset").and_then(Value::as_array);
        let datasets = datasets.ok_or_else(|| {
            let why = format!("`{}` is no catalogue of a Weir broker", args.catalogue);
            CliError::new(why).or_try("the address ends with /open.jsonld")
        })?;
        for dataset in datasets {
            packages.push(Package::of(dataset, &catalogue, broker, &args.owner)?);
        }
        let next = catalogue.pointer("/hydra:view/hydra:next/@id");
        match next.and_then(Value::as_str) {
            None => {
                packages.sort_by_key(|package| !package.is_withdrawn());
                return Ok(packages);
            }
            Some(next) => path = broker.own_path(next)?,
        }
    }
    Err(CliError::new("the catalogue does not end"))
}

/// Makes the package as it should be; what is the same is left alone.
async fn push(
    ckan: &Site,
    token: Option<&String>,
    package: &Package,
    dry_run: bool,
) -> Result<Done, CliError> {
    if !package.is_whole() {
        return Ok(Done::Left);
    }
    let query = format!("id={}", package.name());
    let found = ckan.action("package_show", &query, token, None).await?;
    let (done, action, body) = match found {
        None => (Done::Created, "package_create", package.wanted().clone()),
        Some(found) => match package.merged(&found) {
            None => return Ok(Done::Unchanged),
            Some(body) => (Done::Updated, "package_update", body),
        },
    };
    if !dry_run {
        let answer = ckan.action(action, "", token, Some(&body)).await?;
        let named = answer.as_ref().and_then(|answer| answer.get("name"));
        if named != Some(&json!(package.name())) {
            let why = format!("the CKAN answered {action} with another package");
            return Err(CliError::new(why));
        }
    }
    Ok(done)
}

impl Line {
    fn of(package: &Package, pushed: &Result<Done, CliError>) -> Self {
        let left = "the broker cannot make its files for the moment: its log says why";
        let (done, why) = match pushed {
            Ok(Done::Left) => (Done::Left, Some(left.to_owned())),
            Ok(done) => (*done, None),
            Err(error) => (Done::Failed, Some(error.to_string())),
        };
        Self {
            package: package.name().to_owned(),
            title: package.title().to_owned(),
            done,
            why,
        }
    }
}

impl Report {
    /// What the command ends with, by the errors in the order of their packages.
    fn failure(&self, errors: Vec<CliError>) -> Result<(), CliError> {
        let number = errors.len();
        let Some(first) = errors.into_iter().next() else {
            return Ok(());
        };
        let failed = self.packages.iter().filter(|l| l.done == Done::Failed);
        let names = failed.map(|line| line.package.as_str()).take(NAMED_MAX);
        let more = (number > NAMED_MAX).then_some("…");
        let names: Vec<_> = names.chain(more).collect();
        let (names, all) = (names.join(", "), self.packages.len());
        Err(first.within(format_args!(
            "{number} of {all} packages failed ({names}), the first because"
        )))
    }
}

impl View for Report {
    fn text(&self) -> String {
        let mut rows = table(&["package", "title", "done"]);
        for line in &self.packages {
            let done = match line.done {
                Done::Created => "created",
                Done::Updated => "updated",
                Done::Unchanged => "unchanged",
                Done::Left => "left as it is",
                Done::Failed => "failed",
            };
            let why = line.why.as_ref();
            let done = why.map_or_else(|| done.to_owned(), |why| format!("{done}: {why}"));
            rows.add_row([line.package.as_str(), line.title.as_str(), done.as_str()]);
        }
        let note = match self.dry_run {
            true => "\nA dry run: nothing was done.",
            false => "",
        };
        format!("{rows}{note}")
    }
}
