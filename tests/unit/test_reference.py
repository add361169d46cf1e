"""The API reference: every public name stands in it, says what it is, and its examples run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import pytest

import fairtut
from fairtut import metrics
from tools import reference
from tools.reference import AREAS, public


def modules():
    """Every module of the package that says >>> somewhere."""
    found = [m.name for m in pkgutil.walk_packages(fairtut.__path__, "fairtut.")]
    return [name for name in found if not name.endswith("__main__") and _source(name)]


def _source(name):
    spec = importlib.util.find_spec(name)
    with open(spec.origin, encoding="utf-8") as file:
        return ">>>" in file.read()


def lacking(area):
    return [
        f"{one.door}.{one.name}"
        for one in public(area)
        if one.kind not in ("data", "autoexception")
        and not one.alias
        and ">>>" not in example(one.thing)
    ]


def example(thing):
    """The docstring of a name, and of the methods of a class."""
    texts = [thing.__doc__ or ""]
    if inspect.isclass(thing):
        texts += [m.__doc__ or "" for m in vars(thing).values() if hasattr(m, "__doc__")]
    return "\n".join(texts)


def test_the_pages_are_what_the_code_offers():
    """Written by `python -m tools.reference`."""
    for path, text in reference.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"run python -m tools.reference: {path}"
    assert {p.name for p in reference.FOLDER.iterdir()} == {f"{area}.md" for area in AREAS}


@pytest.mark.parametrize("area", AREAS)
def test_every_public_name_is_on_its_page(area):
    text = (reference.FOLDER / f"{area}.md").read_text(encoding="utf-8")
    names = public(area)
    assert names
    for one in names:
        entry = "py:data" if one.kind == "data" or one.alias else one.kind
        assert f".. {entry}:: {one.name}\n" in text, one


def test_all_that_metrics_offers_is_public():
    assert {one.name for one in public("metrics")} == set(metrics.__all__)


def test_a_name_stands_once():
    every = [(id(one.thing), one.name) for area in AREAS for one in public(area)]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("area", AREAS)
def test_classes_and_functions_are_described(area):
    bare = [
        f"{one.door}.{one.name}"
        for one in public(area)
        if one.kind != "data" and not (one.thing.__doc__ or "").strip()
    ]
    assert bare == []


@pytest.mark.parametrize("area", AREAS)
def test_every_name_has_an_example(area):
    assert lacking(area) == []


@pytest.mark.parametrize("name", modules())
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")  # an example may leave its figure open
    assert found.failed == 0


def test_a_wrong_example_is_seen(monkeypatch):
    wrong = type(sys)("wrong")
    wrong.__doc__ = ">>> 1 + 1\n3\n"
    assert doctest.testmod(wrong, report=False, verbose=False).failed == 1


def test_an_estimator_that_its_package_leaves_out_is_a_door_of_its_own():
    names = {(name.door, name.name) for name in reference.public("methods")}
    assert ("fairtut.methods.lassi.estimator", "LASSI") in names
    assert ("fairtut.methods.faap", "FAAP") in names  # its package offers it
    assert "fairtut.methods.faap.estimator" not in {door for door, _ in names}


def test_every_error_of_ours_that_a_docstring_names_stands_on_its_page():
    """Under the name that links there: the errors' own module before it."""
    ours = {one.name for one in public("errors")}
    named, bare = set(), set()
    for path in Path(fairtut.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"fairtut\.errors\.([A-Z]\w+)", text))
        bare |= ours & set(re.findall(r"^ +([A-Z]\w+)$", text, re.MULTILINE))
    assert named <= ours and len(named) > 5
    assert bare == set(), "as in `Raises` without the module"
