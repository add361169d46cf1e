"""FRTrain keeps scikit-learn's conventions, and no estimator pairs rows of different people."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples
from torch import nn

from fairtut.data.synthetic.gaussians import zafar
from fairtut.errors import InputError, UnknownName
from fairtut.methods import fair_baselines
from fairtut.methods.dvge import DVGE
from fairtut.methods.faap import FAAP
from fairtut.methods.frtrain import VARIANTS, FRTrain, train
from fairtut.methods.reprogramming import Trigger
from fairtut.methods.reprogramming.labels import combined

QUICK = replace(VARIANTS["debiasing-clean"], epochs=200, warmup=0, every=1, lr_classifier=0.05)


class EveryOther(FRTrain):
    """FRTrain on the tables of scikit-learn's checks; these have no groups, so rows take turns."""

    def __init__(self, lambda_f=0.1, *, config="debiasing-clean", random_state=0, fused=False):
        super().__init__(lambda_f, config=config, random_state=random_state, fused=fused)

    def fit(self, X, y=None, sample_weight=None):
        """Train with a group that says nothing."""
        named, self.config = self.config, QUICK
        try:
            groups = np.arange(_num_samples(X)) % 2
            return super().fit(X, y, s=groups, sample_weight=sample_weight)
        finally:
            self.config = named

    def decision_function(self, X, s=None):
        """Decide as if all were in one group."""
        return super().decision_function(X, s=np.zeros(_num_samples(X)))

    def predict_proba(self, X, s=None):
        """As FRTrain, without s."""
        return super().predict_proba(X, s=s)

    def predict(self, X, s=None):
        """As FRTrain, without s."""
        return super().predict(X, s=s)

    def score(self, X, y, sample_weight=None):
        """As FRTrain, without s."""
        return super().score(X, y, sample_weight, s=None)


UNSCALED = "its features lie around 100, which FRTrain refuses: its learning rates assume scale 1"

DRAWN = "weights draw the rows, so a weight of 2 is a row twice on average, not to the last digit"


def exceptions(estimator):
    """Return the checks that cannot hold, with the reason."""
    names = ("check_fit_idempotent", "check_fit_check_is_fitted", "check_n_features_in")
    drawn = "check_sample_weight_equivalence_on_dense_data"
    return dict.fromkeys(names, UNSCALED) | {drawn: DRAWN}


@parametrize_with_checks([EveryOther()], expected_failed_checks=exceptions)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_a_row_has_one_logit_in_every_batch_and_order(people):
    model = FRTrain(0.3, config=QUICK, fused=False).fit(people.x, people.y, s=people.s)
    whole = model.decision_function(people.x, s=people.s)
    order = np.random.default_rng(0).permutation(len(whole))
    turned = model.decision_function(people.x[order], s=people.s[order])
    single = np.concatenate(
        [model.decision_function(people.x[i : i + 1], s=people.s[i : i + 1]) for i in range(50)]
    )
    terms = np.abs(np.column_stack([people.x, people.s, np.ones(len(whole))]) * model.theta_)
    bound = 2 * terms.shape[1] * np.finfo(float).eps * terms.sum(1)  # each sum, twice
    assert (np.abs(turned - whole[order]) <= bound[order]).all()
    assert (np.abs(single - whole[:50]) <= bound[:50]).all()
    trained = model.trained_.logit(people.x, people.s)[0]  # the same in single precision
    rough = 2 * terms.shape[1] * np.finfo(np.float32).eps * terms.sum(1)
    assert (np.abs(trained - whole) <= rough).all()


@pytest.fixture
def people():
    return zafar(400, seed=0)


def test_words_for_labels_and_groups_give_the_same_training(people):
    numbers = FRTrain(0.3, config=QUICK, fused=False).fit(people.x, people.y, s=people.s)
    y, s = np.array(["no", "yes"])[people.y], np.array(["a", "b"])[people.s]
    words = FRTrain(0.3, config=QUICK, fused=False).fit(people.x, y, s=s)
    np.testing.assert_array_equal(words.theta_, numbers.theta_)
    assert words.classes_.tolist() == ["no", "yes"]
    assert words.groups_.tolist() == ["a", "b"]
    y_hat = words.predict(people.x, s=s)
    np.testing.assert_array_equal(y_hat == "yes", numbers.predict(people.x, s=people.s) == 1)
    assert words.score(people.x, y, s=s) == np.mean(y_hat == y)
    with pytest.raises(InputError, match="s holds 'c', which fit did not see"):
        words.predict(people.x[:2], s=["a", "c"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"s": lambda s: np.zeros_like(s)}, "s is all 0"),
        ({"s": lambda s: np.arange(len(s)) % 3}, "s holds 3 groups"),
        ({"y": lambda y: np.arange(len(y)) % 3}, "y holds 3 classes"),
        ({"y": lambda y: y + 0.5 * np.arange(len(y))}, "Unknown label type|y holds"),
        ({"s": lambda s: np.where(s == 1, np.nan, 0.0)}, "s holds NaN"),
        ({"s": lambda s: s[:-1]}, "shapes|rows"),
    ],
)
def test_what_fr_train_cannot_use_is_refused(people, change, message):
    given = {name: change.get(name, lambda v: v)(getattr(people, name)) for name in ("y", "s")}
    with pytest.raises(ValueError, match=message):
        FRTrain(0.3, config=QUICK, fused=False).fit(people.x, given["y"], s=given["s"])


