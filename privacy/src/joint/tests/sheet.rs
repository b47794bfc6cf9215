//! What a reader is told about the parts.

use super::*;

/// The sheet lists every part with what it paid, and the loss of a person in all of them.
#[test]
fn the_sheet_lists_every_part_and_adds_up_a_person_in_all() {
    use crate::quality::{Context, QualitySheet, SheetError};
    let providers = three();
    let rule = JointRule {
        min_providers: Some(3),
        dominance_percent: Some(80),
    };
    let numbers: Numbers = (0..3).map(|_| (vec![5000; 2], vec![6000; 2])).collect();
    let reservation = reserved(&providers, &calibrated(&providers), rule);
    let spend = Spend::for_test(reservation);
    let release = protect(spend, exact(&providers, &numbers)).unwrap();
    let contexts = |n: usize| -> Vec<Context> {
        (0..n)
            .map(|n| Context {
                provider: format!("provider-{n}").parse().unwrap(),
                population: format!("people-{n}").parse().unwrap(),
                zones: 4,
                parents: None,
                declared: vec![],
            })
            .collect()
    };
    let sheet = QualitySheet::of_parts(&release, contexts(3), 2).unwrap();
    let joint = sheet.joint.clone().unwrap();
    assert_eq!(joint.rule, rule);
    let mut sum = Loss::ZERO;
    for (n, (part, provider)) in std::iter::zip(&joint.parts, &providers).enumerate() {
        assert_eq!(part.provider.as_str(), format!("provider-{n}"));
        assert_eq!(part.table, provider.table);
        let paid = provider.charge.total().unwrap();
        assert_eq!((part.charge, part.losses[0].loss), (paid, paid));
        assert!(part.cost.fits_in(paid));
        sum = sum.checked_add(paid).unwrap();
    }
    let all = &joint.person_in_all;
    assert_eq!((all[0].unit_periods, all[0].loss), (3, sum));
    assert_eq!((all[1].unit_periods, all[2].unit_periods), (90, 3 * 366));
    assert_eq!(joint.contributors_half_widths.len(), 3);
    let widest = u64::try_from(joint.contributors_half_widths[2]).unwrap();
    assert_eq!(sheet.half_widths[0].half_width, widest);
    for part in [
        "provider-0, provider-1, provider-2",
        "fewer than 3 providers",
        "more than 80 %",
    ] {
        assert!(sheet.claim.contains(part), "{}", sheet.claim);
    }
    assert_eq!(sheet.published_keys, 2);
    let read: QualitySheet = serde_json::from_str(&sheet.canonical().unwrap()).unwrap();
    assert_eq!(read, sheet);
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/quality-sheet.schema.json"
    );
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let schema = compiler.compile(file, &mut schemas).unwrap();
    let json = serde_json::to_value(&sheet).unwrap();
    let invalid = schemas.validate(&json, schema).err().map(|e| e.to_string());
    assert_eq!(invalid, None, "extend {file}");
    assert_eq!(
        QualitySheet::of_parts(&release, contexts(2), 2),
        Err(SheetError::Parts)
    );
}
