"""What a planner and a provider do without our SDK: ADBC, pandas and pyarrow over mTLS.

Run by tests/suite/python.rs, which starts the broker. Arguments: `ask` or `contribute`, the address, the files of CA,
certificate, key and token; to contribute also the descriptor in hexadecimal and the cells as an Arrow IPC stream.
"""

import pathlib
import sys

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pyarrow.flight as flight


def contribute(address, ca, cert, key, token, descriptor, cells):
    """DoPut with pyarrow alone; the receipt comes back as metadata."""
    client = flight.FlightClient(
        f"grpc+tls://{address}", tls_root_certs=ca, cert_chain=cert, private_key=key
    )
    options = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + token.encode())])
    table = pa.ipc.open_stream(cells).read_all()
    writer, reader = client.do_put(
        flight.FlightDescriptor.for_command(bytes.fromhex(descriptor)), table.schema, options
    )
    writer.write_table(table)
    writer.done_writing()
    receipt = reader.read()
    assert receipt is not None and len(receipt.to_pybytes()) > 100, "no receipt"
    writer.close()
    print("pushed")


def ask(address, ca, cert, key, token):
    """Connect, list the tables, and query into pandas."""
    options = {
        "adbc.flight.sql.client_option.tls_root_certs": ca,
        "adbc.flight.sql.client_option.mtls_cert_chain": cert,
        "adbc.flight.sql.client_option.mtls_private_key": key,
        "adbc.flight.sql.authorization_header": "Bearer " + token,
    }
    with flight_sql.connect(f"grpc+tls://{address}", options) as weir:
        objects = weir.adbc_get_objects(depth="tables").read_all().to_pylist()
        schemas = [schema for catalog in objects for schema in catalog["catalog_db_schemas"]]
        names = [table["table_name"] for schema in schemas for table in schema["db_schema_tables"]]
        assert "od" in names and "releases" in names, names
        with weir.cursor() as cursor:
            cursor.execute("SELECT origin, sum(trips) AS trips FROM od GROUP BY origin")
            frame = cursor.fetch_df()
            assert list(frame.columns) == ["origin", "trips"] and len(frame) > 0, frame
            try:
                cursor.execute("COPY od TO '/tmp/weir-adbc.csv'")
                cursor.fetch_arrow_table()
            except Exception as error:
                assert "nothing else" in str(error), error
            else:
                raise AssertionError("a planner wrote a file")
    print("asked")


if __name__ == "__main__":
    what, address, *files = sys.argv[1:]
    texts = [pathlib.Path(file).read_text().strip() for file in files[:4]]
    {"contribute": contribute, "ask": ask}[what](address, *texts, *files[4:])
