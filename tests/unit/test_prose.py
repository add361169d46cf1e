"""The front of the book keeps its word: its code runs, its tables are what the code says.

In a Python block, ``expression  # → value`` is a promise.  The blocks of a page share one
namespace and run in order; every promise is evaluated and compared.
"""

import ast
import io
import math
import re
import shlex
import tokenize
import warnings
import xml.etree.ElementTree as ET
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fairtut import metrics
from fairtut.data import files, tabular
from fairtut.data.registry import DATASETS
from fairtut.errors import FairtutError, MissingData
from fairtut.page import results

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
PAGES = sorted([*BOOK.glob("*.md"), *BOOK.glob("howto/*.md")])
PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
FENCE = re.compile(r"^(`{3,}|:{3,})(\S*)[^\n]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
ARROW = "# →"


def read(path):
    return path.read_text(encoding="utf-8")


def blocks(text, *languages):
    return [body for fence, kind, body in FENCE.findall(text) if kind in languages]


CODE = re.compile(r"^```(python|bash|text)\n.*?^```$", re.MULTILINE | re.DOTALL)


def without_code(text):
    """The prose alone: no fenced block of code, no inline code."""
    return re.sub(r"`[^`\n]*`", "", CODE.sub("", text))


def of(name):
    return read(BOOK / f"{name}.md")


# --- code on the pages ----------------------------------------------------------------------


def promises(source):
    """Yield (statement, promise or None) for the statements of a block."""
    comments = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for statement in ast.parse(source).body:
        comment = comments.get(statement.end_lineno, "")
        promise = comment.removeprefix(ARROW).strip() if comment.startswith(ARROW) else None
        yield statement, promise


def kept(value, promise):
    """Whether a value is what the page says: a number, a list of numbers, or a text."""
    try:
        tree = ast.parse(promise, mode="eval")
    except SyntaxError:
        return str(value) == promise
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if not names <= {"nan"}:
        return str(value) == promise
    expected = eval(compile(tree, "promise", "eval"), {"nan": math.nan})
    if isinstance(expected, (int, float)) or (
        isinstance(expected, list) and not any(isinstance(e, str) for e in expected)
    ):
        return np.shape(value) == np.shape(expected) and np.allclose(
            np.asarray(value, float), expected, rtol=0, atol=1e-9, equal_nan=True
        )
    return value == expected


def run_page(path):
    """Run every Python block of a page; return the number of promises that were checked."""
    space, checked = {"__name__": "page"}, 0
    for number, source in enumerate(blocks(read(path), "python"), start=1):
        for statement, promise in promises(source):
            where = f"{path.name}, block {number}: {ast.unparse(statement)}"
            if promise is None:
                exec(compile(ast.Module([statement], []), where, "exec"), space)
                continue
            assert isinstance(statement, ast.Expr), f"{where}: a promise needs an expression"
            value = eval(compile(ast.Expression(statement.value), where, "eval"), space)
            assert kept(value, promise), f"{where} gives {value!r}, the page says {promise}"
            checked += 1
    return checked


WITH_CODE = [path for path in PROSE if blocks(read(path), "python")]


@pytest.mark.parametrize("path", WITH_CODE, ids=lambda p: p.name)
def test_code_runs_and_keeps_its_promises(path, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where a page writes files
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.UndefinedMetricWarning)
        checked = run_page(path)
    assert checked == sum(source.count(ARROW) for source in blocks(read(path), "python"))
    assert checked or capsys.readouterr().out, "a block should show something"


HOW_TO = [p for p in PAGES if p.parent.name == "howto" and p.stem != "index"]


@pytest.mark.parametrize("path", HOW_TO, ids=lambda p: p.stem)
def test_a_how_to_needs_few_lines_and_is_listed(path):
    """Fifteen lines of the reader's at most, beside stand-ins for the reader's files."""
    yours = read(path).split("## Your lines\n")[1].split("\n## ")[0]
    (code,) = blocks(yours, "python")
    assert 0 < sum(bool(line.strip()) for line in code.splitlines()) <= 15
    assert f"{{doc}}`{path.stem}`" in read(path.with_name("index.md"))
    assert f"book/howto/{path.stem}\n" in read(ROOT / "_toc.yml")


def test_the_audit_says_what_its_page_says(tmp_path, monkeypatch, capsys):
    from fairtut import cli

    monkeypatch.chdir(tmp_path)
    run_page(BOOK / "audit.md")
    (line,) = "".join(blocks(of("audit"), "bash")).splitlines()
    assert cli.main(shlex.split(line)[1:]) == 1
    (said,) = blocks(of("audit"), "text")
    assert capsys.readouterr().out.endswith(said)
    assert (tmp_path / "audit.html").is_file()


def test_the_guide_makes_many_promises():
    assert sum(block.count(ARROW) for block in blocks(of("metrics-guide"), "python")) >= 50


@pytest.mark.parametrize(
    ("value", "promise", "fine"),
    [(0.3, "3/10", True), (0.3, "2/5", False), ([0.5, math.nan], "[1/2, nan]", True),
     (True, "True", True), (False, "True", False), ("t over seeds", "t over seeds", True),
     ("t", "t over seeds", False), ({"a": 1}, '{"a": 1}', True), ([1, 2], "[1, 2, 3]", False),
     (("a", "b"), '("a", "b")', True)],
)  # fmt: skip
def test_the_checker_can_tell(value, promise, fine):
    assert kept(value, promise) is fine


# --- tables that repeat the code ------------------------------------------------------------


def running_example():
    source = blocks(of("metrics-guide"), "python")[0]
    space = {}
    exec(source, space)
    return space["y"], space["y_hat"], space["s"]


def test_the_table_of_definitions_is_the_registry():
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+/\d+) \|$", of("metrics-guide"), re.MULTILINE)
    assert [name for name, _ in rows] == list(metrics.DEFINITIONS)
    table = metrics.group_table(*running_example())
    for name, value in rows:
        assert float(metrics.metric(name).of_table(table)) == pytest.approx(
            float(Fraction(value)), abs=1e-12
        ), name


