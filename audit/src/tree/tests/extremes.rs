//! Trees as large as can be, and stores that fail.

use super::*;

/// A tree in which all leaves are the same: any size without any memory.
struct Endless;

impl Endless {
    fn node(level: u8) -> TreeHash {
        (0..level).fold(leaf_hash(b"same"), |hash, _| node_hash(&hash, &hash))
    }
}

impl HashReader for Endless {
    type Error = ();

    fn read(&self, run: HashRun) -> Result<Vec<TreeHash>, ()> {
        Ok(vec![Self::node(run.tile_level * 8); usize::from(run.count)])
    }
}

#[test]
fn the_largest_tree_has_proofs_that_verify() {
    let leaf = Endless::node(0);
    for size in [SIZE_MAX, SIZE_MAX - 1, 1 << 62, (1 << 62) + 1, 3 << 40] {
        let root = root_at(&Endless, size).unwrap();
        for index in [0, 1, size / 3, size / 2, size - 2, size - 1] {
            let proof = inclusion_proof(&Endless, index, size).unwrap();
            assert!(proof.len() <= PROOF_HASHES_MAX);
            assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
        }
        for old in [1, 2, 3, 1 << 40, size / 3, size / 2, size - 1, size] {
            let proof = consistency_proof(&Endless, old, size).unwrap();
            assert!(proof.len() <= PROOF_HASHES_MAX);
            let old_root = root_at(&Endless, old).unwrap();
            assert_eq!(
                verify_consistency(old, &old_root, size, &root, &proof),
                Ok(())
            );
        }
    }
}

#[test]
fn a_frontier_of_the_largest_size_but_one_takes_a_last_leaf() {
    let size = SIZE_MAX - 1;
    let edges = (1..63).rev().map(Endless::node).collect();
    let mut frontier = Frontier::new(size, edges).unwrap();
    assert_eq!(frontier.root(), root_at(&Endless, size).unwrap());
    assert_eq!(frontier.append(Endless::node(0), |_, _| ()), size);
    assert_eq!(frontier.root(), root_at(&Endless, SIZE_MAX).unwrap());
}

#[test]
fn what_lies_outside_the_tree_is_refused() {
    let size = SIZE_MAX + 1;
    for (index, size) in [(0, 0), (5, 5), (6, 5), (0, size), (u64::MAX, u64::MAX)] {
        let wanted = ProveError::OutOfRange {
            wanted: index,
            size,
        };
        assert_eq!(inclusion_proof(&Endless, index, size), Err(wanted));
        let wanted = ProofError::OutOfRange {
            wanted: index,
            size,
        };
        let root = empty_root();
        assert_eq!(
            verify_inclusion(&root, index, size, &[], &root),
            Err(wanted)
        );
    }
    for (old, size) in [(6, 5), (0, size), (u64::MAX, u64::MAX)] {
        let wanted = ProveError::OutOfRange { wanted: old, size };
        assert_eq!(consistency_proof(&Endless, old, size), Err(wanted));
        let wanted = ProofError::OutOfRange { wanted: old, size };
        let root = empty_root();
        assert_eq!(
            verify_consistency(old, &root, size, &root, &[]),
            Err(wanted)
        );
    }
    assert!(root_at(&Endless, size).is_err());
}

#[test]
fn a_store_that_fails_or_lacks_hashes_is_named() {
    struct Broken;
    impl HashReader for Broken {
        type Error = &'static str;

        fn read(&self, _: HashRun) -> Result<Vec<TreeHash>, &'static str> {
            Err("disk on fire")
        }
    }
    let run = HashRun {
        tile_level: 0,
        first: 4,
        count: 4,
    };
    let source = "disk on fire";
    assert_eq!(
        inclusion_proof(&Broken, 0, 8),
        Err(ProveError::Read { run, source })
    );

    let seven = stored(&entries(7));
    assert_eq!(
        inclusion_proof(&seven, 0, 8),
        Err(ProveError::Count { run, found: 3 })
    );
    assert!(consistency_proof(&seven, 4, 7).is_ok());
}

/// A log that lies about its size can make roots to which a proof of the wrong length leads.
#[test]
fn a_proof_of_the_wrong_length_fails_even_when_it_leads_to_the_root() {
    let hashes = stored(&entries(4));
    let [one, two, four] = [1, 2, 4].map(|size| root_at(&hashes, size).unwrap());
    let length = |found| Err(ProofError::Length { found });

    let leaf = leaf_hash(&entries(1)[0]);
    let proof = inclusion_proof(&hashes, 0, 4).unwrap();
    assert_eq!(
        verify_inclusion(&leaf, 0, 8, &proof, &four),
        length(2),
        "a level is missing"
    );
    assert_eq!(
        verify_inclusion(&leaf, 0, 2, &proof, &four),
        length(2),
        "a level too many"
    );
    let above = node_hash(&two, &one);
    assert_eq!(
        verify_inclusion(&one, 0, 1, &[two], &above),
        length(1),
        "above the root"
    );

    let proof = consistency_proof(&hashes, 2, 4).unwrap();
    assert_eq!(
        verify_consistency(2, &two, 8, &four, &proof),
        length(1),
        "a level is missing"
    );
    let shorter = node_hash(&two, &two);
    let too_many = [two, one];
    let beyond = node_hash(&one, &shorter);
    assert_eq!(
        verify_consistency(2, &two, 4, &beyond, &too_many),
        length(2),
        "above the root"
    );
    assert_eq!(
        verify_consistency(3, &two, 4, &four, &[]),
        length(0),
        "nothing at all"
    );
}
