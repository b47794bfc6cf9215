"""The verifier against the proof that is frozen for ever, and against every change of it."""

import hashlib
import pathlib
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from weir import LogKey, Receipt, ReceiptError, verify
from weir.proof import _root, verify_checkpoint

ROOT = pathlib.Path(__file__).parents[3]
GOLDEN = ROOT / "audit/src/receipt/golden.tlog-proof"
TEXT = GOLDEN.read_text()
ORIGIN = "weir.example/log"


def key_of(seed: int, name: str = ORIGIN) -> str:
    """As `audit/src/receipt/tests.rs` makes it: the seed is 32 times one byte."""
    public = Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32)).public_key()
    typed = b"\x01" + public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    digest = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
    return f"{name}+{digest.hex()}+{b64encode(typed).decode()}"


KEY = key_of(7)


def test_the_golden_proof_holds_and_is_written_as_it_was_read():
    found = verify(GOLDEN, KEY)
    assert (found.index, found.entry) == (3, b'{"kind":"heartbeat","number":3}')
    assert (found.checkpoint.origin, found.checkpoint.size) == (ORIGIN, 6)
    assert str(found.receipt) == TEXT


def test_every_bit_of_the_text_counts():
    data = TEXT.encode()
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            text = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(ReceiptError):
            verify(text, KEY)


@pytest.mark.parametrize("key", [key_of(8), key_of(7, "weir.example/other")])
def test_another_logs_key_is_refused(key):
    with pytest.raises(ReceiptError):
        verify(TEXT, key)


@pytest.mark.parametrize(
    "key",
    ["", "a+b", KEY.replace("+7e5d", "+0000"), KEY[:-4], KEY.replace("+AepK", "+BepK"), KEY.replace(".", " "), KEY.upper()],
)
def test_what_is_no_key_is_no_key(key):
    with pytest.raises(ReceiptError):
        LogKey.parse(key)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("index 3", "index 03"),
        lambda text: text.replace("index 3", "index 9"),
        lambda text: text.replace("index 3", "index ٣"),
        lambda text: "\n".join(line for n, line in enumerate(text.split("\n")) if n != 3),
        lambda text: "\n".join(line for n, line in enumerate(text.split("\n")) if n != 1),
        lambda text: text.replace("\n— ", "\n— weir.example/log\n— "),
        lambda text: "",
    ],
)
def test_other_shapes_are_refused(change):
    with pytest.raises(ReceiptError):
        verify(change(TEXT), KEY)


def test_an_entry_before_the_first_is_under_no_checkpoint():
    root = hashlib.sha256(b"\x00a").digest()
    assert _root(b"a", 0, 1, ()) == root
    with pytest.raises(ReceiptError, match="not under"):
        _root(b"a", -1, 1, ())


@pytest.mark.parametrize(("size", "root", "held"), [(0, b"", True), (0, b"a", False), (1, b"a", True)])
def test_an_empty_log_has_one_root(size, root, held):
    text = f"{ORIGIN}\n{size}\n{b64encode(hashlib.sha256(root).digest()).decode()}\n"
    signature = Ed25519PrivateKey.from_private_bytes(bytes([7] * 32)).sign(text.encode())
    key = LogKey.parse(KEY)
    note = f"{text}\n— {ORIGIN} {b64encode(key.id + signature).decode()}\n"
    if held:
        assert verify_checkpoint(note, key).size == size
    else:
        with pytest.raises(ReceiptError, match="empty tree"):
            verify_checkpoint(note, key)


def test_inclusion_holds_for_every_leaf_of_small_trees_and_for_no_other():
    def tree(leaves):
        if len(leaves) == 1:
            return hashlib.sha256(b"\x00" + leaves[0]).digest()
        split = 1 << (len(leaves) - 1).bit_length() - 1
        return hashlib.sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:])).digest()

    def path(at, leaves):
        if len(leaves) == 1:
            return []
        split = 1 << (len(leaves) - 1).bit_length() - 1
        if at < split:
            return [*path(at, leaves[:split]), tree(leaves[split:])]
        return [*path(at - split, leaves[split:]), tree(leaves[:split])]

    for size in range(1, 34):
        leaves = [bytes([n]) for n in range(size)]
        root = tree(leaves)
        for at in range(size):
            proof = tuple(path(at, leaves))
            assert _root(leaves[at], at, size, proof) == root
            for wrong in range(size):
                if wrong != at:
                    try:
                        assert _root(leaves[at], wrong, size, proof) != root
                    except ReceiptError:
                        pass
            for cut in (proof[:-1], (*proof, root)):
                try:
                    assert cut == proof or _root(leaves[at], at, size, cut) != root
                except ReceiptError:
                    pass


ENTRY = b'{"body":{"kind":"a"},"salt":"' + b"00" * 16 + b'","time":"2026-10-05T00:00:00Z","v":1}'


@pytest.mark.parametrize(
    "entry",
    [
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 60_000,
        ENTRY.replace(b'"v":1', b'"v":2'),
        ENTRY.replace(b'"v":1', b'"v":true'),
        ENTRY.replace(b'"v":1', b'"v":1.0'),
        ENTRY.replace(b'"v":1', b'"v": 1'),
        ENTRY.replace(b'"v":1', b'"v":1,"w":1'),
        ENTRY.replace(b'"a"', b"NaN"),
        ENTRY.replace(b'"a"', b"0.5"),
        ENTRY.replace(b'"a"', b'"\\ud800"'),
        ENTRY.replace(b"00", b"0"),
        ENTRY.replace(b'{"body":{"kind":"a"}', b'{"body":{"kind":"a"},"body":{"kind":"b"}'),
        ENTRY.replace(b',"time":"2026-10-05T00:00:00Z"', b""),
    ],
)
def test_an_entry_has_one_spelling(entry):
    found = verify(TEXT, KEY)
    assert entry != ENTRY
    other = type(found)(found.index, entry, found.checkpoint, found.receipt)
    with pytest.raises(ReceiptError):
        other.body()
    right = type(found)(found.index, ENTRY, found.checkpoint, found.receipt)
    assert right.body() == {"kind": "a"}


def test_a_receipt_reads_what_it_wrote():
    found = Receipt.parse(TEXT)
    assert Receipt.parse(str(found)) == found
