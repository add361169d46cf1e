"""What stands on the pages, with nothing but the wheel: ``python -m tools.alone``.

It builds the wheel and installs it with what it asks for into an environment of its own, in a
temporary folder.  There every page of ``book/howto`` is run from an empty folder, and one chapter
at ``smoke``, with the interpreter that sees no file of the checkout.  Each line says the seconds.

The packages are those of the environment that calls, by their versions, so that only the wheel is
on trial and an installer finds them in its cache; ``--newest`` leaves the choice to the installer.
Where no environment can be made, for want of a network say, it says so and ends well; under ``CI``
that is a failure.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from tools.common import ONE_THREAD, ROOT, ToolError, exit_with

PAGES: Final = ROOT / "book" / "howto"
LIMIT: Final = 120.0
"""Seconds that a page may take."""
CHAPTER: Final = ("frtrain", 600.0)
"""The chapter that is run, and the seconds that it may take."""
HOOK: Final = ("fairtut_torchvision.pth", "_fairtut_torchvision_hook.py")
_BLOCK: Final = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INSIDE: Final = "import pathlib, fairtut; print(pathlib.Path(fairtut.__file__).parent)"


class NoEnvironment(Exception):
    """The wheel could not be installed anywhere; the message says why."""


@dataclass(frozen=True)
class Trial:
    """What a page or a chapter came to."""

    name: str
    seconds: float
    limit: float
    error: str = ""

    @property
    def fine(self) -> bool:
        """Whether it ended well and in time."""
        return not self.error and self.seconds <= self.limit

    def __str__(self) -> str:
        """Return it in one line."""
        said = self.error or ("" if self.fine else f"takes longer than {self.limit:.0f} s")
        return f"{self.name:<24} {self.seconds:6.1f} s  {said or 'fine'}"


def script(page: Path) -> str:
    """Return the code of a page in one piece, in its order; nothing where it has none."""
    return "\n".join(_BLOCK.findall(page.read_text(encoding="utf-8")))


def wheel(folder: Path) -> Path:
    """Build the wheel into a folder and return it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"the wheel does not build: {_last(done.stderr)}")
    return next(folder.glob("fairtut-*.whl"))


# --- the environment ------------------------------------------------------------------------


def environment(folder: Path, built: Path, newest: bool = False) -> Path:
    """Make an environment with the wheel, its dependencies and the extra ``notebooks``.

    Parameters
    ----------
    folder : pathlib.Path
        Where; it must not exist.
    built : pathlib.Path
        The wheel.
    newest : bool
        Whether the installer chooses the versions.

    Returns
    -------
    pathlib.Path
        Its interpreter.

    Raises
    ------
    NoEnvironment
        If no installer can make it.
    """
    python = _python_of(folder)
    made = _run([sys.executable, "-m", "venv", str(folder)], folder.parent, os.environ)
    if made.returncode:
        raise NoEnvironment(_last(made.stderr or made.stdout))
    wanted = [f"fairtut[notebooks] @ {built.resolve().as_uri()}"]
    if not newest:
        versions = folder / "versions.txt"
        versions.write_text("\n".join(_versions()) + "\n", encoding="utf-8")
        wanted += ["-c", str(versions)]
    why = ""
    for installer in _installers(python):
        done = _run([*installer, *wanted], folder.parent, _settings())
        if not done.returncode:
            _hooked(folder)
            return python
        why = _last(done.stderr)
    raise NoEnvironment(why)


def _installers(python: Path) -> Iterator[list[str]]:
    """Yield ways to install: what uv has in its cache, what uv finds, what pip finds."""
    uv = shutil.which("uv", path=_path())
    if uv is not None:
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
        yield [*install, "--offline"]
        yield install
    yield [str(python), "-m", "pip", "install", "--quiet"]


def _versions() -> list[str]:
    """Return what is installed here, as an installer is told to keep to it."""
    here = {one.metadata["Name"]: one.version for one in metadata.distributions()}
    return sorted(f"{name}=={version}" for name, version in here.items() if name != "fairtut")


