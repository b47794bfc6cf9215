"""The peers of the `peers` bench: one release per line of input, `SECONDS CPU PEAK_MIB ROWS` as the answer.

argv: what (`duckdb`, `duckdb-opendp`, `postgres-opendp`, `smartnoise`), the threshold, the scale of contributors,
the scale of trips, the query that makes the table of districts, then Parquet files, or for PostgreSQL the folder of its
socket. A line of input is the grouping in SQL (`bench/src/question.rs`). First line out: `PACKAGE VERSION` and what else
works beside it, or `missing WHY`.

Every peer groups by origin, destination and part of day; those with OpenDP add Gaussian noise of Weir's scales to
contributors and trips and keep what is above Weir's threshold. They bound nothing, charge nothing, log nothing.
"""

import importlib.metadata
import sys

import measured

what, threshold, scale_n, scale_trips, districts, *places = sys.argv[1:]
threshold = int(threshold)

try:
    import numpy
    import pyarrow

    if what.startswith("duckdb"):
        import duckdb
    if what.startswith("postgres"):
        import psycopg
    if what.endswith("opendp"):
        import opendp.prelude as dp

        dp.enable_features("contrib")
    if what == "smartnoise":
        import pandas
        import snsql
except ImportError as error:
    print("missing", error, flush=True)
    sys.exit(0)

# 20,000 took 46 seconds, 200,000 more than five minutes.
SMARTNOISE_CELLS = 5_000


def noised(contributors, trips):
    """Weir's scales, OpenDP's noise; gives how many rows are kept."""
    kept = None
    for values, scale in ((contributors, scale_n), (trips, scale_trips)):
        domain = dp.vector_domain(dp.atom_domain(T="i64"))
        draw = dp.m.make_gaussian(domain, dp.l2_distance(T="f64"), float(scale))
        answer = numpy.asarray(draw(numpy.array(values, dtype="<i8")))
        if kept is None:
            kept = answer >= threshold
    return int(kept.sum())


def and_opendp():
    return ", opendp " + importlib.metadata.version("opendp") if what.endswith("opendp") else ""


def with_duckdb():
    connection = duckdb.connect()
    files = ", ".join("'" + place.replace("'", "''") + "'" for place in places)
    connection.execute(f"CREATE VIEW week AS SELECT * FROM read_parquet([{files}])")
    connection.execute(f"CREATE TABLE districts AS {districts}")

    def run(question):
        answer = connection.sql(question).to_arrow_table()
        if what == "duckdb":
            return answer.num_rows
        return noised(answer["contributors"].to_numpy(), answer["trips"].to_numpy())

    return "duckdb " + duckdb.__version__ + and_opendp(), run


def with_postgres():
    connection = psycopg.connect(host=places[0], user="postgres", dbname="postgres")

    def run(question):
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY ({question}) TO STDOUT") as copy:
                rows = b"".join(copy).decode().splitlines()
        columns = [row.split("\t")[3:5] for row in rows]
        numbers = numpy.array(columns, dtype="<i8")
        return noised(numbers[:, 0], numbers[:, 1])

    server = connection.info.parameter_status("server_version").split()[0]
    return f"psycopg {psycopg.__version__}, PostgreSQL {server}{and_opendp()}", run


def with_smartnoise():
    """Its own bounding, noise and threshold, on the same cells as rows; a cell is its unit (it has no other)."""
    import pyarrow.parquet

    tables = [pyarrow.parquet.read_table(place) for place in places]
    frame = pyarrow.concat_tables(tables).to_pandas().sample(SMARTNOISE_CELLS, random_state=1)
    frame["part"] = numpy.select([frame.start < 7, frame.start < 10, frame.start < 16], [0, 7, 10], 16)
    for column in ("origin", "destination"):
        frame[column] = frame[column].astype(str)
    for column in ("part", "contributors", "trips"):
        frame[column] = frame[column].astype("int64")
    frame = frame[["origin", "destination", "part", "contributors", "trips"]]
    text, whole = {"type": "string"}, {"type": "int", "lower": 0, "upper": 30_000}
    columns = {"origin": text, "destination": text, "part": whole, "contributors": whole, "trips": whole}
    meta = {"": {"city": {"week": {"row_privacy": True, "rows": len(frame), **columns}}}}
    reader = snsql.from_df(frame, privacy=snsql.Privacy(epsilon=1.0, delta=1e-7), metadata=meta)

    def run(_):
        answer = reader.execute(
            "SELECT origin, destination, part, SUM(contributors) AS n, SUM(trips) AS t "
            "FROM city.week GROUP BY origin, destination, part"
        )
        return len(answer) - 1

    version = importlib.metadata.version("smartnoise-sql")
    return f"smartnoise-sql {version}, {SMARTNOISE_CELLS:,} of the cells", run


makers = {"duckdb": with_duckdb, "duckdb-opendp": with_duckdb, "postgres-opendp": with_postgres}
try:
    version, run = makers.get(what, with_smartnoise)()
except Exception as error:  # said in the report, whatever it is
    print("missing", type(error).__name__, str(error).splitlines()[:1], flush=True)
    sys.exit(0)
print(version, flush=True)
measured.answer(run, lambda rows: [rows])
