"""Where a record's numbers come from: versions, the code's digest and the configuration."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import fairtut
from fairtut.runtime import code

#: What a record states the version of, besides python and fairtut.
LIBRARIES: Final = ("torch", "torchvision", "numpy", "scipy", "pandas", "scikit-learn")
_INSTALLED: Final = re.compile(r"git\+https://[^\s'\"]+")
_SOMEWHERE: Final = "git+https://github.com/fairtut/fairtut"
PARAMETERS: Final = frozenset({"preset", "data", "seed", "results_dir"})


def library_versions() -> dict[str, str]:
    """Return the versions of python, fairtut and :data:`LIBRARIES`, without importing them.

    Examples
    --------
    >>> from fairtut.evidence.origin import library_versions
    >>> "numpy" in library_versions()
    True
    """
    versions = {"python": platform.python_version(), "fairtut": fairtut.__version__}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def as_json(config: Any) -> dict[str, Any]:
    """Turn a preset into what JSON can hold: nested dataclasses become dicts, tuples lists.

    Parameters
    ----------
    config : dataclass, mapping or None
        A preset's hyper-parameters; None has none.

    Returns
    -------
    dict

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from fairtut.evidence.origin import as_json
    >>> @dataclass
    ... class Preset:
    ...     steps: int
    ...     rates: tuple[float, ...]
    >>> as_json(Preset(steps=3, rates=(0.1, 0.2)))
    {'steps': 3, 'rates': [0.1, 0.2]}
    """
    if config is None:
        return {}
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = dataclasses.asdict(config)
    found: dict[str, Any] = json.loads(json.dumps(config, default=str))
    return found


def study_of(chapter: str) -> str | None:
    """Return the module of a chapter's study, None where the package has none.

    Examples
    --------
    >>> from fairtut.evidence.origin import study_of
    >>> study_of("faap")
    'fairtut.chapters.faap'
    >>> study_of("toy") is None
    True
    """
    name = f"fairtut.chapters.{chapter}"
    return name if importlib.util.find_spec(name) is not None else None


def code_of(chapter: str) -> dict[str, str]:
    """Return the digest of the package's code behind a chapter, nothing where it has no study.

    Parameters
    ----------
    chapter : str
        A chapter's id.

    Returns
    -------
    dict of str to str
        ``study``, 16 hexadecimal digits (``fairtut.runtime.code``), or nothing.

    Examples
    --------
    The digest is that of the chapter's package, which stands in words here:

    >>> from unittest.mock import patch
    >>> from fairtut.evidence.origin import code_of
    >>> with patch("fairtut.runtime.code.digest", "digest of {}".format):
    ...     code_of("faap")
    {'study': 'digest of fairtut.chapters.faap'}
    >>> code_of("toy")
    {}
    """
    study = study_of(chapter)
    return {} if study is None else {"study": code.digest(study)}


def cells_of_kernel() -> dict[str, str]:
    """Return the digest of the cells that this Jupyter kernel has run, nothing outside of one.

    Returns
    -------
    dict of str to str
        ``cells``, from :func:`digest_of_cells`, or nothing.

    Examples
    --------
    >>> from unittest.mock import Mock, patch
    >>> from fairtut.evidence.origin import cells_of_kernel, digest_of_cells
    >>> kernel = Mock(user_ns={"In": ["", "x = f(1)"]})
    >>> with patch.dict("sys.modules", IPython=Mock(get_ipython=lambda: kernel)):
    ...     cells_of_kernel() == {"cells": digest_of_cells(["x = f(1)"])}
    True
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None  # type: ignore[union-attr]
    cells = [] if shell is None else list(shell.user_ns.get("In", []))
    return {"cells": digest_of_cells(cells)} if any(cells) else {}


def digest_of_cells(cells: Iterable[str]) -> str:
    """Return a digest of code cells.

    Comments, values of the four parameters and where the package is installed from do not count:
    the last is written anew by every release.

    Parameters
    ----------
    cells : iterable of str
        Their sources, in the order in which they ran.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> from fairtut.evidence.origin import digest_of_cells
    >>> digest_of_cells(["seed = 0", "f(1)  # one"]) == digest_of_cells(["seed = 1", "f(1)"])
    True
    >>> digest_of_cells(["f(1)"]) == digest_of_cells(["f(2)"])
    False
    """
    found = hashlib.sha256()
    for source in cells:
        found.update("".join(_normal(source)).encode())
    return found.hexdigest()[:16]


def _normal(source: str) -> Iterator[str]:
    """Yield the statements of a cell; one with magics is taken as its text."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        yield source
        return
    for node in tree.body:
        names = {t.id for t in getattr(node, "targets", []) if isinstance(t, ast.Name)}
        literal = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if not (literal and names and names <= PARAMETERS):
            yield _INSTALLED.sub(_SOMEWHERE, ast.dump(node))


def differences(
    have: Mapping[str, Any], want: Mapping[str, Any], *, partial: bool = False, prefix: str = ""
) -> list[str]:
    """Return the dotted keys in which two configurations differ.

    Parameters
    ----------
    have, want : mapping
        What a record holds, and what its preset is.
    partial : bool
        Whether ``have`` may lack keys: it was made before they existed.
    prefix : str
        Put before every key.

    Returns
    -------
    list of str
        Sorted within each level.

    Examples
    --------
    >>> from fairtut.evidence.origin import differences
    >>> have = {"steps": 3, "model": {"width": 8, "depth": 2}}
    >>> want = {"steps": 3, "model": {"width": 16, "depth": 2}, "rate": 0.1}
    >>> differences(have, want)
    ['model.width', 'rate']
    >>> differences(have, want, partial=True)
    ['model.width']
    """
    found: list[str] = []
    for key in sorted({*have, *want}):
        if key not in have:
            found += [] if partial else [prefix + key]
        elif key not in want:
            found.append(prefix + key)
        elif isinstance(have[key], Mapping) and isinstance(want[key], Mapping):
            inner = f"{prefix}{key}."
            found += differences(have[key], want[key], partial=partial, prefix=inner)
        elif have[key] != want[key]:
            found.append(prefix + key)
    return found
