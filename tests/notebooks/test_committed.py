"""Every committed chapter is paired, stamped, free of errors and opens on Colab."""

import pytest

from tools.common import chapters
from tools.notebook_checks import problems

pytestmark = pytest.mark.notebook
CHAPTERS = [pytest.param(path, id=path.stem) for path in chapters()]


@pytest.mark.parametrize("source", CHAPTERS)
def test_the_committed_notebook_is_sound(source):
    assert problems(source) == []


def test_chapters_are_numbered_without_gaps():
    numbers = [int(path.stem[:2]) for path in chapters()]
    assert numbers == list(range(1, len(numbers) + 1))
