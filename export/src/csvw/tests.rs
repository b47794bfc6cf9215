use crate::grid::Listed;
use crate::testing::*;

fn csv() -> String {
    let mut bytes = Vec::new();
    export().csv(Listed::Every, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn csv_cannot_run_in_a_spreadsheet_and_keeps_leading_zeros() {
    let csv = csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 19);
    assert_eq!(
        lines[0],
        "origin,destination,start,mode,contributors,contributors_low,contributors_high,near_threshold,withheld"
    );
    assert_eq!(lines[1], "00100,00100,00:00-12:00,bike,,,,,true");
    assert_eq!(lines[2], "00100,00100,12:00-24:00,bike,50,40,60,true,false");
    assert!(
        lines.contains(&"'=1+1,00100,12:00-24:00,bike,60,50,70,false,false"),
        "{csv}"
    );
    assert!(
        lines.contains(&"00100,\"b\"\"'<&>\",00:00-12:00,bike,1234,1224,1244,false,false"),
        "{csv}"
    );
}

#[test]
fn the_metadata_describes_every_column_of_the_csv() {
    let metadata = export().csv_metadata(Listed::Every, "od.csv").unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
    assert_eq!(metadata["@context"][0], "http://www.w3.org/ns/csvw");
    assert_eq!(metadata["url"], "od.csv");
    let columns = metadata["tableSchema"]["columns"].as_array().unwrap();
    let names: Vec<&str> = columns
        .iter()
        .map(|c| c["titles"].as_str().unwrap())
        .collect();
    assert_eq!(names.join(","), csv().lines().next().unwrap());
    let of = |name: &str| columns.iter().find(|c| c["name"] == name).unwrap();
    assert_eq!(of("contributors_low")["datatype"], "integer");
    assert_eq!(of("contributors_low")["null"][0], "");
    assert_eq!(of("contributors_low")["schema:unitText"], "person-day");
    assert_eq!(
        (&of("withheld")["datatype"], &of("withheld")["required"]),
        (&"boolean".into(), &true.into())
    );
    let keys = &metadata["tableSchema"]["primaryKey"];
    assert_eq!(
        *keys,
        serde_json::json!(["origin", "destination", "start", "mode"])
    );
    let agreement = format!("urn:weir:agreement:{}", "ab".repeat(32));
    assert_eq!(metadata["dc:license"]["@id"], agreement.as_str());
    let description = metadata["dc:description"].as_str().unwrap();
    for said in [
        "per person-day",
        "ε 1.25 at δ 0.000001",
        "k = 5",
        "15 of the 18 keys",
    ] {
        assert!(
            description.contains(said),
            "`{said}` is not in: {description}"
        );
    }
    let papers = &metadata["notes"][0];
    assert_eq!(papers["receipt"], RECEIPT);
    assert_eq!(
        papers["quality_sheet"]["claim"],
        "Given the provider's bounds."
    );
    assert!(
        papers["attribution"]
            .as_str()
            .unwrap()
            .ends_with("zones: City of Helsinki, CC BY 4.0")
    );
}

/// A file of released rows alone says so, and of how many keys.
#[test]
fn the_metadata_says_what_the_csv_lists() {
    let of = |listed| {
        let metadata = export().csv_metadata(listed, "od.csv").unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
        let papers = &metadata["notes"][0];
        assert_eq!(papers["domain"]["withheld"], 15);
        let said = metadata["dc:description"].as_str().unwrap();
        assert!(
            said.ends_with(papers["domain_note"].as_str().unwrap()),
            "{said}"
        );
        (
            papers["domain"]["listed"].clone(),
            said.contains("Released rows only"),
        )
    };
    assert_eq!(of(Listed::Every), (true.into(), false));
    assert_eq!(of(Listed::Released), (false.into(), true));
    let mut bytes = Vec::new();
    export().csv(Listed::Released, &mut bytes).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 4);
}

#[test]
fn a_published_licence_takes_the_agreements_place() {
    let rows = released();
    let licensed = crate::Export::new(crate::Source {
        schema: &rows.schema(),
        batches: &[rows],
        quality_sheet: &serde_json::to_vec(&sheet()).unwrap(),
        zoning: &zoning(),
        receipt: RECEIPT,
        time_zone: None,
        licence: Some("https://creativecommons.org/licenses/by/4.0/"),
    });
    let metadata = licensed
        .unwrap()
        .csv_metadata(Listed::Every, "od.csv")
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
    assert_eq!(
        metadata["dc:license"]["@id"],
        "https://creativecommons.org/licenses/by/4.0/"
    );
}

/// Nothing of a table of two providers is under the first one's agreement alone.
#[test]
fn a_joint_table_is_under_all_its_agreements() {
    let mut sheet = sheet();
    let mut other = sheet.clone();
    other["agreement"] = "cd".repeat(32).into();
    other["provider"] = "scooters".into();
    other["population"] = "guests".into();
    sheet["joint"] = serde_json::json!({ "parts": [sheet.clone(), other], "person_in_all": [] });
    let metadata = export_of(&released(), &sheet)
        .csv_metadata(Listed::Every, "od.csv")
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
    let names = ["ab", "cd"].map(|id| format!("urn:weir:agreement:{}", id.repeat(32)));
    let listed = serde_json::json!([{ "@id": names[0] }, { "@id": names[1] }]);
    assert_eq!(metadata["dc:license"], listed);
    assert_eq!(metadata["notes"][0]["licence"], names.join(" "));
    let rights = metadata["dc:rights"].as_str().unwrap();
    assert!(
        rights.starts_with("Data of bikes (riders), scooters (guests), "),
        "{rights}"
    );
}
