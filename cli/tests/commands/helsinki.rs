//! The example of the Python package, on real data and the broker that `weir demo --keep` leaves.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A demo that goes on until it is dropped.
struct Demo(Child);

impl Demo {
    /// Plays the story to its end.
    fn kept(data: &Path, folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.args(["demo", "--keep", "--data"]).arg(data);
        command.arg("--dir").arg(folder).stdout(Stdio::piped());
        let mut demo = Self(command.spawn().unwrap());
        let told = BufReader::new(demo.0.stdout.take().unwrap());
        let mut lines = told.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("It is yours")));
        demo
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ready-made questions from Python: answered, one of several tables, and none.
const QUESTIONS: &str = r#"
import sys, weir
city = weir.Client.from_profile(sys.argv[1])
try:
    city.ask("catchment", zone="00100", table="od_month")
except weir.Unanswered as choice:
    assert len(choice.told["tables"]) == 2, choice.told
agreements = city.agreements()
bikes = agreements[agreements["provider_org_id"] == "citybikes"].iloc[0]["agreement_id"]
table = f"agreement_{bikes[:12]}.od_month"
found = city.ask("catchment", zone="00100", hours="6-9", table=table)
flows = city.fetch(city.releases(bikes, "od_month").iloc[-1]["release_key"])
here = flows[(flows["destination"] == "00100") & (flows["start"] == 1)]
assert found.set_index("origin")["trips"].to_dict() == here.set_index("origin")["contributors"].to_dict()
assert (found["trips_low"] < found["trips"]).all() and found.attrs["withheld"] and "SELECT" in found.attrs["sql"]
none = city.ask("catchment", zone="00100", from_="2030-01-01", table=table)
assert none.empty and none["trips"].sum() == 0 and list(none.columns) == list(found.columns)
try:
    city.ask("travel-time", date="2023-10-15")
    raise SystemExit("there is no such table")
except weir.Unanswered as lacking:
    assert lacking.told["template"] == "ride-hail" and "duration_s" in str(lacking)
try:
    city.ask("catchment", zone="00100", street="x")
    raise SystemExit("there is no such argument")
except weir.WeirError as wrong:
    assert "street" in str(wrong), wrong
"#;

#[test]
fn the_python_example_makes_its_figure_of_helsinki() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shared = root.join("../shared/data");
    let data = std::env::var_os("WEIR_DATA").map_or(shared, PathBuf::from);
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let venv = home.join(".cache/weir/python");
    let python = venv.join("bin/python");
    // The list is copied last: without it the venv is half made.
    let needed = [
        data.join("helsinki-citybikes"),
        venv.join("requirements.txt"),
    ];
    if let Some(missing) = needed.iter().find(|path| !path.exists()) {
        let path = missing.display();
        let what = format_args!("`{path}` is not here, the Python example was not run");
        return policies::testing::skipped(what);
    }
    let folder = tempfile::tempdir().unwrap();
    // The package as users get it.
    let mut wheel = Command::new(root.join("tests/wheel"));
    let built = wheel.arg(&python).arg(folder.path()).status().unwrap();
    assert!(built.success());
    let modules = folder.path().join("installed");
    let demo = Demo::kept(&data, folder.path());
    let figure = folder.path().join("helsinki.png");
    let mut example = Command::new(&python);
    example.arg(root.join("sdk/python/examples/helsinki.py"));
    example.arg(folder.path().join("certs/city/weir.toml"));
    example.arg(&figure);
    example.env("PYTHONPATH", &modules);
    example.env("PYTHONDONTWRITEBYTECODE", "1");
    let done = example.output().unwrap();
    let mut questions = Command::new(&python);
    questions.args(["-W", "ignore", "-c", QUESTIONS]);
    questions.arg(folder.path().join("certs/city/weir.toml"));
    questions.env("PYTHONPATH", &modules);
    questions.env("PYTHONDONTWRITEBYTECODE", "1");
    questions.env("WEIR", env!("CARGO_BIN_EXE_weir"));
    let asked = questions.output().unwrap();
    drop(demo);
    let errors = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{errors}");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}");
    assert!(std::fs::metadata(&figure).unwrap().len() > 50_000);
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(told.contains("are withheld or zero") && told.contains("2023-10-08"));
}
