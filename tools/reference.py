"""Write the pages of the API reference: every public name, from its docstring.

A **door** is where a reader imports from: a package that says what it offers in ``__all__``, a
module that lies behind no such package, or one named ``estimator`` whose class the package leaves
out (a record names the code that its chapter imports, and no chapter uses that class).  What a
door offers is public: its ``__all__``, or else
the names of its own without an underscore.  Each name stands once, at the door of its own module
where that is one.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
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


def doors(area: str) -> Iterator[str]:
    """Yield the doors of an area, packages before what lies behind them."""
    top = importlib.import_module(f"fairtut.{area}")
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
    every, found, seen = [d for one in AREAS for d in doors(one)], [], set()
    for door in doors(area):
        module = importlib.import_module(door)
        listed = getattr(module, "__all__", None)
        names = listed if listed is not None else [n for n in vars(module) if n[0] != "_"]
        for name in sorted(names, key=str.lower):
            thing = getattr(module, name)
            own = _module(thing)
            if inspect.ismodule(thing) or (listed is None and own != door):
                continue
            if (own in every and own != door) or (name, id(thing)) in seen:
                continue
            if not own and any(_offers(d, name, thing) for d in every[: every.index(door)]):
                continue
            seen.add((name, id(thing)))
            found.append(Name(door, name, thing))
    return found


def page(area: str) -> str:
    """Return the page of an area."""
    parts = [f"# {AREAS[area]}: `fairtut.{area}`\n"]
    names = public(area)
    for door in dict.fromkeys(name.door for name in names):
        own = [name for name in names if name.door == door]
        lines = [f".. automodule:: {door}", "", ".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {n.name}" for n in own if n.kind != "data" and not n.alias] + [""]
        for name in own:
            lines += [*_entry(name), ""]
        title = f"## `{door}`\n\n" if door != f"fairtut.{area}" else ""
        parts.append(f"{title}```{{eval-rst}}\n" + "\n".join(lines).rstrip() + "\n```\n")
    return "\n".join(parts)


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
