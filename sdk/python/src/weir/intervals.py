"""Sums of released numbers, with the interval that a sum has."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .errors import TableError


def total(frame: pd.DataFrame, by: str | Sequence[str], measure: str) -> pd.DataFrame:
    """Sums of `measure` over the rows of each group, with 95 % intervals: `measure`, `_low`, `_high`, and `rows`.

    Errors of different rows are independent draws, so their squares add: the half width of a sum of several rows is the
    root of the summed squares of its rows' half widths, each a step wider for the rounding; that of one row is its own.
    A row's half width is that of its wider side: near the threshold an interval reaches further down than up.
    Ends are whole numbers, outwards. This is what the ready-made questions do (`sdk/src/question/statement.rs`).
    No interval covers two things: rows that are withheld are missing from the sum, and rows `near_threshold` are shown
    when their noise is high more often than when it is low.

    Where the frame has its quality sheet, that has to name `measure`: sum before columns are renamed.
    """
    low, high = f"{measure}_low", f"{measure}_high"
    keys = [by] if isinstance(by, str) else list(by)
    if low not in frame or high not in frame:
        raise TableError(f"`{measure}` has no interval in this table")
    if "quality" in frame.attrs:
        made = {each["column"]: each["interval"] for each in frame.attrs["quality"].get("columns", [])}
        if measure not in made:
            raise TableError(f"the table's quality sheet does not name `{measure}`: sum before columns are renamed")
        if made[measure] not in ("fixed", "given_published"):
            raise TableError(f"`{measure}` is made of other numbers, and does not add up")
    if frame[[*keys, measure, low, high]].isna().any(axis=None):
        raise TableError(f"a value is missing, so `{measure}` has no sum")
    own = (frame[high] - frame[measure]).combine(frame[measure] - frame[low], max)
    parts = frame[keys].assign(**{measure: frame[measure], "own": own, "square": (own + 1) ** 2, "rows": 1})
    sums: pd.DataFrame = parts.groupby(keys, as_index=False, sort=True).sum()
    half = sums.pop("own").where(sums["rows"] == 1, sums.pop("square") ** 0.5)
    # `// 1` is the floor.
    sums.insert(len(keys) + 1, low, ((sums[measure] - half) // 1).astype("int64"))
    sums.insert(len(keys) + 2, high, (-((-half - sums[measure]) // 1)).astype("int64"))
    return sums
