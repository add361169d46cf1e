"""The lock of the published site, and what is refused of one."""

import re
from pathlib import Path

import pytest

from tools import lock

ROOT = Path(__file__).resolve().parents[2]
HASH = "--hash=sha256:" + "0f" * 32
WANTED = "numpy>=2.0  # numbers\n\n# Book\njupyter-book==1.0.4.post1\n"
GOOD = f"numpy==2.4.6 \\\n    {HASH} \\\n    {HASH}\njupyter-book==1.0.4.post1 \\\n    {HASH}\n"


def test_the_committed_lock_holds_every_requirement_with_a_hash():
    wanted = (ROOT / "requirements.txt").read_text("utf-8")
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert list(lock.problems(wanted, text)) == []
    assert all(re.fullmatch(r"[\w.-]+==\S+( ; .+)?", one) for one, _ in lock.entries(text))
    # what requirements need is there too, or the install would stop
    assert sum(1 for _ in lock.entries(text)) > 2 * sum(1 for _ in lock.entries(wanted))


def test_a_good_lock_has_no_problem():
    assert list(lock.problems(WANTED, GOOD)) == []
    assert list(lock.entries(GOOD)) == [("numpy==2.4.6", 2), ("jupyter-book==1.0.4.post1", 1)]
    two = GOOD.replace("numpy==2.4.6 ", "numpy==2.4.6 ; python_version < '3.14' ", 1)
    assert list(lock.problems(WANTED, two)) == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda text: text.split("jupyter")[0], "jupyter-book is in requirements.txt and not"),
        (lambda text: text.replace("2.4.6", "1.26.4"), "asks for numpy>=2.0, the lock has 1.26.4"),
        (lambda text: text.replace("numpy==", "numpy>="), "numpy is not pinned"),
        (lambda text: text.replace(HASH, ""), "numpy has no hash"),
        (lambda text: text.replace(HASH, HASH[:-1]), "no requirement: numpy==2.4.6"),
        (lambda text: "--index-url https://a.example/\n" + text, "an option: '--index-url'"),
        (lambda text: text + f"tqdm @ https://a.example/tqdm.whl {HASH}\n", "an address"),
        (lambda text: text + f"./wheels/tqdm.whl {HASH}\n", "a path"),
        (lambda text: text + f"file:///wheels/tqdm.whl {HASH}\n", "file://"),
    ],
    ids=[
        "missing",
        "too-old",
        "loose",
        "no-hash",
        "short-hash",
        "index",
        "address",
        "path",
        "file",
    ],
)
def test_what_is_wrong_with_a_lock_is_named(spoil, says):
    found = list(lock.problems(WANTED, spoil(GOOD)))
    assert any(says in line for line in found), found


def test_the_published_site_is_built_from_the_lock():
    text = (ROOT / ".github" / "workflows" / "book.yml").read_text("utf-8")
    assert re.search(r"^ +LOCKED: \"1\"", text, re.M)
    # another build of torch has other digests
    assert "UV_TORCH_BACKEND" not in text
    assert f'python-version: "{lock.PYTHON}"' in text
