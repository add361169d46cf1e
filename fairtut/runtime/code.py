"""A digest of the code that makes a value: what a key and a record name.

A value that was kept is stale as soon as the code that made it has changed.  The digest covers the
syntax trees of a module and of everything inside ``fairtut`` that it imports by name, directly or
not, also inside functions: comments, docstrings, blank lines and the ``TYPE_CHECKING`` imports do
not count, every other change does.  It errs on the careful side: a change in a module that is
imported and not used makes a value again.  Of a package around an imported module, which runs first
and need not be named, what it imports does not count: it reaches nobody who does not name it, so a
new figure of a chapter leaves the chapter's trained networks as they are.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import fairtut

PACKAGE: Final = Path(fairtut.__file__).resolve().parent


def digest(target: str | Callable[..., Any]) -> str:
    """Return 16 hexadecimal digits that change exactly if the code behind ``target`` changes.

    Parameters
    ----------
    target : str or callable
        A module of ``fairtut`` by its dotted name, or a function, class or partial.  Of a callable
        inside the package its module is meant; of one outside (a notebook's cell, a reader's
        script) its own source, and the package's modules that its module has imported.

    Raises
    ------
    ValueError
        If a name is no module of the package.

    Examples
    --------
    >>> digest("fairtut.runtime.seeds") == digest("fairtut.runtime.seeds")
    True
    >>> len(digest("fairtut.runtime.seeds"))
    16
    """
    if isinstance(target, str):
        return _of_modules((target,))
    function = _unwrapped(target)
    module = str(getattr(function, "__module__", "") or "")
    if module == "fairtut" or module.startswith("fairtut."):
        return _of_modules((module,))
    names = sorted({m for m in _globals_from_package(function) if _file(m) is not None})
    return _joined([_own_source(function), *(_of_modules((name,)) for name in names)])


def name(target: Callable[..., Any]) -> str:
    """Return the module and the name of a function, class or partial, as ``module:name``."""
    function = _unwrapped(target)
    return f"{function.__module__}:{function.__qualname__}"


def told(target: Callable[..., Any]) -> dict[str, Any]:
    """Return what a key must hold of a function that is handed over: its code and what it binds.

    Parameters
    ----------
    target : callable
        A function or partial; what a partial or a closure binds must be able to stand in a key
        (:func:`fairtut.runtime.cache.key_of`), else that raises ``InputError``.

    Examples
    --------
    >>> told(functools.partial(int, base=2))["bound"]
    [(), {'base': 2}]
    """
    bound: list[Any] = []
    while isinstance(target, functools.partial):
        bound += [target.args, target.keywords]
        target = target.func
    closed = [cell.cell_contents for cell in getattr(target, "__closure__", None) or ()]
    closed = [told(value) if inspect.isfunction(value) else value for value in closed]
    return {"name": name(target), "code": digest(target), "bound": bound, "closed": closed}


@functools.cache
def modules(name: str) -> tuple[str, ...]:
    """Return ``name`` and the modules of ``fairtut`` that it names in imports, and they in turn."""
    if _file(name) is None:
        raise ValueError(f"{name!r} is no module of fairtut: name one by its dotted path")
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        here = waiting.pop()
        if here in seen or _file(here) is None:
            continue
        seen.add(here)
        waiting += _imports(here)
    return tuple(sorted(seen))


@functools.cache
def _of_modules(names: tuple[str, ...]) -> str:
    found = [m for name in names for m in modules(name)]
    around = {p for m in found for p in _packages(m)} - set(found)
    return _joined([f"{m} {_tree(m)}" for m in found] + [f"{p} {_own(p)}" for p in sorted(around)])


def _packages(name: str) -> Iterator[str]:
    """Yield the packages around a module, which run before it."""
    while "." in name:
        name = name.rsplit(".", 1)[0]
        yield name


def _joined(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _file(name: str) -> Path | None:
    """Return the file of a module of the package, None if there is no such module."""
    parts = name.split(".")
    if parts[0] != "fairtut":
        return None
    stem = PACKAGE.joinpath(*parts[1:])
    for path in (stem / "__init__.py", stem.with_suffix(".py") if len(parts) > 1 else stem):
        if path.is_file():
            return path
    return None


@functools.cache
def _parsed(name: str) -> ast.Module:
    path = _file(name)
    assert path is not None, name
    return stripped(ast.parse(path.read_text(encoding="utf-8")))


@functools.cache
def _tree(name: str) -> str:
    return hashlib.sha256(ast.dump(_parsed(name)).encode()).hexdigest()


@functools.cache
def _own(name: str) -> str:
    """Return a digest of what a package does itself, besides importing and naming its exports."""
    body = [node for node in _parsed(name).body if not _only_names(node)]
    return hashlib.sha256("".join(map(ast.dump, body)).encode()).hexdigest()


def _only_names(node: ast.stmt) -> bool:
    exports = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    return exports or isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)


def stripped(tree: ast.Module) -> ast.Module:
    """Take out what never runs: docstrings and imports for the type checker (in place)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            node.body = [part for part in node.body if not _typing_only(part)]
    return tree


def _typing_only(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in (
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    )


def _imports(name: str) -> Iterator[str]:
    """Yield the modules of the package that a module imports, at its top or inside functions."""
    path = _file(name)
    package = name.split(".") if path and path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(_parsed(name)):
        if isinstance(node, ast.Import):
            for alias in node.names:  # ``import a.b.c`` gives the name a, and with it what a.b has
                parts = alias.name.split(".")
                yield from (".".join(parts[: i + 1]) for i in range(len(parts)))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield stem
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def _unwrapped(target: Any) -> Any:
    while isinstance(target, functools.partial):
        target = target.func
    target = inspect.unwrap(target) if callable(target) else target
    return target if hasattr(target, "__qualname__") else type(target)


def _own_source(function: Any) -> str:
    """Return the syntax of a function from outside the package, its byte code where it has none."""
    try:
        source = inspect.cleandoc("\n" + inspect.getsource(function))
        return ast.dump(stripped(ast.parse(source)))
    except (OSError, TypeError, SyntaxError):
        code = getattr(function, "__code__", None)
        return repr((code.co_code, code.co_consts)) if code is not None else repr(function)


def _globals_from_package(function: Any) -> Iterator[str]:
    """Yield the modules of the package that the names of a foreign module come from."""
    module = sys.modules.get(str(getattr(function, "__module__", "")))
    for value in list(vars(module).values()) if module is not None else []:
        name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "")
        if isinstance(name, str) and name.startswith("fairtut."):
            yield name
