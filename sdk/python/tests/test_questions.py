"""Answers of the `weir` command as tables."""

import json

import pytest
from weir import Unanswered
from weir.questions import asked

BESIDE = {"question": "catchment", "reading": "…", "withheld": [], "remarks": [], "sql": "SELECT"}


@pytest.fixture
def weir(tmp_path, monkeypatch):
    """A command that prints what it is told."""

    def prints(told):
        command = tmp_path / "weir"
        command.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(told)}\nEND\n")
        command.chmod(0o700)
        monkeypatch.setenv("WEIR", str(command))
        return tmp_path / "weir.toml"

    return prints


def test_an_answer_without_rows_has_its_columns(weir):
    columns = ["origin", "trips", "trips_low", "trips_high"]
    none = asked(weir({"answered": True, "columns": columns, "rows": []} | BESIDE), "catchment", {"zone": "a"})
    assert list(none.columns) == columns and none["trips"].sum() == 0
    one = {"origin": "b", "trips": 7, "trips_low": 1, "trips_high": 13}
    found = asked(weir({"answered": True, "columns": columns, "rows": [one]} | BESIDE), "catchment", {"zone": "a"})
    assert found.to_dict("records") == [one] and found.attrs["sql"] == "SELECT"


def test_what_has_no_answer_is_raised(weir):
    with pytest.raises(Unanswered):
        asked(weir({"answered": False, "why": "none", "needs": "one", "template": "bikes", "planned": []}), "catchment", {})
