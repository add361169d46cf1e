"""The built pages: all there, all links inside the book work, every picture is described."""

import copy
import json
import posixpath
import subprocess
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from fairtut.page import results
from tools import book, cells, page_checks, repo, rhythm
from tools.common import ROOT, chapters

pytestmark = [pytest.mark.book, pytest.mark.timeout(600)]


def test_every_page_of_the_contents_exists(site):
    for page in ["index", *book.pages()]:
        assert (site / f"{page}.html").is_file(), page


def test_every_chapter_is_in_the_contents():
    listed = set(book.pages())
    assert {f"notebooks/{source.stem}" for source in chapters()} <= listed


def broken_links(pages, site):
    """Return every link, picture, script or style inside the book that leads nowhere."""
    ids = {
        name: {tag["id"] for tag in page.find_all(id=True)}
        | {tag["name"] for tag in page.find_all("a", attrs={"name": True})}
        for name, page in pages.items()
    }
    broken = []
    for name, page in pages.items():
        for tag, attribute in (("a", "href"), ("img", "src"), ("script", "src"), ("link", "href")):
            for element in page.find_all(tag, attrs={attribute: True}):
                parts = urlsplit(element[attribute])
                if parts.scheme or parts.netloc or element[attribute] in ("", "#"):
                    continue
                path = unquote(parts.path)
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
                if not path:
                    target = name
                if not (site / target).is_file():
                    broken.append(f"{name}: {element[attribute]}")
                elif parts.fragment and target in ids:
                    fragment = unquote(parts.fragment)
                    if fragment not in ids[target] and not _known_fragment(fragment):
                        broken.append(f"{name}: {element[attribute]} (no such anchor)")
    return broken


def _known_fragment(fragment):
    # the browser resolves these itself
    return fragment == "top"


def test_what_the_quick_tests_look_references_up_in_stands_in_the_book(site):
    from sphinx.util.inventory import InventoryFile

    from tests.crossrefs import published

    with (site / "objects.inv").open("rb") as file:
        found = InventoryFile.load(file, "", posixpath.join)
    ours = {name for role, names in found.items() if role.startswith("py:") for name in names}
    assert published() <= ours
    assert {name for name in ours - published() if not name.endswith(".model_config")} == set()


def test_no_broken_link_inside_the_book(pages, site):
    assert broken_links(pages, site) == []


def test_the_link_checker_sees_a_broken_link(site):
    from bs4 import BeautifulSoup

    page = BeautifulSoup(
        '<a href="gone.html">x</a><a href="#nowhere">y</a><a href="#here" id="here">z</a>'
        '<img src="_images/no.png"><a href="https://example.org/gone">w</a>',
        "html.parser",
    )
    assert broken_links({"toy.html": page}, site)[0] == "toy.html: gone.html"
    (site / "toy.html").write_text(str(page))
    try:
        assert len(broken_links({"toy.html": page}, site)) == 3
    finally:
        (site / "toy.html").unlink()


def described(element):
    """Tell whether a picture says in words what it shows."""
    if element.name == "img":
        return bool(element.get("alt", "").strip())
    if element.get("aria-hidden") == "true" or element.get("role") == "presentation":
        return True
    title = element.find(["title", "desc"])
    label = element.get("aria-label") or element.get("aria-labelledby")
    return bool(label or (title and title.get_text(strip=True)))


def test_every_picture_has_words(pages):
    silent = []
    for name, page in pages.items():
        article = page.select_one("article") or page
        for element in article.find_all(["img", "svg"]):
            if element.find_parent("svg") is None and not described(element):
                silent.append(f"{name}: {str(element)[:120]}")
    assert silent == []


def test_no_picture_is_described_by_its_file_name(pages):
    lazy = [
        f"{name}: {image['alt']}"
        for name, page in pages.items()
        for image in page.select("article img[alt]")
        if image["alt"].startswith(("../", "_images/"))
        or image["alt"].endswith((".png", ".svg", ".jpg"))
    ]
    assert lazy == []


def test_every_figure_has_a_caption(pages):
    for name, page in pages.items():
        for figure in page.select("figure.ft-figure"):
            caption = figure.find("figcaption")
            assert caption is not None and caption.get_text(strip=True), name


def test_headings_start_at_one_and_skip_no_level(pages):
    for name in (f"{page}.html" for page in book.pages()):
        article = pages[name].select_one("article")
        levels = [int(h.name[1]) for h in article.find_all(["h1", "h2", "h3", "h4", "h5"])]
        assert levels.count(1) == 1, name
        for before, after in pairwise(levels):
            assert after <= before + 1, (name, levels)


