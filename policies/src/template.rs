//! Agreements to start from: complete but for the parties, zoning and dates, which have
//! placeholders.

/// A template's name, one line about it, and its JSON.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// What it is called.
    pub name: &'static str,
    /// Whose data it fits, and what is protected.
    pub about: &'static str,
    /// An agreement with placeholders; an editor's spelling, not the canonical one.
    pub json: &'static str,
}

/// All templates.
pub const TEMPLATES: [Template; 5] = [
    Template {
        name: "bikes",
        about: "trips without person ids, by day and week; one trip is protected",
        json: include_str!("../templates/bikes.json"),
    },
    Template {
        name: "ride-hail",
        about: "rides of people with ids, by week; a person's day is protected",
        json: include_str!("../templates/ride-hail.json"),
    },
    Template {
        name: "telecom-k-only",
        about: "moves of people by week with k alone: NOT differentially private, where a steward allows it",
        json: include_str!("../templates/telecom-k-only.json"),
    },
    Template {
        name: "telecom-people",
        about: "people present by hour, by week; a person's day is protected",
        json: include_str!("../templates/telecom-people.json"),
    },
    Template {
        name: "telecom-presence",
        about: "presence that is aggregated already, by month; no unit, no claim",
        json: include_str!("../templates/telecom-presence.json"),
    },
];

/// The template of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.name == name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::agreement::{Agreement, Protection, Unit};
    use crate::mechanism::{Draw, Noise, Scale, Selection};
    use crate::testing::k_only_floors;
    use crate::validate::faults;

    #[test]
    fn every_template_is_a_sound_agreement() {
        for template in TEMPLATES {
            let agreement = Agreement::parse(template.json.as_bytes()).unwrap();
            assert_eq!(
                faults(&agreement, &k_only_floors()),
                [],
                "{}",
                template.name
            );
            assert_eq!(named(template.name).unwrap().about, template.about);
        }
        assert!(named("nothing").is_none());
    }

    /// Budgets are of use only where cells of a city reach what they ask for (privacy.md section 4b).
    #[test]
    fn a_template_publishes_cells_of_some_dozen_people() {
        for template in TEMPLATES {
            let terms = Agreement::parse(template.json.as_bytes()).unwrap();
            for item in &terms.plan {
                let table = terms.table(&item.table).unwrap();
                let Some(charge) = &item.charge else {
                    let exact = terms.population.protection == Protection::KOnly;
                    assert!(exact || terms.population.unit == Unit::None);
                    continue;
                };
                let draw = |sixteenths| Draw {
                    noise: Noise::DiscreteGaussian,
                    scale: Scale::from_sixteenths(sixteenths).unwrap(),
                    l0: table.cells_max,
                    linf: 1,
                    merged: 1,
                };
                let fits = |s: &u64| draw(*s).rho().is_ok_and(|rho| rho <= charge.selection);
                let draw = draw((1..).find(fits).unwrap());
                let k = terms.k;
                let selection = |threshold| Selection { draw, k, threshold };
                let fits = |t: &u64| selection(*t).delta().unwrap() <= charge.delta;
                let people = selection((2..).find(fits).unwrap()).published_from();
                assert!(
                    (15..=45).contains(&people),
                    "{} {}: {people}",
                    template.name,
                    table.name
                );
            }
        }
    }
}
