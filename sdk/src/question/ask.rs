//! The whole way of a question: which tables, which statement, and what is said beside the rows.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use policies::agreement::Unit;
use policies::id::{AgreementId, OrgId, TableName, ZoningId};
use proto::columns::PROTECTION;
use tonic::Code;

use super::argument::{Argument, ArgumentError, Arguments};
use super::choose::{Chosen, chosen, known, left_out, other_days, periods, unfit};
use super::found::{self, Found};
use super::statement::{Read, Shape, bins, counted, statement};
use super::{Question, district};
use crate::aggregate::{Zoning, ZoningError};
use crate::client::{Client, ClientError};

/// Why a question could not be put.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A value that does not do.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// As the broker says.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A table was named that there is not.
    #[error(
        "`{name}` is none of your released tables that answer this: {}",
        listed(have)
    )]
    Table {
        /// The name given.
        name: String,
        /// Those that do.
        have: Vec<String>,
    },
    /// A table was named that does not do: another is not read in its place.
    #[error(
        "`{name}` does not answer this: {why}; those that do: {}",
        listed(have)
    )]
    Unfit {
        /// The name given.
        name: String,
        /// What it lacks.
        why: String,
        /// Those that do.
        have: Vec<String>,
    },
    /// No zone holds the point.
    #[error("no zone of `{zoning}` holds this point: latitude comes first, then longitude")]
    Nowhere {
        /// The zoning.
        zoning: ZoningId,
    },
    /// No zone has this name: rows of it are not withheld, there are none.
    #[error(
        "`{zone}` is no zone of `{zoning}`: its ids are the `zone_id` of `weir zoning get {zoning}`"
    )]
    NoZone {
        /// What was asked for.
        zone: String,
        /// The zoning.
        zoning: ZoningId,
    },
    /// The zoning cannot be read.
    #[error(transparent)]
    Zoning(#[from] ZoningError),
    /// The broker's list of releases, or a template, has another form.
    #[error("the list of releases has another form than this version knows: take the broker's")]
    Shape,
}

/// What became of a question.
#[derive(Debug)]
pub enum Outcome {
    /// Rows, and how to read them.
    Answered(Box<Answer>),
    /// Several tables would do: one is to be named.
    Choose(Vec<Found>),
    /// No released table answers it.
    Missing(Missing),
}

/// The answer to a question.
#[derive(Debug)]
pub struct Answer {
    /// What was run.
    pub statement: String,
    /// The answer's columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
    /// What it was read from.
    pub used: Vec<Used>,
    /// What to know before using it, one sentence each.
    pub remarks: Vec<String>,
}

/// A table that an answer was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Its name in full.
    pub table: String,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Whose data.
    pub provider: OrgId,
    /// Periods that were read.
    pub periods: u64,
    /// Released rows in them, of all zones and pairs of the hours asked.
    pub rows: u64,
    /// Rows that there could be, those withheld and those that are zero included.
    pub possible: u64,
}

/// What is missing, and what would have to be agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Why what there is does not do.
    pub why: String,
    /// Planned tables of the caller's agreements that would do, once released.
    pub planned: Vec<(AgreementId, TableName)>,
    /// The table that a new agreement would need, in words.
    pub table: String,
    /// The template to begin one with.
    pub template: String,
}

impl Client {
    /// Puts a question to the caller's released tables. Free, and the broker's word: such an answer has no receipt.
    ///
    /// # Errors
    /// [`AskError`]. That there is no table for it is no error.
    pub async fn ask(
        &self,
        question: &Question,
        arguments: &Arguments,
    ) -> Result<Outcome, AskError> {
        arguments.check(question)?;
        let kinds = question.sources.iter().flat_map(|source| &source.kinds);
        let kinds: Vec<&str> = kinds.map(String::as_str).collect();
        let found = found::tables(self, &kinds).await?;
        known(&found, &question.sources, &arguments.tables)?;
        let mut reads = Vec::new();
        for source in &question.sources {
            let candidates = found::candidates(self, &found, source).await?;
            match chosen(source, candidates, &arguments.tables) {
                Chosen::These(tables) => reads.push(Read { source, tables }),
                Chosen::None(planned) => {
                    let why = "None of your released tables answers this.".to_owned();
                    return Ok(missing(question, why, planned));
                }
                Chosen::OneOf(several) => return Ok(Outcome::Choose(several)),
            }
        }
        if let Some(why) = unfit(&reads, arguments) {
            return Ok(missing(question, why, Vec::new()));
        }
        let (arguments, place) = located(self, &reads, arguments).await?;
        let arguments = &arguments;
        let (districts, mut remarks) = match districts(self, question, &reads, arguments).await? {
            Ok(both) => both,
            Err(why) => return Ok(missing(question, why, Vec::new())),
        };
        remarks.extend(place);
        let shape = Shape {
            arguments,
            districts: districts.as_deref(),
        };
        let statement = statement(question, &reads, shape)?;
        let rows = found::rows(self, &statement).await;
        let (schema, batches) = rows.map_err(|error| narrower(error, shape))?;
        let used = used(self, &reads, shape).await?;
        remarks.extend(reads.iter().flat_map(|read| left_out(read, arguments)));
        remarks.extend(other_days(&reads, arguments));
        remarks.extend(reads.iter().filter_map(|read| read.added_people(arguments)));
        remarks.extend(reads.iter().flat_map(|read| &read.tables).filter_map(claim));
        Ok(Outcome::Answered(Box::new(Answer {
            statement,
            schema,
            batches,
            used,
            remarks,
        })))
    }
}

