"""Begin a chapter: ``fairtut new chapter NAME`` in a checkout of the repository.

It lays out a package that runs, claims to be replaced, a notebook's source, tests and the line in
the table of contents, and says what is left to do (:mod:`fairtut.scaffold.places`).  No chapter
imports this package.
"""

from __future__ import annotations

import contextlib
import keyword
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fairtut.errors import FairtutError, InputError
from fairtut.scaffold.places import FIVE, Place, Spot, chapters, lacking

TEMPLATES: Final = Path(__file__).parent / "templates"
NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST: Final = 32
_TOC: Final = "_toc.yml"
_LISTED: Final = re.compile(r"^( +- file: notebooks/)(\d\d)_\w+\n", re.MULTILINE)
_FILES: Final = {
    **{f"{one}.py": f"fairtut/chapters/@NAME@/{one}.py" for one in ("__init__", "opening", *FIVE)},
    "claims.yaml": "fairtut/claims/@NAME@.yaml",
    "notebook.py": "notebooks/@STEM@.py",
    "test.py": "tests/unit/test_chapters_@NAME@.py",
}
"""Template → where it goes."""


def chapter(name: str, start: Path | None = None) -> tuple[list[Path], list[str]]:
    """Lay out a new chapter in a checkout.

    Parameters
    ----------
    name : str
        A word in lower case, which becomes a package: ``frtrain``.
    start : pathlib.Path, optional
        A folder of the checkout; default the current one.

    Returns
    -------
    tuple of (list of pathlib.Path, list of str)
        The files that were written, and what is left to do, in order.

    Raises
    ------
    fairtut.errors.InputError
        If the name is no name for a package or is taken, or the folder is in no checkout.  Then
        nothing is written.
    """
    root = checkout(start or Path.cwd())
    _check_name(name)
    toc = (root / _TOC).read_text(encoding="utf-8")
    at = Spot(root, name, f"{_number(root, toc):02d}_{name}")
    new = dict(_filled(at))
    _check_free(at, new)
    _write({**new, root / _TOC: _listed(toc, at)})
    return [*new, root / _TOC], [one.todo(at) for one in lacking(at)]


def told(files: list[Path], left: list[str], root: Path) -> str:
    """Return what was written and what is left, for a terminal."""
    lines = [f"wrote {file.relative_to(root).as_posix()}" for file in files]
    steps = [f"{number:>2}. {step}" for number, step in enumerate(left, start=1)]
    return "\n".join([*lines, "", "Left to do, in this order:", *steps])


def checkout(start: Path) -> Path:
    """Return the root of the checkout that a folder is in.

    Raises
    ------
    fairtut.errors.InputError
        If it is in none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if _project(folder).get("name") == "fairtut" and (folder / _TOC).is_file():
            return folder
    raise InputError(f"{start.resolve()} is in no checkout of fairtut: go to one and call again")


def _project(folder: Path) -> Mapping[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        found: Mapping[str, Any] = tomllib.loads(text).get("project", {})
        return found
    return {}


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > LONGEST:
        raise InputError(
            f"{name!r} is no name for a chapter: take lower-case letters, digits and single "
            f"underscores, a letter first, at most {LONGEST} of them, and no word of Python"
        )


def _check_free(at: Spot, new: Mapping[Path, str]) -> None:
    if at.name in chapters(at.root):
        raise InputError(f"there is a chapter {at.name} already: take another name")
    others = (at.root / "notebooks").glob(f"[0-9][0-9]_{at.name}.*")
    taken = next((file for file in (*new, *others) if file.exists()), None)
    if taken is None and (at.root / "fairtut/chapters" / at.name).exists():
        taken = at.root / "fairtut/chapters" / at.name
    if taken is not None:
        where = taken.relative_to(at.root).as_posix()
        raise InputError(f"{where} is there already: take another name, or move it away")


def _number(root: Path, toc: str) -> int:
    """Return the number behind the last chapter's."""
    listed = [int(found[2]) for found in _LISTED.finditer(toc)]
    if not listed:
        raise InputError(
            f"{root / _TOC} lists no chapter: add one line by hand, such as the others"
        )
    sources = [int(file.name[:2]) for file in (root / "notebooks").glob("[0-9][0-9]_*.py")]
    return max(listed + sources) + 1


def _filled(at: Spot) -> Iterator[tuple[Path, str]]:
    """Yield every new file with its text."""
    address = str(_project(at.root)["urls"]["Repository"])
    marks = {
        "@NAME@": at.name,
        "@STEM@": at.stem,
        "@TITLE@": at.name.replace("_", " ").capitalize(),
        "@ADDRESS@": address,
        "@SLUG@": address.split("/", 3)[3],
    }
    for template, target in _FILES.items():
        text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
        for mark, word in marks.items():
            text, target = text.replace(mark, word), target.replace(mark, word)
        yield at.root / target, text


def _listed(toc: str, at: Spot) -> str:
    """Return the table of contents with the chapter behind the last one."""
    last = list(_LISTED.finditer(toc))[-1]
    return f"{toc[: last.end()]}{last[1]}{at.stem}\n{toc[last.end() :]}"


def _write(texts: Mapping[Path, str]) -> None:
    """Write all files, or none: where one fails, the others are as they were."""
    before = {file: file.read_bytes() if file.exists() else None for file in texts}
    made: list[Path] = []
    try:
        for file, text in texts.items():
            made += [one for one in (file.parent, *file.parent.parents) if not one.exists()]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        _undo(before, made)
        raise FairtutError(f"cannot write {file} ({error}): nothing was changed") from error


def _undo(before: Mapping[Path, bytes | None], made: list[Path]) -> None:
    for file, content in before.items():
        with contextlib.suppress(OSError):
            if content is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(content)
    for folder in made:
        with contextlib.suppress(OSError):
            folder.rmdir()


__all__ = ["Place", "Spot", "chapter", "checkout", "told"]