def test_the_counts_and_rates_by_hand():
    y, y_hat, s = running_example()
    table = metrics.group_table(y, y_hat, s)
    page = of("metrics-guide")
    for group, n in enumerate(table.n):
        tn, fp, fn, tp = table.counts[group].ravel()
        assert f"| s = {group} | {tp} | {fn} | {fp} | {tn} | {n} |" in page
    rates = {"base": (table.counts[:, 1].sum(-1), table.n)}
    rates |= {r: table.parts(r) for r in ("selection_rate", "tpr", "fpr", "ppv", "accuracy")}
    cell = r" (\d+)/(\d+) = \*\*(\S+)\*\* \|"
    rows = re.findall(rf"^\|.*\|{cell}{cell}$", page, re.MULTILINE)
    assert len(rows) == len(rates)
    for row, (top, bottom) in zip(rows, rates.values(), strict=True):
        assert [int(row[0]), int(row[3])] == list(top)
        assert [int(row[1]), int(row[4])] == list(bottom)
        assert [Fraction(row[2]), Fraction(row[5])] == [
            Fraction(int(a), int(b)) for a, b in zip(top, bottom, strict=True)
        ]


def test_the_drawings_hold_the_example():
    """As many marks of each kind in people.svg as there are people."""
    text = read(BOOK / "_static" / "people.svg")
    y, y_hat, _ = running_example()
    legend = 1  # one of each
    for would, mark in ((1, "circle"), (0, "rect")):
        marks = re.findall(rf'<{mark} [^>]*fill="([^"]*)" stroke', text)
        assert len(marks) == (y == would).sum() + 2 * legend
        assert marks.count("none") == ((y == would) & (y_hat == 0)).sum() + legend


