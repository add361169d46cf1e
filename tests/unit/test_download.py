"""A figure that can be taken along: two links whose files are what they say."""

import base64
import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest

from fairtut.errors import InputError
from fairtut.page.download import download
from fairtut.page.markup import Bundle


def drawn():
    fig, ax = plt.subplots()
    ax.plot([0, 1])
    return fig


def test_both_files_are_there_whole_and_the_figure_is_closed():
    fig = drawn()
    shown = download(fig, name="one-slide", alt="A line.", title="A <line>")
    assert isinstance(shown, Bundle) and not plt.fignum_exists(fig.number)
    page = shown.data["text/html"]
    files = dict(re.findall(r'download="([^"]+)" href="data:[^,]+,([^"]+)"', page))
    assert list(files) == ["one-slide.svg", "one-slide.png"] and "&lt;line&gt;" in page
    assert base64.b64decode(files["one-slide.png"]).startswith(b"\x89PNG")
    root = ElementTree.fromstring(base64.b64decode(files["one-slide.svg"]))
    assert root.get("aria-label") == "A line." and root.get("color")


def test_the_same_figure_gives_the_same_bytes():
    one, other = (download(drawn(), name="a", alt="b", title="c") for _ in range(2))
    assert one.data == other.data


def test_a_bad_name_is_refused():
    with pytest.raises(InputError, match="lower-case"):
        download(drawn(), name="One Slide", alt="a", title="b")
