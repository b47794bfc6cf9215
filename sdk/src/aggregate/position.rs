//! From the fields of a row to a zone or category, by the mapping's sources.

use std::fmt::Write;

use super::error::{AggregateError, MappingError};
use super::key::Axis;
use super::lookup::{self, Known, pad_into, padded};
use super::mapping::{ColumnSource, DimensionSource, End, Mapping};
use super::read::{Columns, Field, Row, Slot};
use super::report::Reason;
use super::value::{Missing, number, whole};
use super::zones::Zoning;

/// Where points fall, to tell exchanged axes from points that are elsewhere.
#[derive(Debug, Default)]
pub(crate) struct AxisWatch {
    any_inside: bool,
    any_inside_exchanged: bool,
}

impl AxisWatch {
    pub fn find(&mut self, zoning: &Zoning, lon: f64, lat: f64) -> Option<u32> {
        let zone = zoning.zone_at(lon, lat);
        if zone.is_some() {
            self.any_inside = true;
        } else if !self.any_inside && !self.any_inside_exchanged {
            self.any_inside_exchanged = zoning.zone_at(lat, lon).is_some();
        }
        zone
    }

    /// # Errors
    /// [`AggregateError::AxesSwapped`] where points lie in zones only when exchanged.
    pub fn check(&self, what: &str) -> Result<(), AggregateError> {
        if self.any_inside_exchanged && !self.any_inside {
            return Err(AggregateError::AxesSwapped {
                what: what.to_owned(),
            });
        }
        Ok(())
    }
}

/// Reads a zone or category of a row, as its position in the dimension's axis.
#[derive(Debug)]
pub(crate) struct PositionReader<'a> {
    way: Way<'a>,
    /// Columns it reads, for messages.
    what: String,
    watch: AxisWatch,
    text: String,
    /// Some unknown id would be known with more or fewer leading zeros.
    zeros_differ: bool,
}

#[derive(Debug)]
enum Way<'a> {
    Constant(u32),
    Known {
        slot: Slot,
        missing: Missing,
        pad: usize,
        known: Known,
        /// The longest known number, in digits.
        digits: usize,
        category: bool,
    },
    Point {
        lon: Slot,
        lat: Slot,
        zoning: &'a Zoning,
    },
    Line {
        slot: Slot,
        at: End,
        zoning: &'a Zoning,
    },
}

impl<'a> PositionReader<'a> {
    /// Reads lookup files and reserves columns. `field` names the mapping's field in errors.
    pub fn new(
        source: &DimensionSource,
        axis: &Axis<'a>,
        mapping: &Mapping,
        columns: &mut Columns,
        field: &str,
    ) -> Result<Self, AggregateError> {
        let category = matches!(axis, Axis::Categories(_));
        let zoning = || match axis {
            Axis::Zones(zoning) => Ok(*zoning),
            _ => Err(MappingError::field(
                field,
                "only a zone can be found by coordinates",
            )),
        };
        let mut known = |column: &ColumnSource, pad: usize, known: Known| Way::Known {
            slot: columns.slot(&column.column),
            missing: Missing::new(&column.missing),
            pad,
            digits: known
                .keys()
                .filter(|key| is_digits(key))
                .map(String::len)
                .max()
                .unwrap_or(0),
            known,
            category,
        };
        let (way, what) = match source {
            DimensionSource::Constant(text) => {
                let position = axis.position(text).ok_or_else(|| {
                    let problem = format!("`{text}` is no value of it in the agreement");
                    MappingError::field(field, problem)
                })?;
                (Way::Constant(position), String::new())
            }
            DimensionSource::Column {
                column,
                pad,
                values,
            } => {
                let ids = lookup::ids(axis, values, field)?;
                (known(column, *pad, ids), format!("`{}`", column.column))
            }
            DimensionSource::Lookup {
                column,
                pad,
                lookup,
            } => {
                let keys = lookup::file(lookup, mapping.folder(), *pad, axis, field)?;
                (known(column, *pad, keys), format!("`{}`", column.column))
            }
            DimensionSource::Point { lon, lat } => {
                let what = format!("`{lon}` and `{lat}`");
                let (lon, lat, zoning) = (columns.slot(lon), columns.slot(lat), zoning()?);
                (Way::Point { lon, lat, zoning }, what)
            }
            DimensionSource::Line { column, at } => {
                let (slot, at, zoning) = (columns.slot(column), *at, zoning()?);
                (Way::Line { slot, at, zoning }, format!("`{column}`"))
            }
        };
        Ok(Self {
            way,
            what,
            watch: AxisWatch::default(),
            text: String::new(),
            zeros_differ: false,
        })
    }

