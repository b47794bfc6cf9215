#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::HashMap;
use std::ops::Range;

use proptest::prelude::*;

use super::*;

mod extremes;

/// RFC 6962 section 2.1 word for word, with a memory: the reference everything is compared with.
struct Rfc {
    entries: Vec<Vec<u8>>,
    known: HashMap<Range<usize>, TreeHash>,
}

impl Rfc {
    fn new(entries: Vec<Vec<u8>>) -> Self {
        Self {
            entries,
            known: HashMap::new(),
        }
    }

    fn mth(&mut self, d: Range<usize>) -> TreeHash {
        if let Some(known) = self.known.get(&d) {
            return *known;
        }
        let hash = match d.len() {
            0 => sha256(&[]),
            1 => sha256(&[&[0], self.entries[d.start].as_slice()].concat()),
            n => {
                let k = largest_power_of_two_below(n);
                let left = self.mth(d.start..d.start + k);
                let right = self.mth(d.start + k..d.end);
                sha256(&[[1].as_slice(), left.as_bytes(), right.as_bytes()].concat())
            }
        };
        self.known.insert(d, hash);
        hash
    }

    fn path(&mut self, m: usize, d: Range<usize>) -> Vec<TreeHash> {
        if d.len() == 1 {
            return Vec::new();
        }
        let middle = d.start + largest_power_of_two_below(d.len());
        if m < middle - d.start {
            let mut path = self.path(m, d.start..middle);
            path.push(self.mth(middle..d.end));
            path
        } else {
            let mut path = self.path(m - (middle - d.start), middle..d.end);
            path.push(self.mth(d.start..middle));
            path
        }
    }

    fn subproof(&mut self, m: usize, d: Range<usize>, b: bool) -> Vec<TreeHash> {
        if m == d.len() {
            return if b { Vec::new() } else { vec![self.mth(d)] };
        }
        let k = largest_power_of_two_below(d.len());
        if m <= k {
            let mut proof = self.subproof(m, d.start..d.start + k, b);
            proof.push(self.mth(d.start + k..d.end));
            proof
        } else {
            let mut proof = self.subproof(m - k, d.start + k..d.end, false);
            proof.push(self.mth(d.start..d.start + k));
            proof
        }
    }
}

fn sha256(input: &[u8]) -> TreeHash {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input);
    TreeHash::new(hash.as_ref().try_into().unwrap())
}

fn largest_power_of_two_below(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

fn entries(n: usize) -> Vec<Vec<u8>> {
    (0..n).map(|i| format!("entry {i}").into_bytes()).collect()
}

fn stored(entries: &[Vec<u8>]) -> MemoryHashes {
    let mut hashes = MemoryHashes::default();
    hashes.extend(entries.iter().map(|entry| leaf_hash(entry)));
    hashes
}

/// Refuses any run that a tile file could not serve.
struct Tiles<'a>(&'a MemoryHashes);

impl HashReader for Tiles<'_> {
    type Error = String;

    fn read(&self, run: HashRun) -> Result<Vec<TreeHash>, String> {
        let last = run.first + u64::from(run.count) - 1;
        if run.count == 0 || run.count > 128 || run.first / 256 != last / 256 {
            return Err(format!("{run:?} is not inside one tile"));
        }
        assert_eq!(run.byte_range(), run.first * 32..(last + 1) * 32);
        Ok(self.0.read(run).unwrap())
    }
}

