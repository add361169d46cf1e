"""Plant errors in the methods and count those that a chapter's own assertions notice.

``tools/mutations/METHOD.toml`` lists small errors, each as a file, its old text and a new one.  One
at a time is planted in a copy of the tree, and the chapter's cells run there in order, at
``smoke``, up to the first that fails.  Chapters compare their plain version with the fast one
before anything is trained at length, so that most errors are seen within seconds.

Only an assertion counts as noticed.  An error of another kind stops the chapter, too, but no
sentence of it foresaw that, so such mutations are counted by themselves.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools import cells
from tools.common import (
    BUILD,
    NOTEBOOKS,
    ROOT,
    ToolError,
    child_environment,
    digest_of,
    exit_with,
    shown,
    write_atomically,
)

SPECS = ROOT / "tools" / "mutations"
OUT = BUILD / "mutate"
GOAL = 0.8
LIMIT = 900  # seconds of one chapter with an error in it, which may be slower than without
HARMLESS = "\n_HARMLESS = 0\n"  # changes a module's digest and nothing that it does

# what of the tree a chapter reads beside the package, which is copied
_BESIDE = ("notebooks", "results", "tools", "book", "pyproject.toml", "requirements.txt")


@dataclass(frozen=True)
class Mutation:
    """One planted error: in `file`, the only `old` becomes `new`; `chapter` has to notice."""

    what: str
    file: str
    old: str
    new: str
    chapter: str


@dataclass(frozen=True)
class Verdict:
    """The end: ``asserted``, ``stopped`` (another error), ``late``, ``survived`` or ``open``."""

    word: str
    cell: int | None = None
    message: str = ""


def methods(folder: Path = SPECS) -> list[str]:
    """Return the methods that have a list of mutations."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def read(method: str, folder: Path = SPECS) -> list[Mutation]:
    """Return the mutations of a method, in the order of the file.

    Raises
    ------
    ToolError
        If there is no such list, or an entry lacks a field.
    """
    path = folder / f"{method}.toml"
    if not path.is_file():
        raise ToolError(f"no mutations of {method!r}: there are {', '.join(methods(folder))}")
    spec = tomllib.loads(path.read_text(encoding="utf-8"))
    found = []
    for number, entry in enumerate(spec["mutation"], 1):
        try:
            found.append(Mutation(**{"chapter": spec["chapter"], "file": spec["file"], **entry}))
        except TypeError as error:
            raise ToolError(f"{shown(path)}, mutation {number}: {error}") from error
    return found


def planted(mutation: Mutation, root: Path = ROOT) -> str:
    """Return the text of the mutated file.

    Raises
    ------
    ToolError
        If the old text does not stand there exactly once: the code has moved on, the list has not.
    """
    text = (root / mutation.file).read_text(encoding="utf-8")
    times = text.count(mutation.old)
    if times != 1 or mutation.old == mutation.new:
        raise ToolError(
            f"{mutation.file}, {mutation.what!r}: the old text stands there {times} times, and "
            "must once, and differ from the new: mend the entry in tools/mutations"
        )
    return text.replace(mutation.old, mutation.new)


@contextmanager
def tree(changed: Mapping[str, str]) -> Iterator[Path]:
    """Give a copy of the tree with some files' text changed; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fairtut-mutate-") as name:
        copy = Path(name)
        shutil.copytree(
            ROOT / "fairtut", copy / "fairtut", ignore=shutil.ignore_patterns("__pycache__")
        )
        for part in _BESIDE:
            (copy / part).symlink_to(ROOT / part)
        for file, text in changed.items():
            (copy / file).write_text(text, encoding="utf-8")
        yield copy


def plain(method: str, folder: Path = SPECS) -> dict[str, str]:
    """Return for each chapter a text of the last cell that compares plain with fast."""
    spec = tomllib.loads((folder / f"{method}.toml").read_text(encoding="utf-8"))
    return dict(spec["plain"])


def sources(chapter: str, results: Path, until: str = "") -> list[str]:
    """Return a chapter's code cells, with the parameters of a ``smoke`` run put in.

    With `until`, only those up to the cell that holds this text.
    """
    notebook = cells.read(NOTEBOOKS / f"{chapter}.py")
    wanted = {"preset": "smoke", "results_dir": str(results)}
    inside = cells.parameters_cell(notebook)
    found = cells.code_cells(notebook)
    at = [i for i, cell in enumerate(found) if until in cell.source]
    if until and len(at) != 1:
        raise ToolError(f"{chapter}: {len(at)} cells hold {until!r}, and one must: see [plain]")
    return [
        cell.source + "".join(f"\n{k} = {v!r}" for k, v in wanted.items() if cell is inside)
        for cell in found[: at[-1] + 1]
    ]


class Worker:
    """A process that runs one chapter after the other (:mod:`tools.mutate_worker`)."""

    def __init__(self) -> None:
        environment = child_environment() | {"FAIRTUT_QUIET": "1", "MPLBACKEND": "agg"}
        environment.pop("FAIRTUT_DATA", None)
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tools" / "mutate_worker.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def ask(self, job: Mapping[str, Any]) -> Verdict:
        """Return the verdict of one job."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise ToolError("the worker of the mutations ended: its message stands above")
        return Verdict(**json.loads(answer))

    def end(self) -> None:
        """Let the process end."""
        self.process.communicate()


_own = threading.local()  # each thread's worker