def test_presets_of_chapter_one():
    from fairtut.chapters.frtrain import FRTRAIN

    row = r"^\| `(\w+)` \| (\d+) \| (\d+) \| ([\d,]+) \|$"
    rows = re.findall(row, of("running"), re.MULTILINE)
    written = {name: (int(a), int(b), int(c.replace(",", ""))) for name, a, b, c in rows}
    assert written == {k: (p.draws, p.inits, p.sizes["train"]) for k, p in FRTRAIN.items()}


def test_verdicts_have_their_words_and_badges():
    badges = re.findall(r"\[([a-z ]+)\]\{\.ft-verdict \.(\w+)\}", of("intro"))
    answers = [word for word in results.ANSWERS if word not in results.VERDICTS]
    assert [word for word, _ in badges] == [*results.VERDICTS, *answers]
    css = read(BOOK / "_static" / "custom.css")
    assert all(f".ft-verdict.{name} " in css for _, name in badges)
    readme = read(ROOT / "README.md")
    assert all(f"*{word}*" in readme for word in results.VERDICTS)


def test_the_commonest_word_is_the_one_that_the_page_names():
    said = re.search(r"\*(\w+)\* is today the commonest word for a paper's claims", of("intro"))
    found = results.judge(results.load_claims(), results.load_records())
    counted = Counter(verdict.verdict for verdict in found if verdict.leaf)
    assert said is not None
    assert said[1].lower() == counted.most_common(1)[0][0]


def test_every_paper_with_claims_has_its_scoreboard_and_card():
    for paper in results.papers().values():
        assert f"```{{scoreboard}} {paper.id}\n" in of("scoreboard")
    assert "```{chapter-cards}\n```" in of("intro")


# --- data cards -----------------------------------------------------------------------------


def card(title):
    return of("data-cards").split(f"## {title}\n")[1].split("\n## ")[0]


CARDS = {
    "adult": "Adult",
    "compas": "COMPAS",
    "south_german_credit": "South German Credit",
}


@pytest.mark.parametrize("name", CARDS)
def test_cards_agree_with_the_registry(name):
    entry, text = DATASETS[name], card(CARDS[name])
    for file in entry.files:
        assert f"{file.rows:,}" in text
        assert file.path in text
    assert entry.homepage in text
    assert entry.citation in text
    assert entry.licence.split(" by ")[0] in text


def test_every_data_set_has_a_place_on_the_page():
    page = of("data-cards")
    for entry in DATASETS.values():
        assert entry.citation in page, entry.name
        assert entry.licence.split(",")[0].split(" by ")[0] in page, entry.name


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "sensitive"),
    [
        ("adult", "sex"),
        ("adult", "race"),
        ("compas", "race"),
        ("compas", "sex"),
        ("south_german_credit", "age"),
        ("south_german_credit", "foreign_worker"),
        ("south_german_credit", "young-not-foreign"),
    ],
)
def test_cards_agree_with_the_files(name, sensitive):
    try:
        files.locate(name)
    except MissingData as error:
        pytest.skip(str(error))
    table, text = tabular.load(name, sensitive), card(CARDS[name])
    assert f"**{len(table):,}**" in text
    for g in (0, 1):
        rows = table.y[table.s == g]
        people = f"| {sensitive} | {table.groups[g]} (s = {g}) | {len(rows):,} "
        assert f"{people}| {rows.sum():,} | .{rows.mean() * 1000:.0f} |" in text
    for reason, count in table.rows_dropped:
        assert not count or f"{count:,}" in text, reason
    if name == "south_german_credit":
        assert f"{table.x.shape[1]} inputs" in text
    if (name, sensitive) == ("adult", "sex"):
        assert f"{table.x.shape[1]} inputs" in text
        for role, sex in (("Husband", 0), ("Wife", 1)):
            members = table.s[table.x[:, table.feature_names.index(f"relationship={role}")] == 1]
            assert f"all but one of the {len(members):,}" in text
            assert (members == sex).sum() == 1