/// Roots after each leaf, by the test vectors that certificate-transparency logs share.
#[test]
fn golden_roots() {
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    assert_eq!(
        hex::encode(empty_root().as_bytes()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let mut frontier = Frontier::default();
    for (leaf, root) in leaves.iter().zip(roots) {
        frontier.append(leaf_hash(&hex::decode(leaf).unwrap()), |_, _| ());
        assert_eq!(hex::encode(frontier.root().as_bytes()), root);
    }
}

#[test]
fn frontier_agrees_with_the_rfc_and_names_every_complete_node_once() {
    let n = 600;
    let mut rfc = Rfc::new(entries(n));
    let mut frontier = Frontier::default();
    let mut nodes = Vec::new();
    for (index, entry) in entries(n).iter().enumerate() {
        assert_eq!(frontier.root(), rfc.mth(0..index));
        let given = frontier.append(leaf_hash(entry), |node, hash| nodes.push((node, *hash)));
        assert_eq!(given, index as u64);
    }
    for (Node { level, index }, hash) in &nodes {
        let (width, index) = (1 << level, *index as usize);
        assert_eq!(*hash, rfc.mth(index * width..(index + 1) * width));
    }
    let distinct: std::collections::HashSet<_> = nodes.iter().map(|(node, _)| *node).collect();
    let expected: usize = (0..10).map(|level| n >> level).sum();
    assert_eq!((nodes.len(), distinct.len()), (expected, expected));
}

#[test]
fn frontier_survives_storage_and_refuses_what_cannot_be() {
    let mut frontier = Frontier::default();
    for entry in entries(77) {
        let text = serde_json::to_string(&frontier).unwrap();
        assert_eq!(serde_json::from_str::<Frontier>(&text).unwrap(), frontier);
        frontier.append(leaf_hash(&entry), |_, _| ());
    }
    let edges = frontier.edges().to_vec();
    assert_eq!(Frontier::new(77, edges.clone()), Ok(frontier));
    let wrong = Frontier::new(78, edges.clone()).map(|_| ());
    assert!(
        wrong.is_ok(),
        "78 has four bits as 77 has: only the root tells"
    );
    assert_eq!(
        Frontier::new(79, edges),
        Err(FrontierError::Edges {
            size: 79,
            expected: 5,
            found: 4
        })
    );
    let size = SIZE_MAX + 1;
    assert_eq!(
        Frontier::new(size, vec![empty_root()]),
        Err(FrontierError::Size { size })
    );
    assert!(serde_json::from_str::<Frontier>(r#"{"size":1,"edges":[]}"#).is_err());
}

#[test]
fn every_small_tree_proves_every_leaf_as_the_rfc_does() {
    let n = 64;
    let mut rfc = Rfc::new(entries(n));
    let hashes = stored(&entries(n));
    for size in 1..=n {
        let root = rfc.mth(0..size);
        assert_eq!(root_at(&Tiles(&hashes), size as u64), Ok(root));
        for index in 0..size {
            let proof = inclusion_proof(&Tiles(&hashes), index as u64, size as u64).unwrap();
            assert_eq!(proof, rfc.path(index, 0..size), "leaf {index} of {size}");
            let leaf = leaf_hash(&entries(n)[index]);
            let holds = |leaf: TreeHash, index, proof: &[TreeHash], root: TreeHash| {
                verify_inclusion(&leaf, index as u64, size as u64, proof, &root).is_ok()
            };
            assert!(holds(leaf, index, &proof, root), "leaf {index} of {size}");
            for other in (0..size + 3).filter(|other| *other != index) {
                assert!(
                    !holds(leaf, other, &proof, root),
                    "leaf {index} of {size} as {other}"
                );
            }
            for (what, mutant) in mutants(&proof, size) {
                assert!(
                    !holds(leaf, index, &mutant, root),
                    "leaf {index} of {size}: {what}"
                );
            }
            for bit in 0..256 {
                assert!(!holds(flipped(&leaf, bit), index, &proof, root));
                assert!(!holds(leaf, index, &proof, flipped(&root, bit)));
            }
        }
    }
}

#[test]
fn every_two_small_trees_are_proved_consistent_as_the_rfc_does() {
    let n = 64;
    let mut rfc = Rfc::new(entries(n));
    let hashes = stored(&entries(n));
    for size in 0..=n {
        let new_root = rfc.mth(0..size);
        for old in 0..=size {
            let old_root = rfc.mth(0..old);
            let proof = consistency_proof(&Tiles(&hashes), old as u64, size as u64).unwrap();
            if old > 0 {
                assert_eq!(proof, rfc.subproof(old, 0..size, true), "{old} to {size}");
            }
            let holds = |old_root: TreeHash, new_root: TreeHash, proof: &[TreeHash]| {
                verify_consistency(old as u64, &old_root, size as u64, &new_root, proof).is_ok()
            };
            assert!(holds(old_root, new_root, &proof), "{old} to {size}");
            for (what, mutant) in mutants(&proof, size) {
                assert!(
                    !holds(old_root, new_root, &mutant),
                    "{old} to {size}: {what}"
                );
            }
            for bit in 0..256 {
                assert!(
                    !holds(flipped(&old_root, bit), new_root, &proof),
                    "{old} to {size}"
                );
                // From nothing everything follows: the newer root is not shown then.
                let accepted = holds(old_root, flipped(&new_root, bit), &proof);
                assert_eq!(accepted, old == 0 && size > 0, "{old} to {size}");
            }
        }
    }
}

/// Changed proofs: bits (all in small trees, one for each hash and byte in others), lengths, order.
fn mutants(proof: &[TreeHash], size: usize) -> Vec<(String, Vec<TreeHash>)> {
    let mut mutants = Vec::new();
    let step = if size <= 20 { 1 } else { 41 };
    for at in 0..proof.len() {
        for bit in (0..256).step_by(step) {
            let mut mutant = proof.to_vec();
            mutant[at] = flipped(&mutant[at], bit);
            mutants.push((format!("bit {bit} of hash {at}"), mutant));
        }
        let mut shorter = proof.to_vec();
        let removed = shorter.remove(at);
        mutants.push((format!("without hash {at}"), shorter));
        let mut longer = proof.to_vec();
        longer.insert(at, removed);
        mutants.push((format!("hash {at} twice"), longer));
        if at > 0 {
            let mut swapped = proof.to_vec();
            swapped.swap(at - 1, at);
            mutants.push((format!("hash {at} before its turn"), swapped));
        }
    }
    mutants.push(("one hash more".into(), [proof, &[empty_root()]].concat()));
    mutants
}

fn flipped(hash: &TreeHash, bit: usize) -> TreeHash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    TreeHash::new(bytes)
}

#[test]
fn hashes_are_read_and_printed_in_one_way_only() {
    let text = empty_root().to_string();
    assert_eq!(text, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(text.parse(), Ok(empty_root()));
    let stray_bit = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=";
    let unpadded = text.trim_end_matches('=');
    let url_alphabet = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=";
    let short = "AAAA";
    for wrong in [
        stray_bit,
        unpadded,
        url_alphabet,
        short,
        "",
        " ",
        &format!("{text}\n"),
    ] {
        assert_eq!(
            wrong.parse::<TreeHash>(),
            Err(HashTextError {
                given: wrong.into()
            })
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn larger_trees_prove_and_verify(size in 65_usize..1500, a in any::<usize>(), b in any::<usize>()) {
        let entries = entries(size);
        let hashes = stored(&entries);
        let (index, old) = (a % size, b % (size + 1));
        let root = hashes.frontier().root();
        prop_assert_eq!(root_at(&Tiles(&hashes), size as u64), Ok(root));

        let proof = inclusion_proof(&Tiles(&hashes), index as u64, size as u64).unwrap();
        let leaf = leaf_hash(&entries[index]);
        prop_assert_eq!(verify_inclusion(&leaf, index as u64, size as u64, &proof, &root), Ok(()));

        let proof = consistency_proof(&Tiles(&hashes), old as u64, size as u64).unwrap();
        let old_root = super::root(&entries[..old].iter().map(|e| leaf_hash(e)).collect::<Vec<_>>());
        prop_assert_eq!(
            verify_consistency(old as u64, &old_root, size as u64, &root, &proof),
            Ok(())
        );
    }

    #[test]
    fn no_proof_makes_verification_panic(
        index in any::<u64>(),
        size in any::<u64>(),
        proof in proptest::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let proof: Vec<_> = proof.into_iter().map(TreeHash::new).collect();
        let root = empty_root();
        prop_assert!(verify_inclusion(&root, index, size, &proof, &root).is_err() || size == 1);
        let _ = verify_consistency(index, &root, size, &root, &proof);
    }
}
