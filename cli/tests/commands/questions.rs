//! question ask: an answer, or word of what is missing; where a program takes rows, an error.

use std::path::Path;

use crate::contributions::pushed;
use crate::office::{Office, PURPOSE, call, first_day};

#[test]
fn a_question_without_an_answer_leaves_no_file_and_no_row() {
    let office = Office::open();
    let out = office.file("od.csv");
    let ask = ["question", "ask", "od-matrix"];
    let to_file = ["--out", out.as_str()];
    assert_eq!(office.weir("city", &ask).json()["answered"], false);
    for more in [&["--csv"][..], &to_file] {
        let done = office.weir("city", &[&ask[..], more].concat());
        assert!(
            done.failed().contains("None of your released tables"),
            "{}",
            done.err
        );
        assert_eq!(done.out, "");
    }
    assert!(!Path::new(&out).exists());

    let id = office.agreed();
    pushed(&office, &id);
    let day = first_day().to_string();
    let request = ["release", "request", &id, "od", &day, "--purpose", PURPOSE];
    office.weir("city", &request).json();
    let saved = office.weir("city", &[&ask[..], &to_file].concat()).json();
    assert_eq!(
        (&saved["answered"], &saved["count"]),
        (&true.into(), &1.into())
    );
    let csv = office.weir("city", &[&ask[..], &["--csv"]].concat());
    assert_eq!(csv.out, std::fs::read_to_string(&out).unwrap());
    assert_eq!(saved["columns"][0], "origin");

    // For a person how much is withheld is said beside the rows, and is none of them.
    let profile = office.file("certs/city/weir.toml");
    let piped = call(&[&ask[..], &["--csv", "--profile", &profile]].concat());
    assert_eq!(piped.out, csv.out);
    assert!(piped.err.contains("withheld or zero"), "{}", piped.err);
}
