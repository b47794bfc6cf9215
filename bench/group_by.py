"""DuckDB's and pandas' side of the aggregate bench: one query per line of input, `SECONDS CPU` as the answer.

argv: `duckdb` or `pandas`, the Parquet file. First line out: `PACKAGE VERSION`, or `missing WHY` where it is not
installed. `bounded` is what the agreement of the bench asks: at most 4 cells of a person and day, chosen by hash, at
most 3 trips of each, distinct people.
"""

import resource
import sys
import time

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
        "plain": f"SELECT {KEYS}, count(*) FROM {source} GROUP BY ALL",
        "distinct": f"SELECT {KEYS}, count(*), count(DISTINCT rider) FROM {source} GROUP BY ALL",
        "bounded": f"""{ranked} SELECT "from", "to", mode, day, hour, count(*) AS contributors, sum(trips) AS trips
            FROM ranked WHERE place <= {CELLS_MAX} GROUP BY ALL""",
    }


def duckdb_run(connection, query):
    # A table in memory takes the answer, so that Python's fetch is not in the time.
    connection.execute(f"CREATE OR REPLACE TEMP TABLE answer AS {query}")


def pandas_bounded():
    rows = module.read_parquet(path)
    rows["day"], rows["hour"] = rows.start.dt.floor("D"), rows.start.dt.hour
    cells = rows.groupby(["rider", *KEY], sort=False).size().clip(upper=PER_CELL_MAX).rename("trips").reset_index()
    cells["rank"] = module.util.hash_pandas_object(cells[["rider", *KEY]], index=False)
    cells = cells.sort_values("rank")
    kept = cells[cells.groupby(["rider", "day"], sort=False).cumcount() < CELLS_MAX]
    return kept.groupby(KEY, sort=False).trips.agg(["size", "sum"])


print(package, module.__version__, flush=True)
if package == "duckdb":
    connection, queries = module.connect(), duckdb_queries()


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


for line in sys.stdin:
    before, begin = cpu(), time.perf_counter()
    if package == "duckdb":
        duckdb_run(connection, queries[line.strip()])
    else:
        pandas_bounded()
    print(time.perf_counter() - begin, cpu() - before, flush=True)
