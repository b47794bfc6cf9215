"""What a planner reads with pandas: CSV by its CSVW metadata, Parquet, MDS and GeoJSON say the same.

Run by tests/suite/files.rs. Argument: the folder, with `od.arrows`, the very bytes that were released.
"""

import json
import pathlib
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

KEY = ["origin", "destination", "start", "mode"]


def by_csvw(folder):
    """A CSV read by nothing but what its metadata says."""
    metadata = json.loads((folder / "od.csv-metadata.json").read_text())
    columns = metadata["tableSchema"]["columns"]
    kinds = {"string": "string", "integer": "Int64", "boolean": "boolean"}
    table = pd.read_csv(
        folder / metadata["url"],
        dtype={c["name"]: kinds[c["datatype"]] for c in columns},
        keep_default_na=False,
        na_values={c["name"]: c["null"] for c in columns if c["null"]},
        true_values=["true"],
        false_values=["false"],
    )
    assert list(table.columns) == [c["titles"] for c in columns]
    assert metadata["tableSchema"]["primaryKey"] == KEY
    assert not table.duplicated(KEY).any()
    for column in (c for c in columns if c["required"]):
        assert table[column["name"]].notna().all(), column
    assert metadata["dc:license"]["@id"].startswith("urn:weir:agreement:")
    # A formula is defused on the way out.
    assert (table["origin"] == "'=b").sum() == 8
    for name in ["origin", "destination"]:
        table[name] = table[name].str.replace("'=b", "=b", regex=False)
    return table, metadata


def main(folder):
    table, metadata = by_csvw(folder)
    with pa.ipc.open_stream((folder / "od.arrows").read_bytes()) as stream:
        sheet = stream.schema.metadata[b"weir.quality"]
        released = stream.read_all().to_pandas()
    bins = {0: "00:00-12:00", 1: "12:00-24:00"}
    released = released.assign(start=released["start"].map(bins)).set_index(KEY).sort_index()
    shown = table[~table["withheld"]].drop(columns="withheld").set_index(KEY).sort_index()
    assert shown.index.to_list() == released.index.to_list()
    for name in released.columns:
        assert shown[name].to_list() == released[name].to_list(), name
    hidden = table[table["withheld"]].drop(columns=[*KEY, "withheld"])
    assert hidden.isna().all(axis=None)

    facts = pq.read_metadata(folder / "od.parquet").metadata
    assert json.loads(facts[b"weir.quality"]) == json.loads(sheet)
    assert pq.read_table(folder / "od.parquet").schema.metadata[b"weir.quality"] == facts[b"weir.quality"]
    assert facts[b"weir.receipt"].startswith(b"c2sp.org/tlog-proof@v1")
    assert b"person-day" in facts[b"weir.privacy"]
    assert json.loads(facts[b"weir.domain"])["withheld"] == len(hidden) == json.loads(sheet)["withheld_keys"]
    same(table, pd.read_parquet(folder / "od.parquet"))

    answer = json.loads((folder / "od.json").read_text())
    mds = pd.DataFrame(answer["rows"], columns=[c["name"] for c in answer["columns"]])
    assert mds["trips.start_loc.count"].where(mds["withheld"] == 0).dropna().to_list() == table["trips"].dropna().to_list()
    assert (mds.loc[mds["withheld"] == 1, "trips.start_loc.count"] == -1).all()
    assert answer["query"]["k_value"] == 5

    features = json.loads((folder / "od.geojson").read_text())["features"]
    same(table, pd.DataFrame([f["properties"] for f in features]))
    assert metadata["notes"][0]["quality_sheet"] == json.loads(sheet)
    print(f"the same {len(table)} rows, {len(hidden)} withheld")


def same(table, other):
    assert list(other.columns) == list(table.columns)
    for name in table.columns:
        a, b = ([None if pd.isna(v) else v for v in frame[name]] for frame in (table, other))
        assert a == b, name


main(pathlib.Path(sys.argv[1]))
