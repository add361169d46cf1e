"""Write a release's version, and its tag into every address that somebody installs from.

    make release VERSION=0.2.0
    python -m tools.release --check v0.2.0     # what CI does with a tag

A chapter on Colab installs the package by the address in its first cell.  Without a tag it would
get whatever stands there on that day, from whoever owns the address: so a release pins it, and
there is none under the placeholder's address.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from tools import repo
from tools.common import ROOT, ToolError, exit_with, shown

_VERSION = re.compile(r"\d+\.\d+\.\d+")
# The lines that hold the version: the package's (which the build reads) and the citation's.
_LINES = {
    "fairtut/__init__.py": re.compile(r'^(__version__ = ")([^"]*)(")$', re.M),
    "CITATION.cff": re.compile(r"^(version: )(\S+)()$", re.M),
}


def installs(url: str) -> re.Pattern[str]:
    """Return the pattern of an install from `url`: group 1 without its tag, group 2 the tag."""
    return re.compile(rf"(git\+{re.escape(url)}(?:\.git)?)(?:@([\w.-]+))?(?![\w/-])")


def refuse_placeholder(root: Path = ROOT) -> None:
    """Raise a :class:`ToolError` if the repository's address is the placeholder."""
    if repo.address(root).lower() == repo.PLACEHOLDER:
        raise ToolError(
            f"{repo.PLACEHOLDER} is a placeholder that somebody else may own: write the address "
            "first, make repo URL=https://github.com/owner/name"
        )


def problems(version: str, root: Path = ROOT) -> list[str]:
    """Return where another version stands, or an install without this version's tag."""
    found = []
    for name, pattern in _LINES.items():
        seen = [match[2] for match in pattern.finditer((root / name).read_text("utf-8"))]
        if seen != [version]:
            found.append(f"{name} has {', '.join(seen) or 'no version'}, not {version}")
    pattern, count = installs(repo.address(root)), 0
    for path in repo.places(root):
        tags = [match[2] for match in pattern.finditer(path.read_text("utf-8"))]
        count += len(tags)
        if wrong := [tag for tag in tags if tag != f"v{version}"]:
            found.append(f"{shown(path)} installs {wrong[0] or 'without a tag'}, not v{version}")
    return found if count else [*found, "nothing installs from the repository's address"]


def write(version: str, root: Path = ROOT) -> list[Path]:
    """Write `version` and its tag; return the files that changed.

    Raises
    ------
    ToolError
        If it is no version, or the repository's address is still the placeholder.
    """
    if not _VERSION.fullmatch(version):
        raise ToolError(f"VERSION={version!r} is not three numbers such as 0.2.0")
    refuse_placeholder(root)
    pattern = installs(repo.address(root))

    def change(path: Path, text: str) -> str:
        line = _LINES.get(path.relative_to(root).as_posix())
        text = line.sub(rf"\g<1>{version}\g<3>", text) if line else text
        return pattern.sub(rf"\g<1>@v{version}", text)

    return repo.rewrite(change, root)


def main(argv: Sequence[str] | None = None) -> int:
    """Write a release, or check one."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("version", help="three numbers such as 0.2.0; with --check also v0.2.0")
    parser.add_argument("--check", action="store_true", help="only say what is wrong")
    options = parser.parse_args(argv)
    version = options.version.removeprefix("v") if options.check else options.version
    if options.check:
        refuse_placeholder()
    else:
        for path in write(version):
            print(f"wrote {shown(path)}")
    if wrong := problems(version):
        raise ToolError("; ".join(wrong))
    print(f"version {version}: every install from {repo.address()} is at v{version}")
    if not options.check:
        print(f"next: make test, commit, git tag v{version}, and push both")
    return 0


if __name__ == "__main__":
    exit_with(main)
