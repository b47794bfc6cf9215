//! What a question's answers look like.

use std::path::PathBuf;

use sdk::question::{Argument, Found, Missing, Question, Used};
use serde::Serialize;
use serde_json::Value;

use crate::errors::CliError;
use crate::output::{View, facts, short, table, thousands, wrap};

/// How much of a table is there.
pub(super) fn withheld(used: &Used) -> String {
    let Used {
        table,
        agreement: _,
        provider,
        periods,
        rows,
        possible,
    } = used;
    if *periods == 0 {
        return format!("No released period of {table} lies in the days asked.");
    }
    let from = format!(
        "Read from {table} ({provider}), {periods} {}",
        if *periods == 1 { "period" } else { "periods" }
    );
    if rows == possible {
        return format!("{from}: all {} rows that there can be.", thousands(*rows));
    }
    let share = 100.0 * *rows as f64 / (*possible).max(1) as f64;
    format!(
        "{from}: of the {} rows that the table can have there {} are released ({share:.1} %). The others are \
         withheld or zero, which look the same, and are in no sum.",
        thousands(*possible),
        thousands(*rows),
    )
}

#[derive(Serialize)]
pub(super) struct Answered<'a> {
    pub question: &'a str,
    pub answered: bool,
    pub count: usize,
    pub columns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    pub reading: &'a str,
    pub withheld: Vec<String>,
    pub remarks: Vec<String>,
    pub sql: String,
    #[serde(skip)]
    pub show_sql: bool,
    #[serde(skip)]
    pub screen: String,
}

impl View for Answered<'_> {
    fn text(&self) -> String {
        let beside = std::iter::once(&self.reading.to_owned())
            .chain(&self.withheld)
            .chain(&self.remarks)
            .map(|line| wrap(line))
            .collect::<Vec<_>>()
            .join("\n");
        let sql = if self.show_sql {
            format!("\n\n{}", self.sql)
        } else {
            String::new()
        };
        format!("{}\n\n{beside}{sql}", self.screen)
    }
}

/// Several tables would do.
#[derive(Serialize)]
pub(super) struct Choice<'a> {
    question: &'a str,
    answered: bool,
    tables: Vec<String>,
    #[serde(skip)]
    several: bool,
    #[serde(skip)]
    providers: Vec<String>,
}

impl<'a> Choice<'a> {
    /// For a file, which has no place for it.
    pub(super) fn error(&self) -> CliError {
        let first = self.tables.first().map_or("TABLE", String::as_str);
        let tables = self.tables.join(", ");
        CliError::new(format_args!("several of your tables answer this: {tables}"))
            .or_try(format_args!("--table {first}"))
    }

    pub(super) fn new(question: &'a Question, several: &[Found]) -> Self {
        Self {
            question: &question.name,
            answered: false,
            several: question.sources.iter().any(|source| source.several),
            tables: several.iter().map(Found::name).collect(),
            providers: several.iter().map(|f| f.provider.to_string()).collect(),
        }
    }
}

impl View for Choice<'_> {
    fn text(&self) -> String {
        let mut shown = table(&["table", "provider"]);
        for row in self.tables.iter().zip(&self.providers) {
            shown.add_row([row.0, row.1]);
        }
        let first = self.tables.first().map_or("TABLE", String::as_str);
        let next = format!(
            "Next: weir question ask {} --table {first} …",
            self.question
        );
        let which = if self.several {
            "one, or one of each provider (--table again)"
        } else {
            "one"
        };
        format!("Several of your tables answer this; name {which}.\n\n{shown}\n\n{next}")
    }
}

/// No table answers.
#[derive(Serialize)]
pub(super) struct Lacking<'a> {
    question: &'a str,
    answered: bool,
    why: String,
    needs: String,
    template: String,
    planned: Vec<(String, String)>,
}

impl<'a> Lacking<'a> {
    /// For a file, which has no place for it.
    pub(super) fn error(&self) -> CliError {
        CliError::new(&self.why)
            .or_try("the same without --csv and --out, which says what is needed")
    }

    pub(super) fn new(question: &'a Question, missing: Missing) -> Self {
        let Missing {
            why,
            planned,
            table,
            template,
        } = missing;
        let named = planned.into_iter();
        Self {
            question: &question.name,
            answered: false,
            why,
            needs: table,
            template,
            planned: named
                .map(|(id, t)| (id.to_string(), t.to_string()))
                .collect(),
        }
    }
}

