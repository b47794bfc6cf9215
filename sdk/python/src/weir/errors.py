"""What can go wrong, each with the broker's own words where it spoke."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import grpc
import pyarrow as pa
import pyarrow.flight as flight

if TYPE_CHECKING:
    from .proof import Verified


class WeirError(Exception):
    """Why a call did not do what was asked. No text holds a secret or a count."""


class ProfileError(WeirError):
    """The profile, or a file that it names, cannot be used."""


class ReceiptError(WeirError):
    """A receipt does not show that the log holds what was asked: nothing in the answer may be believed."""


class TableError(WeirError):
    """A table is not what the log committed to, or cells do not fit the agreement's table."""


class BrokerError(WeirError):
    """The broker said no, or the connection broke. `code` is gRPC's, for example `NOT_FOUND`."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Reason:
    """One reason of a refusal. `id` is stable, for example `budget.cap_exceeded`."""

    id: str
    text: str
    field: str


class Refused(WeirError):
    """The request is refused, with every reason; nothing was charged. `proof` shows that the log holds it."""

    def __init__(self, reasons: list[Reason], proof: Verified) -> None:
        super().__init__("; ".join(f"{reason.id}: {reason.text}" for reason in reasons))
        self.reasons = reasons
        self.proof = proof

    @property
    def ids(self) -> list[str]:
        """The stable ids of all reasons, in the order the rules ran."""
        return [reason.id for reason in self.reasons]


class Unanswered(WeirError):
    """No released table answers the question, or several would: `told` says what to agree on, or which to name."""

    def __init__(self, told: dict[str, Any]) -> None:
        tables = ", ".join(told.get("tables", []))
        lacking = f"{told.get('why')} A new agreement would need: {told.get('needs')}."
        super().__init__(f"Several tables answer this; name one: {tables}" if tables else lacking)
        self.told = told


# The first class that fits names the code; Flight says some of them with Arrow's own errors.
_FLIGHT_CODES: list[tuple[type[Exception], str]] = [
    (flight.FlightUnauthenticatedError, "UNAUTHENTICATED"),
    (flight.FlightUnauthorizedError, "PERMISSION_DENIED"),
    (flight.FlightUnavailableError, "UNAVAILABLE"),
    (flight.FlightTimedOutError, "DEADLINE_EXCEEDED"),
    (flight.FlightCancelledError, "CANCELLED"),
    (pa.ArrowInvalid, "INVALID_ARGUMENT"),
    (pa.ArrowKeyError, "NOT_FOUND"),
    (pa.ArrowNotImplementedError, "UNIMPLEMENTED"),
    (pa.ArrowCapacityError, "RESOURCE_EXHAUSTED"),
    (flight.FlightServerError, "UNKNOWN"),
    (flight.FlightInternalError, "INTERNAL"),
]
# Flight writes "… with message: TEXT. gRPC client debug context: CODE:TEXT Client context: OK".
_TEXT = re.compile(r"(?:.*?with message: )?(.*?)(?:\. gRPC client debug context: (?:UNKNOWN:)?([A-Z_]+):.*)?", re.S)

P = ParamSpec("P")
T = TypeVar("T")


def told(call: Callable[P, T]) -> Callable[P, T]:
    """Turns what gRPC and Flight raise into a `BrokerError` with the broker's text."""

    @wraps(call)
    def calling(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except grpc.RpcError as error:
            raise BrokerError(error.code().name, error.details() or error.code().name) from None
        except (flight.FlightError, pa.ArrowException) as error:
            codes = (code for kind, code in _FLIGHT_CODES if isinstance(error, kind))
            found = _TEXT.fullmatch(str(error))
            text, code = found.groups() if found else (str(error), None)
            raise BrokerError(code or next(codes, "UNKNOWN"), text) from None

    return calling
