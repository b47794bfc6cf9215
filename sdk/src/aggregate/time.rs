//! Time as a company wrote it, read as local time of the agreement's zone.
//!
//! A reading without offset is local time of that zone, and only its wall clock counts:
//! - an hour that the end of summer time repeats falls twice into the same bin;
//! - a reading inside the hour that the start of summer time skips comes from a clock that was not
//!   put forward, so it is moved on by the skipped hour (RFC 5545; 03:30 becomes 04:30);
//! - a date alone is its midnight.
//!
//! A reading with an offset, and a number of seconds, is an instant and is put on the zone's clock.

use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use policies::agreement::Days;
use policies::period::Zone;

use super::mapping::TimeFormat;
use super::read::Field;
use super::report::Reason;

/// A zone's wall clock over the days of an agreement.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    tz: TimeZone,
    /// Wall-clock readings that do not exist, in order: first, end, and how far they move on.
    gaps: Vec<(DateTime, DateTime, SignedDuration)>,
}

impl Clock {
    /// The clock of `zone`; skipped hours are known for `days`, others do not matter.
    pub fn new(zone: &Zone, days: Days) -> Self {
        let tz = zone.tz().clone();
        let midnight = |date: Date| {
            let zoned = date.to_zoned_datetime(TimeZone::UTC);
            zoned.map_or(Timestamp::MIN, |zoned| zoned.timestamp())
        };
        let second = SignedDuration::from_secs(1);
        // A day's margin on both sides covers every offset.
        let margin = SignedDuration::from_hours(48);
        let from = midnight(days.from)
            .checked_sub(margin)
            .unwrap_or(Timestamp::MIN);
        let until = midnight(days.until)
            .checked_add(margin)
            .unwrap_or(Timestamp::MAX);
        let changes = tz
            .following(from)
            .take_while(|change| change.timestamp() <= until);
        let gaps = changes.filter_map(|change| {
            let before = tz.to_offset(change.timestamp().checked_sub(second).ok()?);
            let skipped = i64::from(change.offset().seconds() - before.seconds());
            let first = before.to_datetime(change.timestamp());
            let end = change.offset().to_datetime(change.timestamp());
            (skipped > 0).then_some((first, end, SignedDuration::from_secs(skipped)))
        });
        let gaps = gaps.collect();
        Self { tz, gaps }
    }

    /// The wall-clock time of a field.
    pub fn local(&self, field: Field<'_>, format: &TimeFormat) -> Result<DateTime, Reason> {
        match moment(field, format)? {
            Moment::Local(reading) => self.exists(reading).ok_or(Reason::TimeUnparsable),
            Moment::Instant(instant) => Ok(self.tz.to_datetime(instant)),
        }
    }

    /// Seconds from one field to another. Of a repeated hour the first pass is meant, unless the
    /// end would then lie before the start.
    pub fn seconds_between(
        &self,
        from: Field<'_>,
        until: Field<'_>,
        format: &TimeFormat,
    ) -> Result<f64, Reason> {
        let from = self.instants(moment(from, format)?)?;
        let until = self.instants(moment(until, format)?)?;
        let first_pass = until.0.duration_since(from.0);
        let passed = if first_pass.is_negative() {
            until.1.duration_since(from.0)
        } else {
            first_pass
        };
        Ok(passed.as_secs_f64())
    }

    fn exists(&self, reading: DateTime) -> Option<DateTime> {
        let gap = self
            .gaps
            .iter()
            .find(|gap| gap.0 <= reading && reading < gap.1);
        match gap {
            Some(gap) => reading.checked_add(gap.2).ok(),
            None => Some(reading),
        }
    }

    /// The first and the last instant a moment can mean.
    fn instants(&self, moment: Moment) -> Result<(Timestamp, Timestamp), Reason> {
        let reading = match moment {
            Moment::Instant(instant) => return Ok((instant, instant)),
            Moment::Local(reading) => reading,
        };
        let ambiguous = || self.tz.to_ambiguous_timestamp(reading);
        if ambiguous().is_ambiguous() {
            let first = ambiguous().compatible();
            let last = ambiguous().later();
            match (first, last) {
                (Ok(first), Ok(last)) => Ok((first, last)),
                _ => Err(Reason::TimeUnparsable),
            }
        } else {
            let only = ambiguous()
                .unambiguous()
                .map_err(|_| Reason::TimeUnparsable)?;
            Ok((only, only))
        }
    }
}

enum Moment {
    Local(DateTime),
    Instant(Timestamp),
}

fn moment(field: Field<'_>, format: &TimeFormat) -> Result<Moment, Reason> {
    let unparsable = Reason::TimeUnparsable;
    match (field, format) {
        (Field::Missing, _) => Err(Reason::TimeMissing),
        (Field::Local(reading), _) => Ok(Moment::Local(reading)),
        (Field::Instant(instant), _) => Ok(Moment::Instant(instant)),
        (Field::Text(text), TimeFormat::Iso) => iso(text).ok_or(unparsable),
        (Field::Text(text), TimeFormat::Pattern(pattern)) => {
            patterned(text, pattern).ok_or(unparsable)
        }
        (field, TimeFormat::EpochSeconds) => epoch(field, 1_000_000).ok_or(unparsable),
        (field, TimeFormat::EpochMillis) => epoch(field, 1000).ok_or(unparsable),
        (Field::Int(_) | Field::Float(_), _) => Err(unparsable),
    }
}

fn iso(text: &str) -> Option<Moment> {
    // jiff would take a local time and forget an offset, so an instant is tried where one may be.
    let clock = text.get(10..).unwrap_or_default();
    if clock.contains(['Z', 'z', '+', '-', '[']) {
        text.parse().ok().map(Moment::Instant)
    } else {
        text.parse().ok().map(Moment::Local)
    }
}