def _settings() -> dict[str, str]:
    """Return the environment's variables; uv does not read the folder of wheels that pip reads."""
    known = dict(os.environ)
    if folder := known.get("PIP_FIND_LINKS"):
        known.setdefault("UV_FIND_LINKS", folder)
    return known


def _hooked(folder: Path) -> None:
    """Take along what ``make env`` needed to load torchvision beside this torch."""
    here = Path(sysconfig.get_path("purelib"))
    there = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for name in HOOK:
        if (here / name).is_file():
            shutil.copy(here / name, there / name)


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


# --- trials ---------------------------------------------------------------------------------


def clean(folder: Path) -> dict[str, str]:
    """Return variables under which neither the checkout nor what an earlier run kept is seen."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FAIRTUT"))}
    known |= ONE_THREAD | {"PYTHONNOUSERSITE": "1", "MPLBACKEND": "agg"}
    return known | {"FAIRTUT_CACHE": str(folder / "kept"), "FAIRTUT_DATA": str(folder / "data")}


def trial(name: str, command: Sequence[str], folder: Path, limit: float) -> Trial:
    """Run a command from an empty folder and say how that went."""
    empty = folder / name.replace(" ", "-")
    empty.mkdir(parents=True)
    began = time.monotonic()
    try:
        done = _run(command, empty, clean(folder), limit)
        error = _last(done.stderr) or f"status {done.returncode}" if done.returncode else ""
    except subprocess.TimeoutExpired:
        error = f"does not end in {limit:.0f} s"
    return Trial(name, time.monotonic() - began, limit, error)


def trials(python: Path, folder: Path, pages: Sequence[Path]) -> Iterator[Trial]:
    """Run pages and the chapter with an interpreter, one after the other."""
    seen = _run([str(python), "-c", _INSIDE], folder, clean(folder))
    package = Path(seen.stdout.strip() or ".").resolve()
    if seen.returncode or package.is_relative_to(ROOT):
        raise ToolError(f"the environment has no fairtut of its own: {_last(seen.stderr)}{package}")
    scripts = folder / "scripts"
    scripts.mkdir()
    for page in pages:
        file = scripts / f"{page.stem}.py"
        file.write_text(script(page), encoding="utf-8")
        yield trial(page.stem, [str(python), str(file)], folder, LIMIT)
    name, limit = CHAPTER
    run = [str(python), "-m", "fairtut", "run", name, "--preset", "smoke"]
    yield trial(f"run {name}", run, folder, limit)


def _run(
    command: Sequence[str], cwd: Path, variables: Mapping[str, str], limit: float | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=dict(variables), capture_output=True, text=True, errors="replace",
        check=False, timeout=limit,
    )  # fmt: skip


def _last(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def pages_with_code() -> list[Path]:
    """Return the pages that have something to run."""
    return [page for page in sorted(PAGES.glob("*.md")) if script(page)]


def main(argv: Sequence[str] | None = None) -> int:
    """Try everything and print one line each; return 1 if something does not stand alone."""
    parser = argparse.ArgumentParser(prog="python -m tools.alone", description=__doc__)
    parser.add_argument("--newest", action="store_true", help="let the installer choose versions")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="alone-") as name:
        folder = Path(name).resolve()
        began = time.monotonic()
        try:
            python = environment(folder / "env", wheel(folder), options.newest)
        except NoEnvironment as error:
            print(f"skipped: no environment could be made for the wheel ({error})")
            return int(bool(os.environ.get("CI")))
        print(f"{'environment':<24} {time.monotonic() - began:6.1f} s  fine", flush=True)
        failed = []
        for one in trials(python, folder, pages_with_code()):
            print(one, flush=True)
            failed += [] if one.fine else [one.name]
    print(f"FAILED: {', '.join(failed)}" if failed else "all of it stands alone")
    return int(bool(failed))


if __name__ == "__main__":
    exit_with(main)
