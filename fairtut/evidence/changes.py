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
    """One entry of ``changes``: which claims were changed, when and why.

    Attributes
    ----------
    date : datetime.date
        When.
    ids : tuple of str
        Claims, or patterns of them.
    reason : str
        One sentence.

    Examples
    --------
    >>> import datetime
    >>> from fairtut.evidence.changes import Change
    >>> day = datetime.date(2026, 11, 26)
    >>> change = Change(day, ("*.accuracy",), "Measured on the test set.")
    >>> change.names("table1.lr.accuracy"), change.names("table1.lr.gap")
    (True, False)
    """

    date: datetime.date
    ids: tuple[str, ...]
    reason: str

    def names(self, claim: str) -> bool:
        """Tell whether the entry is about a claim."""
        return any(fnmatchcase(claim, pattern) for pattern in self.ids)


class ChangeEntry(Strict):
    """One entry of ``changes``, as the file holds it.

    Examples
    --------
    >>> import datetime
    >>> from fairtut.evidence.changes import ChangeEntry
    >>> from fairtut.evidence.checked import checked
    >>> entry = {"date": datetime.date(2026, 11, 26), "ids": [], "reason": "A slip."}
    >>> checked(ChangeEntry, entry, "toy.yaml: change 0")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: toy.yaml: change 0: ids [] must be a list of claims
    """

    date: datetime.date = Field(description="a day such as 2026-11-26")
    ids: list[str] = Field(min_length=1, description="a list of claims")
    reason: Line = Field(description="text: write it in quotes")


def read_changes(path: Path) -> list[Change]:
    """Return a claims file's ``changes``, in order.

    Parameters
    ----------
    path : pathlib.Path
        A claims file.

    Returns
    -------
    list of Change
        None of them where the file has no such key.

    Raises
    ------
    fairtut.errors.RecordError
        If an entry lacks something, or an earlier date follows a later one.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fairtut.evidence.changes import read_changes
    >>> with tempfile.TemporaryDirectory() as here:
    ...     path = Path(here, "toy.yaml")
    ...     _ = path.write_text("changes: [{date: 2026-11-26, ids: [a.b], reason: A slip.}]")
    ...     changes = read_changes(path)
    >>> str(changes[0].date), changes[0].ids
    ('2026-11-26', ('a.b',))
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
    """Return 12 hexadecimal digits of all that a claim or headline says beyond what all assume.

    Parameters
    ----------
    claim : Claim or Message
        A field at its default value does not count.

    Returns
    -------
    str
        The first digits of a SHA-256 of the other fields, by name.

    Examples
    --------
    Another word is another digest; a key that repeats what all claims assume is none.

    >>> from dataclasses import replace
    >>> from fairtut.evidence.changes import digest
    >>> from fairtut.evidence.claim import Claim
    >>> claim = Claim("toy", "toy", "a.b", "Table 1", "It gains.", "same", "gap", "points", limit=1)
    >>> len(digest(claim)), digest(claim) == digest(replace(claim, limit=2))
    (12, False)
    >>> digest(claim) == digest(replace(claim, source="paper"))
    True
    """
    said = {f.name: getattr(claim, f.name) for f in dataclasses.fields(claim)
            if getattr(claim, f.name) != f.default}  # fmt: skip
    body = json.dumps(said, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()[:12]


def state(path: Path) -> dict[str, Any]:
    """Return what the digests' file holds about a claims file as it is now.

    Parameters
    ----------
    path : pathlib.Path
        A claims file.

    Returns
    -------
    dict
        ``changes``, how many entries there are, and ``claims``, the :func:`digest` of every claim
        and headline by id.

    Raises
    ------
    fairtut.errors.RecordError
        If the file does not follow the schema.

    Examples
    --------
    >>> from fairtut.evidence.changes import committed, state
    >>> from fairtut.evidence.claims import CLAIMS_DIR
    >>> state(CLAIMS_DIR / "frtrain.yaml") == committed()["frtrain"]
    True
    """
    head, claims = read_claims(path)
    counted = len(read_changes(path))
    said: list[Claim | Message] = [*claims, *head.messages]
    return {"changes": counted, "claims": {one.id: digest(one) for one in said}}


def moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the claims that were changed, added or taken out between two states.

    Parameters
    ----------
    before, now : mapping
        From :func:`state`; ``before`` is empty for a new file.

    Returns
    -------
    list of str
        Ids, sorted.

    Examples
    --------
    >>> from fairtut.evidence.changes import moved
    >>> before = {"claims": {"a": "0f", "b": "1e", "c": "2d"}}
    >>> moved(before, {"claims": {"a": "0f", "b": "ff", "d": "3c"}})
    ['b', 'c', 'd']
    """
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

    Examples
    --------
    A claim that was changed without a reason is named.

    >>> from fairtut.evidence.changes import committed, unexplained
    >>> from fairtut.evidence.claims import CLAIMS_DIR
    >>> path, before = CLAIMS_DIR / "frtrain.yaml", committed()["frtrain"]
    >>> unexplained(path, before)
    []
    >>> name = min(before["claims"])
    >>> before["claims"][name] = "000000000000"
    >>> [said] = unexplained(path, before)
    >>> said.startswith(f"frtrain.yaml: claim {name} has changed: add an entry")
    True
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
    """Say how a claims file differs from its committed digests; nothing if it does not.

    Parameters
    ----------
    path : pathlib.Path
        A claims file.
    before : mapping
        What the digests' file holds about it, from :func:`committed`.

    Returns
    -------
    list of str
        Sentences: those of :func:`unexplained`, else that the digests must be written again.

    Examples
    --------
    >>> from fairtut.evidence.changes import committed, problems
    >>> from fairtut.evidence.claims import CLAIMS_DIR
    >>> path, before = CLAIMS_DIR / "frtrain.yaml", committed()["frtrain"]
    >>> problems(path, before)
    []
    >>> [said] = problems(path, {**before, "changes": before["changes"] + 1})
    >>> said.endswith("changes are gone: keep them")
    True
    """
    now = state(path)
    if now == before:
        return []
    return unexplained(path, before) or [
        f"{path.name}: {len(moved(before, now))} claims differ from their committed digests and "
        "have a reason: run `python -m tools.claims`"
    ]


def committed(file: Path = DIGESTS) -> dict[str, dict[str, Any]]:
    """Return the committed digests by paper.

    Parameters
    ----------
    file : pathlib.Path
        Default: the package's own.

    Returns
    -------
    dict of str to dict
        What :func:`state` was of each claims file.

    Examples
    --------
    Every claims file has its digests.

    >>> from fairtut.evidence.changes import committed
    >>> from fairtut.evidence.claims import CLAIMS_DIR
    >>> set(committed()) == {path.stem for path in CLAIMS_DIR.glob("*.yaml")}
    True
    """
    found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _change(entry: Any, where: str) -> Change:
    found = checked(ChangeEntry, entry, where)
    return Change(found.date, tuple(found.ids), found.reason)