fn patterned(text: &str, pattern: &str) -> Option<Moment> {
    let parts = strtime::parse(pattern, text).ok()?;
    if parts.offset().is_some() || parts.timestamp().is_some() {
        return parts.to_timestamp().ok().map(Moment::Instant);
    }
    parts.to_datetime().ok().map(Moment::Local)
}

/// An instant from a count of ticks of `micros` microseconds since 1970.
fn epoch(field: Field<'_>, micros: i64) -> Option<Moment> {
    let whole = |ticks: i64| ticks.checked_mul(micros);
    let micros = match field {
        Field::Int(ticks) => whole(ticks)?,
        Field::Float(ticks) => fraction(ticks, micros)?,
        Field::Text(text) => match text.parse::<i64>() {
            Ok(ticks) => whole(ticks)?,
            Err(_) => fraction(text.parse().ok()?, micros)?,
        },
        Field::Missing | Field::Local(_) | Field::Instant(_) => return None,
    };
    Timestamp::from_microsecond(micros)
        .ok()
        .map(Moment::Instant)
}

fn fraction(ticks: f64, micros: i64) -> Option<i64> {
    // Timestamps end at year 9999; beyond 2⁶² microseconds there is none.
    const LARGEST: f64 = 4.0e18;
    let exact = (ticks * micros as f64).floor();
    (exact.abs() < LARGEST).then_some(exact as i64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn helsinki() -> Clock {
        let zone = Zone::try_from("Europe/Helsinki".to_owned()).unwrap();
        let day = |text: &str| text.parse::<Date>().unwrap();
        Clock::new(
            &zone,
            Days {
                from: day("2023-01-01"),
                until: day("2023-12-31"),
            },
        )
    }

    fn read(text: &str, format: &str) -> Result<String, Reason> {
        let format = TimeFormat::try_from(format.to_owned()).unwrap();
        helsinki()
            .local(Field::Text(text), &format)
            .map(|local| local.to_string())
    }

    #[test]
    fn local_readings_keep_their_wall_clock() {
        for (text, format, expected) in [
            ("2023-10-31T23:57:28", "iso", "2023-10-31T23:57:28"),
            ("2023-10-31 23:57", "iso", "2023-10-31T23:57:00"),
            ("2023-10-15", "iso", "2023-10-15T00:00:00"),
            ("2023-10-29T03:30:00", "iso", "2023-10-29T03:30:00"), // repeated hour
            ("2023-03-26T03:30:00", "iso", "2023-03-26T04:30:00"), // skipped hour
            ("2023-03-26T03:59:59", "iso", "2023-03-26T04:59:59"),
            ("2023-03-26T02:59:59", "iso", "2023-03-26T02:59:59"),
            ("2023-03-26T04:00:00", "iso", "2023-03-26T04:00:00"),
            ("5.10.2023 7.05", "%d.%m.%Y %H.%M", "2023-10-05T07:05:00"),
            ("5.10.2023", "%d.%m.%Y", "2023-10-05T00:00:00"),
        ] {
            assert_eq!(read(text, format), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn instants_are_put_on_the_local_clock() {
        for (text, format, expected) in [
            ("2023-10-29T00:30:00Z", "iso", "2023-10-29T03:30:00"),
            ("2023-10-29T01:30:00Z", "iso", "2023-10-29T03:30:00"),
            ("2023-10-31T23:57:28-04:00", "iso", "2023-11-01T05:57:28"),
            ("1698539400", "epoch_s", "2023-10-29T03:30:00"),
            ("1698539400.9", "epoch_s", "2023-10-29T03:30:00.9"),
            ("1698539400000", "epoch_ms", "2023-10-29T03:30:00"),
            (
                "2023-10-29 00:30 +0000",
                "%Y-%m-%d %H:%M %z",
                "2023-10-29T03:30:00",
            ),
        ] {
            assert_eq!(read(text, format), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_said_so() {
        for (text, format) in [
            ("yesterday", "iso"),
            ("2023-02-30", "iso"),
            ("29.10.2023", "iso"),
            ("2023-10-29T25:00:00", "iso"),
            ("NaN", "epoch_s"),
            ("1e300", "epoch_s"),
            ("99999999999999", "epoch_s"),
            ("ä-10-29T03:30:00Z", "iso"),
        ] {
            assert_eq!(read(text, format), Err(Reason::TimeUnparsable), "{text}");
        }
        let clock = helsinki();
        assert_eq!(
            clock.local(Field::Missing, &TimeFormat::Iso),
            Err(Reason::TimeMissing)
        );
    }

    #[test]
    fn durations_cross_dst_changes() {
        let clock = helsinki();
        let between = |from, until| {
            clock
                .seconds_between(Field::Text(from), Field::Text(until), &TimeFormat::Iso)
                .map(|seconds| seconds.round() as i64)
        };
        assert_eq!(
            between("2023-10-28T23:00:00", "2023-10-29T05:00:00"),
            Ok(7 * 3600)
        );
        assert_eq!(
            between("2023-10-29T03:50:00", "2023-10-29T03:10:00"),
            Ok(20 * 60)
        );
        assert_eq!(
            between("2023-10-29T03:10:00", "2023-10-29T03:50:00"),
            Ok(40 * 60)
        );
        assert_eq!(
            between("2023-03-26T02:50:00", "2023-03-26T04:10:00"),
            Ok(20 * 60)
        );
        assert_eq!(
            between("2023-06-01T10:00:00", "2023-06-01T09:00:00"),
            Ok(-3600)
        );
        assert_eq!(
            between("2023-06-01T10:00:00", ""),
            Err(Reason::TimeUnparsable)
        );
    }
}
