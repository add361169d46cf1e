"""Build the book: ``site`` from the committed outputs, ``book`` from fresh executions.

``book`` stages a copy of the pages under ``_build/stage``, executes every chapter there at the
smoke preset on the embedded data, and builds that; the committed notebooks and records stay as
they are.  Both treat warnings as errors, a reference that leads nowhere among them, and look for
every page afterwards.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from tools import cells, execution
from tools.common import (
    BUILD,
    NOTEBOOKS,
    ROOT,
    ToolError,
    chapters,
    child_environment,
    exit_with,
    shown,
    write_atomically,
)

STAGE = BUILD / "stage"
_GENERATED = ("genindex", "py-modindex", "search", "404")  # Sphinx's own pages
_STAGED = ("_config.yml", "_toc.yml", "book", "notebooks")


def toc_files(toc: Any) -> Iterator[str]:
    """Yield every page that the table of contents names."""
    if isinstance(toc, dict):
        for key, value in toc.items():
            if key in ("root", "file"):
                yield str(value)
            else:
                yield from toc_files(value)
    elif isinstance(toc, list):
        for entry in toc:
            yield from toc_files(entry)


def pages(source: Path = ROOT) -> list[str]:
    """Return the pages of the table of contents below `source`."""
    return list(toc_files(yaml.safe_load((source / "_toc.yml").read_text(encoding="utf-8"))))


def build(source: Path, output: Path, offline: bool = False) -> Path:
    """Run ``jupyter-book build -W --keep-going`` and return the folder with ``index.html``.

    With `offline` the pages carry their own MathJax, unless ``FAIRTUT_OFFLINE=0`` says otherwise.

    Raises
    ------
    ToolError
        If there is a warning, or if a page is missing afterwards.
    """
    output.mkdir(parents=True, exist_ok=True)
    html = output / "_build" / "html"
    command = [str(Path(sys.executable).with_name("jupyter-book"))]
    environment = child_environment()
    if offline:
        environment.setdefault("FAIRTUT_OFFLINE", "1")
    done = subprocess.run(
        [*command, "build", str(source), "--path-output", str(output), "-W", "--keep-going", "-q"],
        cwd=source,
        env=environment,
        stdout=subprocess.PIPE,  # warnings come on standard error and stay visible
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout)
        # A kept environment would let the next build skip the page that warned, and pass.
        shutil.rmtree(output / "_build" / ".doctrees", ignore_errors=True)
        raise ToolError("the book does not build without warnings; they stand above")
    expected = ["index", *pages(source)]
    missing = [page for page in expected if not (html / f"{page}.html").is_file()]
    if missing:
        raise ToolError(f"the build wrote no page for {', '.join(missing)}")
    _remove_strangers(html, {*expected, *_GENERATED})
    return html


def _remove_strangers(html: Path, known: set[str]) -> None:
    """Delete pages of earlier builds that the table of contents no longer has."""
    for path in html.rglob("*.html"):
        relative = path.relative_to(html)
        if relative.parts[0] != "_static" and relative.with_suffix("").as_posix() not in known:
            path.unlink()


def site(output: Path = BUILD / "site", offline: bool = False) -> Path:
    """Build the book from the committed outputs: what is published."""
    return build(ROOT, output, offline)


def _copy_if_changed(source: Path, target: Path) -> None:
    # Keeping an unchanged file's time lets Sphinx skip its page.
    content = source.read_bytes()
    if not target.is_file() or target.read_bytes() != content:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def stage(folder: Path = STAGE) -> None:
    """Mirror the pages into `folder`: copy what changed, remove what is gone."""
    wanted: set[Path] = set()
    for name in _STAGED:
        top = ROOT / name
        files = [top] if top.is_file() else [p for p in top.rglob("*") if p.is_file()]
        for file in files:
            relative = file.relative_to(ROOT)
            hidden = any(part.startswith(".") for part in relative.parts)
            if hidden or "__pycache__" in relative.parts or relative.parts[:2] == (
                "notebooks", "results",
            ):  # fmt: skip
                continue
            wanted.add(relative)
            if relative.suffix != ".ipynb":
                _copy_if_changed(file, folder / relative)
    for old in list(folder.rglob("*")):
        if old.is_file() and old.relative_to(folder) not in wanted:
            old.unlink()


def book(preset: str = "smoke", data: str = "synthetic", jobs: int = 2) -> Path:
    """Execute every chapter (or take it from the cache) and build the staged book."""
    stage()
    notebooks = [source.with_suffix(".ipynb") for source in chapters()]
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        runs = list(pool.map(lambda nb: execution.cached(nb, preset, data), notebooks))
    for notebook, run in zip(notebooks, runs, strict=True):
        text = cells.dumps(cells.tidy(cells.read(run.notebook)))
        target = STAGE / notebook.relative_to(ROOT)
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            write_atomically(target, text)
    return build(STAGE, BUILD.parent, offline=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Build what was asked for and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m tools.book", description=__doc__)
    parser.add_argument("what", choices=("site", "book"))
    args = parser.parse_args(argv)
    missing = [s for s in chapters(NOTEBOOKS) if not s.with_suffix(".ipynb").is_file()]
    if missing:
        raise ToolError(f"{shown(missing[0])} has no notebook beside it: run `make pair`")
    html = site() if args.what == "site" else book()
    print(f"{args.what} ready: {os.path.relpath(html, Path.cwd())}/index.html")
    return 0


if __name__ == "__main__":
    exit_with(main)
