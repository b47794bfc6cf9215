//! Parquet with the papers in its key-value metadata.

use std::io::Write;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use policies::column::QUALITY;

use crate::error::ExportError;
use crate::grid::Listed;
use crate::source::Export;

pub(crate) fn write(
    export: &Export,
    listed: Listed,
    out: impl Write + Send,
) -> Result<(), ExportError> {
    let sheet = export.sheet();
    let agreements: Vec<&str> = sheet.agreements().iter().map(|id| id.as_str()).collect();
    let facts = [
        (QUALITY, serde_json::to_string(export.sheet_json())?),
        ("weir.release", sheet.release.to_string()),
        ("weir.agreement", agreements.join(" ")),
        ("weir.privacy", sheet.privacy()),
        ("weir.licence", export.licences().join(" ")),
        ("weir.attribution", export.attribution()),
        (
            "weir.domain",
            serde_json::to_string(&export.grid().domain(listed))?,
        ),
        ("weir.domain_note", export.domain_note(listed)),
        ("weir.receipt", export.receipt().to_owned()),
    ];
    let facts = facts.map(|(name, text)| (name.to_owned(), text));
    // In the Arrow schema too: pyarrow's readers show the one, other tools the other.
    let schema = export.grid().batch().schema_ref().as_ref().clone();
    let schema = Arc::new(schema.with_metadata(facts.iter().cloned().collect()));
    let facts = facts.map(|(name, text)| KeyValue::new(name, text));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("weir".to_owned())
        .set_key_value_metadata(Some(facts.into()))
        .build();
    let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
    for page in export.grid().pages(listed) {
        writer.write(&page?.with_schema(Arc::clone(&schema))?)?;
    }
    writer.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use crate::grid::Listed;
    use crate::testing::*;

    #[test]
    fn parquet_has_the_same_rows_and_the_papers_in_its_metadata() {
        let export = export();
        let mut bytes = Vec::new();
        export.parquet(Listed::Every, &mut bytes).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
        let facts = reader
            .metadata()
            .file_metadata()
            .key_value_metadata()
            .unwrap()
            .clone();
        let fact = |name: &str| {
            let fact = facts.iter().find(|fact| fact.key == name);
            fact.and_then(|fact| fact.value.clone()).unwrap()
        };
        assert_eq!(fact("weir.receipt"), RECEIPT);
        assert_eq!(fact("weir.agreement"), "ab".repeat(32));
        assert!(fact("weir.privacy").contains("ε 1.25"));
        let sheet: serde_json::Value = serde_json::from_str(&fact("weir.quality")).unwrap();
        assert_eq!(sheet, crate::testing::sheet());
        let read = reader.build().unwrap().next().unwrap().unwrap();
        assert_eq!(read.columns(), all(&export).columns());
    }

    /// Pages have dictionaries of their own, those of coarser rows other words.
    #[test]
    fn parquet_of_many_pages_has_every_row_of_them() {
        let mut sheet = sheet();
        let modes: Vec<String> = (0..5_000).map(|n| format!("m{n}")).collect();
        sheet["table"]["categories"][0]["values"] = serde_json::json!(modes);
        sheet["domain_keys"] = 90_000.into();
        let coarsening = serde_json::json!({ "zones": "parent", "bins": [0] });
        sheet["rungs"] = serde_json::json!([{ "coarsening": coarsening, "published_keys": 1 }]);
        let rows = batch(vec![
            ("origin", texts(&["00100", "west"])),
            ("destination", texts(&[QUOTES, "east"])),
            ("start", bins(&[1, 0])),
            ("mode", texts(&["m4999", "m7"])),
            ("contributors", numbers(&[50, 70])),
            ("rung", bins(&[0, 1])),
        ]);
        let export = export_of(&rows, &sheet);
        let mut bytes = Vec::new();
        export.parquet(Listed::Every, &mut bytes).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
        let schema = reader.schema().clone();
        let read: Result<Vec<_>, _> = reader.build().unwrap().collect();
        let read = arrow::compute::concat_batches(&schema, &read.unwrap()).unwrap();
        assert_eq!(read.columns(), all(&export).columns());
        assert_eq!(read.num_rows(), 90_001);
    }
}
