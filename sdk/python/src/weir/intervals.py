"""Sums of released numbers, with the interval that a sum has."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .errors import TableError


def total(frame: pd.DataFrame, by: str | Sequence[str], measure: str) -> pd.DataFrame:
    """Sums of `measure` over the rows of each group, with 95 % intervals: `measure`, `_low`, `_high`, and `rows`.

    Errors of different rows are independent draws, so their squares add: the half width of a sum is the root of the
    summed squares of its rows' half widths. No interval covers two things: rows that are withheld are missing from the
    sum, and rows `near_threshold` are shown when their noise is high more often than when it is low.
    """
    ends = [f"{measure}_low", f"{measure}_high"]
    if any(end not in frame for end in ends):
        raise TableError(f"`{measure}` has no interval in this table")
    made = {each["column"]: each["interval"] for each in frame.attrs.get("quality", {}).get("columns", [])}
    if made.get(measure, "fixed") not in ("fixed", "given_published"):
        raise TableError(f"`{measure}` is made of other numbers, and does not add up")
    half = (frame[ends[1]] - frame[ends[0]]) / 2
    keys = [by] if isinstance(by, str) else list(by)
    parts = frame[keys].assign(**{measure: frame[measure], "square": half**2, "rows": 1})
    sums: pd.DataFrame = parts.groupby(keys, as_index=False, sort=True).sum()
    half = sums.pop("square") ** 0.5
    sums.insert(len(keys) + 1, ends[0], sums[measure] - half)
    sums.insert(len(keys) + 2, ends[1], sums[measure] + half)
    return sums
