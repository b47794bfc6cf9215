"""Receipts, checked offline: a C2SP `.tlog-proof` is an entry, an RFC 6962 inclusion proof, and a checkpoint that
the log's Ed25519 key signed. As strict as `weir audit verify`: one spelling of everything."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .errors import ReceiptError

_HEADER = "c2sp.org/tlog-proof@v1"
_TEXT_BYTES_MAX = 768 << 10
_NOTE_BYTES_MAX = 512 << 10
_ENTRY_BYTES_MAX = 65_535
_HASHES_MAX = 63
_SIGNATURES_MAX = 64
_SIZE_MAX = 2**63 - 1
_ED25519 = b"\x01"
_VERSION = 1
_ENTRY = {"v": int, "time": str, "salt": str, "body": dict}
_SALT = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class LogKey:
    """The key of a log; its name is the log's origin."""

    name: str
    id: bytes
    key: bytes

    @classmethod
    def parse(cls, text: str) -> LogKey:
        """Reads `name+id+base64`, as it stands in `log.vkey`."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not _is_name(parts[0]):
            raise ReceiptError(f"`{text:.80}` is not a log's key: `name+id+base64` is")
        name, given, encoded = parts
        typed = _base64(encoded)
        if typed is None or len(typed) != 33 or typed[:1] != _ED25519:
            raise ReceiptError(f"the key of `{name}` is no log's: Ed25519 (type 1) is wanted")
        key_id = sha256(name.encode() + b"\n" + typed).digest()[:4]
        if key_id.hex() != given:
            raise ReceiptError(f"the key of `{name}` has id {given:.20}, its bytes give {key_id.hex()}: miscopied")
        return cls(name, key_id, typed[1:])


@dataclass(frozen=True)
class Checkpoint:
    """A signed tree head, verified: the log `origin` has `root` over its first `size` entries."""

    origin: str
    size: int
    root: bytes
    note: str


@dataclass(frozen=True)
class Verified:
    """The evidence that `entry` stands at `index` in the log. Only `Receipt.verify` makes one that counts."""

    index: int
    entry: bytes
    checkpoint: Checkpoint
    receipt: Receipt

    def body(self) -> dict[str, Any]:
        """What the entry says; `kind` is for example `release.published`."""
        wrong = f"entry {self.index} is none that this version knows"
        try:
            entry = json.loads(self.entry, object_pairs_hook=_once, parse_float=_none, parse_constant=_none)
            # An entry has one spelling: two readers must not read two things.
            spelt = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise ReceiptError(wrong) from None
        # The types exactly: `True` is no 1.
        if not isinstance(entry, dict) or {name: type(value) for name, value in entry.items()} != _ENTRY:
            raise ReceiptError(wrong)
        if spelt != self.entry or entry["v"] != _VERSION or not _SALT.fullmatch(entry["salt"]):
            raise ReceiptError(wrong)
        body: dict[str, Any] = entry["body"]
        return body


@dataclass(frozen=True)
class Receipt:
    """Entry, proof and checkpoint as received: not to be believed before `verify`."""

    index: int
    entry: bytes
    proof: tuple[bytes, ...]
    checkpoint: str

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Reads a `.tlog-proof` that carries its entry in the `extra` line."""
        if len(text) > _TEXT_BYTES_MAX:
            raise ReceiptError("the proof is too long to be one")
        lines = text.split("\n")
        extra = _base64(lines[1].removeprefix("extra ")) if len(lines) > 3 else None
        if extra is None or lines[0] != _HEADER or not lines[1].startswith("extra "):
            raise ReceiptError(f"not a proof: `{_HEADER}`, then `extra` with the entry, are wanted")
        index = _decimal(lines[2].removeprefix("index ")) if lines[2].startswith("index ") else None
        if index is None:
            raise ReceiptError("not a proof: line 3 has to be `index` and a number")
        rest = lines[3:]
        if "" not in rest:
            raise ReceiptError("not a proof: it has no checkpoint")
        end = rest.index("")
        hashes = tuple(_hash(line) for line in rest[:end])
        return cls(index, extra, hashes, "\n".join(rest[end + 1 :]))

    def __str__(self) -> str:
        """The text of a `.tlog-proof`, to keep or to hand on."""
        hashes = "".join(_encode(each) + "\n" for each in self.proof)
        return f"{_HEADER}\nextra {_encode(self.entry)}\nindex {self.index}\n{hashes}\n{self.checkpoint}"

    def verify(self, log_key: LogKey) -> Verified:
        """Checks the log's signature, and that the entry stands at its index in the signed tree.

        Raises `ReceiptError`; then nothing in the receipt may be believed.
        """
        if len(self.entry) > _ENTRY_BYTES_MAX or len(self.proof) > _HASHES_MAX:
            raise ReceiptError("the receipt is larger than one can be")
        checkpoint = verify_checkpoint(self.checkpoint, log_key)
        root = _root(self.entry, self.index, checkpoint.size, self.proof)
        if root != checkpoint.root:
            raise ReceiptError(f"entry {self.index} is not in the log where the receipt says")
        return Verified(self.index, self.entry, checkpoint, self)


