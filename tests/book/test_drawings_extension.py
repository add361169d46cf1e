"""The figures as files for slides: all there, valid, without a colour that a page has to give."""

import json
import sys
import xml.etree.ElementTree as ElementTree
import zipfile

import pytest

from tools import rhythm
from tools.cells import read
from tools.common import ROOT, chapters

sys.path.insert(0, str(ROOT / "book" / "_ext"))
extension = pytest.importorskip("fairtut_drawings", exc_type=ImportError)
fairtut_front = pytest.importorskip("fairtut_front", exc_type=ImportError)

pytestmark = [pytest.mark.book, pytest.mark.timeout(600)]
FIGURE = (
    '<figure class="ft-figure" id="fig-walk"><div><svg width="10" style="max-width:100%" '
    'fill="currentColor"><path stroke="currentColor"/></svg></div>'
    "<figcaption><b>Figure 1.</b> A &lt; B.</figcaption></figure>"
)


def test_a_figure_is_cut_out_with_its_caption_and_its_ink():
    cell = {"outputs": [{"data": {"text/html": [FIGURE]}}, {"text": "no figure"}]}
    ((name, svg, caption),) = extension.drawn({"cells": [cell, {"cell_type": "markdown"}]})
    assert (name, caption) == ("walk", "Figure 1. A < B.")
    assert "currentColor" not in svg and "style" not in svg and svg.count(extension.INK) == 2


@pytest.mark.parametrize("source", [pytest.param(p, id=p.stem) for p in chapters()])
def test_every_figure_of_a_chapter_is_a_file_that_parses(source):
    files = {
        name: content
        for name, content in extension.collected(ROOT).items()
        if name.startswith(f"{source.stem}/")
    }
    drawings = {name: content for name, content in files.items() if name.endswith(".svg")}
    for name, content in drawings.items():
        assert ElementTree.fromstring(content).tag.endswith("svg"), name
        assert b"currentColor" not in content, name
    captions = files[f"{source.stem}/captions.txt"].decode().split("\n\n")
    assert len(captions) == len(drawings)
    assert all(len(one.split("\n")[1].split()) > 2 for one in captions)
    called, _ = rhythm.calls([c.source for c in read(source).cells if c.cell_type == "code"])
    assert len(drawings) >= called["show"] / 2  # some calls stand in branches that did not run


def test_the_zip_stands_beside_its_page_and_is_the_same_every_day(site, tmp_path):
    built = site / "book" / extension.ZIP
    again = tmp_path / extension.ZIP
    fairtut_front.pack(extension.collected(ROOT), again)
    assert built.read_bytes() == again.read_bytes()
    names = zipfile.ZipFile(built).namelist()
    assert len(names) == len(set(names)) > 60
    assert json.dumps(names).count("captions.txt") == len(chapters())
