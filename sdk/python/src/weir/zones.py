"""Zones of a signed zoning as geometries, and tables on them. Needs `weir-data[geo]`."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from .errors import TableError, WeirError

_WGS84 = "EPSG:4326"


def _geopandas() -> Any:
    try:
        import geopandas
    except ImportError:
        raise WeirError("zones need GeoPandas: pip install 'weir-data[geo]'") from None
    return geopandas


def zones(geojson: bytes) -> Any:
    """A GeoDataFrame of the zones, indexed by their ids; parents, where there are, are zones under their own ids."""
    geopandas = _geopandas()
    frame = geopandas.GeoDataFrame.from_features(json.loads(geojson)["features"], crs=_WGS84)
    known = frame.set_index("zone_id")
    if "parent" not in known or known["parent"].isna().any():
        return known
    parents = frame[["parent", "geometry"]].dissolve("parent").rename_axis("zone_id")
    return pd.concat([known, parents[~parents.index.isin(known.index)]])


def on_map(frame: pd.DataFrame, shapes: Any) -> Any:
    """The rows with a geometry each: a zone's polygon; of an origin and a destination the line between them.

    Zones without a row have none here either: they are withheld or zero. `attrs` stay.
    """
    geopandas = _geopandas()
    points = shapes.geometry.representative_point()
    if "origin" in frame and "destination" in frame:
        from shapely import linestrings

        ends = [points.reindex(frame[end]).to_numpy() for end in ("origin", "destination")]
        lines = [
            None if start is None or stop is None else linestrings([(start.x, start.y), (stop.x, stop.y)])
            for start, stop in zip(*ends, strict=True)
        ]
        geometry = geopandas.GeoSeries(lines, index=frame.index, crs=_WGS84)
    else:
        column = next((name for name in ("zone", "segment", "origin") if name in frame), None)
        if column is None:
            raise TableError("the table has no zones")
        geometry = shapes.geometry.reindex(frame[column]).set_axis(frame.index)
    placed = geopandas.GeoDataFrame(frame, geometry=geometry, crs=_WGS84)
    placed.attrs = dict(frame.attrs)
    return placed
