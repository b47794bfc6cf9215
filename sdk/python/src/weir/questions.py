"""Ready-made questions, put by the `weir` command: it has the templates, and the one place that quotes values."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from .errors import Unanswered, WeirError

_SECONDS = 300


def asked(profile: Path, question: str, values: Mapping[str, str | int | Sequence[str]]) -> pd.DataFrame:
    """The answer to a question as the profile's organisation."""
    # With `=` a value is never read as an option; a question is no option either.
    if question.startswith("-"):
        raise WeirError(f"`{question:.80}` is no question")
    command = [os.environ.get("WEIR", "weir"), "question", "ask", question, "--json", f"--profile={profile}"]
    for name, value in values.items():
        each = [value] if isinstance(value, (str, int)) else value
        command += [f"--{name.rstrip('_').replace('_', '-')}={one}" for one in each]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        raise WeirError(f"questions need the `weir` command: `{command[0]}` is not on the path") from None
    except subprocess.TimeoutExpired:
        raise WeirError(f"`weir question ask {question}` took over {_SECONDS} s") from None
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = {}
    if done.returncode != 0 or "answered" not in told:
        raise WeirError((done.stderr or done.stdout).strip())
    if not told["answered"]:
        raise Unanswered(told)
    frame = pd.DataFrame(told["rows"], columns=told["columns"])
    frame.attrs = {name: told[name] for name in ("question", "reading", "withheld", "remarks", "sql")}
    return frame