def verify(
    receipt: Receipt | str | os.PathLike[str], log_key: LogKey | str | os.PathLike[str]
) -> Verified:
    """Checks a receipt offline. A `str` is the text itself; a `Path` is the file that holds it.

    Raises `ReceiptError` where signature or proof does not hold.
    """
    key = log_key if isinstance(log_key, LogKey) else LogKey.parse(_read(log_key))
    found = receipt if isinstance(receipt, Receipt) else Receipt.parse(_read(receipt))
    return found.verify(key)


def verify_checkpoint(note: str, log_key: LogKey) -> Checkpoint:
    """Checks a signed note: three lines, an empty one, and the log's signature among others'."""
    if len(note) > _NOTE_BYTES_MAX or re.search("[\x00-\x09\x0b-\x1f]", note):
        raise ReceiptError("the checkpoint is not a signed note")
    body, parted, signed = note.rpartition("\n\n")
    lines = body.split("\n")
    if not parted or not signed.endswith("\n") or len(lines) != 3:
        raise ReceiptError("the checkpoint is not origin, size and root hash with signatures under them")
    origin, size, root = lines[0], _decimal(lines[1]), _hash(lines[2])
    if origin != log_key.name:
        raise ReceiptError(f"a checkpoint of log `{origin:.80}`, where one of `{log_key.name}` is wanted")
    if size is None:
        raise ReceiptError("the checkpoint's size is not a number")
    if size == 0 and root != sha256().digest():
        raise ReceiptError("the checkpoint of an empty tree has the root of another")
    signatures = [_signature(line) for line in signed[:-1].split("\n")]
    ours = [found for name, key_id, found in signatures if (name, key_id) == (log_key.name, log_key.id)]
    if not ours or len(signatures) > _SIGNATURES_MAX:
        raise ReceiptError(f"the checkpoint is not signed by `{log_key.name}`")
    public = Ed25519PublicKey.from_public_bytes(log_key.key)
    for signature in ours:
        try:
            public.verify(signature, (body + "\n").encode())
        except InvalidSignature:
            raise ReceiptError(
                f"the signature of `{log_key.name}` does not hold: the checkpoint was changed, or the key is another"
            ) from None
    return Checkpoint(origin, size, root, note)


def _root(entry: bytes, index: int, size: int, proof: tuple[bytes, ...]) -> bytes:
    """The root that the proof leads to (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ReceiptError(f"entry {index} is not under a checkpoint of {size} entries")
    at, last = index, size - 1
    root = sha256(b"\x00" + entry).digest()
    for sibling in proof:
        if last == 0:
            raise ReceiptError("the inclusion proof is too long")
        if at & 1 or at == last:
            root = sha256(b"\x01" + sibling + root).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = sha256(b"\x01" + root + sibling).digest()
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ReceiptError("the inclusion proof is too short")
    return root


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, parted, encoded = line.removeprefix("— ").partition(" ")
    blob = _base64(encoded)
    if not line.startswith("— ") or not parted or not _is_name(name) or blob is None or len(blob) < 5:
        raise ReceiptError("the checkpoint has a line that is no signature")
    return name, blob[:4], blob[4:]


def _is_name(text: str) -> bool:
    controls = (range(32), range(127, 160), range(0xD800, 0xE000))
    barred = any(c.isspace() or c == "+" or any(ord(c) in each for each in controls) for c in text)
    return 1 <= len(text.encode("utf-8", "replace")) <= 255 and not barred


def _decimal(text: str) -> int | None:
    """A number with one spelling, up to 2^63 - 1."""
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text, re.ASCII):
        return None
    number = int(text)
    return number if number <= _SIZE_MAX else None


def _hash(line: str) -> bytes:
    decoded = _base64(line)
    if decoded is None or len(decoded) != 32:
        raise ReceiptError("a line of the proof is not a hash of 32 bytes in base64")
    return decoded


def _base64(text: str) -> bytes | None:
    """Bytes from their one spelling in base64."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if _encode(decoded) == text else None


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _none(number: str) -> None:
    """No entry has a number with a fraction, and none has what is no number."""
    raise ValueError(number)


def _read(given: str | os.PathLike[str]) -> str:
    if isinstance(given, str):
        return given
    try:
        # As bytes: no line ending is translated.
        return Path(given).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ReceiptError(f"cannot read `{given}`: {error}") from None
