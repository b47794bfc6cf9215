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
pub const TEMPLATES: [Template; 4] = [
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
    use crate::agreement::Agreement;
    use crate::testing::floors;
    use crate::validate::faults;

    #[test]
    fn every_template_is_a_sound_agreement() {
        for template in TEMPLATES {
            let agreement = Agreement::parse(template.json.as_bytes()).unwrap();
            assert_eq!(faults(&agreement, &floors()), [], "{}", template.name);
        }
    }
}
