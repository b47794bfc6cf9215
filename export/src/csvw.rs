//! CSV, and the W3C's metadata beside it (Metadata Vocabulary for Tabular Data, 2015).

use std::io::Write;

use serde_json::{Value as Json, json};

use crate::column::{Column, Role};
use crate::error::ExportError;
use crate::grid::{Listed, cell};
use crate::label::defused;
use crate::rows::Value;
use crate::source::Export;

pub(crate) fn rows(export: &Export, listed: Listed, out: impl Write) -> Result<(), ExportError> {
    let grid = export.grid();
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(grid.columns().iter().map(|column| &column.name))?;
    for page in grid.pages(listed) {
        let page = page?;
        for row in 0..page.num_rows() {
            for column in 0..page.num_columns() {
                match cell(&page, column, row) {
                    Value::Text(text) => writer.write_field(defused(&text).as_ref())?,
                    Value::Number(number) => writer.write_field(number.to_string())?,
                    Value::Flag(flag) => writer.write_field(flag.to_string())?,
                    Value::Missing => writer.write_field("")?,
                }
            }
            writer.write_record(None::<&[u8]>)?;
        }
    }
    Ok(writer.flush()?)
}

pub(crate) fn metadata(
    export: &Export,
    listed: Listed,
    file: &str,
) -> Result<Vec<u8>, ExportError> {
    let columns: Vec<Json> = export.grid().columns().iter().map(described).collect();
    let key = |column: &&Column| matches!(column.role, Role::Key(_)) || is_key(&column.name);
    let keys = export.grid().columns().iter().filter(key);
    let keys: Vec<&str> = keys.map(|column| column.name.as_str()).collect();
    let sheet = export.sheet();
    let named = |url: &String| json!({ "@id": url });
    let licences = export.licences();
    let document = json!({
        "@context": ["http://www.w3.org/ns/csvw", { "@language": "en" }],
        "url": file,
        "dc:title": export.title(),
        "dc:description": format!("{} {}", sheet.privacy(), export.domain_note(listed)),
        "dc:identifier": sheet.release.as_str(),
        "dc:license": match licences.as_slice() {
            [one] => named(one),
            all => all.iter().map(named).collect(),
        },
        "dc:source": export.agreement_names().iter().map(named).collect::<Vec<_>>(),
        "dc:rights": export.attribution(),
        "dc:temporal": sheet.period_text(),
        "dialect": { "header": true, "encoding": "utf-8", "delimiter": ",", "quoteChar": "\"", "doubleQuote": true },
        "tableSchema": { "columns": columns, "primaryKey": keys },
        "notes": [export.papers(listed)],
    });
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn is_key(name: &str) -> bool {
    [policies::column::RUNG, policies::column::MARGIN].contains(&name)
}

fn described(column: &Column) -> Json {
    let datatype = match column.role {
        Role::Key(_) | Role::Text => "string",
        Role::Number => "integer",
        Role::Flag => "boolean",
    };
    // Of a text that is always there, empty means empty.
    let nulls = if column.optional {
        vec![""]
    } else {
        Vec::new()
    };
    let mut described = json!({
        "name": column.name,
        "titles": column.name,
        "dc:description": column.title,
        "datatype": datatype,
        "required": !column.optional && column.role != Role::Text,
        "null": nulls,
    });
    if let (Some(unit), Some(object)) = (&column.unit, described.as_object_mut()) {
        object.insert("schema:unitText".into(), unit.as_str().into());
    }
    described
}

#[cfg(test)]
mod tests;
