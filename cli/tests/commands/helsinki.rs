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

#[test]
fn the_python_example_makes_its_figure_of_helsinki() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shared = root.join("../shared/data");
    let data = std::env::var_os("WEIR_DATA").map_or(shared, PathBuf::from);
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let python = home.join(".cache/weir/python/bin/python");
    let needed = [data.join("helsinki-citybikes"), python.clone()];
    if let Some(missing) = needed.iter().find(|path| !path.exists()) {
        let path = missing.display();
        eprintln!("SKIPPED: `{path}` is not here, the Python example was not run");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::kept(&data, folder.path());
    let figure = folder.path().join("helsinki.png");
    let mut example = Command::new(&python);
    example.arg(root.join("sdk/python/examples/helsinki.py"));
    example.arg(folder.path().join("certs/city/weir.toml"));
    example.arg(&figure);
    example.env("PYTHONPATH", root.join("sdk/python/src"));
    example.env("PYTHONDONTWRITEBYTECODE", "1");
    let done = example.output().unwrap();
    drop(demo);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}");
    assert!(std::fs::metadata(&figure).unwrap().len() > 50_000);
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(told.contains("are withheld or zero") && told.contains("2023-10-08"));
}
