//! Writing an agreement: a skeleton and the directory's facts become a file to read, edit and
//! offer.

use std::path::PathBuf;

use clap::Args;
use policies::agreement::{Agreement, Days};
use policies::id::{OrgId, ZoningId};
use policies::template::{TEMPLATES, Template, named};
use policies::validate::faults;
use proto::convert::{Organisation, Zoning};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::Session;
use super::super::days::days;
use super::super::pki::write_json;
use super::super::session::from_client;
use super::check::usual_floors;
use crate::errors::{CliError, OrFail};
use crate::output::View;

pub const HELP: &str = "\
Example:
  weir agreement new --template bikes --planner helsinki --provider city-bikes \\
      --zoning helsinki-postal-2024 --valid 2026-01-01..2026-12-31 --out draft.json
  weir agreement new --from edited.json --out agreement.json
  weir agreement new --from last-year.json --planner helsinki --provider city-bikes \\
      --zoning helsinki-postal-2024 --valid 2026-01-01..2026-12-31 --out draft.json

Without further options the file is brought into canonical form (RFC 8785), the bytes that are
signed. With them, fingerprints of the parties and hash and size of the zoning are filled in from
the broker's directory, and the draft is written for editing; `weir agreement check` names what is
still wrong.";

/// Arguments of `weir agreement new`.
#[derive(Debug, Args)]
pub struct New {
    /// Start from a template: bikes, ride-hail, telecom-people or telecom-presence.
    #[arg(long, value_name = "NAME", required_unless_present = "from", value_parser = template)]
    pub template: Option<&'static Template>,
    /// Start from this file.
    #[arg(long, value_name = "FILE", conflicts_with = "template")]
    pub from: Option<PathBuf>,
    /// Where to write it.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// What to fill in.
    #[command(flatten)]
    pub fill: Fill,
}

/// What is filled in, from the directory where it is a fingerprint or a hash.
#[derive(Debug, Default, Args)]
pub struct Fill {
    /// Who contributes.
    #[arg(long, value_name = "ORG")]
    pub provider: Option<OrgId>,
    /// Who plans; a recipient too.
    #[arg(long, value_name = "ORG")]
    pub planner: Option<OrgId>,
    /// The one zoning of all its tables.
    #[arg(long, value_name = "ID")]
    pub zoning: Option<ZoningId>,
    /// Days on which it can be active.
    #[arg(long, value_name = "FROM..UNTIL", value_parser = days)]
    pub valid: Option<Days>,
    /// Days that the data may be about.
    #[arg(long, value_name = "FROM..UNTIL", value_parser = days)]
    pub covers: Option<Days>,
    /// One line for lists.
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
}

impl Fill {
    fn is_empty(&self) -> bool {
        let Self {
            provider,
            planner,
            zoning,
            valid,
            covers,
            title,
        } = self;
        let dates = valid.is_none() && covers.is_none();
        provider.is_none() && planner.is_none() && zoning.is_none() && dates && title.is_none()
    }

    fn needs_directory(&self) -> bool {
        self.provider.is_some() || self.planner.is_some() || self.zoning.is_some()
    }
}

pub async fn run(args: New, session: &Session) -> Result<(), CliError> {
    let (name, bytes) = match (&args.template, &args.from) {
        (Some(template), _) => (
            PathBuf::from(template.name),
            template.json.as_bytes().to_vec(),
        ),
        (None, Some(file)) => {
            let bytes = std::fs::read(file).map_err(|e| CliError::file("read", file, e))?;
            (file.clone(), bytes)
        }
        (None, None) => return Err(CliError::new("say --template NAME or --from FILE")),
    };
    if args.fill.is_empty() && args.template.is_none() {
        let agreement = super::super::session::read_agreement(&name)?;
        let canonical = agreement.canonical().or_fail()?;
        std::fs::write(&args.out, canonical).map_err(|e| CliError::file("write", &args.out, e))?;
        return session
            .output
            .show(&Written::of(&agreement, args.out, true)?);
    }
    let draft = serde_json::from_slice(&bytes);
    let mut draft: Value = draft.map_err(|e| CliError::file("use", &name, e))?;
    let (organisations, zonings) = match args.fill.needs_directory() {
        true => {
            let client = session.client().await?;
            let organisations = client.organisations().await.map_err(from_client)?;
            (organisations, client.zonings().await.map_err(from_client)?)
        }
        false => (Vec::new(), Vec::new()),
    };
    fill(&mut draft, &args.fill, &organisations, &zonings)?;
    let agreement = Agreement::parse(&serde_json::to_vec(&draft).or_fail()?);
    let agreement = agreement.map_err(|e| {
        CliError::file("use", &name, e).or_try("fill in or correct that field of the file")
    })?;
    write_json(&args.out, &agreement)?;
    session
        .output
        .show(&Written::of(&agreement, args.out, false)?)
}

/// The template that was named.
fn template(name: &str) -> Result<&'static Template, String> {
    named(name).ok_or_else(|| {
        let all = TEMPLATES
            .iter()
            .map(|t| format!("\n  {}: {}", t.name, t.about));
        format!("the templates are{}", all.collect::<String>())
    })
}

