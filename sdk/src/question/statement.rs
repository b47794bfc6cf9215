//! Tables in one shape, a template and values, as one statement.

use policies::kind::{Dimension, DimensionKind, Kind};
use policies::period::Grain;
use proto::columns::{MARGIN, RUNG};

use super::argument::{Argument, Arguments, identifier, literal};
use super::ask::AskError;
use super::found::Found;
use super::{Question, Source, district};

/// Characters of a part of the day, `06-09`.
const LABEL_CHARS: usize = 5;

/// A source and the tables that it is read from.
#[derive(Debug)]
pub(super) struct Read<'a> {
    pub source: &'a Source,
    pub tables: Vec<Found>,
}

/// How tables are read: which periods and hours, and by which districts (a literal, `district::listed`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    pub arguments: &'a Arguments,
    pub districts: Option<&'a str>,
}

/// The bins of a table's day that lie inside the hours asked; all where none are asked.
pub(super) fn bins(found: &Found, arguments: &Arguments) -> Vec<u8> {
    let bins = &found.terms.bins;
    let (from, until) = arguments.hours().unwrap_or((0, 24));
    let ends = bins.starts().iter().skip(1).copied().chain([24]);
    let parts = (0..bins.count()).zip(bins.starts().iter().copied().zip(ends));
    parts
        .filter(|(_, (starts, ends))| from <= *starts && *ends <= until)
        .map(|(bin, _)| bin)
        .collect()
}

/// The whole statement.
pub(super) fn statement(
    question: &Question,
    reads: &[Read<'_>],
    shape: Shape<'_>,
) -> Result<String, AskError> {
    let mut parts = Vec::new();
    if let Some(list) = shape.districts {
        parts.push(format!("districts AS (SELECT {list} AS list)"));
    }
    for read in reads {
        parts.extend(common(read));
        let tables: Result<Vec<_>, _> = read
            .tables
            .iter()
            .map(|found| shaped(found, read, shape))
            .collect();
        let rows = tables?.join(" UNION ALL ");
        parts.push(format!("{} AS ({rows})", read.source.alias));
    }
    let body = filled(&question.sql, reads, shape.arguments)?;
    Ok(format!("WITH {}\n{}", parts.join(",\n"), body.trim()))
}

/// How many rows of a table are read.
pub(super) fn counted(
    found: &Found,
    read: &Read<'_>,
    shape: Shape<'_>,
) -> Result<String, AskError> {
    let plain = Shape {
        districts: None,
        ..shape
    };
    let rows = shaped(found, read, plain)?;
    let common = common(read).map_or_else(String::new, |periods| format!("WITH {periods} "));
    Ok(format!("{common}SELECT count(*) FROM ({rows}) AS t"))
}

/// The periods that all of several tables have: of others a sum would have one provider's trips and not the other's.
/// By the list of releases, since a released period may have no row.
fn common(read: &Read<'_>) -> Option<String> {
    let tables = read.tables.iter().map(|found| {
        let [schema, table] = [&found.schema, &found.table].map(|name| literal(name));
        format!("(schema_name = {schema} AND table_name = {table})")
    });
    let (alias, several) = (&read.source.alias, read.tables.len());
    (several > 1).then(|| {
        format!(
            "{alias}_periods AS (SELECT period FROM releases WHERE {} GROUP BY period HAVING count(*) = {several})",
            tables.collect::<Vec<_>>().join(" OR ")
        )
    })
}

/// A table's rows in the shape that templates see.
fn shaped(found: &Found, read: &Read<'_>, shape: Shape<'_>) -> Result<String, AskError> {
    let source = read.source;
    let kind = Kind::named(&found.terms.kind).ok_or(AskError::Shape)?;
    let (number, _) = found.number().ok_or(AskError::Shape)?;
    let end = format!("period_start + INTERVAL '1 {}'", grain(found));
    let mut columns = vec![
        "period".to_owned(),
        "period_start".to_owned(),
        format!("{end} AS period_end"),
    ];
    let mut dimensions = kind.dimensions.iter();
    columns.extend(dimensions.clone().map(|d| dimension(found, d, shape)));
    if !dimensions.any(|d| d.kind == DimensionKind::DayBin) {
        columns.push("'00-24' AS hours".to_owned());
    }
    columns.extend(measured(found, &number, "n", "h"));
    if let Some(sum) = &source.sums {
        columns.extend(measured(found, sum, "s", "sh"));
    }
    let mut filters = vec!["TRUE".to_owned()];
    let has = |name: &str| found.columns.iter().any(|column| column == name);
    // Rows of coarser rungs, and margins, have other keys.
    if has(RUNG) {
        filters.push(format!("{RUNG} = 0"));
    }
    if has(MARGIN) {
        filters.push(format!("{MARGIN} = ''"));
    }
    if read.tables.len() > 1 {
        let alias = &source.alias;
        filters.push(format!("period IN (SELECT period FROM {alias}_periods)"));
    }
    let arguments = shape.arguments;
    if arguments.get(Argument::From).is_some() {
        let from = arguments.literal(Argument::From)?;
        filters.push(format!("period_start >= {from}"));
    }
    if arguments.get(Argument::Until).is_some() {
        let until = arguments.literal(Argument::Until)?;
        filters.push(format!("{end} <= {until} + INTERVAL '1 day'"));
    }
    // Of a comparison nothing else is read.
    let compared = [Argument::Period, Argument::Baseline];
    let compared = compared.into_iter().filter(|a| arguments.get(*a).is_some());
    let compared: Result<Vec<_>, _> = compared.map(|a| arguments.literal(a)).collect();
    let compared = compared?;
    if !compared.is_empty() {
        filters.push(format!("period IN ({})", compared.join(", ")));
    }
    let day = kind
        .dimensions
        .iter()
        .find(|d| d.kind == DimensionKind::DayBin);
    if let (Some(day), Some(_)) = (day, arguments.hours()) {
        let bins = bins(found, arguments);
        let bins: Vec<String> = bins.iter().map(u8::to_string).collect();
        filters.push(format!(
            "{} IN ({})",
            identifier(&day.name),
            bins.join(", ")
        ));
    }
    let districts = shape.districts.map_or("", |_| ", districts");
    Ok(format!(
        "SELECT {} FROM {}{districts} WHERE {}",
        columns.join(", "),
        found.quoted(),
        filters.join(" AND ")
    ))
}

fn dimension(found: &Found, dimension: &Dimension, shape: Shape<'_>) -> String {
    let column = identifier(&dimension.name);
    match dimension.kind {
        DimensionKind::Zone if shape.districts.is_some() => {
            let district = district::of(&format!("CAST({column} AS VARCHAR)"));
            format!("{district} AS {column}")
        }
        DimensionKind::Zone | DimensionKind::Category => {
            format!("CAST({column} AS VARCHAR) AS {column}")
        }
        DimensionKind::DayBin => {
            let bins = &found.terms.bins;
            let labels: String = (0..bins.count())
                .filter_map(|bin| bins.label(bin))
                .collect();
            format!(
                "substr('{labels}', CAST({column} AS BIGINT) * {LABEL_CHARS} + 1, {LABEL_CHARS}) AS hours"
            )
        }
    }
}

/// A released number and how far its interval reaches from it, to the wider side.
fn measured(found: &Found, name: &str, value: &str, half: &str) -> [String; 2] {
    let ends = [format!("{name}_low"), format!("{name}_high")];
    let name = identifier(name);
    let reach = if ends.iter().all(|end| found.columns.contains(end)) {
        let [low, high] = ends.map(|end| identifier(&end));
        format!("CAST(greatest({high} - {name}, {name} - {low}) AS DOUBLE)")
    } else {
        "CAST(NULL AS DOUBLE)".to_owned()
    };
    [
        format!("CAST({name} AS BIGINT) AS {value}"),
        format!("{reach} AS {half}"),
    ]
}

fn grain(found: &Found) -> &'static str {
    match found.terms.period {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
    }
}

