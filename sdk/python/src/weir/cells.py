"""Cells as an agreement's table wants them: its columns, in its order, sorted by key."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pandas as pd
import pyarrow as pa

from .errors import TableError

_TEXT = pa.dictionary(pa.int32(), pa.utf8())
_DIMENSIONS = {"zone": _TEXT, "category": _TEXT, "day_bin": pa.uint8()}


def kinds() -> dict[str, Any]:
    """The kinds of table, by name: their dimensions and measures."""
    held = resources.files(__package__).joinpath("kinds.json").read_text(encoding="utf-8")
    return {kind["kind"]: kind for kind in json.loads(held)}


def schema(table: dict[str, Any], unit: str) -> pa.Schema:
    """The columns of one batch of cells, as `proto::columns::cells_schema` has them."""
    kind = kinds().get(table["kind"])
    if kind is None:
        raise TableError(f"tables of kind `{table['kind']}` are not known here: take a newer `weir-data`")
    fields = [(dimension["name"], _DIMENSIONS[dimension["type"]]) for dimension in kind["dimensions"]]
    if unit != "none":
        fields.append(("contributors", pa.uint64()))
    clamped = {clamp["measure"] for clamp in table["clamps"]}
    for measure in kind["measures"]:
        name, wire = measure["name"], measure["type"]
        if wire == "count" or (wire == "units" and unit == "none"):
            fields.append((name, pa.uint64()))
        elif wire == "sum" and name in clamped:
            fields.append((name, pa.int64()))
    for histogram in table.get("histograms", []):
        bins = len(histogram["edges"]) + 1
        fields.extend((f"{histogram['measure']}_bin_{bin:02}", pa.uint64()) for bin in range(bins))
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in fields])


def fitted(given: pa.Table | pd.DataFrame, table: dict[str, Any], unit: str) -> pa.Table:
    """Cells with exactly the table's columns, sorted by key; the order of the given ones does not matter."""
    wanted = schema(table, unit)
    cells = given if isinstance(given, pa.Table) else pa.Table.from_pandas(given, preserve_index=False)
    missing = [name for name in wanted.names if name not in cells.column_names]
    more = [name for name in cells.column_names if name not in wanted.names]
    if missing or more:
        said = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(more)} too"] * bool(more)
        raise TableError(f"table `{table['name']}` has the columns {', '.join(wanted.names)}; this {'; '.join(said)}")
    keys = wanted.names[: len(kinds()[table["kind"]]["dimensions"])]
    plain = pa.schema([(f.name, pa.utf8() if f.type == _TEXT else f.type) for f in wanted])
    try:
        cells = cells.select(wanted.names).cast(plain).sort_by([(key, "ascending") for key in keys])
        columns = [cells[f.name].combine_chunks().cast(f.type) for f in wanted]
    except pa.ArrowException as error:
        raise TableError(f"table `{table['name']}`: {error}") from None
    if any(column.null_count for column in columns):
        raise TableError(f"table `{table['name']}`: a value is missing")
    return pa.table(columns, schema=wanted)
