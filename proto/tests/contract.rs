//! The contract as served: what reflection shows is complete and documented.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;

use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

const SERVICES: [&str; 5] = [
    "AgreementService",
    "ContributionService",
    "DirectoryService",
    "ReleaseService",
    "TransparencyService",
];

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap();
    set.file
        .into_iter()
        .filter(|file| file.package() == "weir.v1")
        .collect()
}

#[test]
fn the_five_services_are_there_one_per_file() {
    let files = files();
    assert!(files.iter().all(|file| file.service.len() <= 1));
    let names: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| &file.service)
        .map(|service| service.name())
        .collect();
    assert_eq!(names, BTreeSet::from(SERVICES));
}

#[test]
fn every_rpc_message_and_field_has_a_comment() {
    let mut rpcs = 0;
    for file in files() {
        let info = file.source_code_info.clone().unwrap();
        let documented: BTreeSet<Vec<i32>> = info
            .location
            .iter()
            .filter(|place| !place.leading_comments().trim().is_empty())
            .map(|place| place.path.clone())
            .collect();
        let has = |path: Vec<i32>, what: String| {
            assert!(documented.contains(&path), "{what} has no comment");
        };
        // Field numbers of descriptor.proto: 4 message, 5 enum, 6 service; inside: 2 field or
        // method.
        for (s, service) in file.service.iter().enumerate() {
            has(vec![6, s as i32], service.name().to_owned());
            for (m, method) in service.method.iter().enumerate() {
                rpcs += 1;
                has(vec![6, s as i32, 2, m as i32], method.name().to_owned());
            }
        }
        for (m, message) in file.message_type.iter().enumerate() {
            has(vec![4, m as i32], message.name().to_owned());
            for (f, field) in message.field.iter().enumerate() {
                let what = format!("{}.{}", message.name(), field.name());
                has(vec![4, m as i32, 2, f as i32], what);
            }
        }
        for (e, values) in file.enum_type.iter().enumerate() {
            has(vec![5, e as i32], values.name().to_owned());
            assert!(values.value[0].name().ends_with("_UNSPECIFIED"));
            assert_eq!(values.value[0].number(), 0);
        }
    }
    assert!(rpcs >= 20, "only {rpcs} rpcs seen");
}
