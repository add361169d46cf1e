"""Finding, verifying and unpacking: what is accepted, and what each mistake is told."""

from __future__ import annotations

import gzip
import hashlib
import stat
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from fairtut.data import files
from fairtut.data.registry import DATASETS, Dataset, File, Variant
from fairtut.errors import CorruptFile, FairtutError, MissingData, UnknownName


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


GOOD, SHORT = b"a,b\n1,2\n", b"a\n1\n"
TOY = Dataset(
    name="toy",
    title="A toy",
    licence="CC0",
    terms="Anyone may use it.",
    homepage="https://example.org/toy",
    citation="toy2020",
    files=(
        File(
            "toy.csv",
            "https://example.org/toy.csv",
            sha256=sha(GOOD),
            size=len(GOOD),
            variants=(Variant("one column", (("toy.csv", sha(SHORT)),)),),
        ),
    ),
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty data folder, with the toy data set registered."""
    monkeypatch.setenv("FAIRTUT_DATA", str(tmp_path))
    monkeypatch.delenv("FAIRTUT_VERIFY", raising=False)
    monkeypatch.setitem(DATASETS, "toy", TOY)
    (tmp_path / "toy").mkdir()
    return tmp_path


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert isinstance(error.value, FairtutError) and "\n" not in text
    return text


class TestRoot:
    def test_the_variable_wins_and_the_home_folder_is_understood(self, home, monkeypatch):
        assert files.data_root() == home
        monkeypatch.setenv("FAIRTUT_DATA", "~/somewhere")
        assert files.data_root() == Path.home() / "somewhere"

    @pytest.mark.parametrize("value", [None, "", "  "])
    def test_without_it_the_users_cache_is_used(self, monkeypatch, value):
        if value is None:
            monkeypatch.delenv("FAIRTUT_DATA", raising=False)
        else:
            monkeypatch.setenv("FAIRTUT_DATA", value)
        assert files.data_root().name == "fairtut" and files.data_root().is_absolute()

    def test_a_file_is_not_a_folder(self, home, monkeypatch):
        (home / "x").write_text("")
        monkeypatch.setenv("FAIRTUT_DATA", str(home / "x"))
        with pytest.raises(MissingData, match="not a folder"):
            files.data_root()


class TestVerify:
    def test_the_official_file(self, home):
        (home / "toy" / "toy.csv").write_bytes(GOOD)
        located = files.verify("toy")
        assert located.files[0].label == "official" and located.source == "A toy, CC0"
        assert located.read_bytes("toy.csv") == GOOD
        assert located.paths("toy.csv") == (home / "toy" / "toy.csv",)

    def test_a_gzipped_twin_counts_by_its_content(self, home):
        (home / "toy" / "toy.csv.gz").write_bytes(gzip.compress(GOOD))
        located = files.verify("toy")
        assert located.files[0].label == "official" and located.read_bytes("toy.csv") == GOOD

    def test_a_variant_is_accepted_and_labelled(self, home):
        (home / "toy" / "toy.csv").write_bytes(SHORT)
        assert files.verify("toy").source == "A toy [one column], CC0"

    def test_a_wrong_file_is_named_with_the_fix(self, home):
        path = home / "toy" / "toy.csv"
        path.write_bytes(GOOD[:-3])
        with pytest.raises(CorruptFile) as error:
            files.get("toy")
        text = one_line(error)
        for part in (
            str(path), sha(GOOD)[:12], sha(GOOD[:-3])[:12], "5 of 8 bytes",
            "fairtut data get toy", "FAIRTUT_VERIFY=off",
        ):  # fmt: skip
            assert part in text
        assert path.exists(), "a person's file is never deleted for them"

    def test_the_one_way_out_is_said_in_the_source(self, home, monkeypatch):
        (home / "toy" / "toy.csv").write_bytes(b"my own\n")
        monkeypatch.setenv("FAIRTUT_VERIFY", "off")
        assert files.get("toy").source == "A toy [not verified], CC0"
        monkeypatch.setenv("FAIRTUT_VERIFY", "no")
        with pytest.raises(UnknownName, match="choose one of on, off"):
            files.get("toy")

    def test_a_file_that_changes_is_read_again(self, home):
        path = home / "toy" / "toy.csv"
        path.write_bytes(GOOD)
        assert files.verify("toy").files[0].label == "official"
        path.write_bytes(GOOD[::-1])  # same size
        with pytest.raises(CorruptFile):
            files.verify("toy")

    def test_a_broken_gzip_file(self, home, monkeypatch):
        packed = gzip.compress(GOOD * 1000)
        (home / "toy" / "toy.csv.gz").write_bytes(packed[: len(packed) // 2])
        with pytest.raises(CorruptFile, match="not a whole gzip file") as error:
            files.verify("toy")
        one_line(error)
        monkeypatch.setenv("FAIRTUT_VERIFY", "off")
        with pytest.raises(CorruptFile, match="not a whole gzip file"):
            files.get("toy").read_bytes("toy.csv")

    def test_a_variant_of_several_files_needs_all_of_them(self, home, monkeypatch):
        pair = Variant("two halves", (("a.zip", sha(b"a")), ("b.zip", sha(b"b"))))
        entry = replace(TOY, files=(File("whole.zip", variants=(pair,)),), source="hand")
        monkeypatch.setitem(DATASETS, "toy", entry)
        (home / "toy" / "a.zip").write_bytes(b"a")
        with pytest.raises(MissingData, match=r"whole\.zip"):
            files.verify("toy")
        (home / "toy" / "b.zip").write_bytes(b"b")
        located = files.verify("toy")
        assert [p.name for p in located.paths("whole.zip")] == ["a.zip", "b.zip"]
        assert located.files[0].label == "two halves"
        (home / "toy" / "b.zip").write_bytes(b"c")
        with pytest.raises(CorruptFile, match=r"b\.zip is not the expected file"):
            files.verify("toy")

    def test_a_file_without_a_pinned_digest_says_so(self, home, monkeypatch):
        monkeypatch.setitem(DATASETS, "toy", replace(TOY, files=(File("toy.csv"),)))
        (home / "toy" / "toy.csv").write_bytes(b"anything")
        assert files.verify("toy").source == "A toy [not pinned], CC0"


class TestMissing:
    def test_the_message_names_everything(self, home):
        with pytest.raises(MissingData) as error:
            files.locate("toy")
        text = one_line(error)
        for part in (
            "toy.csv", "https://example.org/toy.csv", str(home / "toy"), "CC0",
            "Anyone may use it.", "fairtut data get toy",
        ):  # fmt: skip
            assert part in text

    def test_a_set_that_is_placed_by_hand_says_why_and_makes_no_folder(self, home):
        with pytest.raises(MissingData) as error:
            files.get("civil_comments")
        text = one_line(error)
        assert "all_data_with_identities.csv" in text and "certificate" in text
        assert "fairtut data get" not in text and not (home / "civil_comments").exists()

    def test_a_wrong_name_is_helped(self, home):
        with pytest.raises(UnknownName, match="did you mean 'adult'"):
            files.get("adlut")
        (home / "toy" / "toy.csv").write_bytes(GOOD)
        with pytest.raises(UnknownName, match="unknown file 'x'"):
            files.locate("toy").paths("x")


def test_status_tells_every_state(home, monkeypatch):
    pair = (File("one.csv", sha256=sha(GOOD)), File("two.csv", sha256=sha(SHORT)))
    monkeypatch.setitem(DATASETS, "toy", replace(TOY, files=pair))

    def state(deep=False):
        (line,) = (s for s in files.status(deep) if s.name == "toy")
        return line.state, line.detail

    assert [s.name for s in files.status()] == list(DATASETS)
    assert next(s for s in files.status() if s.name == "zafar").state == "embedded"
    assert state() == ("absent", "missing: one.csv, two.csv")
    (home / "toy" / "one.csv").write_bytes(GOOD)
    assert state() == ("partial", "missing: two.csv")
    (home / "toy" / "two.csv").write_bytes(GOOD)
    assert state() == ("ready", "")
    assert state(deep=True)[0] == "corrupt" and "two.csv" in state(deep=True)[1]
    (home / "toy" / "two.csv").write_bytes(SHORT)
    assert state(deep=True) == ("verified", "official")


class TestExtract:
    def archive(self, folder: Path, name: str, data: bytes = GOOD, mode: int = 0o644) -> Path:
        path = folder / "x.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(info, data)
        return path

    def left(self, folder: Path) -> list[str]:
        return sorted(p.name for p in folder.rglob("*") if p.is_file())

    def test_a_member_arrives_whole(self, tmp_path):
        path = self.archive(tmp_path, "in/side.csv")
        out = files.extract_member(path, "in/side.csv", tmp_path / "o" / "t.csv", sha256=sha(GOOD))
        assert out.read_bytes() == GOOD and self.left(tmp_path / "o") == ["t.csv"]

    @pytest.mark.parametrize(
        "name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "\\evil", "C:\\evil", "C:/e"]
    )
    def test_a_path_that_leads_out_is_refused(self, tmp_path, name):
        path = self.archive(tmp_path, name)
        with pytest.raises(CorruptFile, match="leads out") as error:
            files.extract_member(path, name, tmp_path / "t")
        one_line(error)
        assert self.left(tmp_path) == ["x.zip"]

    def test_a_link_is_refused(self, tmp_path):
        path = self.archive(tmp_path, "link", b"/etc/passwd", mode=stat.S_IFLNK | 0o777)
        with pytest.raises(CorruptFile, match="a link"):
            files.extract_member(path, "link", tmp_path / "t")
        assert self.left(tmp_path) == ["x.zip"]

    def test_a_size_bomb_is_refused_before_it_is_unpacked(self, tmp_path):
        path = self.archive(tmp_path, "bomb", bytes(5_000_000))
        assert path.stat().st_size < 10_000
        with pytest.raises(CorruptFile, match="5000000 bytes where at most 1000 are due"):
            files.extract_member(path, "bomb", tmp_path / "t", limit=1000)
        assert self.left(tmp_path) == ["x.zip"]

    def test_a_bomb_that_lies_about_its_size_leaves_nothing(self, tmp_path):
        path = self.archive(tmp_path, "bomb", bytes(5_000_000))
        raw = path.read_bytes()
        lie = raw.replace(struct.pack("<I", 5_000_000), struct.pack("<I", 500))
        assert lie != raw
        path.write_bytes(lie)
        with pytest.raises(CorruptFile):
            files.extract_member(path, "bomb", tmp_path / "t", limit=1000)
        assert self.left(tmp_path) == ["x.zip"]

    def test_wrong_bytes_and_broken_archives_leave_nothing(self, tmp_path):
        path = self.archive(tmp_path, "a.csv", GOOD * 500)
        with pytest.raises(CorruptFile, match="not the expected file"):
            files.extract_member(path, "a.csv", tmp_path / "t", sha256=sha(SHORT))
        with pytest.raises(CorruptFile, match=r"no member 'b\.csv' \(it holds a\.csv\)"):
            files.extract_member(path, "b.csv", tmp_path / "t")
        raw = bytearray(path.read_bytes())
        raw[45] ^= 0xFF  # inside the compressed bytes
        path.write_bytes(bytes(raw))
        with pytest.raises(CorruptFile, match="not a whole zip archive"):
            files.extract_member(path, "a.csv", tmp_path / "t")
        path.write_bytes(bytes(raw[:-30]))
        with pytest.raises(CorruptFile, match="not a whole zip archive"):
            files.extract_member(path, "a.csv", tmp_path / "t")
        assert self.left(tmp_path) == ["x.zip"]