/// The template with its values and numbers, in one pass: what is put in is not looked at again.
fn filled(sql: &str, reads: &[Read<'_>], arguments: &Arguments) -> Result<String, AskError> {
    let mut out = String::with_capacity(sql.len() * 2);
    let mut rest = sql;
    while let Some(at) = rest.find(['$', '{']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        if let Some(named) = found.strip_prefix('$') {
            let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
            let end = named.find(|c| !is_name(c)).unwrap_or(named.len());
            let (name, after) = named.split_at(end);
            let argument = Argument::named(name).ok_or(AskError::Shape)?;
            out.push_str(&arguments.literal(argument)?);
            rest = after;
        } else {
            let inner = found.strip_prefix('{').and_then(|f| f.split_once('}'));
            let (name, after) = inner.ok_or(AskError::Shape)?;
            out.push_str(&expression(name, reads, arguments).ok_or(AskError::Shape)?);
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// `t.sum` and the like.
fn expression(name: &str, reads: &[Read<'_>], arguments: &Arguments) -> Option<String> {
    let (alias, what) = name.split_once('.')?;
    let called = reads
        .iter()
        .find(|read| read.source.alias == alias)?
        .called(arguments);
    let [number, low, high] =
        ["", "_low", "_high"].map(|end| identifier(&format!("{called}{end}")));
    Some(match what {
        "name" => number,
        "low" => low,
        "high" => high,
        "half" => HALF.to_owned(),
        "sum" => format!(
            "sum(n) AS {number}, CAST(floor(sum(n) - {HALF}) AS BIGINT) AS {low}, \
             CAST(ceil(sum(n) + {HALF}) AS BIGINT) AS {high}, count(*) AS rows"
        ),
        _ => return None,
    })
}

/// The half width of a sum of rows: that of one row as it is; of several in squares, each a step wider.
const HALF: &str = "CASE WHEN count(h) < count(*) THEN NULL WHEN count(*) = 1 THEN max(h) \
                    ELSE sqrt(sum((h + 1) * (h + 1))) END";