def test_a_failed_fit_leaves_no_earlier_training(people):
    model = FRTrain(0.3, config=QUICK, fused=False).fit(people.x, people.y, s=people.s)
    with pytest.raises(InputError, match="standardise"):
        model.fit(1e4 * people.x, people.y, s=people.s)
    with pytest.raises(ValueError, match="not fitted"):
        model.predict(people.x, s=people.s)


def test_a_variant_is_chosen_by_name(people):
    with pytest.raises(UnknownName, match="label-fed"):
        FRTrain(config="label-feed").fit(people.x, people.y, s=people.s)
    assert clone(FRTrain(0.2, config="released-clean")).get_params()["config"] == "released-clean"


def test_pipeline_and_search_hand_s_through(people):
    few = zafar(100, seed=1)
    x = 1000 * people.x + 50  # the scaler mends it
    with config_context(enable_metadata_routing=True):
        asks = FRTrain(config=QUICK, fused=False)
        for request in ("fit", "predict", "score"):
            asks = getattr(asks, f"set_{request}_request")(s=True)
        search = GridSearchCV(
            make_pipeline(StandardScaler(), asks), {"frtrain__lambda_f": [0.0, 0.6]}, cv=2
        ).fit(x, people.y, s=people.s)
        assert len(search.cv_results_["mean_test_score"]) == 2
        found = search.best_estimator_.predict(1000 * few.x + 50, s=few.s)
        scaled = StandardScaler().fit(x)
        alone = clone(asks).set_params(lambda_f=search.best_params_["frtrain__lambda_f"])
        alone.fit(scaled.transform(x), people.y, s=people.s)
        np.testing.assert_array_equal(
            found, alone.predict(scaled.transform(1000 * few.x + 50), s=few.s)
        )


def indexed(n, *, turned=False):
    """Return y and s of n people as Series, s in another order of people if turned."""
    names = [f"p{i}" for i in range(n)]
    y, s = np.arange(n) % 2, np.arange(n) // 2 % 2
    return pd.Series(y, names), pd.Series(s, names[::-1] if turned else names)


def encoder(x):
    """Return the input as its own code."""
    return x.float()


def frtrain(y, s):
    x = np.random.default_rng(0).normal(size=(len(y), 2))
    FRTrain(0.1, config=replace(QUICK, epochs=2), fused=False).fit(x, y, s=s)


def trainer(y, s):
    x = np.random.default_rng(0).normal(size=(len(y), 2))
    train(x, s, y, lambda_f=[0.1], seeds=[0], config=replace(QUICK, epochs=2), fused=False)


def logistic(y, s):
    fair_baselines.logistic(np.random.default_rng(0).normal(size=(len(y), 2)), s, y)


def dvge(y, s):
    DVGE(encoder).fit(torch.randn(len(y), 2), y, s=s)


def dvge_held(y, s):
    fine_y, fine_s = indexed(len(y))
    x = torch.randn(len(y), 2)
    DVGE(encoder).fit(x, fine_y, s=fine_s, validation=(x, y, s))


def dvge_other(y, s):
    """Train for one attribute whose rows have names, then for another."""
    fine_y, fine_s = indexed(len(y))
    DVGE(encoder).fit(torch.randn(len(y), 2), fine_y, s=fine_s).set_sensitive(s)


def dvge_other_held(y, s):
    fine_y, fine_s = indexed(len(y))
    x = torch.randn(len(y), 2)
    made = DVGE(encoder).fit(x, fine_y, s=fine_s, validation=(x, fine_y, fine_s))
    made.set_sensitive(fine_s, s)


def score(y, s):
    """Score with weights that name their rows."""
    fine_y, fine_s = indexed(len(y))
    x = np.random.default_rng(0).normal(size=(len(y), 2))
    made = FRTrain(0.1, config=replace(QUICK, epochs=2), fused=False).fit(x, fine_y, s=fine_s)
    weights = pd.Series(np.arange(len(y)) + 1.0, s.index)
    found = made.score(x, fine_y, weights, s=fine_s)
    right = made.predict(x, s=fine_s) == fine_y.to_numpy()
    assert found == pytest.approx(np.average(right, weights=weights))


def net():
    """Return a classifier of pictures with a named split point."""
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    return nn.Sequential(nn.Conv2d(3, 3, 3), body)


def faap(y, s):
    FAAP(net(), split="0", epochs=1, width=2, blocks=1, batch=8).fit(
        torch.rand(len(y), 3, 8, 8), y, s=s
    )


def trigger(y, s):
    Trigger(net(), epochs=1, batch=8).fit(torch.rand(len(y), 3, 8, 8), y, s=s)


def several(y, s):
    combined([y, s])


@pytest.mark.parametrize(
    "fit",
    [
        frtrain,
        trainer,
        logistic,
        dvge,
        dvge_held,
        dvge_other,
        dvge_other_held,
        score,
        faap,
        trigger,
        several,
    ],
)
def test_people_in_two_orders_are_refused_and_in_one_order_taken(fit):
    with pytest.raises(InputError, match="different indexes"):
        fit(*indexed(64, turned=True))
    fit(*indexed(64))


def test_a_focus_for_named_labels_wants_the_rows_of_x():
    y, s = indexed(64)
    x = torch.randn(64, 2)
    made = DVGE(lambda rows: torch.as_tensor(rows).float(), focus="loss_true").fit(x, y, s=s)
    torch.testing.assert_close(made.sensitive_focus(x, s), made.sensitive_focus(x, s.to_numpy()))
    frame = pd.DataFrame(x.numpy(), y.index[::-1])
    for focus, label in ((made.sensitive_focus, s), (made.task_focus, y)):
        with pytest.raises(InputError, match="different indexes"):
            focus(frame, label)
