"""The references of docstrings and pages, looked up in the pages of the reference as Sphinx does.

Sphinx itself takes a minute for the whole book.  What a docstring says is read as the book reads
it, by napoleon; what the reference has, from its pages.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from sphinx.ext.napoleon import Config, NumpyDocstring
from sphinx.pycode import ModuleAnalyzer

from tools import reference
from tools.common import NOTEBOOKS, ROOT

SETTINGS = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
_NAPOLEON = Config(**{k: v for k, v in SETTINGS.items() if k.startswith("napoleon_")})
_ROLES = "func|class|data|mod|meth|attr|exc|obj"
_ROLE = re.compile(rf"(?::(?:py:)?({_ROLES}):|\{{(?:py:)?({_ROLES})\}})`([^`]+)`")
_RAISES = re.compile(r"^\s*:raises ([^:]+):", re.MULTILINE)
_TYPE = re.compile(r"^\s*:(?:var)?type [^:]+: (.+)$", re.MULTILINE)
_BETWEEN = re.compile(r"\s*[\[\](),|]\s*(?:or\s|of\s)?\s*|\s+(?:or|of)\s+|\.\.\.")
_ENTRY = re.compile(r"^\.\. (auto|py:)(\w+):: (\S+)\n(?: +:module: (\S+)\n)?", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """A docstring or a page, and where its short names are looked for.

    Attributes
    ----------
    where : str
        Its full name or its path.
    text : str
    module, owner : str
        The door and the class, empty where there is none.
    """

    where: str
    text: str
    module: str = ""
    owner: str = ""


def ignored(role: str, target: str) -> bool:
    """Whether the book's configuration lets a reference lead nowhere."""
    rules = SETTINGS["nitpick_ignore_regex"]
    return any(re.fullmatch(r, role) and re.fullmatch(t, target) for r, t in rules)


def entries() -> Iterator[tuple[str, str, str]]:
    """Yield kind, module and name of every entry of the reference.

    A door is a ``door`` and a module with a mere place to link to a ``module``, without a name.
    """
    for path in sorted(reference.FOLDER.glob("*.md")):
        door = ""
        for tool, kind, name, module in _ENTRY.findall(path.read_text(encoding="utf-8")):
            if kind == "summary":
                continue
            if kind == "module":
                door = name if tool == "auto" else door
                yield "door" if tool == "auto" else "module", name, ""
            else:
                yield kind, module or door, name


@functools.cache
def published() -> frozenset[str]:
    """Return the full names that a reference can lead to."""
    found = set()
    for kind, module, name in entries():
        full = f"{module}.{name}" if name else module
        found.add(full)
        if kind in ("class", "exception"):
            thing = getattr(importlib.import_module(module), name)
            found.add(f"{thing.__module__}.{thing.__qualname__}")  # Sphinx' canonical name
            if kind == "class":
                found |= {f"{full}.{member}" for member in members(thing)}
    return frozenset(found)


def members(thing: type) -> dict[str, str]:
    """Return the members of a class that the reference describes, with their texts."""
    texts = {k: inspect.getdoc(getattr(thing, k)) or "" for k in _own(thing) if k[0] != "_"}
    notes = ModuleAnalyzer.for_module(thing.__module__).find_attr_docs()
    texts |= {k: "\n".join(v) for (owner, k), v in notes.items() if owner == thing.__qualname__}
    return {name: text for name, text in texts.items() if text}


def _own(thing: type) -> list[str]:
    described = (functools.cached_property, classmethod, staticmethod)
    return [
        key
        for key, value in vars(thing).items()
        if inspect.isfunction(value)
        or inspect.isdatadescriptor(value)
        or isinstance(value, described)
    ]


def docstrings() -> Iterator[Text]:
    """Yield what the reference shows of the code."""
    for kind, module, name in entries():
        thing: typing.Any = importlib.import_module(module)
        if kind == "door":
            yield Text(module, inspect.getdoc(thing) or "", module)
        elif kind not in ("module", "data"):  # what is said of a constant stands on the page
            thing, full = getattr(thing, name), f"{module}.{name}"
            owner = name if kind == "class" else ""
            yield Text(full, inspect.getdoc(thing) or "", module, owner)
            for member, text in members(thing).items() if owner else ():
                yield Text(f"{full}.{member}", text, module, owner)


def pages() -> Iterator[Text]:
    """Yield the pages and chapters of the book."""
    for path in sorted([*(ROOT / "book").rglob("*.md"), *NOTEBOOKS.glob("[0-9]*.py")]):
        yield from _parts(path, path.read_text(encoding="utf-8"))


def _parts(path: Path, text: str) -> Iterator[Text]:
    """Yield a page as one text, or where it has doors, each of them with its names."""
    doors = list(re.finditer(r"^\.\. automodule:: (\S+)$", text, re.MULTILINE))
    ends = [door.start() for door in doors] + [len(text)]
    yield Text(path.relative_to(ROOT).as_posix(), text[: ends[0]])
    for door, end in zip(doors, ends[1:], strict=True):
        yield Text(path.relative_to(ROOT).as_posix(), text[door.end() : end], door[1])


def broken(one: Text, docstring: bool = True) -> list[str]:
    """Return the references of a text that lead nowhere, each as ``role target``."""
    text = one.text
    if docstring:
        text = "\n".join(NumpyDocstring(text, _NAPOLEON).lines())
    named = [(a or b, _target(target)) for a, b, target in _ROLE.findall(text)]
    lost = [
        f"{role} {target}"
        for role, target in named
        if not _leads(one, role, target)
        and not ("." in target and ignored(f"py:{role}", target))  # a short name has no excuse
    ]
    words = {word for found in _RAISES.findall(text) for word in found.split(", ")}
    words |= {word for found in _TYPE.findall(text) for word in _BETWEEN.split(found)}
    return lost + [f"type {word}" for word in sorted(words) if word and not _is_type(word)]


def _is_type(word: str) -> bool:
    """Whether a word in the place of a type leads somewhere, or need not."""
    known = hasattr(builtins, word) or hasattr(typing, word)  # Sphinx passes both
    return known or "`" in word or word in _ends() or ignored("py:class", word)


@functools.cache
def _ends() -> frozenset[str]:
    """Return the full names and what stands after each of their dots."""
    parts = [name.split(".") for name in published()]
    return frozenset(".".join(p[i:]) for p in parts for i in range(len(p)))


def _target(written: str) -> str:
    """Return the target of ``target``, ``~target`` or ``title <target>``."""
    written = re.sub(r"\s+", " ", written)
    inside = re.search(r"<(.+)>$", written)
    return (inside[1] if inside else written).lstrip("~").removesuffix("()")


def _leads(one: Text, role: str, target: str) -> bool:
    if target in published():
        return True
    around = ("", one.owner, one.module, f"{one.module}.{one.owner}")
    return role != "mod" and any(f"{part}.{target}" in published() for part in around if part)
