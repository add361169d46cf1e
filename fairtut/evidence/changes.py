"""Claims do not move unnoticed: each has a committed digest, and a change has a dated reason.

``fairtut/claims/digests.json`` holds, for each paper, a digest of every claim and how many entries
of the file's ``changes`` have been counted.  An entry has these keys:

==========  ========================================================================================
``date``    when the claim was changed, such as ``2026-11-26``
``ids``     a list of claims, or of patterns such as ``"*.accuracy"``; of claims taken out, too
``reason``  one sentence that says why
==========  ========================================================================================

``python -m tools.claims`` writes new digests, if new entries name exactly the claims that changed.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from fairtut.errors import RecordError
from fairtut.evidence.checked import Line, Strict, checked
from fairtut.evidence.claims import CLAIMS_DIR, Claim, Message, read_claims
from fairtut.evidence.fields import read_yaml

DIGESTS: Final = CLAIMS_DIR / "digests.json"


@dataclass(frozen=True)
class Change:
    """One entry of ``changes``: which claims were changed, when and why."""

    date: datetime.date
    ids: tuple[str, ...]
    reason: str

    def names(self, claim: str) -> bool:
        """Tell whether the entry is about a claim."""
        return any(fnmatchcase(claim, pattern) for pattern in self.ids)


class ChangeEntry(Strict):
    """One entry of ``changes``, as the file holds it."""

    date: datetime.date = Field(description="a day such as 2026-11-26")
    ids: list[str] = Field(min_length=1, description="a list of claims")
    reason: Line = Field(description="text: write it in quotes")


def read_changes(path: Path) -> list[Change]:
    """Return a claims file's ``changes``, in order.

    Raises
    ------
    fairtut.errors.RecordError
        If an entry lacks something, or an earlier date follows a later one.
    """
    entries = read_yaml(path).get("changes", [])
    if not isinstance(entries, list):
        raise RecordError(
            f"{path.name}: changes must be a list, each entry starting with `- date:`"
        )
    found = [_change(entry, f"{path.name}: change {i}") for i, entry in enumerate(entries)]
    for earlier, later in pairwise(found):
        if later.date < earlier.date:
            raise RecordError(f"{path.name}: the change of {later.date} must stand further up")
    return found


def digest(claim: Claim | Message) -> str:
    """Return 12 hexadecimal digits of all that a claim or headline says beyond what all assume."""
    said = {f.name: getattr(claim, f.name) for f in dataclasses.fields(claim)
            if getattr(claim, f.name) != f.default}  # fmt: skip
    body = json.dumps(said, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()[:12]


def state(path: Path) -> dict[str, Any]:
    """Return what the digests' file holds about a claims file as it is now."""
    head, claims = read_claims(path)
    counted = len(read_changes(path))
    said: list[Claim | Message] = [*claims, *head.messages]
    return {"changes": counted, "claims": {one.id: digest(one) for one in said}}


def moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the claims that were changed, added or taken out between two states."""
    old, new = before.get("claims", {}), now["claims"]
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def unexplained(path: Path, before: Mapping[str, Any]) -> list[str]:
    """Say what stands between a claims file and new digests: nothing, if every change is explained.

    Parameters
    ----------
    path : pathlib.Path
        A claims file.
    before : mapping
        What the digests' file holds about it, from :func:`committed`.

    Returns
    -------
    list of str
        One sentence for each changed claim without a new reason, and each reason without a change.
    """
    entries, counted = read_changes(path), before.get("changes", 0)
    if len(entries) < counted:
        return [f"{path.name}: {counted - len(entries)} of {counted} changes are gone: keep them"]
    fresh = entries[counted:]
    changed = moved(before, state(path)) if before else []
    lonely = [name for name in changed if not any(change.names(name) for change in fresh)]
    idle = [c for c in fresh if not any(c.names(name) for name in changed)]
    return [
        f"{path.name}: claim {name} has changed: add an entry with date, ids and reason to the end "
        "of `changes`"
        for name in lonely
    ] + [
        f"{path.name}: the change of {c.date} ({', '.join(c.ids)}) names no claim that has changed"
        for c in idle
    ]


def problems(path: Path, before: Mapping[str, Any]) -> list[str]:
    """Say how a claims file differs from its committed digests; nothing if it does not."""
    now = state(path)
    if now == before:
        return []
    return unexplained(path, before) or [
        f"{path.name}: {len(moved(before, now))} claims differ from their committed digests and "
        "have a reason: run `python -m tools.claims`"
    ]


def committed(file: Path = DIGESTS) -> dict[str, dict[str, Any]]:
    """Return the committed digests by paper."""
    found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _change(entry: Any, where: str) -> Change:
    found = checked(ChangeEntry, entry, where)
    return Change(found.date, tuple(found.ids), found.reason)
