"""Write the repository's address everywhere it is needed, from one place.

The place is ``project.urls.Repository`` in ``pyproject.toml``.  Changing it means changing the
book's buttons, the notebooks' install line and badges, the README and the citation file with it.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tools import cells
from tools.common import ROOT, ToolError, exit_with, shown, write_atomically

#: Stands for an address until somebody publishes the suite; nobody here owns it.
PLACEHOLDER = "https://github.com/" + "fairtut/fairtut"
_ADDRESS = re.compile(r"https://(?P<host>[\w.-]+)/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)")
_PLACES = ("pyproject.toml", "_config.yml", "CITATION.cff", "README.md", "CONTRIBUTING.md")


def address(root: Path = ROOT) -> str:
    """Return the address that stands in ``pyproject.toml``."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["urls"]["Repository"])


def normalise(url: str) -> str:
    """Return `url` without a slash or ``.git`` at its end.

    Raises
    ------
    ToolError
        If it is not the address of a repository.
    """
    clean = url.strip().removesuffix("/").removesuffix(".git")
    if not _ADDRESS.fullmatch(clean):
        raise ToolError(f"{url!r} is not like https://github.com/owner/name")
    return clean


def slug(url: str) -> str:
    """Return ``owner/name``."""
    return url.split("/", 3)[3]


def pages_url(url: str) -> str:
    """Return where GitHub Pages publishes the repository's book, without a slash at the end."""
    owner, name = slug(url).split("/")
    return f"https://{owner.lower()}.github.io/{name}"


def places(root: Path = ROOT) -> Iterator[Path]:
    """Yield the files that may hold the address."""
    for name in _PLACES:
        if (root / name).is_file():
            yield root / name
    for folder, patterns in (
        ("notebooks", ("*.py", "*.ipynb")),
        ("book", ("*.md", "*.bib")),
        ("fairtut", ("**/*.py",)),
    ):
        for pattern in patterns:
            yield from sorted((root / folder).glob(pattern))


def replaced(text: str, old: str, new: str) -> str:
    """Return `text` with the address, its Pages site and ``github/owner/name`` links changed."""
    text = re.sub(re.escape(pages_url(old)) + r"(?![\w-])", pages_url(new), text)
    text = re.sub(re.escape(old) + r"(?![\w-])", new, text)
    return re.sub(rf"(?<=/github/){re.escape(slug(old))}(?![\w-])", slug(new), text)


def rewrite(change: Callable[[Path, str], str], root: Path = ROOT) -> list[Path]:
    """Give each file that may hold the address the text that `change` returns for it.

    A notebook whose outputs were up to date stays so: the address is all that changes in it.

    Returns
    -------
    list of Path
        The files that changed.
    """
    changed = []
    for path in places(root):
        text = path.read_text(encoding="utf-8")
        fresh = change(path, text)
        if fresh == text:
            continue
        valid = False
        if path.suffix == ".ipynb":
            before = cells.read(path)
            valid = cells.stamp_of(before) == cells.source_sha256(before)
        write_atomically(path, fresh)
        if path.suffix == ".ipynb":
            notebook = cells.tidy(cells.read(path))
            if valid:  # what the page shows is as it was: an old stamp of that stays old
                notebook.metadata["fairtut"]["source_sha256"] = cells.source_sha256(notebook)
            write_atomically(path, cells.dumps(notebook))
        changed.append(path)
    return changed


def write(url: str, root: Path = ROOT) -> list[Path]:
    """Replace the old address by `url`; return the files that changed."""
    old, new = address(root), normalise(url)
    return rewrite(lambda _, text: replaced(text, old, new), root)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the address, or change it."""
    parser = argparse.ArgumentParser(prog="make repo", description=__doc__)
    parser.add_argument("url", nargs="?", help="https://github.com/owner/name")
    url = parser.parse_args(argv).url
    if url is None:
        print(f"{address()}   (change it with: make repo URL=https://github.com/owner/name)")
        return 0
    changed = write(url)
    for path in changed:
        print(f"wrote {shown(path)}")
    print(f"repository: {address()} ({len(changed)} files changed)")
    return 0


if __name__ == "__main__":
    exit_with(main)