def test_the_generated_set_is_as_described():
    """The population's rates, from a large sample and its own binomial error."""
    table, text = tabular.load("zafar", n=400_000), card("The two-Gaussian set")
    summary = table.summary()
    stated = [float(x) for x in re.search(
        r"P\(s=1\) = (\.\d+), P\(y=1 \| s=0\) = (\.\d+) and P\(y=1 \| s=1\) = (\.\d+)\.", text
    ).groups()]  # fmt: skip
    found = [summary[k] for k in ("share_s1", "base_rate_s0", "base_rate_s1")]
    assert found == pytest.approx(stated, abs=0.005)
    assert f"{stated[1] / stated[2]:.3f}"[1:] in text


# --- words ----------------------------------------------------------------------------------


def keys_of_bib():
    return re.findall(r"^@\w+\{([^,\s]+),$", read(BOOK / "references.bib"), re.MULTILINE)


def test_bibliography_is_whole():
    keys, text = keys_of_bib(), read(BOOK / "references.bib")
    assert len(keys) == len(set(keys)) > 30
    assert text.count("{") == text.count("}")
    for entry in re.split(r"\n(?=@)", text)[1:]:
        kind, key = re.match(r"@(\w+)\{([^,]+),", entry).groups()
        assert re.search(r"^ +year += \{\d{4}\}", entry, re.MULTILINE), key
        assert kind in ("book", "techreport") or re.search(r" (doi|url) +=|pages +=", entry), key
        for doi in re.findall(r" doi +=\s*\{([^}]+)\}", entry):
            assert re.fullmatch(r"10\.\d{4,5}/\S+", doi), key


def test_everything_cited_exists():
    keys = set(keys_of_bib())
    for path in PROSE:
        for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", read(path)):
            assert set(group.split(",")) <= keys, path.name
    assert {d.citation for d in DATASETS.values()} <= keys
    assert {p.citation for p in results.papers().values()} <= keys


def test_glossary_is_sorted_and_complete():
    (body,) = blocks(of("glossary"), "{glossary}")
    terms = re.findall(r"^(\S.*)$", body, re.MULTILINE)
    assert terms == sorted(terms, key=str.lower)
    assert len(terms) == len(set(terms)) >= 50
    for path in PAGES:
        for role in re.findall(r"\{term\}`([^`]+)`", read(path)):
            target = re.search(r"<(.+)>$", role)
            assert (target[1] if target else role) in terms, f"{path.name}: {role}"


AMERICAN = re.compile(
    r"\b(\w*(?:normaliz|regulariz|optimiz|equaliz|standardiz|initializ|randomiz|generaliz)\w*"
    r"|colors?|behaviors?|favorable|labeled|neighbor\w*|license|centers?|modeling)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", PROSE, ids=lambda p: p.name)
def test_british_spelling(path):
    text = without_code(read(path))
    # names of other people's things keep their spelling
    for name in ("Labeled Faces", "center smoothing"):
        text = re.sub(name, "", text, flags=re.IGNORECASE)
    text = re.sub(r"\{[^}\n]*\}|\]\([^)]*\)|https?://\S+", "", text)
    assert AMERICAN.findall(text) == []


@pytest.mark.parametrize("path", PROSE, ids=lambda p: p.name)
def test_nothing_is_called_fair_outright(path):
    outright = re.compile(
        r"\b(?:model|classifier|method|algorithm|it|system)s? (?:is|are) (?:\w+ )?fair\b",
        re.IGNORECASE,
    )
    allowed = ("It does not tell you that a model is fair",)
    text = without_code(read(path))
    for phrase in allowed:
        text = text.replace(phrase, "")
    assert outright.findall(text) == []


@pytest.mark.parametrize("path", PROSE, ids=lambda p: p.name)
def test_one_title_and_short_paragraphs(path):
    text = CODE.sub("", read(path))
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    parts = [p for p in re.split(r"\n\s*\n", text) if "|" not in p]
    prose = [p for p in parts if re.match(r"(?!\* )[A-Z*_`]", p)]  # no lists, no directives
    assert max((len(p.split()) for p in prose), default=0) <= 110


# --- links, commands, drawings --------------------------------------------------------------