def run(chapter: str, changed: Mapping[str, str], limit: float = LIMIT, until: str = "") -> Verdict:
    """Run a chapter's cells over a changed tree, up to the first that fails."""
    if not hasattr(_own, "worker"):
        _own.worker = Worker()
        atexit.register(_own.worker.end)
    with tree(changed) as copy:
        job = {
            "sources": sources(chapter, copy / "out", until), "tree": str(copy), "limit": limit,
            "environment": {"PYTHONPATH": str(copy), "FAIRTUT_CACHE": str(copy / "cache")},
        }  # fmt: skip
        worker: Worker = _own.worker
        return worker.ask(job)


class Kept:
    """Verdicts of earlier runs of the same tree, in one JSON a method, written as they come."""

    def __init__(self, method: str, out: Path = OUT) -> None:
        self.path = out / f"{method}.json"
        old = json.loads(self.path.read_text()) if self.path.is_file() else {}
        self.verdicts: dict[str, dict[str, Any]] = old

    def get(self, key: str) -> Verdict | None:
        """Return the verdict under a key, or None."""
        row = self.verdicts.get(key)
        return Verdict(row["word"], row["cell"], row["message"]) if row else None

    def put(self, key: str, what: str, verdict: Verdict) -> None:
        """Keep a verdict at once, so that a run that is cut off goes on from there."""
        self.verdicts[key] = {"what": what, **asdict(verdict)}
        write_atomically(self.path, json.dumps(self.verdicts, indent=1) + "\n")


def key_of(chapter: str, changed: Mapping[str, str]) -> str:
    """Return the digest of all that a run depends on: package, chapter, and the changed text."""
    package = [p for p in (ROOT / "fairtut").rglob("*") if p.suffix in (".py", ".yaml", ".json")]
    text = json.dumps(dict(changed), sort_keys=True)
    return digest_of([*package, NOTEBOOKS / f"{chapter}.py"], text)[:20]


def measure(
    method: str, jobs: int = 1, limit: float = LIMIT, out: Path = OUT, quick: bool = False
) -> list[Verdict]:
    """Return the verdict of each mutation of a method, in the order of its list.

    With `quick` a chapter ends with its comparison of plain and fast: what survives that is
    ``open``, since the rest of the chapter may notice it.

    Raises
    ------
    ToolError
        If a chapter fails although nothing harmful is planted: then its verdicts mean nothing.
    """
    listed, kept = read(method), Kept(method, out)
    changes = [{m.file: planted(m)} for m in listed]  # all apply, before anything runs
    until = plain(method) if quick else {}

    def one(what: str, chapter: str, changed: Mapping[str, str]) -> Verdict:
        key = key_of(chapter, changed)
        verdict = kept.get(key)
        if verdict is None or (verdict.word == "open" and not quick):
            verdict = run(chapter, changed, limit, until.get(chapter, ""))
            if quick and verdict.word == "survived":
                verdict = Verdict("open")
            kept.put(key, what, verdict)
        at = "" if verdict.cell is None else f" in cell {verdict.cell}"
        print(f"{method}: {what}: {verdict.word}{at} {verdict.message}".rstrip(), flush=True)
        return verdict

    for chapter in dict.fromkeys(m.chapter for m in listed):
        files = {m.file for m in listed if m.chapter == chapter}
        harmless = {f: (ROOT / f).read_text(encoding="utf-8") + HARMLESS for f in files}
        verdict = one(f"nothing planted, {chapter}", chapter, harmless)
        if verdict.word not in ("survived", "open"):
            raise ToolError(f"{chapter} fails with nothing planted: {verdict.message}")
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        named = [m.what for m in listed], [m.chapter for m in listed]
        return list(pool.map(one, *named, changes))


def told(method: str, listed: Sequence[Mutation], verdicts: Sequence[Verdict]) -> str:
    """Return a method's share and its survivors, as lines to print."""
    words = [verdict.word for verdict in verdicts]
    share = words.count("asserted") / len(words)
    lines = [
        f"{method}: {words.count('asserted')} of {len(words)} noticed by an assertion "
        f"({share:.2f}, goal {GOAL}), {words.count('stopped')} stopped by another error, "
        f"{words.count('late')} too slow"
    ]
    left = [(w, m) for m, w in zip(listed, words, strict=True) if w in ("survived", "open")]
    return "\n".join([*lines, *(f"  {word}: {m.what} ({m.file})" for word, m in left)])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the methods that are named, or all; status 1 where a share is below the goal."""
    parser = argparse.ArgumentParser(description="plant errors and see which a chapter notices")
    parser.add_argument("--method", action="append", choices=methods(), help="default all")
    parser.add_argument("--jobs", type=int, default=1, help="chapters at a time (default 1)")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one chapter")
    parser.add_argument("--quick", action="store_true", help="end with the plain versions")
    asked = parser.parse_args(argv)
    if hasattr(os, "nice"):
        os.nice(10)
    shares: dict[str, float] = {}
    for method in asked.method or methods():
        verdicts = measure(method, asked.jobs, asked.limit, quick=asked.quick)
        print(told(method, read(method), verdicts), flush=True)
        shares[method] = sum(v.word == "asserted" for v in verdicts) / len(verdicts)
        if not asked.quick:  # of chapters that were cut off it would be no share
            write_share(method, shares[method])
    return int(min(shares.values()) < GOAL)


def write_share(method: str, share: float) -> None:
    """Write a method's share beside those of others."""
    path = OUT / "shares.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    write_atomically(path, json.dumps(known | {method: share}, indent=1) + "\n")


if __name__ == "__main__":
    exit_with(main)
