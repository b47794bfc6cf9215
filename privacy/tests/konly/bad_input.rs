//! What is no table is refused.

use privacy::konly::{Hierarchy, KOnlyError, Key, Row, TreeError, suppress};
use privacy::protect::COUNT_MAX;

fn refused(rows: &[Row], k: u32, cells_max: u32) -> Option<KOnlyError> {
    let dims = [Hierarchy::flat(3).unwrap()];
    suppress(&dims, rows, k, cells_max).err()
}

fn row(values: &[u16], count: u64, contributors: u64) -> Row {
    Row {
        key: Key::of(values),
        count,
        contributors,
    }
}

#[test]
fn absurd_parameters_are_refused() {
    let good = [row(&[0], 5, 5)];
    assert_eq!(refused(&good, 0, 1), Some(KOnlyError::K));
    assert_eq!(refused(&good, 1, 0), Some(KOnlyError::K));
    assert_eq!(refused(&[row(&[3], 1, 1)], 5, 1), Some(KOnlyError::Value));
    assert_eq!(
        refused(&[row(&[0, 1], 1, 1)], 5, 1),
        Some(KOnlyError::Value)
    );
    assert_eq!(
        refused(&[row(&[0], COUNT_MAX + 1, 1)], 5, 1),
        Some(KOnlyError::Count)
    );
    assert_eq!(refused(&[row(&[0], 1, 2)], 5, 1), Some(KOnlyError::Count));
    assert_eq!(refused(&[good[0], good[0]], 5, 1), Some(KOnlyError::Twice));
    assert_eq!(refused(&[], 5, 1), None);
    let none = suppress(&[], &[], 5, 1).err();
    assert_eq!(none, Some(KOnlyError::Dimensions { given: 0 }));
    let five = vec![Hierarchy::flat(2).unwrap(); 5];
    let five = suppress(&five, &[], 5, 1).err();
    assert_eq!(five, Some(KOnlyError::Dimensions { given: 5 }));
}

#[test]
fn what_is_no_tree_is_refused() {
    assert_eq!(Hierarchy::flat(0), Err(TreeError::Nodes { nodes: 1 }));
    assert_eq!(
        Hierarchy::flat(1 << 16),
        Err(TreeError::Nodes {
            nodes: (1 << 16) + 1
        })
    );
    assert_eq!(
        Hierarchy::new(2, &[2, 0]),
        Err(TreeError::Parent { node: 1 })
    );
    assert_eq!(
        Hierarchy::new(2, &[9, 2]),
        Err(TreeError::Parent { node: 0 })
    );
    assert_eq!(
        Hierarchy::new(1, &[2, 2]),
        Err(TreeError::Childless { node: 1 })
    );
}
