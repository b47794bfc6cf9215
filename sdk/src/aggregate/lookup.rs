//! From a key in the company's data to a zone or category: known before the first row is read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::error::{AggregateError, MappingError};
use super::key::Axis;
use super::mapping::{Lookup, Place, SourceFormat};
use super::position::AxisWatch;
use super::read::{Columns, Field, Step, read};
use super::report::Reason;
use super::value::number;
use super::zones::Zoning;

/// What is known of each key: its position in the axis, or why it has none.
pub(crate) type Known = HashMap<String, Result<u32, Reason>>;

/// Every id of an axis, and what `values` translates into one.
///
/// # Errors
/// [`MappingError::Field`] where `values` names an id that the axis does not have.
pub(crate) fn ids(
    axis: &Axis<'_>,
    values: &std::collections::BTreeMap<String, String>,
    field: &str,
) -> Result<Known, MappingError> {
    let mut known: Known = HashMap::new();
    for (position, id) in (0_u32..).zip(axis.ids()) {
        known.insert(id.to_owned(), Ok(position));
    }
    for (given, id) in values {
        let position = axis.position(id).ok_or_else(|| {
            let problem = format!("`values` names `{id}`, which the agreement does not have");
            MappingError::field(field, problem)
        })?;
        known.insert(given.clone(), Ok(position));
    }
    Ok(known)
}

/// Reads a lookup file. A key that it gives no zone is outside, one whose
/// zone the zoning does not have is unknown.
///
/// # Errors
/// Where the file cannot be read, gives one key two zones, or has its axes exchanged.
pub(crate) fn file(
    lookup: &Lookup,
    folder: &Path,
    pad: usize,
    axis: &Axis<'_>,
    field: &str,
) -> Result<Known, AggregateError> {
    let path: PathBuf = folder.join(&lookup.file);
    let mut columns = Columns::default();
    let key = columns.slot(&lookup.key);
    let place: Located<'_> = match (&lookup.place, axis) {
        (Place::Zone(zone), _) => Located::Zone(columns.slot(zone)),
        (Place::Point { lon, lat }, Axis::Zones(zoning)) => {
            Located::Point(columns.slot(lon), columns.slot(lat), zoning)
        }
        (Place::Point { .. }, _) => {
            return Err(
                MappingError::field(field, "only a zone can be found by coordinates").into(),
            );
        }
    };
    let (mut known, mut watch, mut twice) = (Known::new(), AxisWatch::default(), None);
    let format = SourceFormat::Csv {
        delimiter: lookup.delimiter,
    };
    read(&path, format, &columns, &mut |step| {
        let Step::Row(row) = step else {
            return Ok(());
        };
        let Field::Text(text) = row.field(key) else {
            return Ok(());
        };
        let found = match &place {
            Located::Zone(zone) => match row.field(*zone) {
                Field::Text(id) => axis.position(id).ok_or(Reason::ZoneUnknown),
                _ => Err(Reason::ZoneOutside),
            },
            Located::Point(lon, lat, zoning) => {
                match (number(row.field(*lon)), number(row.field(*lat))) {
                    (Ok(lon), Ok(lat)) => watch.find(zoning, lon, lat).ok_or(Reason::ZoneOutside),
                    _ => Err(Reason::ZoneOutside),
                }
            }
        };
        let key = padded(text, pad);
        if known.get(&key).is_some_and(|before| *before != found) {
            twice = Some(key);
        } else {
            known.insert(key, found);
        }
        Ok(())
    })?;
    if let Some(key) = twice {
        let problem = format!("`{}` gives the key `{key}` two zones", path.display());
        return Err(MappingError::field(field, problem).into());
    }
    watch.check(&format!("lookup file `{}`", path.display()))?;
    Ok(known)
}

enum Located<'a> {
    Zone(super::read::Slot),
    Point(super::read::Slot, super::read::Slot, &'a Zoning),
}

/// Digits padded with zeros on the left to `width`; other texts stay as they are.
pub(crate) fn padded(text: &str, width: usize) -> String {
    let mut to = String::with_capacity(width.max(text.len()));
    pad_into(&mut to, text, width);
    to
}

pub(crate) fn pad_into(to: &mut String, text: &str, width: usize) {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        (text.len()..width).for_each(|_| to.push('0'));
    }
    to.push_str(text);
}
