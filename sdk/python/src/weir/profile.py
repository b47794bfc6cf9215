"""A client's `weir.toml`, as `weir pki org` writes it: where the broker is, who we are, which log we believe."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .errors import ProfileError
from .proof import LogKey

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_NEEDED = ("endpoint", "ca", "cert", "key", "token", "log_key")
_KNOWN = {*_NEEDED, "policy", "signing_key", "state"}
# Text files are small: a wrong path must not fill the memory.
_TEXT_BYTES_MAX = 64 << 10


@dataclass(frozen=True)
class Profile:
    """Everything a client needs to know. Files are read when a connection is made."""

    path: Path
    host: str
    port: int
    ca: Path
    cert: Path
    key: Path
    token: Path
    log_key: LogKey

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Profile:
        """Reads a profile; relative paths in it are relative to its folder."""
        path = Path(path)
        try:
            written = tomllib.loads(_text(path))
        except tomllib.TOMLDecodeError as error:
            raise ProfileError(f"`{path}` is not a client's config: {error}") from None
        unknown = sorted(set(written) - _KNOWN)
        missing = [name for name in _NEEDED if not isinstance(written.get(name), str)]
        if unknown or missing:
            wrong = f"unknown `{unknown[0]}`" if unknown else f"no `{missing[0]}`"
            raise ProfileError(f"`{path}` is not a client's config: {wrong}")
        if "policy" in written:
            raise ProfileError(
                f"`{path}` asks for cosignatures of witnesses (`policy`), which this package does not check: "
                "use the `weir` command with it"
            )
        host, port = _endpoint(path, written["endpoint"])
        folder = path.parent
        log_key = written["log_key"]
        # The key itself has two `+`; a sensible path has not.
        if log_key.count("+") < 2:
            log_key = _text(folder / log_key).rstrip()
        ca, cert, key, token = (folder / written[name] for name in ("ca", "cert", "key", "token"))
        return cls(path, host, port, ca, cert, key, token, LogKey.parse(log_key))

    def stamp(self) -> tuple[int, int, int]:
        """Which version of the token's file is there: it is written last when a certificate is renewed."""
        try:
            about = self.token.stat()
        except OSError as error:
            raise ProfileError(f"cannot read `{self.token}`: {error.strerror}") from None
        return about.st_ino, about.st_mtime_ns, about.st_size


def secret(path: Path) -> bytes:
    """A file that only its owner may read."""
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ProfileError(f"others can read `{path}`: chmod 600 it")
        return path.read_bytes()
    except OSError as error:
        raise ProfileError(f"cannot read `{path}`: {error.strerror}") from None


def _endpoint(path: Path, text: str) -> tuple[str, int]:
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = None
    plain = not (parts.username or parts.query or parts.fragment) and parts.path in ("", "/")
    if parts.scheme != "https" or not parts.hostname or not port or not plain:
        raise ProfileError(f"`{path}`: endpoint `{text:.80}` is not `https://host:port`")
    return parts.hostname, port


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _TEXT_BYTES_MAX:
            raise ProfileError(f"`{path}` is too long to be what it should be")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProfileError(f"cannot read `{path}`: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProfileError(f"`{path}` is not text") from None
