"""DuckDB's side of the aggregate bench: one query per line of input, its seconds as the answer.

argv: the Parquet file. First line out: `duckdb VERSION`, or `missing WHY` where it is not installed.
"""

import sys
import time

try:
    import duckdb
except ImportError as error:
    print("missing", error, flush=True)
    sys.exit(0)

KEYS = """"from", "to", mode, CAST(start AS DATE), hour(start)"""
QUERIES = {
    "plain": "count(*)",
    "distinct": "count(*), count(DISTINCT rider)",
}

print("duckdb", duckdb.__version__, flush=True)
connection = duckdb.connect()
for line in sys.stdin:
    counts = QUERIES[line.strip()]
    path = sys.argv[1].replace("'", "''")
    query = f"SELECT {KEYS}, {counts} FROM read_parquet('{path}') GROUP BY ALL"
    begin = time.perf_counter()
    # A table in memory takes the answer, so that Python's fetch is not in the time.
    connection.execute(f"CREATE OR REPLACE TEMP TABLE answer AS {query}")
    print(time.perf_counter() - begin, flush=True)