    pub fn read(&mut self, row: &Row<'_>) -> Result<u32, Reason> {
        match &self.way {
            Way::Constant(position) => Ok(*position),
            Way::Known {
                slot,
                missing,
                pad,
                known,
                digits,
                category,
            } => {
                let (absent, unknown) = if *category {
                    (Reason::CategoryMissing, Reason::CategoryUnknown)
                } else {
                    (Reason::ZoneMissing, Reason::ZoneUnknown)
                };
                let field = row.field(*slot);
                if missing.has(field) {
                    return Err(absent);
                }
                self.text.clear();
                if !spell(field, *pad, &mut self.text) {
                    return Err(unknown);
                }
                match known.get(self.text.as_str()) {
                    Some(found) => *found,
                    None => {
                        self.zeros_differ |= zeros_differ(&self.text, known, *digits);
                        Err(unknown)
                    }
                }
            }
            Way::Point { lon, lat, zoning } => {
                let (lon, lat) = (coordinate(row.field(*lon))?, coordinate(row.field(*lat))?);
                self.watch.find(zoning, lon, lat).ok_or(Reason::ZoneOutside)
            }
            Way::Line { slot, at, zoning } => {
                let Field::Text(text) = row.field(*slot) else {
                    return Err(Reason::ZoneMissing);
                };
                let (lon, lat) = line_end(text, *at)?;
                self.watch.find(zoning, lon, lat).ok_or(Reason::ZoneOutside)
            }
        }
    }

    /// After the last row: were all points outside only because the axes are exchanged?
    pub fn check(&self) -> Result<(), AggregateError> {
        self.watch.check(&self.what)
    }

    /// What a person should look at.
    pub fn note(&self) -> Option<String> {
        self.zeros_differ.then(|| {
            format!(
                "ids in {} differ from known ones only in leading zeros: set `pad` in the mapping",
                self.what
            )
        })
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Writes an id as text; false where the field is no id.
fn spell(field: Field<'_>, pad: usize, to: &mut String) -> bool {
    let number = match field {
        Field::Text(text) => {
            pad_into(to, text, pad);
            return true;
        }
        Field::Int(number) => Some(number),
        Field::Float(number) => whole(number),
        Field::Missing | Field::Local(_) | Field::Instant(_) => None,
    };
    match number {
        Some(number) if pad == 0 => write!(to, "{number}").is_ok(),
        Some(number) => {
            pad_into(to, &number.to_string(), pad);
            true
        }
        None => false,
    }
}

fn zeros_differ(text: &str, known: &Known, digits: usize) -> bool {
    let without = text.trim_start_matches('0');
    is_digits(text)
        && (without.len() < text.len() && known.contains_key(without)
            || text.len() < digits && known.contains_key(&padded(text, digits)))
}

fn coordinate(field: Field<'_>) -> Result<f64, Reason> {
    number(field).map_err(|reason| match reason {
        Reason::ValueMissing => Reason::ZoneMissing,
        _ => Reason::ZoneUnparsable,
    })
}

/// An end of a JSON array of `[lon, lat]`, without reading the points in between.
fn line_end(text: &str, at: End) -> Result<(f64, f64), Reason> {
    let points = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let points = points.ok_or(Reason::ZoneUnparsable)?.trim();
    if points.is_empty() {
        return Err(Reason::ZoneMissing);
    }
    let point = match at {
        End::First => points.split_once(']').map(|(first, _)| first),
        End::Last => points.rsplit_once(']').map(|(before, _)| before),
    };
    let numbers = point
        .and_then(|point| point.rsplit_once('['))
        .map(|(_, numbers)| numbers);
    let mut numbers = numbers.unwrap_or_default().split(',');
    let mut next = || match numbers.next().map(|number| number.trim().parse::<f64>()) {
        Some(Ok(number)) if number.is_finite() => Ok(number),
        _ => Err(Reason::ZoneUnparsable),
    };
    Ok((next()?, next()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn ends_of_a_line() {
        let line = "[[-8.618643,41.141412],[-8.6,41.2],[-8.630829, 41.15450]]";
        assert_eq!(line_end(line, End::First), Ok((-8.618643, 41.141412)));
        assert_eq!(line_end(line, End::Last), Ok((-8.630829, 41.1545)));
        assert_eq!(line_end("[[1,2,30]]", End::Last), Ok((1.0, 2.0)));
        assert_eq!(line_end("[]", End::First), Err(Reason::ZoneMissing));
        for broken in [
            "",
            "[",
            "[[1,2]",
            "[[1]]",
            "[[a,b]]",
            "[[1,NaN]]",
            "[[",
            "[1,2]",
            "][",
        ] {
            assert_eq!(
                line_end(broken, End::First),
                Err(Reason::ZoneUnparsable),
                "{broken}"
            );
        }
    }
}
