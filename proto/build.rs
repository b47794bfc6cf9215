//! Compiles `weir/v1/*.proto` without a system `protoc`, and keeps the descriptors for reflection.

use std::error::Error;
use std::path::PathBuf;

use protox::prost::Message;

const FILES: [&str; 6] = [
    "weir/v1/common.proto",
    "weir/v1/directory.proto",
    "weir/v1/agreement.proto",
    "weir/v1/contribution.proto",
    "weir/v1/release.proto",
    "weir/v1/transparency.proto",
];

/// Messages that hold a salt or a number of people: `src/lib.rs` gives them a Debug that hides it.
const NO_DEBUG: [&str; 2] = ["weir.v1.ContributionHeader", "weir.v1.ReleaseHeader"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=weir/v1");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = std::env::var("OUT_DIR").map(PathBuf::from)?;
    std::fs::write(out.join("weir.bin"), descriptors.encode_to_vec())?;
    // Payloads of up to 16 MiB are shared instead of copied.
    tonic_prost_build::configure()
        .skip_debug(NO_DEBUG)
        .bytes(".weir.v1.AddZoningRequest.geojson")
        .bytes(".weir.v1.GetZoningResponse.geojson")
        .bytes(".weir.v1.GetReleaseResponse.chunk")
        .compile_fds(descriptors)?;
    Ok(())
}
