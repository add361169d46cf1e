"""The package's own code on a page: signature and body, what it promises folded above, its file."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import textwrap
from dataclasses import dataclass
from typing import Any

from fairtut.errors import InputError
from fairtut.page.markup import escape


@dataclass(frozen=True)
class Source:
    r"""Code as a page shows it; :func:`source_of` makes one.

    Attributes
    ----------
    name : str
        With its class, where it is a method.
    docstring : str
        Folded away on a page.
    code : str
        Signature and body, without the docstring.
    link : str
        HTML that leads to the file.

    Examples
    --------
    >>> from fairtut.page.source import Source
    >>> Source("half", "Return a half of x.", "def half(x):\n    return x / 2", "")
    def half(x):
        return x / 2
    """

    name: str
    docstring: str
    code: str
    link: str

    def __repr__(self) -> str:
        """Return the code alone, for a reader without HTML."""
        return self.code

    def _repr_html_(self) -> str:
        from pygments import highlight  # comes with Jupyter
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        says = self.docstring.partition("\n")[0] or self.name
        folded = (
            f"<details><summary>{escape(says)}</summary>"
            f"<pre>{escape(self.docstring)}</pre></details>"
        )
        # marked as the book's own code is; the colours come from the page
        lexer, marks = PythonLexer(), HtmlFormatter(nowrap=True)
        code = f'<div class="highlight"><pre>{highlight(self.code, lexer, marks)}</pre></div>'
        return folded + code + self.link


def source_of(thing: Any) -> Source:
    """Show a function, method or class of the package in full, its docstring folded away.

    Parameters
    ----------
    thing : function, method or class
        With a public name: what a page shows, a reader may call.

    Raises
    ------
    fairtut.errors.InputError
        If it is private, or not of this package.

    Examples
    --------
    >>> from fairtut.lab.choice import beats
    >>> print(repr(source_of(beats)).partition("(")[0])
    def beats
    """
    target = inspect.unwrap(thing)
    name, module = target.__qualname__, target.__module__
    if any(part.startswith("_") and not part.startswith("__") for part in name.split(".")):
        raise InputError(f"{name} is private: show what a reader can call, or make it public")
    if not module.startswith("fairtut."):
        raise InputError(f"{name} is of {module}, not of fairtut")
    text = textwrap.dedent(inspect.getsource(target)).rstrip()
    package = inspect.getfile(target).endswith("__init__.py")
    path = module.replace(".", "/") + ("/__init__.py" if package else ".py")
    return Source(name, inspect.getdoc(target) or "", bare(text), _link(path))


def bare(text: str) -> str:
    r"""Return Python code without the docstring of its first definition.

    >>> print(bare('def f(x):\n    "Say."\n    return x'))
    def f(x):
        return x
    """
    lines = text.splitlines()
    body = ast.parse(text).body[0].body  # type: ignore[attr-defined]
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(body) > 1:
        del lines[first.lineno - 1 : first.end_lineno]
        while not lines[first.lineno - 1].strip():
            del lines[first.lineno - 1]
    return "\n".join(lines)


def _link(path: str) -> str:
    urls = importlib.metadata.metadata("fairtut").get_all("Project-URL") or []
    home = next((u.partition(", ")[2] for u in urls if u.startswith("Repository, ")), "")
    shown = f"<code>{escape(path)}</code>"
    return f'<a href="{escape(home)}/blob/main/{escape(path)}">{shown}</a>' if home else shown
