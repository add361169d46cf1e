"""What metrics do with labels that could be misread: nothing is guessed in silence."""

import numpy as np
import pandas as pd
import pytest

from fairtut import metrics
from fairtut.errors import InputError
from fairtut.metrics import bootstrap, bootstrap_difference, demographic_parity_gap, metric

Y, Y_HAT, S = [0, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1]
NAMES = list("abcd")


def shuffled(values):
    return pd.Series(values, NAMES).loc[list("acbd")]


class TestRows:
    """Columns that name their rows belong together only if they name the same ones."""

    def test_same_names_and_no_names(self):
        named = [pd.Series(v, NAMES) for v in (Y, Y_HAT, S)]
        assert demographic_parity_gap(*named) == 1
        assert demographic_parity_gap(named[0], np.array(Y_HAT), S) == 1

    @pytest.mark.parametrize(
        ("call", "who"),
        [
            (lambda y, h, s: demographic_parity_gap(y, h, shuffled(S)), "y and s"),
            (lambda y, h, s: demographic_parity_gap(None, h, shuffled(S)), "y_hat and s"),
            (lambda y, h, s: demographic_parity_gap(y, shuffled(Y_HAT), S), "y and y_hat"),
            (lambda y, h, s: demographic_parity_gap(y, h, [s, shuffled(S)]), r"y and s\[1\]"),
            (lambda y, h, s: demographic_parity_gap(y, h, shuffled(S).to_frame()), "y and s"),
            (lambda y, h, s: demographic_parity_gap(y, h, s.reset_index(drop=True)), "y and s"),
            (lambda y, h, s: bootstrap("accuracy", y, shuffled(Y_HAT)), "y and y_hat"),
            (lambda y, h, s: bootstrap(lambda *_: 0.0, y, h, shuffled(S)), "y and s"),
            (
                lambda y, h, s: bootstrap_difference("accuracy", y, h, shuffled(Y_HAT)),
                "y and other_y_hat",
            ),
            (lambda y, h, s: metrics.moved_threshold(shuffled(Y_HAT), y, s), "y and p_hat"),
            (lambda y, h, s: metrics.least_deo(shuffled(Y_HAT), y, s), "y and score"),
        ],
    )  # fmt: skip
    def test_other_names_are_refused(self, call, who):
        named = [pd.Series(v, NAMES) for v in (Y, Y_HAT, S)]
        with pytest.raises(InputError, match=f"^{who} have different indexes"):
            call(*named)

    def test_runs_in_a_frame_are_no_people(self):
        runs = pd.DataFrame([Y_HAT, Y], index=["first", "second"])
        table = metrics.group_table(pd.Series(Y, NAMES), runs, pd.Series(S, NAMES))
        assert table.batch == (2,)


class TestFavourableClass:
    """Only 1 of {0, 1} or {-1, 1} goes without saying."""

    Y, Y_HAT, S = [1, 1, 2, 2, 1, 2, 1, 1], [1, 1, 2, 2, 1, 1, 2, 1], [0] * 4 + [1] * 4

    def test_two_other_numbers_ask(self):
        with pytest.raises(InputError, match="no favourable class among 1, 2: pass positive="):
            metrics.demographic_parity_ratio(self.Y, self.Y_HAT, self.S)
        assert metrics.accuracy(self.Y, self.Y_HAT) == 6 / 8  # needs none

    @pytest.mark.parametrize(("positive", "ratio"), [(1, 2 / 3), (2, 1 / 2)])
    def test_both_readings(self, positive, ratio):
        found = metrics.demographic_parity_ratio(self.Y, self.Y_HAT, self.S, positive=positive)
        assert found == pytest.approx(ratio)

    @pytest.mark.parametrize("names", [(0, 1), (-1, 1), (False, True), (0.0, 1.0)])
    def test_the_usual_pairs(self, names):
        y, y_hat = ([names[v] for v in values] for values in (Y, Y_HAT))
        assert metric("demographic_parity_gap")(y, y_hat, S) == 1


class TestMissing:
    """A gap in the data that became a word is no group."""

    @pytest.mark.parametrize("gap", ["nan", "NaN", "None", "<NA>", "NaT"])
    def test_in_an_array_of_texts(self, gap):
        s = np.array(["a", "a", "b", gap])
        with pytest.raises(InputError, match=f"s holds the text '{gap}'"):
            demographic_parity_gap(Y, Y_HAT, s)
        with pytest.raises(InputError, match="s holds the text"):
            demographic_parity_gap(Y, Y_HAT, s.astype("S"))

    @pytest.mark.parametrize("box", [list, tuple, lambda v: pd.Series(v), np.array])
    def test_in_any_box(self, box):
        with pytest.raises(InputError, match="s holds the text 'nan'"):
            demographic_parity_gap(Y, Y_HAT, box(["a", "a", "b", "nan"]))

    @pytest.mark.parametrize("name", ["Nan", "none", "na", "N"])
    def test_other_words_are_groups(self, name):
        assert demographic_parity_gap(Y, Y_HAT, [name, name, "zz", "zz"]) == 1
