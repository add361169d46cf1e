"""An effect is asserted where it is promised, and told where it is absent."""

import numpy as np
import pytest

from fairtut.page.effects import NOTED, PINNED, Effects, MissingEffect
from tools import effects, notebooks


@pytest.mark.parametrize(("preset", "data", "seed"), sorted(PINNED))
def test_a_pinned_run_stops_without_its_effect(preset, data, seed):
    expect = Effects(preset, data, seed)
    assert expect(True, "it rises", "it falls")
    with pytest.raises(MissingEffect, match="it rises"):
        expect(False, "it rises", "it falls")


@pytest.mark.parametrize(
    ("preset", "data", "seed"),
    [("smoke", "synthetic", 1), ("laptop", "real", 0), ("paper", "real", 0)],
)
def test_another_run_goes_on_and_says_so(preset, data, seed, capsys):
    assert not Effects(preset, data, seed)(False, "it rises", "it falls here")
    assert capsys.readouterr().out == "it falls here\n"


def test_an_undefined_effect_is_absent():
    expect = Effects("smoke", "synthetic", 0)
    for undefined in (float("nan"), np.float64("nan")):
        with pytest.raises(MissingEffect):
            expect(undefined, "it rises", "it is not defined")


def test_an_effect_of_one_preset_is_asserted_there_only(capsys):
    assert not Effects("smoke", "synthetic", 0)(False, "a", "b", only="laptop")
    with pytest.raises(MissingEffect):
        Effects("laptop", "synthetic", 0)(False, "a", "b", only="laptop")


def test_a_present_effect_is_silent(capsys):
    assert Effects("paper", "real", 7)(np.bool_(True), "a", "b")
    assert capsys.readouterr().out == ""


def test_a_cell_that_ends_with_an_effect_shows_nothing():
    from IPython.core.formatters import DisplayFormatter

    answer = Effects("paper", "real", 7)(True, "a", "b")
    assert DisplayFormatter().format(answer) == ({}, {})
    assert answer and repr(answer) == "True"


def test_effects_are_noted_for_who_asks(tmp_path, monkeypatch, capsys):
    """An effect of another preset is none of this run's."""
    monkeypatch.setenv(NOTED, str(tmp_path / "e.jsonl"))
    expect = Effects("smoke", "synthetic", 3)
    expect(True, "it rises", "")
    expect(False, "it falls", "no fall")
    expect(False, "it shines", "no light", only="laptop")
    lines = (tmp_path / "e.jsonl").read_text(encoding="utf-8").splitlines()
    assert effects.counted(lines) == {"it rises": [-1], "it falls": [3]}


def test_an_effect_that_holds_by_luck_is_named(monkeypatch, capsys):
    """As chapter 2's toy at its first rates: stuck with two of ten seeds."""

    def execute(names, preset, data, out, seed, results_dir, jobs):
        expect = Effects(preset, data, seed)
        expect(seed not in (1, 8), "the gap halves", "stuck")
        expect(seed != 4, "it rises", "no")
        return 0

    monkeypatch.delenv(NOTED, raising=False)
    monkeypatch.setattr(notebooks, "execute", execute)
    with monkeypatch.context() as own:
        own.setenv(NOTED, "")
        assert effects.main(["--seeds", "1:11"]) == 1
    said = capsys.readouterr()
    assert said.err == "absent with seeds 1, 8 (2 of 10): the gap halves\n"
    assert said.out.endswith("2 asserted effects, 1 hold by luck\n")
