"""Weir for Python: push cells, request releases, fetch them with their intervals, check receipts.

    client = weir.Client.from_profile("certs/city/weir.toml")
    release = client.request(agreement, "od_month", "2023-10")
    frame = client.fetch(release)

Nothing that has no valid receipt is ever returned: every answer that the log commits to is checked first.
"""

from .client import Client, Pushed, Release
from .errors import (
    BrokerError,
    ProfileError,
    Reason,
    ReceiptError,
    Refused,
    TableError,
    Unanswered,
    WeirError,
)
from .intervals import total
from .profile import Profile
from .proof import Checkpoint, LogKey, Receipt, Verified, verify

__all__ = [
    "BrokerError",
    "Checkpoint",
    "Client",
    "LogKey",
    "Profile",
    "ProfileError",
    "Pushed",
    "Reason",
    "Receipt",
    "ReceiptError",
    "Refused",
    "Release",
    "TableError",
    "Unanswered",
    "Verified",
    "WeirError",
    "total",
    "verify",
]