@pytest.mark.parametrize("path", PROSE, ids=lambda p: p.name)
def test_local_links_lead_somewhere(path):
    text = read(path)
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        if not re.match(r"https?://|(\.\./)+notebooks/", target):
            assert (path.parent / target).exists(), target
    labels = set(re.findall(r"^\(([\w-]+)\)=$", "\n".join(map(read, PAGES)), re.MULTILINE))
    for role, target in re.findall(r"\{(ref|doc)\}`(?:[^`<]*<)?([^`>]+)>?`", text):
        assert target in labels if role == "ref" else (path.parent / f"{target}.md").is_file(), (
            target
        )


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", read(ROOT / "Makefile"), re.MULTILINE))
    for path in PROSE:
        for name in re.findall(r"(?:`|^|&& )(?:\w+=\S+ )*make ([a-z]+)", read(path), re.MULTILINE):
            assert name in targets, f"{path.name}: make {name}"


def commands():
    lines = {
        line
        for path in PROSE
        for line in re.findall(r"(?:`|^)fairtut ([a-z][^`\n]*)", read(path), re.MULTILINE)
    }
    return sorted(lines)


@pytest.mark.parametrize("line", commands())
def test_commands_exist(line):
    """Every command on the pages is one that the parser takes."""
    from fairtut import cli, running

    words = shlex.split(line, comments=True)
    words += ["frtrain"] if line == "run" else []  # named without a chapter
    assert callable(cli.parser().parse_args(words).handler)
    if words[0] == "run":
        running.find_chapter(words[1])
    if words[:2] == ["data", "get"]:
        assert words[2] in DATASETS


def test_errors_read_as_on_the_page(tmp_path, monkeypatch):
    from fairtut import running
    from fairtut.chapters.frtrain import FRTRAIN
    from fairtut.errors import MissingExtra
    from fairtut.runtime.presets import check_mode, choose

    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    said = []

    def note(call, *args):
        with pytest.raises(FairtutError) as caught:
            call(*args)
        said.append(str(caught.value))

    note(choose, FRTRAIN, "lapto")
    note(check_mode, "fake")
    note(files.locate, "adult")
    note(metrics.accuracy, [1, 0], [0.3, 0.6])
    with pytest.warns(metrics.EmptyGroupWarning) as caught:
        metrics.equal_opportunity_gap([1, 0], [1, 0], [0, 1])
    said += [f"EmptyGroupWarning: {w.message}" for w in caught]
    (tmp_path / "adult").mkdir()
    for file in ("adult.data", "adult.test"):
        (tmp_path / "adult" / file).write_text("1, 2\n")
    note(files.verify, "adult")
    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path / "adult" / "adult.data"))
    note(files.locate, "adult")
    said.append(str(MissingExtra.of("fairlearn", "peers")))
    monkeypatch.setattr(running, "__file__", str(tmp_path / "fairtut" / "running.py"))
    note(running.find_chapter, "frtrain", tmp_path)
    page = of("start-here").split("## If something goes wrong")[1].split("(wrong-number)=")[0]
    shown = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    for pattern in shown:
        if "Python 3.11" in pattern:  # said by tools/make_env.sh
            continue
        regex = ".*".join(re.escape(part.strip()) for part in pattern.split("…"))
        assert any(re.search(regex, message) for message in said), pattern


DRAWINGS = sorted(p for p in (BOOK / "_static").glob("*.svg") if p.stem not in ("logo", "favicon"))


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda p: p.name)
def test_drawings_follow_the_theme_and_speak(path):
    text = read(path)
    root = ET.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text and len(root.find(f"{space}desc").text) > 60
    assert root.get("role") == "img"
    named = root.get("aria-labelledby").split()
    assert named == re.findall(r' id="([^"]+)"', text), "ids only for title and description"
    assert "\n\n" not in text and "<style" not in text and "href" not in text
    # colours come from the page, with a fallback for programs that show the file alone
    bare = re.findall(r'(?:fill|stroke)="(?!none|currentColor|var\(--ft-)([^"]*)"', text)
    assert bare == []
    used = "".join(map(read, PAGES))
    assert f":file: _static/{path.name}\n" in used


