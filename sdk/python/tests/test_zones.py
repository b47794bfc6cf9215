"""Tables on a map: zones are polygons, their parents all of them together, pairs the lines between."""

import json

import pandas as pd
import pytest
from weir import Client
from weir.zones import zones


def square(west, **properties):
    corners = [[west, 60], [west + 1, 60], [west + 1, 61], [west, 61], [west, 60]]
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [corners]}}


ZONES = [square(24, zone_id="a", parent="west"), square(25, zone_id="b", parent="west"), square(26, zone_id="c", parent="east")]
GEOJSON = json.dumps({"type": "FeatureCollection", "features": ZONES}).encode()


class Held(Client):
    """What a broker would have answered."""

    def __init__(self, frame):
        frame.attrs = {"release": "r", "agreement": "g", "quality": {"table": {"zoning": "town"}}}
        self.frame = frame

    def fetch(self, release):
        return self.frame

    def zones(self, agreement, zoning):
        assert (agreement, zoning) == ("g", "town")
        return zones(GEOJSON)


@pytest.mark.parametrize("column", ["zone", "segment"])
def test_a_row_of_one_zone_has_its_polygon(column):
    placed = Held(pd.DataFrame({column: ["b", "west", "a", "b"], "people": [1, 2, 3, 4]}, index=[7, 8, 9, 10])).geo("r")
    assert set(placed.geom_type) == {"Polygon"} and placed.attrs["release"] == "r"
    assert [tuple(map(int, shape.bounds)) for shape in placed.geometry] == [
        (25, 60, 26, 61),
        (24, 60, 26, 61),
        (24, 60, 25, 61),
        (25, 60, 26, 61),
    ]
    assert placed["people"].to_list() == [1, 2, 3, 4] and placed.crs == "EPSG:4326"


def test_a_pair_has_the_line_between_and_what_is_nowhere_has_none():
    placed = Held(pd.DataFrame({"origin": ["a", "a"], "destination": ["c", "elsewhere"]})).geo("r")
    (start, end), nowhere = placed.geometry[0].coords, placed.geometry[1]
    assert 24 < start[0] < 25 and 26 < end[0] < 27 and nowhere is None