/// The same arguments with the zone that holds the point, where one is given, and a word about which it is. Zones that
/// are named have to be there.
async fn located(
    client: &Client,
    reads: &[Read<'_>],
    arguments: &Arguments,
) -> Result<(Arguments, Option<String>), AskError> {
    let zones = [Argument::Zone, Argument::Origin, Argument::Destination];
    let named: Vec<&str> = zones.iter().filter_map(|of| arguments.get(*of)).collect();
    let first = reads.iter().flat_map(|read| &read.tables).next();
    let (Some(first), false) = (first, named.is_empty() && arguments.point().is_none()) else {
        return Ok((arguments.clone(), None));
    };
    let id = &first.zoning.id;
    let geojson = client.zoning_of(&first.zoning).await?;
    let zoning = Zoning::parse(&geojson)?;
    let is_there = |name: &str| zoning.ids().iter().any(|id| id == name);
    if let Some(zone) = named.into_iter().find(|name| !is_there(name)) {
        return Err(AskError::NoZone {
            zone: zone.to_owned(),
            zoning: id.clone(),
        });
    }
    let Some((latitude, longitude)) = arguments.point() else {
        return Ok((arguments.clone(), None));
    };
    let zone = zoning.zone_at(longitude, latitude);
    let zone = zone.and_then(|zone| zoning.ids().get(usize::try_from(zone).ok()?));
    let zone = zone.ok_or_else(|| AskError::Nowhere { zoning: id.clone() })?;
    let remark =
        format!("The point lies in zone {zone} of {id}: the answer is about all of that zone.");
    Ok((arguments.clone().located(zone), Some(remark)))
}

/// That a question reads too much, in its own words: who asks it has not seen its statement. A broker that is busy has the
/// same code, and reads nothing.
pub(super) fn narrower(error: AskError, shape: Shape<'_>) -> AskError {
    const NARROWER: &str = "districts are looked up for each row that is read: ask with --from, --until or --hours for \
                            fewer, or --by zone";
    match error {
        AskError::Client(ClientError::Status {
            doing,
            code: code @ Code::ResourceExhausted,
            message,
            lost,
        }) if shape.districts.is_some() && !message.starts_with("busy") => {
            AskError::Client(ClientError::Status {
                doing,
                code,
                message: format!("{message}; {NARROWER}"),
                lost,
            })
        }
        other => other,
    }
}

type Districts = (Option<String>, Vec<String>);

/// The zones' districts, where they are asked for or there are some, or why there are none.
async fn districts(
    client: &Client,
    question: &Question,
    reads: &[Read<'_>],
    arguments: &Arguments,
) -> Result<Result<Districts, String>, AskError> {
    let by = arguments.get(Argument::By);
    let first = reads.iter().flat_map(|read| &read.tables).next();
    let (true, Some(first)) = (question.arguments.contains(&Argument::By), first) else {
        return Ok(Ok((None, Vec::new())));
    };
    let id = &first.zoning.id;
    match (by, first.zoning.parents) {
        (Some("zone"), _) => return Ok(Ok((None, Vec::new()))),
        (Some(_), None) => {
            return Ok(Err(format!(
                "The zones of {id} name no district (`parent`): a zoning that does is needed, or --by zone."
            )));
        }
        (None, None) => {
            let remark = format!("By zone: the zones of {id} name no district (`parent`).");
            return Ok(Ok((None, vec![remark])));
        }
        _ => {}
    }
    let geojson = client.zoning_of(&first.zoning).await?;
    let many = format!("{id} has more zones than one statement can group into districts");
    Ok(match (district::listed(&geojson), by) {
        (Some(list), _) => Ok((Some(list), Vec::new())),
        (None, Some(_)) => Err(format!("{many}: a coarser zoning is needed, or --by zone.")),
        (None, None) => Ok((None, vec![format!("By zone: {many}.")])),
    })
}

async fn used(
    client: &Client,
    reads: &[Read<'_>],
    shape: Shape<'_>,
) -> Result<Vec<Used>, AskError> {
    let mut all = Vec::new();
    for read in reads {
        for found in &read.tables {
            let counted = counted(found, read, shape)?;
            let rows = found::number(&found::rows(client, &counted).await?.1)?;
            let periods = periods(read, found, shape.arguments);
            let whole = u64::from(found.terms.bins.count());
            let asked = u64::try_from(bins(found, shape.arguments).len()).unwrap_or(whole);
            let domain = found.terms.domain_size(found.zoning.zones);
            let domain = domain.unwrap_or(u64::MAX) / whole.max(1);
            all.push(Used {
                table: found.name(),
                agreement: found.agreement.clone(),
                provider: found.provider.clone(),
                periods,
                rows,
                possible: domain.saturating_mul(asked).saturating_mul(periods),
            });
        }
    }
    Ok(all)
}

/// What a table without intervals promises instead.
fn claim(found: &Found) -> Option<String> {
    if found.columns.iter().any(|column| column == PROTECTION) {
        let name = found.name();
        return Some(format!(
            "{name} has exact counts of k people or more, and no intervals: it is not differentially private."
        ));
    }
    (found.unit == Unit::None).then(|| {
        format!(
            "{} is as its provider gave it: no noise, no intervals, and no claim of privacy.",
            found.name()
        )
    })
}

fn missing(question: &Question, why: String, planned: Vec<(AgreementId, TableName)>) -> Outcome {
    Outcome::Missing(Missing {
        why,
        planned,
        table: question.needs.table.clone(),
        template: question.needs.template.clone(),
    })
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "there are none".to_owned(),
        names => names.join(", "),
    }
}
