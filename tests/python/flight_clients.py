"""What a planner and a provider do without our SDK: ADBC, pandas and pyarrow over mTLS.

Run by tests/suite/python.rs, which starts the broker. Arguments: `ask` or `contribute`, the address, the files of CA,
certificate, key and token; to contribute also the compiled contract (a FileDescriptorSet, as `protoc -o` makes of
`proto/weir/v1/*.proto`) and the agreement.
"""

import json
import pathlib
import sys

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pyarrow.flight as flight
from google.protobuf import any_pb2, descriptor_pb2, message_factory, wrappers_pb2

CELLS = [("a", "b", 0, 500, 700), ("b", "a", 1, 900, 1000), ("c", "d", 0, 300, 300)]


def connected(address, ca, cert, key, token):
    client = flight.FlightClient(
        f"grpc+tls://{address}", tls_root_certs=ca, cert_chain=cert, private_key=key
    )
    return client, flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + token.encode())])


def contribute(address, ca, cert, key, token, contract, agreement):
    """DoPut with pyarrow alone; the receipt comes back as metadata."""
    client, options = connected(address, ca, cert, key, token)
    files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(contract).read_bytes()).file
    messages = message_factory.GetMessages(files)
    what = {"agreement_id": agreement, "table": "od", "period": "2026-10-05", "batch_id": "b1"}
    header = messages["weir.v1.ContributionHeader"](**what)
    text = pa.dictionary(pa.int32(), pa.utf8())
    types = [text, text, pa.uint8(), text, pa.uint64(), pa.uint64()]
    names = ["origin", "destination", "start", "mode", "contributors", "trips"]
    columns = list(zip(*CELLS))
    columns.insert(3, ["bike"] * len(CELLS))
    plain = [pa.array(c, t.value_type if t == text else t) for c, t in zip(columns, types)]
    fields = [pa.field(n, t, nullable=False) for n, t in zip(names, types)]
    table = pa.table([c.cast(t) for c, t in zip(plain, types)], schema=pa.schema(fields))
    descriptor = flight.FlightDescriptor.for_command(header.SerializeToString())
    writer, reader = client.do_put(descriptor, table.schema, options)
    writer.write_table(table)
    writer.done_writing()
    answer = messages["weir.v1.ContributionReceipt"].FromString(reader.read().to_pybytes())
    writer.close()
    body = json.loads(answer.receipt.entry)["body"]
    said = {"kind": "contribution.accepted", "agreement": agreement, "table": "od", "period": "2026-10-05", "batch": "b1"}
    assert {name: body.get(name) for name in said} == said, body
    assert answer.receipt.index > 0 and answer.receipt.checkpoint.endswith("\n"), answer
    print("pushed")


def rows(client, options, command, fields=b""):
    """The answer to a command of Flight SQL, which is an `Any`."""
    name = f"type.googleapis.com/arrow.flight.protocol.sql.{command}"
    command = any_pb2.Any(type_url=name, value=fields).SerializeToString()
    info = client.get_flight_info(flight.FlightDescriptor.for_command(command), options)
    return client.do_get(info.endpoints[0].ticket, options).read_all()


def list_and_query(address, ca, cert, key, token):
    """The tables, and a query into pandas, with pyarrow alone."""
    client, options = connected(address, ca, cert, key, token)
    tables = rows(client, options, "CommandGetTables")
    assert {"od", "releases"} <= set(tables["table_name"].to_pylist()), tables
    # Its one field is a text, as a StringValue's is.
    query = wrappers_pb2.StringValue(value="SELECT origin, sum(trips) AS trips FROM od GROUP BY origin ORDER BY 1")
    frame = rows(client, options, "CommandStatementQuery", query.SerializeToString()).to_pandas()
    assert list(frame.columns) == ["origin", "trips"] and list(frame["origin"]) == ["a", "b", "c"], frame
    return frame


def ask(address, ca, cert, key, token):
    """Connect, list the tables, and query into pandas, by ADBC and by pyarrow."""
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
            asked = list_and_query(address, ca, cert, key, token)
            assert frame.sort_values("origin")["trips"].to_list() == asked["trips"].to_list(), (frame, asked)
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
