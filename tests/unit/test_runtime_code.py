"""A digest of code changes with the code, and with nothing else."""

import functools
import importlib
import sys

import pytest

from fairtut.runtime import code

FRESH = ("modules", "_of_modules", "_parsed", "_tree", "_own")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of a small `fairtut`, whose digests are computed from its files."""
    root = tmp_path / "fairtut"

    def write(name: str, text: str) -> None:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for cached in FRESH:
            getattr(code, cached).cache_clear()

    write("__init__.py", "")
    write("a/__init__.py", '"""A."""\n')
    write("a/loss.py", 'def loss(x):\n    """Text."""\n    return 2 * x\n')
    write("a/unused.py", "VALUE = 1\n")
    write("b.py", "def train():\n    from fairtut.a.loss import loss\n    return loss(1)\n")
    monkeypatch.setattr(code, "PACKAGE", root)
    yield write
    for cached in FRESH:
        getattr(code, cached).cache_clear()


def test_the_closure_follows_imports_inside_functions_and_packages(package):
    assert code.modules("fairtut.b") == ("fairtut.a.loss", "fairtut.b")


@pytest.mark.parametrize(
    "text",
    [
        'def loss(x):\n    """Other words."""\n    return 2 * x\n',
        "# a comment\ndef loss(x):\n\n    return (2 * x)  # and one more\n",
        "from typing import TYPE_CHECKING\n",
    ],
)
def test_words_do_not_count(package, text):
    before = code.digest("fairtut.b")
    if "TYPE_CHECKING" in text:
        package("a/loss.py", text + "def loss(x):\n    return 2 * x\n")
        before = code.digest("fairtut.b")
        text += "if TYPE_CHECKING:\n    import torch\n\n\ndef loss(x):\n    return 2 * x\n"
    package("a/loss.py", text)
    assert code.digest("fairtut.b") == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a/loss.py", "def loss(x):\n    return 3 * x\n"),
        ("a/__init__.py", "SIDE = 'effect'\n"),
        ("b.py", "def train():\n    from fairtut.a.loss import loss\n    return loss(2)\n"),
    ],
)
def test_every_line_that_can_run_counts(package, file, text):
    before = code.digest("fairtut.b")
    package(file, text)
    assert code.digest("fairtut.b") != before


def test_what_a_package_imports_counts_only_where_the_package_is_named(package):
    package("a/__init__.py", "from fairtut.a import unused\n\n__all__ = ['unused']\n")
    before = code.digest("fairtut.b")
    package("a/unused.py", "VALUE = 2\n")
    assert code.digest("fairtut.b") == before, "b names a.loss, and of a itself nothing"
    for named in ("from fairtut import a", "from fairtut.a import VALUE", "import fairtut.a.loss"):
        package("b.py", f"{named}\n")
        package("a/unused.py", "VALUE = 2\n")
        before = code.digest("fairtut.b")
        package("a/unused.py", "VALUE = 3\n")
        assert code.digest("fairtut.b") != before, named


def test_exports_alone_are_nothing_that_a_package_does(package):
    before = code.digest("fairtut.b")
    package("a/__init__.py", "from fairtut.a import unused\n\n__all__ = ['unused']\n")
    assert code.digest("fairtut.b") == before
    package("a/__init__.py", "from fairtut.a import unused\n\nunused.VALUE = 3\n")
    assert code.digest("fairtut.b") != before


def test_a_module_that_is_not_imported_does_not_count(package):
    before = code.digest("fairtut.b")
    package("a/unused.py", "VALUE = 2\n")
    assert code.digest("fairtut.b") == before


def test_a_function_stands_for_its_module_and_a_partial_for_its_function():
    from fairtut.runtime.seeds import numpy_rng

    module = importlib.import_module(numpy_rng.__module__)
    assert code.digest(numpy_rng) == code.digest(module.__name__)
    assert code.digest(functools.partial(numpy_rng, 1)) == code.digest(numpy_rng)


def test_a_readers_function_counts_with_what_it_uses(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest_with(line: str) -> str:
        (tmp_path / "reader_script.py").write_text(
            f"from fairtut.runtime import seeds\n\n\ndef f():\n    {line}\n"
        )
        sys.modules.pop("reader_script", None)
        importlib.invalidate_caches()
        import linecache

        linecache.clearcache()
        return code.digest(importlib.import_module("reader_script").f)

    assert digest_with("return 1") == digest_with("return 1  # a comment")
    assert digest_with("return 1") != digest_with("return 22")


def test_an_unknown_module_is_named():
    with pytest.raises(ValueError, match=r"fairtut\.nowhere"):
        code.digest("fairtut.nowhere")


def test_what_a_function_binds_is_told_and_what_cannot_be_told_is_refused():
    from fairtut.errors import InputError
    from fairtut.runtime.cache import key_of
    from fairtut.runtime.seeds import stream_seed

    def scaled(factor):
        def work(x):
            return factor * x

        return work

    def key(function):
        return key_of(code.told(function))

    assert key(scaled(2)) == key(scaled(2)) != key(scaled(3))
    one, two = (functools.partial(stream_seed, 0, purpose) for purpose in "ab")
    assert key(one) == key(functools.partial(stream_seed, 0, "a")) != key(two)
    assert key(functools.partial(one, "c")) not in (key(one), key(two), key(stream_seed))
    assert key(scaled(scaled(2))) != key(scaled(scaled(3))), "also a function within"
    with pytest.raises(InputError, match="cannot be part of a key"):
        key(scaled(object()))