def test_drawings_have_captions():
    for path in PAGES:
        text = read(path)
        opened = text.count('<figure class="ft-figure"><div class="ft-scroll">')
        assert opened == text.count("</div><figcaption>") == text.count("</figcaption>")
        assert opened == text.count(":file: _static/")


def test_ids_are_unique_on_every_page():
    ids = [i for path in DRAWINGS for i in re.findall(r' id="([^"]+)"', read(path))]
    assert len(ids) == len(set(ids))


def test_presets_of_chapter_two():
    from fairtut.chapters.faap.presets import FAAP

    row = r"^\| `(\w+)` \| ([\d,]+) \| (\d+) \| (\d+) \| (\d+) × (\d+) \|$"
    rows = re.findall(row, of("running"), re.MULTILINE)
    written = {n: tuple(int(v.replace(",", "")) for v in values) for n, *values in rows}
    assert written == {
        k: (p.faces, p.size, p.width, len(p.targets), max(p.targets.values()))
        for k, p in FAAP.items()
    }
    assert all(len(set(p.targets.values())) == 1 for p in FAAP.values())


def sizes_of_chapter(number):
    """The numbers in the table that follows "For chapter <number>", by preset."""
    text = of("running").split(f"For chapter {number} ")[1]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text.split("\n\n")[1], re.MULTILINE)
    return {
        name: [int(v.replace(",", "")) for v in re.findall(r"\d[\d,]*\b", row)]
        for name, row in rows
    }


def test_presets_of_chapters_four_to_six():
    from fairtut.chapters.lassi import LASSI
    from fairtut.chapters.reprogramming_text import TEXTS
    from fairtut.chapters.reprogramming_vision import VISION

    assert sizes_of_chapter(4) == {
        k: [p.faces, p.size, p.width, p.train, p.tune, p.seeds] for k, p in VISION.items()
    }
    assert sizes_of_chapter(5) == {
        k: [p.comments, p.width, p.layers, p.seeds] for k, p in TEXTS.items()
    }
    assert sizes_of_chapter(6) == {
        k: [p.faces, p.size, p.flow.blocks, p.flow.flows, p.flow.filters, len(p.settings), p.seeds,
            p.baseline_seeds]
        for k, p in LASSI.items()
    }  # fmt: skip


def test_the_card_of_the_faces_is_their_law():
    from fairtut.data.synthetic.faces.law import load

    law, text = load(), card("Synthetic faces")
    for target in ("Smiling", "Attractive", "Blond_Hair"):
        cells = [f"{law.rate(target, {'Male': s}):.3f}"[1:] for s in (False, True)]
        assert f"| `{target}` | {cells[0]} | {cells[1]} |" in text
    male = f"{law.rate('Male'):.3f}"[1:]
    assert f"P(`Male` = 1) = {male}." in text
    assert f"{law.merged:,}" in text and f"{int(law.counts.sum()):,}" in text


@pytest.mark.real
def test_the_card_of_celeba_agrees_with_its_files():
    from fairtut.data.images import celeba

    try:
        located = files.locate("celeba")
    except MissingData as error:
        pytest.skip(str(error))
    names = ("list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt")
    labels = celeba.read_labels(*(located.paths(name)[0] for name in names))
    table, text = labels.attributes, card("CelebA")
    male = table["Male"]
    for target in ("Smiling", "Attractive", "Blond_Hair"):
        cells = []
        for members in (~male, male):
            hits = table.loc[members, target]
            cells += [f"{hits.sum():,}", f"{hits.mean():.3f}"[1:]]
        assert f"| `{target}` | " + " | ".join(cells) + " |" in text
    for part in ("train", "val", "test"):
        assert f"{(labels.split == part).sum():,}" in text
    for target in ("Male", "Attractive"):
        mixed = table.groupby("identity")[target].nunique() > 1
        assert f"{mixed.sum():,}" in text and f"{mixed.sum():,}" in of("face-ethics")