impl View for Lacking<'_> {
    fn text(&self) -> String {
        if let Some((id, table)) = self.planned.first() {
            let said = format!(
                "{} Table {table} of agreement {} would: no period of it is released yet.",
                self.why,
                short(id)
            );
            return format!(
                "{}\n\nNext: weir release request {} {table} PERIOD --purpose PURPOSE",
                wrap(&said),
                short(id)
            );
        }
        let said = format!("{} A new agreement would need: {}.", self.why, self.needs);
        format!(
            "{}\n\nNext: weir agreement new --template {} --planner YOU --provider ORG --zoning ZONING --out draft.json\n      \
             weir call publish --help                 to tell all providers what you need to know",
            wrap(&said),
            self.template
        )
    }
}

#[derive(Serialize)]
pub(super) struct List {
    questions: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    asks: &'static str,
}

impl List {
    pub(super) fn new() -> Self {
        let line = |question: &'static Question| Line {
            name: &question.name,
            asks: &question.asks,
        };
        Self {
            questions: Question::all().iter().map(line).collect(),
        }
    }
}

impl View for List {
    fn text(&self) -> String {
        let mut shown = table(&["name", "asks"]);
        for line in &self.questions {
            shown.add_row([line.name, line.asks]);
        }
        format!("{shown}\n\nNext: weir question show NAME, weir question ask NAME")
    }
}

pub(super) struct Shown(pub &'static Question);

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(question) = self;
        serde_json::json!({
            "name": question.name, "asks": question.asks, "reading": question.reading,
            "arguments": question.arguments, "needed": question.needed,
            "needs": question.needs.table, "template": question.needs.template, "sql": question.sql,
        })
        .serialize(serializer)
    }
}

impl View for Shown {
    fn text(&self) -> String {
        let Self(question) = self;
        // A point stands for a zone.
        let given = question.arguments.iter().filter(|a| **a != Argument::At);
        let given = given.map(|argument| {
            let at = *argument == Argument::Zone && question.arguments.contains(&Argument::At);
            let needed = question.needed.contains(argument);
            format!(
                "--{}{}{}",
                argument.as_str(),
                if at { " or --at" } else { "" },
                if needed { " (needed)" } else { "" }
            )
        });
        let rows = [
            ("asks", question.asks.clone()),
            ("takes", given.collect::<Vec<_>>().join(", ")),
        ];
        let reads = format!(
            "It reads: {}. Where none of your released tables is such, it needs a new agreement: weir agreement new --template {}.",
            question.needs.table, question.needs.template
        );
        format!(
            "{}\n\n{}\n{}\n\n{}\n\nNext: weir question ask {}",
            facts(&rows),
            wrap(&question.reading),
            wrap(&reads),
            question.sql.trim(),
            question.name
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// What is missing is no error: it is said with what to do next.
    #[test]
    fn what_is_missing_comes_with_the_next_step() {
        let question = Question::named("travel-time").unwrap();
        let missing = |planned| Missing {
            why: "None of your released tables answers this.".into(),
            planned,
            table: question.needs.table.clone(),
            template: question.needs.template.clone(),
        };
        let text = Lacking::new(question, missing(vec![])).text();
        assert!(text.contains("weir agreement new --template ride-hail"));
        assert!(!text.contains("error"));
        let id = "ab".repeat(32).parse().unwrap();
        let planned = vec![(id, "od_week".parse().unwrap())];
        let text = Lacking::new(question, missing(planned)).text();
        assert!(text.contains("weir release request abababababab od_week"));
    }

    #[test]
    fn each_question_says_when_it_needs_a_new_agreement() {
        for question in Question::all() {
            let text = Shown(question).text().replace('\n', " ");
            let template = &question.needs.template;
            let said =
                format!("it needs a new agreement: weir agreement new --template {template}.");
            assert!(text.contains(&said), "{text}");
        }
    }

    #[test]
    fn how_much_is_withheld_is_said_without_a_guess() {
        let used = |rows, possible, periods| Used {
            table: "released.od".into(),
            agreement: "a".repeat(64).parse().unwrap(),
            provider: "bikes".parse().unwrap(),
            periods,
            rows,
            possible,
        };
        let said = withheld(&used(1651, 147_920, 1));
        assert!(said.contains(
            "of the 147,920 rows that the table can have there 1,651 are released (1.1 %)"
        ));
        assert!(said.contains("withheld or zero, which look the same"));
        assert!(!withheld(&used(32, 32, 2)).contains("withheld"));
        assert!(withheld(&used(0, 0, 0)).contains("No released period"));
    }

    /// Rows are written, or it fails: no list of tables gets into a file.
    #[test]
    fn a_choice_is_an_error_where_rows_are_wanted() {
        let choice = Choice {
            question: "od-matrix",
            answered: false,
            tables: vec!["agreement_1.od".into(), "agreement_2.od".into()],
            several: false,
            providers: vec!["bikes".into(), "trams".into()],
        };
        let text = choice.error().text();
        assert!(text.contains("agreement_1.od, agreement_2.od"), "{text}");
        assert!(text.contains("try: --table agreement_1.od"), "{text}");
    }
}
