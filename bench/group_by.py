"""DuckDB's and pandas' side of the aggregate bench: one query per line of input, and as the answer `SECONDS CPU PEAK_MIB
CELLS CONTRIBUTORS TRIPS`, where contributors are 0 for a query that bounds nothing.

argv: `duckdb` or `pandas`, the Parquet file. First line out: `PACKAGE VERSION`, or `missing WHY` where it is not
installed. `bounded` is what the agreement of the bench asks: at most 4 cells of a person and day, chosen by hash, at
most 3 trips of each, distinct people.
"""

import sys

import measured

package, path = sys.argv[1:]
try:
    if package == "duckdb":
        import duckdb as module
    else:
        import pandas as module
except ImportError as error:
    print("missing", error, flush=True)
    sys.exit(0)

CELLS_MAX, PER_CELL_MAX = 4, 3
KEYS = '"from", "to", mode, CAST(start AS DATE) AS day, hour(start) AS hour'
KEY = ["from", "to", "mode", "day", "hour"]


def duckdb_queries():
    source = "read_parquet('" + path.replace("'", "''") + "')"
    ranked = f"""WITH cells AS (
        SELECT rider, {KEYS}, least(count(*), {PER_CELL_MAX}) AS trips FROM {source} GROUP BY ALL
    ), ranked AS (
        SELECT *, row_number() OVER (
            PARTITION BY rider, day ORDER BY hash(rider, "from", "to", mode, day, hour)) AS place FROM cells
    )"""
    return {
        "plain": f"SELECT {KEYS}, count(*) AS trips FROM {source} GROUP BY ALL",
        "distinct": f"SELECT {KEYS}, count(*) AS trips, count(DISTINCT rider) FROM {source} GROUP BY ALL",
        "bounded": f"""{ranked} SELECT "from", "to", mode, day, hour, count(*) AS contributors, sum(trips) AS trips
            FROM ranked WHERE place <= {CELLS_MAX} GROUP BY ALL""",
    }


def with_duckdb():
    connection, queries = module.connect(), duckdb_queries()

    def work(query):
        # A table in memory takes the answer, so that Python's fetch is not in the time.
        connection.execute(f"CREATE OR REPLACE TEMP TABLE answer AS {queries[query]}")
        return "sum(contributors)" if query == "bounded" else "0"

    def told(contributors):
        return connection.execute(f"SELECT count(*), {contributors}, sum(trips) FROM answer").fetchone()

    return work, told


def pandas_bounded(_):
    rows = module.read_parquet(path)
    rows["day"], rows["hour"] = rows.start.dt.floor("D"), rows.start.dt.hour
    cells = rows.groupby(["rider", *KEY], sort=False).size().clip(upper=PER_CELL_MAX).rename("trips").reset_index()
    cells["rank"] = module.util.hash_pandas_object(cells[["rider", *KEY]], index=False)
    cells = cells.sort_values("rank")
    kept = cells[cells.groupby(["rider", "day"], sort=False).cumcount() < CELLS_MAX]
    return kept.groupby(KEY, sort=False).trips.agg(["size", "sum"])


def pandas_told(cells):
    return len(cells), cells["size"].sum(), cells["sum"].sum()


print(package, module.__version__, flush=True)
measured.answer(*(with_duckdb() if package == "duckdb" else (pandas_bounded, pandas_told)))
