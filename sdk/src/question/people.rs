//! People do not add up: who is in several periods, parts of the day or modes is counted in each. What such a sum is
//! called, and what is said of it.

use policies::kind::{DimensionKind, Kind};

use super::argument::Arguments;
use super::choose::periods;
use super::found::Found;
use super::statement::{Read, bins};

/// A sum of people that may count somebody several times.
const COUNTS: &str = "person_counts";

impl Read<'_> {
    /// What is counted is called so.
    pub(super) fn called(&self, arguments: &Arguments) -> String {
        let number = self.tables.first().and_then(Found::number);
        match number {
            Some(_) if !self.people_over(arguments).is_empty() => COUNTS.to_owned(),
            Some((_, called)) => called,
            None => String::new(),
        }
    }

    /// That people are added up, and over what.
    pub(super) fn added_people(&self, arguments: &Arguments) -> Option<String> {
        let over = self.people_over(arguments);
        let (_, called) = self.tables.first()?.number()?;
        let called = called.replace('_', "-");
        (!over.is_empty()).then(|| {
            format!(
                "`{COUNTS}` adds up {called} over {}: who is in several of these is counted in each.",
                over.join(" and ")
            )
        })
    }

    /// Over what the answer adds up people: nothing where it counts trips, or has one of each alone.
    fn people_over(&self, arguments: &Arguments) -> Vec<&'static str> {
        let tables = || self.tables.iter().filter(|found| found.counts_people());
        let apart = |name: &str| self.source.apart.iter().any(|column| column == name);
        let several_periods = |found: &Found| periods(self, found, arguments) > 1;
        let several_hours = |found: &Found| bins(found, arguments).len() > 1;
        let several_categories = |found: &Found| {
            let kind = Kind::named(&found.terms.kind);
            let dimensions = kind.into_iter().flat_map(|kind| &kind.dimensions);
            let mut categories = dimensions.filter(|d| d.kind == DimensionKind::Category);
            categories.any(|d| {
                let mut listed = found.terms.categories.iter();
                !apart(&d.name)
                    && listed.any(|listed| listed.dimension == d.name && listed.values.len() > 1)
            })
        };
        let mut over = Vec::new();
        if !apart("period") && tables().any(several_periods) {
            over.push("periods");
        }
        if !apart("hours") && tables().any(several_hours) {
            over.push("parts of the day");
        }
        if tables().any(several_categories) {
            over.push("categories");
        }
        if tables().count() > 1 {
            over.push("providers");
        }
        over
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use policies::agreement::Unit;

    use super::*;
    use crate::question::tests::{OD, found};
    use crate::question::{Argument, Question};

    /// What a question calls its number, and what it says of it.
    fn called(question: &str, table: Found, hours: &str) -> (String, String) {
        let source = &Question::named(question).unwrap().sources[0];
        let tables = vec![table];
        let read = Read { source, tables };
        let arguments = Arguments::default().with(Argument::Hours, Some(hours));
        let said = read.added_people(&arguments).unwrap_or_default();
        (read.called(&arguments), said)
    }

    /// Found by a review: who went with two providers was two people.
    #[test]
    fn people_of_several_providers_are_not_called_people() {
        let source = &Question::named("mode-split").unwrap().sources[0];
        let mut riders = found("od_trips", &["contributors"]);
        riders.unit = Unit::PersonWeek;
        let mut others = riders.clone();
        others.provider = "trams".parse().unwrap();
        let arguments = Arguments::default().with(Argument::Hours, Some("6-9"));
        let of = |tables: &[&Found]| {
            let tables = tables.iter().copied().cloned().collect();
            let read = Read { source, tables };
            (read.called(&arguments), read.added_people(&arguments))
        };
        assert_eq!(of(&[&riders]), ("people".into(), None));
        let (many, said) = of(&[&riders, &others]);
        assert_eq!(many, "person_counts");
        let said = said.unwrap();
        assert!(said.contains("adds up people over providers"), "{said}");
        (riders.unit, others.unit) = (Unit::Trip, Unit::Trip);
        assert_eq!(of(&[&riders, &others]), ("trips".into(), None));
    }

    /// Found by a review: who went in three parts of the day was three people.
    #[test]
    fn people_who_are_added_up_are_not_called_people() {
        let mut people = found("telecom_od", &["contributors"]);
        people.unit = Unit::PersonWeek;
        let name = |question, table: &Found, hours| called(question, table.clone(), hours).0;
        assert_eq!(name("od-matrix", &people, "0-24"), "people");
        assert_eq!(name("catchment", &people, "6-9"), "people");
        let (many, said) = called("catchment", people.clone(), "0-9");
        assert_eq!(many, "person_counts");
        assert!(
            said.contains("adds up people over parts of the day"),
            "{said}"
        );
        people.periods.push("2026-W42".parse().unwrap());
        let (many, said) = called("top-corridors", people.clone(), "0-9");
        assert_eq!(many, "person_counts");
        assert!(said.contains("over periods and parts of the day"), "{said}");
        people.unit = Unit::PersonDay;
        let (many, said) = called("od-matrix", people, "0-24");
        assert_eq!(many, "person_counts");
        assert!(said.contains("adds up person-days over periods"), "{said}");

        let axis = |values: &[&str]| {
            serde_json::from_value(serde_json::json!([{ "dimension": "mode", "values": values }]))
        };
        let mut riders = found("od_trips", &["contributors"]);
        riders.unit = Unit::PersonWeek;
        riders.terms.categories = axis(&["bike"]).unwrap();
        assert_eq!(name("od-matrix", &riders, "0-24"), "people");
        riders.terms.categories = axis(&["bike", "walk"]).unwrap();
        let (many, said) = called("od-matrix", riders.clone(), "6-9");
        assert_eq!(many, "person_counts");
        assert!(said.contains("over categories"), "{said}");
        assert_eq!(name("mode-split", &riders, "6-9"), "people");
        // Trips add up.
        riders.columns = OD.map(str::to_owned).into();
        let none = String::new();
        assert_eq!(
            called("od-matrix", riders.clone(), "0-24"),
            ("trips".into(), none.clone())
        );
        riders.columns = vec!["contributors".into()];
        riders.unit = Unit::Trip;
        assert_eq!(called("od-matrix", riders, "0-24"), ("trips".into(), none));
    }
}
