"""A connection to one broker as one organisation."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pandas as pd
import pyarrow as pa
from google.protobuf.message import DecodeError

from . import messages
from .cells import fitted
from .errors import Reason, ReceiptError, Refused, TableError, WeirError
from .profile import Profile
from .proof import LogKey, Verified
from .questions import asked
from .release import checked, checked_receipt, compared, fetched, plain
from .wire import Wire
from .zones import on_map, zones

_ZONES = {None: 0, "same": 1, "parent": 2, "all": 3}
_PAGE = 500


@dataclass(frozen=True)
class Pushed:
    """A contribution that the log holds."""

    batch_id: str
    late: bool
    proof: Verified
    #: The rule that refuses every further release of its period, where there is one; the broker's word alone.
    never_released: str


@dataclass(frozen=True)
class Release:
    """A release that is published, and what was asked for. Its entry in the log has no more than the key: that it is
    what was asked for shows in the table, so fetch it with this."""

    key: str
    agreement: str
    table: str
    period: str
    #: Periods and coarsening of an ad-hoc merge, as entries and quality sheets spell them.
    merge: Mapping[str, Any] | None = field(hash=False)
    proof: Verified


class Client:
    """Push, request, fetch, ask. Every answer that the log commits to is checked before it is returned."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._wire = Wire(profile)

    @classmethod
    def from_profile(cls, path: str | os.PathLike[str]) -> Client:
        """Reads `weir.toml` and the files it names. Whether they are accepted shows at the first call."""
        return cls(Profile.read(path))

    def close(self) -> None:
        """Ends the connections."""
        self._wire.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def log_key(self) -> LogKey:
        """The key of the log that this client believes."""
        return self.profile.log_key

    def agreements(self) -> pd.DataFrame:
        """The agreements that we may see."""
        return self._listed("AgreementService", "ListAgreements", "agreements")

    def agreement(self, agreement: str) -> dict[str, Any]:
        """The terms of an agreement. Its id is their hash, and is checked."""
        answer = self._wire.unary("AgreementService", "GetAgreement", agreement_id=agreement)
        document: bytes = answer.agreement.document
        if sha256(document).hexdigest() != agreement:
            raise WeirError(f"the broker's answer is not agreement `{agreement}`: tell the steward and an auditor")
        terms: dict[str, Any] = json.loads(document)
        return terms

    def push(
        self,
        agreement: str,
        table: str,
        period: str,
        cells: pa.Table | pd.DataFrame,
        *,
        batch_id: str | None = None,
        supersedes: str | None = None,
        rates: Mapping[str, str] | None = None,
        active_units: int | None = None,
    ) -> Pushed:
        """Pushes all cells of one table and period.

        Columns are the agreement's, in any order. The same `batch_id` with the same cells answers the first receipt,
        so a push that broke is repeated with it; it is random where you name none. Others see it: never make it from the
        cells. No rows are a period of nobody: push that, too. `rates` are declared decimals, for example `{"truncated": "0.0125"}`.
        """
        terms = self.agreement(agreement)
        planned = next((each for each in terms["tables"] if each["name"] == table), None)
        if planned is None:
            raise TableError(f"agreement `{agreement}` has no table `{table}`")
        columns = fitted(cells, planned, terms["population"]["unit"])
        batch_id = batch_id or str(uuid.uuid4())
        header = messages.message("ContributionHeader")(
            agreement_id=agreement,
            table=table,
            period=period,
            batch_id=batch_id,
            supersedes_batch_id=supersedes or "",
            rates=[{"name": name, "value": value} for name, value in (rates or {}).items()],
            active_units=active_units,
        )
        answer = messages.message("ContributionReceipt")()
        try:
            answer.ParseFromString(self._wire.put(header.SerializeToString(), columns))
        except DecodeError:
            raise ReceiptError("the broker's answer is no receipt: it is refused; tell the steward and an auditor") from None
        asked = {"agreement": agreement, "table": table, "period": period, "batch": batch_id}
        proof = checked(answer, self.log_key, "contribution.accepted", **asked, supersedes=supersedes)
        return Pushed(batch_id, bool(proof.body()["late"]), proof, answer.never_released)

    def request(
        self,
        agreement: str,
        table: str,
        period: str,
        *,
        purpose: str | None = None,
        periods: Sequence[str] = (),
        coarsening: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> Release:
        """Asks for a release of one table and period; of `periods` read together where they are given, made coarser
        by `coarsening` (`{"bins": [0, 12], "zones": "parent", "categories": ["mode"]}`, each optional).

        The same `request_id` never acts twice: repeat a request that broke with it. `purpose` may be left out where
        the agreement has one only. Raises `Refused` with every reason; then nothing was charged.
        """
        purposes = [purpose] if purpose else self.agreement(agreement)["purposes"]
        if len(purposes) != 1:
            raise WeirError(f"say for which purpose: {', '.join(purposes)}")
        request_id = request_id or str(uuid.uuid4())
        answer = self._wire.unary(
            "ReleaseService",
            "RequestRelease",
            request_id=request_id,
            agreement_id=agreement,
            table=table,
            period=period,
            purpose=purposes[0],
            merge=_merge(periods, coarsening or {}),
        )
        if answer.HasField("released"):
            key = answer.released.release_key
            proof = checked(answer.released, self.log_key, "release.published", key=key)
            return Release(key, agreement, table, period, _merge_entry(periods, coarsening or {}), proof)
        reasons = [Reason(each.id, each.text, each.field) for each in answer.refused.reasons]
        receipt = answer.refused_receipt if answer.HasField("refused_receipt") else None
        proof = checked_receipt(
            receipt,
            self.log_key,
            "release.refused",
            request=request_id,
            agreement=agreement,
            table=table,
            period=period,
            merge=_merge_entry(periods, coarsening or {}),
            reasons=[reason.id for reason in reasons],
            **{"with": None},
        )
        raise Refused(reasons, proof)

    def releases(self, agreement: str, table: str = "") -> pd.DataFrame:
        """The published releases under an agreement, in the order of the log."""
        return self._listed("ReleaseService", "ListReleases", "releases", agreement_id=agreement, table=table)

    def fetch(self, release: str | Release) -> pd.DataFrame:
        """A released table: `<m>`, with the ends of its 95 % interval in `<m>_low` and `<m>_high`.

        Of a `Release`, the table has to be what was asked for: its agreement, name, period and merge. Of a release's
        key (`str`), it is the table of that key; what it is about stands in its quality sheet.

        A key that is not there is withheld or zero. `attrs` has the quality sheet (`quality`) and the receipt
        (`tlog_proof`, the text of a `.tlog-proof`), which was checked, as were the bytes.
        """
        key = release if isinstance(release, str) else release.key
        parts = self._wire.stream("ReleaseService", "GetRelease", release_key=key)
        frame = fetched(key, parts, self.log_key)
        if isinstance(release, Release):
            compared(frame, release.agreement, release.table, release.period, release.merge)
        return frame

    def zones(self, agreement: str, zoning: str) -> Any:
        """A GeoDataFrame of an agreement's zoning, exactly as its parties signed for it."""
        signed = {each["id"]: each["sha256"] for each in self.agreement(agreement)["zonings"]}
        if zoning not in signed:
            raise TableError(f"agreement `{agreement}` has no zoning `{zoning}`")
        answer = self._wire.unary("DirectoryService", "GetZoning", zoning_id=zoning)
        if sha256(answer.geojson).hexdigest() != signed[zoning]:
            raise TableError(f"zoning `{zoning}` is not the one that was signed for: tell the steward and an auditor")
        return zones(answer.geojson)

    def geo(self, release: str | Release, zoning: str | None = None) -> Any:
        """A released table, fetched, as a GeoDataFrame: zones as polygons, origins and destinations as lines between.

        `zoning` is the table's own where it is left out.
        """
        frame = self.fetch(release)
        zoning = zoning or frame.attrs["quality"]["table"]["zoning"]
        return on_map(frame, self.zones(frame.attrs["agreement"], zoning))

    def sql(self, query: str) -> pd.DataFrame:
        """Runs one statement over our released tables. Free, and the broker's word: such an answer has no receipt."""
        return plain(self._wire.sql(query))

    def ask(self, question: str, **values: str | int | Sequence[str]) -> pd.DataFrame:
        """A ready-made question, by the `weir` command (on the path, or where `WEIR` says): one place makes its SQL.

        `weir question show NAME` says what each takes; `from` is written `from_`. `attrs` has how to read the answer,
        what is withheld, and the SQL. Raises `Unanswered` where no table, or no single one, answers.
        """
        return asked(self.profile.path, question, values)

    def _listed(self, service: str, name: str, field: str, **fields: Any) -> pd.DataFrame:
        listed = messages.method(service, name)[2].DESCRIPTOR.fields_by_name[field].message_type
        columns = [f.name for f in listed.fields if f.message_type is None]
        rows: list[list[Any]] = []
        token, more = "", True
        while more:
            page = self._wire.unary(service, name, **fields, page_size=_PAGE, page_token=token)
            rows += ([getattr(each, column) for column in columns] for each in getattr(page, field))
            more = page.next_page_token not in ("", token)
            token = page.next_page_token
        # Also where there is nothing the columns are those of the contract.
        return pd.DataFrame(rows, columns=columns)


def _merge(periods: Sequence[str], coarsening: Mapping[str, Any]) -> dict[str, Any] | None:
    if not periods and not coarsening:
        return None
    unknown = set(coarsening) - {"bins", "zones", "categories"}
    if unknown or coarsening.get("zones") not in _ZONES or not periods:
        raise WeirError("a merge has `periods`, and a coarsening of `bins`, `zones` (`parent`, `all`), `categories`")
    coarse = {
        "bin_starts": list(coarsening.get("bins", [])),
        "zones": _ZONES[coarsening.get("zones")],
        "categories": list(coarsening.get("categories", [])),
    }
    return {"periods": list(periods), **({"coarsening": coarse} if coarsening else {})}


def _merge_entry(periods: Sequence[str], coarsening: Mapping[str, Any]) -> dict[str, Any] | None:
    """The same as entries have it: what is left as it is is left out."""
    if not periods:
        return None
    changed = {name: value for name, value in coarsening.items() if value and value != "same"}
    changed = {name: value if name == "zones" else list(value) for name, value in changed.items()}
    return {"periods": list(periods), **({"coarsening": changed} if changed else {})}
