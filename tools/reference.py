"""Write the pages of the API reference: every public name, from its docstring.

A **door** is where a reader imports from: a package that says what it offers in ``__all__``, a
module that lies behind no such package, or one named ``estimator`` whose class the package leaves
out (a record names the code that its chapter imports, and no chapter uses that class).  What a
door offers is public: its ``__all__``, or else the classes, functions and described constants of
its own without an underscore.  Each name stands once, at the door of its own module where that is
one.  A package without ``__all__`` and the modules behind a door have a place to link to and no
more, but for the constants of such a module that a text of the package links to.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tools.common import ROOT, exit_with, write_atomically

FOLDER: Final = ROOT / "book" / "api"
AREAS: Final = {
    "metrics": "Metrics",
    "audit": "Audit",
    "methods": "Methods",
    "models": "Models",
    "data": "Data",
    "lab": "The lab",
    "evidence": "Evidence",
    "page": "Pages and figures",
    "errors": "Errors",
}
"""The floors and the module that a reader imports from, in the order of the table of contents."""


@dataclass(frozen=True)
class Name:
    """A public name.

    Attributes
    ----------
    door, name : str
        It is imported by ``from door import name``.
    thing : object
    """

    door: str
    name: str
    thing: Any

    @property
    def kind(self) -> str:
        """The directive of autodoc that describes it."""
        if inspect.isclass(self.thing):
            return "autoexception" if issubclass(self.thing, BaseException) else "autoclass"
        return "autofunction" if _module(self.thing) else "data"

    @property
    def alias(self) -> str:
        """What a class or function calls itself, where that is another name."""
        own = getattr(self.thing, "__name__", self.name) if _module(self.thing) else self.name
        return "" if own == self.name else str(own)


@functools.cache
def doors(area: str) -> tuple[str, ...]:
    """Return the doors of an area, packages before what lies behind them."""
    return tuple(_found(importlib.import_module(f"fairtut.{area}")))


@functools.cache
def every_door() -> tuple[str, ...]:
    """Return the doors of all areas."""
    return tuple(door for area in AREAS for door in doors(area))


def _found(top: ModuleType) -> Iterator[str]:
    if hasattr(top, "__all__") or not hasattr(top, "__path__"):
        yield top.__name__
        return
    closed: list[str] = []
    for found in pkgutil.walk_packages(top.__path__, f"{top.__name__}."):
        if package := next((p for p in closed if found.name.startswith(f"{p}.")), None):
            if found.name.endswith(".estimator") and not _offered(package, found.name):
                yield found.name
            continue
        if found.ispkg and hasattr(importlib.import_module(found.name), "__all__"):
            closed.append(found.name)
        if not found.ispkg or found.name in closed:
            yield found.name


def _offered(package: str, module: str) -> bool:
    """Return whether a package offers something that a module defines."""
    top = importlib.import_module(package)
    return any(_module(getattr(top, name)) == module for name in top.__all__)


def public(area: str) -> list[Name]:
    """Return the public names of an area, each once, by door and in the order of the alphabet."""
    every, found, seen = every_door(), [], set()
    for door in doors(area):
        module = importlib.import_module(door)
        listed = getattr(module, "__all__", None)
        names = listed if listed is not None else [n for n in vars(module) if n[0] != "_"]
        for name in sorted(names, key=str.lower):
            thing = getattr(module, name)
            own = _module(thing)
            if inspect.ismodule(thing):
                continue
            if listed is None and own != door and name not in _constants(door):
                continue
            if (own in every and own != door) or (name, id(thing)) in seen:
                continue
            if not own and any(_offers(d, name, thing) for d in every[: every.index(door)]):
                continue
            seen.add((name, id(thing)))
            found.append(Name(door, name, thing))
    return found


@functools.cache
def _constants(module: str) -> frozenset[str]:
    """Return the constants and the types of its own that a module describes."""
    from sphinx.pycode import ModuleAnalyzer

    docs = ModuleAnalyzer.for_module(module).find_attr_docs()
    return frozenset(name for owner, name in docs if not owner)


def inner(door: str) -> list[str]:
    """Return the modules behind a door, but for one that a name of the door hides."""
    top = importlib.import_module(door)
    if not hasattr(top, "__path__") or not hasattr(top, "__all__"):
        return []
    offered = {f"{door}.{name}" for name in top.__all__ if not inspect.ismodule(getattr(top, name))}
    found = (module.name for module in pkgutil.walk_packages(top.__path__, f"{door}."))
    known = offered.union(every_door())
    return [name for name in found if name not in known]


def linked(module: str) -> list[Name]:
    """Return the constants of a module behind a door that a text of the package links to."""
    found = [name for name in sorted(_constants(module)) if f"{module}.{name}`" in _texts()]
    return [Name(module, name, getattr(importlib.import_module(module), name)) for name in found]


@functools.cache
def _texts() -> str:
    """Return the sources of the package, docstrings and comments with them."""
    return "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "fairtut").rglob("*.py"))


def page(area: str) -> str:
    """Return the page of an area."""
    top, names = f"fairtut.{area}", public(area)
    parts = [f"# {AREAS[area]}: `{top}`\n"]
    if top not in doors(area):
        parts.append(_block([f".. py:module:: {top}"]))
    for door in dict.fromkeys(name.door for name in names):
        lines = _door(door, [name for name in names if name.door == door])
        parts.append((f"## `{door}`\n\n" if door != top else "") + _block(lines))
    return "\n".join(parts)


def _block(lines: Sequence[str]) -> str:
    return "```{eval-rst}\n" + "\n".join(lines).rstrip() + "\n```\n"


def _door(door: str, names: Sequence[Name]) -> list[str]:
    """Return the lines that describe a door and its names."""
    # a link to a module behind the door leads to the door, so these come first
    lines = [line for name in inner(door) for line in (f".. py:module:: {name}", "")]
    lines += [f".. automodule:: {door}", "", ".. autosummary::", "   :nosignatures:", ""]
    lines += [f"   {n.name}" for n in names if n.kind != "data" and not n.alias] + [""]
    for name in names:
        lines += [*_entry(name), ""]
    for name in (name for module in inner(door) for name in linked(module)):
        first, *rest = _entry(name)
        lines += [first, f"   :module: {name.door}", *rest, ""]
    return lines


def _entry(name: Name) -> list[str]:
    """Return the lines that describe a name."""
    if name.alias:
        return [f".. py:data:: {name.name}", "", f"   Another name of :func:`{name.alias}`."]
    if name.kind == "data":
        return [f".. py:data:: {name.name}", "", *(f"   {line}" for line in comment(name))]
    lines = [f".. {name.kind}:: {name.name}"]
    if name.kind == "autoclass":
        lines.append("   :members:")
        foreign = [key for key, value in vars(name.thing).items() if _is_foreign(value)]
        lines += [f"   :exclude-members: {', '.join(foreign)}"] * bool(foreign)
    return lines


def _is_foreign(member: object) -> bool:
    """Whether another library has put it into a class, with a text full of its own references."""
    return type(member).__module__.startswith("sklearn.")


def comment(name: Name) -> list[str]:
    """Return what stands beside a constant where it is defined, in lines; none if nothing does."""
    from sphinx.pycode import ModuleAnalyzer

    modules = [name.door, *sorted(m for m in sys.modules if m.startswith("fairtut."))]
    for module in modules:
        if getattr(sys.modules[module], name.name, None) is name.thing:
            docs = ModuleAnalyzer.for_module(module).find_attr_docs()
            if ("", name.name) in docs:
                return [line for line in docs["", name.name] if line]
    return []


def pages() -> dict[Path, str]:
    """Return every page of the reference by its path."""
    return {FOLDER / f"{area}.md": page(area) for area in AREAS}


def _offers(door: str, name: str, thing: Any) -> bool:
    """Whether a door lists this very constant."""
    module = importlib.import_module(door)
    return name in getattr(module, "__all__", ()) and getattr(module, name) is thing


def _module(thing: Any) -> str:
    """The module that defines a class or function, empty for anything else."""
    plain = inspect.isclass(thing) or inspect.isfunction(thing)
    return str(thing.__module__) if plain else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages and say how many names they hold."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.parse_args(argv)
    for path, text in pages().items():
        write_atomically(path, text)
    print(f"{sum(len(public(area)) for area in AREAS)} public names in {len(AREAS)} pages")
    return 0


if __name__ == "__main__":
    exit_with(main)
