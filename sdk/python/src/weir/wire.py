"""The two ways to the broker, on one port: gRPC for calls, Arrow Flight for columns. Mutual TLS and the user's token
on every call; there is no other mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.flight as flight

from . import messages
from .errors import ProfileError, WeirError, told
from .profile import Profile, secret

_CALL_SECONDS = 90.0
_STREAM_SECONDS = 600.0
_MESSAGE_BYTES_MAX = 17 << 20
# No proxy from the environment: the broker is spoken to, and nobody between.
_OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]
_PUSH_ROWS = 65_536
_STATEMENT = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"


class Wire:
    """Connections of one profile. When the token's file changes, all files are read and connected anew."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._stamp: tuple[int, int, int] | None = None
        self._connect()

    def close(self) -> None:
        self._channel.close()
        self._flight.close()

    @told
    def unary(self, service: str, name: str, **fields: Any) -> Any:
        """One call, one answer."""
        path, asked, answered = messages.method(service, name)
        self._connect()
        call = self._channel.unary_unary(path, asked.SerializeToString, answered.FromString)
        return call(asked(**fields), timeout=_CALL_SECONDS, metadata=[("authorization", self._bearer)])

    @told
    def stream(self, service: str, name: str, **fields: Any) -> Iterator[Any]:
        """One call, all of its answers."""
        path, asked, answered = messages.method(service, name)
        self._connect()
        call = self._channel.unary_stream(path, asked.SerializeToString, answered.FromString)
        answers = call(asked(**fields), timeout=_STREAM_SECONDS, metadata=[("authorization", self._bearer)])
        return _Told(iter(answers))

    @told
    def put(self, command: bytes, cells: pa.Table) -> bytes:
        """Sends cells; the metadata of the one answer."""
        self._connect()
        descriptor = flight.FlightDescriptor.for_command(command)
        writer, results = self._flight.do_put(descriptor, cells.schema, self._options())
        with writer:
            writer.write_table(cells, max_chunksize=_PUSH_ROWS)
            writer.done_writing()
            result = results.read()
        return b"" if result is None else bytes(result.to_pybytes())

    @told
    def sql(self, statement: str) -> pa.Table:
        """Runs a statement of Flight SQL."""
        self._connect()
        query = statement.encode()
        command = _field(1, _STATEMENT) + _field(2, _field(1, query))
        options = self._options()
        info = self._flight.get_flight_info(flight.FlightDescriptor.for_command(command), options)
        if not info.endpoints:
            raise WeirError("the broker's answer does not say where its rows are")
        return self._flight.do_get(info.endpoints[0].ticket, options).read_all()

    def _options(self) -> Any:
        headers = [(b"authorization", self._bearer.encode())]
        return flight.FlightCallOptions(timeout=_STREAM_SECONDS, headers=headers)

    def _connect(self) -> None:
        profile = self._profile
        stamp = profile.stamp()
        if stamp == self._stamp:
            return
        try:
            ca, cert = profile.ca.read_bytes(), profile.cert.read_bytes()
        except OSError as error:
            raise ProfileError(f"cannot read `{error.filename}`: {error.strerror}") from None
        key, token = secret(profile.key), secret(profile.token)
        host = f"[{profile.host}]" if ":" in profile.host else profile.host
        address = f"{host}:{profile.port}"
        shown = grpc.ssl_channel_credentials(ca, key, cert)
        channel = grpc.secure_channel(address, shown, _OPTIONS)
        flights = flight.FlightClient(
            f"grpc+tls://{address}",
            tls_root_certs=ca,
            cert_chain=cert,
            private_key=key,
            generic_options=[("grpc.enable_http_proxy", 0)],
        )
        if self._stamp is not None:
            self.close()
        self._channel, self._flight = channel, flights
        self._bearer = f"Bearer {token.decode('ascii').strip()}"
        self._stamp = stamp


class _Told(Iterator[Any]):
    """Answers, whose errors are the broker's."""

    def __init__(self, answers: Iterator[Any]) -> None:
        self._next = told(lambda: next(answers, None))

    def __next__(self) -> Any:
        answer = self._next()
        if answer is None:
            raise StopIteration
        return answer


def _field(number: int, value: bytes) -> bytes:
    """A field of bytes as protobuf writes it."""
    length, size = b"", len(value)
    while size >= 0x80:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value