/// Fills a draft in place.
fn fill(
    draft: &mut Value,
    fill: &Fill,
    organisations: &[Organisation],
    zonings: &[Zoning],
) -> Result<(), CliError> {
    let Some(fields) = draft.as_object_mut() else {
        return Err(CliError::new("the file is not a JSON object"));
    };
    let party = |id: &OrgId| match organisations.iter().find(|known| known.org == *id) {
        Some(known) => Ok(json!({"org": known.org, "key": known.key.fingerprint()})),
        None => {
            let why = format!("the directory has no organisation `{id}`");
            Err(CliError::new(why).or_try("weir org list"))
        }
    };
    if let Some(id) = &fill.provider {
        fields.insert("provider".into(), party(id)?);
    }
    if let Some(id) = &fill.planner {
        fields.insert("planner".into(), party(id)?);
        fields.insert("recipients".into(), json!([id]));
    }
    if let Some(id) = &fill.zoning {
        let Some(known) = zonings.iter().find(|zoning| zoning.id == *id) else {
            let why = format!("the directory has no zoning `{id}`");
            return Err(CliError::new(why).or_try("weir zoning list"));
        };
        let Zoning {
            id,
            sha256,
            zones,
            parents,
        } = known;
        let mut zoning = json!({"id": id, "sha256": sha256, "zones": zones});
        if let (Some(parents), Some(zoning)) = (parents, zoning.as_object_mut()) {
            zoning.insert("parents".into(), json!(parents));
        }
        fields.insert("zonings".into(), json!([zoning]));
        let tables = fields
            .get_mut("tables")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten();
        for table in tables.filter_map(Value::as_object_mut) {
            table.insert("zoning".into(), json!(id));
        }
    }
    for (name, days) in [("valid", &fill.valid), ("covers", &fill.covers)] {
        if let Some(days) = days {
            fields.insert(name.into(), json!(days));
        }
    }
    if let Some(title) = &fill.title {
        fields.insert("title".into(), json!(title));
    }
    Ok(())
}

#[derive(Serialize)]
struct Written {
    agreement: String,
    file: PathBuf,
    canonical: bool,
    faults: Vec<String>,
}

impl Written {
    fn of(agreement: &Agreement, file: PathBuf, canonical: bool) -> Result<Self, CliError> {
        let found = faults(agreement, &usual_floors()?);
        Ok(Self {
            agreement: agreement.id().or_fail()?.to_string(),
            file,
            canonical,
            faults: found.iter().map(ToString::to_string).collect(),
        })
    }
}

impl View for Written {
    fn text(&self) -> String {
        let file = self.file.display();
        let form = if self.canonical {
            "in canonical form"
        } else {
            "as a draft"
        };
        let next = match self.faults.as_slice() {
            [] => format!("Next: weir agreement show {file}, then weir agreement offer {file}"),
            faults => format!("Still wrong:\n  {}", faults.join("\n  ")),
        };
        format!("{file} written {form}; id {}\n{next}", self.agreement)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn zoning() -> Zoning {
        let (id, sha256) = ("postal".parse().unwrap(), "0a".repeat(32).parse().unwrap());
        Zoning {
            id,
            sha256,
            zones: 84,
            parents: None,
        }
    }

    #[test]
    fn a_draft_gets_the_directory_s_facts() {
        let mut draft = json!({"title": "old", "tables": [{"name": "od", "zoning": "other"}]});
        let wanted = Fill {
            zoning: Some("postal".parse().unwrap()),
            covers: Some(days("2026-01-01..2026-01-31").unwrap()),
            title: Some("new".into()),
            ..Fill::default()
        };
        fill(&mut draft, &wanted, &[], &[zoning()]).unwrap();
        let expected = json!({
            "title": "new",
            "covers": {"from": "2026-01-01", "until": "2026-01-31"},
            "zonings": [{"id": "postal", "sha256": "0a".repeat(32), "zones": 84}],
            "tables": [{"name": "od", "zoning": "postal"}],
        });
        assert_eq!(draft, expected);
    }

    #[test]
    fn an_unknown_party_or_zoning_is_named() {
        let provider = Fill {
            provider: Some("bikes".parse().unwrap()),
            ..Fill::default()
        };
        let error = fill(&mut json!({}), &provider, &[], &[])
            .unwrap_err()
            .text();
        assert!(
            error.contains("`bikes`") && error.contains("weir org list"),
            "{error}"
        );
        let zoning = Fill {
            zoning: Some("postal".parse().unwrap()),
            ..Fill::default()
        };
        let error = fill(&mut json!({}), &zoning, &[], &[]).unwrap_err().text();
        assert!(
            error.contains("`postal`") && error.contains("weir zoning list"),
            "{error}"
        );
    }

    #[test]
    fn days_are_a_range() {
        for text in [
            "2026-01-01",
            "2026-01-02..2026-01-01",
            "a..b",
            "2026-01-01..2026-02-30",
        ] {
            assert!(days(text).is_err(), "`{text}` was taken");
        }
    }
}