@pytest.mark.parametrize("source", [pytest.param(p, id=p.stem) for p in chapters()])
def test_exercises_are_numbered_and_each_solution_stands_below_its_own(source, pages):
    page = pages[f"notebooks/{source.stem}.html"]
    number = page.select_one("h1 .section-number").get_text().strip(" .")
    boxes = page.select("div.exercise, div.solution")
    counts = rhythm.exercises(cells.read(source))
    exercises = [box for box in boxes if "exercise" in box["class"]]
    assert len(exercises) == counts["exercises"]
    assert len(boxes) - len(exercises) == counts["solved exercises"]
    for at, box in enumerate(exercises, 1):
        title = " ".join(box.select_one(".admonition-title").get_text().split())
        assert title.startswith(f"Exercise {number}.{at} ("), title
        assert box.select_one("p:not(.admonition-title)").get_text().strip(), title
    for before, box in pairwise(boxes):
        if "solution" in box["class"]:
            assert "exercise" in before["class"], box["id"]
            assert box.select_one("div.cell"), f"{box['id']}: a solution that was not run"


@pytest.mark.parametrize("source", [pytest.param(p, id=p.stem) for p in chapters()])
def test_colab_opens_a_tracked_notebook(source, pages):
    page = pages[f"notebooks/{source.stem}.html"]
    links = [a["href"] for a in page.find_all("a", href=True) if "colab.research" in a["href"]]
    where = f"notebooks/{source.stem}.ipynb"
    branch = f"/github/{repo.slug(repo.address())}/blob/main/{where}"
    launch = [link for link in links if urlsplit(link).path == branch]
    assert launch, links
    notebook = json.loads((ROOT / where).read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    done = subprocess.run(
        ["git", "ls-files", "--", where], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    assert done.stdout.split() == [where], f"{where} is not tracked by git"


def test_other_pages_offer_no_dead_colab_button(pages):
    for name, page in pages.items():
        if not name.startswith("notebooks/"):
            buttons = page.select(".dropdown-launch-buttons a[href*='colab.research']")
            assert buttons == [], name


def test_repository_buttons_use_the_one_address(pages):
    url = repo.address()
    for page in book.pages():
        links = [a["href"] for a in pages[f"{page}.html"].select(".article-header-buttons a[href]")]
        assert url in links, page
        assert any(link.startswith(f"{url}/issues/new") for link in links), page
        assert any(link.startswith(f"{url}/edit/main/") for link in links), page


def test_edit_links_point_at_files_that_exist(pages):
    prefix = f"{repo.address()}/edit/main/"
    for page in book.pages():
        for a in pages[f"{page}.html"].find_all("a", href=True):
            if a["href"].startswith(prefix):
                assert (ROOT / a["href"].removeprefix(prefix)).is_file(), a["href"]


def test_every_page_has_a_favicon_and_a_title(pages):
    for name in (f"{page}.html" for page in book.pages()):
        page = pages[name]
        assert page.find("link", rel=lambda value: value and "icon" in value), name
        assert page.title.get_text(strip=True), name


def test_no_page_shows_a_mark_of_the_machine(pages):
    ids = {claim.id for claim in results.load_claims()}
    read = {name: copy.copy(page) for name, page in pages.items()}
    for page in read.values():
        for signature in page.select("dt.sig"):  # code, in which 1e-12 is how one writes it
            signature.decompose()
    found = {name: page_checks.html_faults(str(page), ids) for name, page in read.items()}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_no_page_calls_a_judged_claim_untested(pages):
    verdicts = results.judge(results.load_claims(), results.load_records())
    found = {name: page_checks.untested_faults(str(page), verdicts) for name, page in pages.items()}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_no_build_path_on_any_page(pages):
    for name, page in pages.items():
        assert str(ROOT) not in str(page), name


def test_toc_and_committed_files_agree():
    written = Path(ROOT / "book").rglob("*.md")
    on_disk = {p.relative_to(ROOT).with_suffix("").as_posix() for p in written}
    on_disk |= {f"notebooks/{source.stem}" for source in chapters()}
    assert on_disk == set(book.pages())


def test_the_inventory_lets_others_link_to_every_name(site):
    import io

    from sphinx.util.inventory import InventoryFile

    from tools.reference import AREAS, public

    raw = (site / "objects.inv").read_bytes()
    found = InventoryFile.load(io.BytesIO(raw), "", posixpath.join)
    known = {name for kind, names in found.items() if kind.startswith("py:") for name in names}
    wanted = {f"{one.door}.{one.name}" for area in AREAS for one in public(area)}
    assert wanted - known == set()
