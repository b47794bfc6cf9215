"""Columns are those of the contract; profiles are read as the `weir` command reads them; sums have their intervals."""

import json
import pathlib

import pandas as pd
import pyarrow as pa
import pytest
from weir import Client, Profile, ProfileError, ReceiptError, TableError, total
from weir.cells import fitted, schema
from test_proof import KEY

COLUMNS = json.loads((pathlib.Path(__file__).parent / "columns.json").read_text())
WORDS = {"Dictionary(Int32, Utf8)": pa.dictionary(pa.int32(), pa.utf8()), "UInt8": pa.uint8()}
WORDS |= {"UInt64": pa.uint64(), "Int64": pa.int64()}
OD = COLUMNS[0]["table"]


@pytest.mark.parametrize("case", COLUMNS, ids=lambda case: f"{case['table']['kind']}-{case['unit']}")
def test_columns_are_those_of_the_contract(case):
    found = [(field.name, field.type) for field in schema(case["table"], case["unit"])]
    assert found == [(name, WORDS[word]) for name, word in case["columns"]]


def test_cells_are_put_in_order_and_wrong_ones_are_named():
    wanted = schema(OD, "person-day").names
    frame = pd.DataFrame({name: [2, 1] for name in reversed(wanted)})
    for text in ("origin", "destination", "mode"):
        frame[text] = ["b", "a"]
    cells = fitted(frame, OD, "person-day")
    assert cells.column_names == wanted
    assert cells["origin"].to_pylist() == ["a", "b"] and cells["trips"].to_pylist() == [1, 2]
    for wrong, said in [
        (frame.drop(columns="mode"), "lacks mode"),
        (frame.assign(phone="1"), "has phone too"),
        (frame.assign(trips=[-1, 1]), "od"),
        (frame.assign(start=[0, 256]), "od"),
        (frame.assign(origin=["a", None]), "missing"),
    ]:
        with pytest.raises(TableError, match=said):
            fitted(wrong, OD, "person-day")


def written(folder, **changes):
    lines = {"endpoint": "https://localhost:7443", "log_key": KEY, "state": "state"}
    lines |= {name: f"{name}.pem" for name in ("ca", "cert", "key", "token")}
    path = folder / "weir.toml"
    path.write_text("".join(f'{k} = "{v}"\n' for k, v in (lines | changes).items() if v is not None))
    return path


def test_a_profile_is_read_and_paths_are_relative_to_it(tmp_path):
    profile = Profile.read(written(tmp_path))
    assert (profile.host, profile.port, profile.ca) == ("localhost", 7443, tmp_path / "ca.pem")
    (tmp_path / "log.vkey").write_text(KEY + "\n")
    assert Profile.read(written(tmp_path, log_key="log.vkey")).log_key == profile.log_key


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "http://localhost:7443"},
        {"endpoint": "https://localhost"},
        {"endpoint": "https://me@localhost:1"},
        {"endpoint": "https://localhost:1/path"},
        {"token": None},
        {"log_kye": "x"},
        {"log_key": "log.vkey"},
        {"policy": "witnesses.policy"},
    ],
)
def test_a_profile_that_cannot_be_kept_to_is_refused(tmp_path, changes):
    with pytest.raises(ProfileError):
        Profile.read(written(tmp_path, **changes))


def test_a_miscopied_log_key_is_refused(tmp_path):
    with pytest.raises(ReceiptError):
        Profile.read(written(tmp_path, log_key=KEY.replace("+A", "+B")))


@pytest.mark.parametrize("name", ["key", "token"])
def test_secrets_that_others_can_read_are_refused(tmp_path, name):
    for each in ("ca", "cert", "key", "token"):
        (tmp_path / f"{each}.pem").write_text("x")
        (tmp_path / f"{each}.pem").chmod(0o600)
    (tmp_path / f"{name}.pem").chmod(0o640)
    with pytest.raises(ProfileError, match=f"others can read .*{name}.pem"):
        Client.from_profile(written(tmp_path))


FRAME = {"origin": ["a", "a", "b"], "trips": [10, 20, 5], "trips_low": [7, 15, 0], "trips_high": [13, 24, 9]}


def test_errors_of_a_sum_add_as_squares():
    sums = total(pd.DataFrame(FRAME), "origin", "trips").set_index("origin")
    # Half widths 3 and 5, the wider side, each a step wider: the root of 16 + 36 is 7.2, and ends go outwards.
    assert list(sums.loc["a", ["trips", "trips_low", "trips_high", "rows"]]) == [30, 22, 38, 2]
    # One row keeps its own.
    assert list(sums.loc["b", ["trips_low", "trips_high"]]) == [0, 10]


def test_what_does_not_add_up_is_not_added():
    frame = pd.DataFrame(FRAME)
    with pytest.raises(TableError, match="no interval"):
        total(frame, "origin", "duration_s")
    frame.attrs["quality"] = {"columns": [{"column": "trips", "interval": "fieller", "biases": []}]}
    with pytest.raises(TableError, match="made of other numbers"):
        total(frame, "origin", "trips")
    frame.attrs["quality"] = {"columns": [{"column": "contributors", "interval": "fixed", "biases": []}]}
    with pytest.raises(TableError, match="does not name"):
        total(frame, "origin", "trips")
    with pytest.raises(TableError, match="missing"):
        total(pd.DataFrame(FRAME).assign(trips_low=[7, None, 0]), "origin", "trips")
