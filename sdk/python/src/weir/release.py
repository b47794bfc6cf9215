"""A released table: the bytes that the log committed to, read only after that is shown."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from .errors import ReceiptError, TableError
from .proof import LogKey, Receipt, Verified

_QUALITY = b"weir.quality"
_TABLE_BYTES_MAX = 2 << 30
_SALT_BYTES = 16


def checked(answer: Any, log_key: LogKey, kind: str, **asked: Any) -> Verified:
    """The verified proof in an answer's `receipt`, whose entry says what was asked. `None` asks for absence.

    Raises `ReceiptError`; then nothing in the answer may be believed.
    """
    return checked_receipt(answer.receipt if answer.HasField("receipt") else None, log_key, kind, **asked)


def checked_receipt(receipt: Any, log_key: LogKey, kind: str, **asked: Any) -> Verified:
    """The same of a receipt by itself."""
    if receipt is None:
        raise ReceiptError("the broker's answer has no receipt: it is refused; tell the steward and an auditor")
    hashes = tuple(receipt.proof)
    if any(len(each) != 32 for each in hashes):
        raise ReceiptError("the broker's answer has a receipt with a hash of another length")
    verified = Receipt(receipt.index, receipt.entry, hashes, receipt.checkpoint).verify(log_key)
    body = verified.body()
    if body.get("kind") != kind:
        raise ReceiptError(f"entry {verified.index} is `{body.get('kind')}`, where `{kind}` is wanted")
    for field, value in asked.items():
        if body.get(field) != value:
            raise ReceiptError(f"entry {verified.index} has another {field} than was asked")
    return verified


def fetched(key: str, parts: Iterable[Any], log_key: LogKey) -> pd.DataFrame:
    """The table in the parts of `GetRelease`."""
    parts = iter(parts)
    first = next(parts, None)
    if first is None or first.WhichOneof("part") != "header" or first.header.release_key != key:
        raise TableError("the broker's answer has no header of this release")
    head = first.header
    if head.table_bytes > _TABLE_BYTES_MAX:
        raise TableError(f"release `{key}`: a table over {_TABLE_BYTES_MAX} bytes is not taken")
    if len(head.salt) != _SALT_BYTES:
        raise TableError(f"release `{key}`: its salt has not {_SALT_BYTES} bytes")
    proof = checked(head, log_key, "release.published", key=key, blob=head.blob_id)
    data = bytearray()
    for part in parts:
        data += part.chunk
        if part.WhichOneof("part") != "chunk" or len(data) > head.table_bytes:
            raise TableError("the broker's answer has more than it announced")
    if len(data) != head.table_bytes:
        raise TableError("the broker's answer has less than it announced")
    if not hmac.compare_digest(hmac.digest(head.salt, data, "sha256").hex(), head.blob_id):
        raise TableError(f"release `{key}`: its bytes are not those that the log committed to")
    frame, sheet = _read(key, bytes(data), head.quality_sheet)
    frame.attrs = {
        "release": key,
        "agreement": sheet["agreement"],
        "quality": sheet,
        "entry": proof.index,
        "tlog_proof": str(proof.receipt),
    }
    return frame


def compared(
    frame: pd.DataFrame, agreement: str, table: str, period: str, merge: Mapping[str, Any] | None
) -> None:
    """Is a fetched table the one that was asked for? Raises `TableError`; then it is a published table of something else.

    Nothing joint can be asked for here, so a joint table is another too.
    """
    sheet = frame.attrs["quality"]
    terms = sheet.get("table")
    name = terms.get("name") if isinstance(terms, dict) else None
    found = (sheet["agreement"], name, sheet.get("period"), sheet.get("merge"), sheet.get("joint"))
    if found != (agreement, table, period, merge, None):
        raise TableError(f"release `{frame.attrs['release']}` is another table than was asked: tell the steward and an auditor")


def _read(key: str, data: bytes, quality: bytes) -> tuple[pd.DataFrame, dict[str, Any]]:
    try:
        table = pa.ipc.open_stream(data).read_all()
        sheet = json.loads(quality)
    except (pa.ArrowException, ValueError) as error:
        raise TableError(f"release `{key}` cannot be read: {error}") from None
    if (table.schema.metadata or {}).get(_QUALITY) != quality:
        raise TableError(f"release `{key}`: the quality sheet beside it is not the one that was published")
    if not isinstance(sheet, dict) or not isinstance(sheet.get("agreement"), str):
        raise TableError(f"release `{key}`: its quality sheet is none")
    if sheet.get("release") != key or sheet.get("published_keys") != table.num_rows:
        raise TableError(f"release `{key}`: its quality sheet is another table's")
    if any(column.null_count for column in table.columns):
        raise TableError(f"release `{key}`: a value is null")
    return plain(table), sheet


def plain(table: pa.Table) -> pd.DataFrame:
    """As a DataFrame whose texts are texts: categories would make groups of keys that are not there."""
    fields = [
        (f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema
    ]
    return table.cast(pa.schema(fields)).to_pandas()
