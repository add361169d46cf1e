"""LASSI as one object: what it does is what its parts do, and what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fairtut.errors import CorruptFile, InputError, UnknownName
from fairtut.methods.lassi import (
    Config,
    Smoothing,
    Voting,
    certify,
    consumer,
    encode,
    mean_difference,
    preset,
    train,
)
from fairtut.methods.lassi.estimator import LASSI, NOISE
from fairtut.runtime.checkpoints import save, state_digest
from fairtut.runtime.seeds import stream_seed

SMALL = Config(similarity=0.1, hidden=(12,), outputs=4, epochs=2, batch=50, sigma_rs=0.5)
QUICK = {"smoothing": Smoothing(0.5, 0.4, n=2000), "voting": Voting(0.5, n=2000)}


def people(n=300, seed=0):
    """Return inputs (n, 6), labels and groups, each readable from one input."""
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, 1] > 0).long(), (x[:, 0] > 0).long()


def encoder():
    """Return something with state that an unguarded pass would change."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.5)).train()


@pytest.fixture(scope="module")
def fitted():
    x, y, s = people()
    return LASSI(nn.Identity(), config=SMALL, **QUICK).fit(x, y, s=s)


def test_it_is_its_parts_with_the_seeds_that_it_names():
    x, y, s = people()
    valid = people(80, seed=5)[:2]
    made = LASSI(nn.Identity(), config=SMALL, random_state=4, **QUICK)
    made.fit(x, y, s=s, validation=valid)
    a = mean_difference(x, s)
    r = train(x, y, a, valid, config=SMALL, seed=stream_seed(4, "representation")).representation
    head = consumer(encode(r, x), y, config=SMALL, seed=stream_seed(4, "consumer"))
    new = people(6, seed=9)[0]
    torch.testing.assert_close(made.transform(new), encode(r, new))
    torch.testing.assert_close(made.direction, a)
    assert state_digest(made.consumer) == state_digest(head)
    assert torch.equal(made.predict(new), head(encode(r, new)).argmax(1))
    found = made.certify(new)
    direct = certify(r, head, new, a, *QUICK.values(), seed=stream_seed(4, "certificates"))
    np.testing.assert_array_equal(found.prediction, direct.prediction)
    np.testing.assert_array_equal(found.d_cs, direct.d_cs)
    np.testing.assert_array_equal(found.d_rs, direct.d_rs)


def test_rows_that_are_set_aside_teach_nothing_and_are_the_seed_s():
    x, y, s = people()
    made = LASSI(nn.Identity(), config=SMALL, **QUICK).fit(x, y, s=s, share=0.25)
    held = made._set_aside(len(x), 0.25)
    assert int(held.sum()) == 75
    torch.testing.assert_close(made.direction, mean_difference(x[~held], s[~held]))
    spoilt = x.clone()
    spoilt[held] = spoilt[held].flip(0)  # other people, and the vector stays
    again = LASSI(nn.Identity(), config=SMALL, **QUICK).fit(spoilt, y, s=s, share=0.25)
    torch.testing.assert_close(again.direction, made.direction)
    assert not torch.equal(LASSI(nn.Identity(), random_state=1)._set_aside(300, 0.25), held)


def test_an_encoder_is_never_changed():
    net, (x, y, s) = encoder(), people()
    before = state_digest(net)
    made = LASSI(net, config=SMALL, **QUICK).fit(x, y, s=s)
    assert made.transform(x).shape == (300, 4)
    made.certify(x[:2])
    assert state_digest(net) == before and all(p.grad is None for p in net.parameters())
    assert net.training and all(m.training for m in net.modules())


def test_saved_and_loaded_it_decides_and_certifies_the_same(fitted, tmp_path):
    new = people(5, seed=2)[0]
    again = LASSI.load(fitted.save(tmp_path / "lassi.pt"), nn.Identity())
    assert (again.config, again.smoothing, again.voting) == (SMALL, *QUICK.values())
    torch.testing.assert_close(again.transform(new), fitted.transform(new), rtol=0, atol=0)
    one, other = fitted.certify(new), again.certify(new)
    np.testing.assert_array_equal(one.d_cs, other.d_cs)
    np.testing.assert_array_equal(one.prediction, other.prediction)


def test_another_file_is_refused(fitted, tmp_path):
    path = save(tmp_path / "other.pt", nn.Linear(2, 2), {"what": "something else"})
    with pytest.raises(CorruptFile, match="LASSI"):
        LASSI.load(path, nn.Identity())


def test_defaults_are_the_released_ones():
    made = LASSI(nn.Identity(), config="lassi-fairface")
    assert made.config == preset("lassi-fairface")
    smoothing, voting = made.noise
    assert smoothing == Smoothing(made.config.epsilon, NOISE * made.config.epsilon)
    assert voting == Voting(made.config.sigma_rs)
    made.set_params(epsilon=0.25)  # the noise follows the radius
    assert made.noise[0] == Smoothing(0.25, NOISE * 0.25)
    assert Smoothing().sigma == NOISE * Smoothing().epsilon
    with pytest.raises(UnknownName, match="lassi"):
        LASSI(nn.Identity(), config="lasi")


@pytest.mark.parametrize("use", ["transform", "predict", "certify", "representation", "save"])
def test_before_fit_it_says_so(use, tmp_path):
    made = LASSI(nn.Identity(), config=SMALL)
    with pytest.raises(InputError, match=r"call \.fit"):
        known = getattr(made, use)
        known(tmp_path / "x.pt" if use == "save" else people(3)[0])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"y": lambda y: y[:-1]}, "y has 299 rows and x has 300"),
        ({"s": lambda s: s[:-1]}, "s has 299 rows and x has 300"),
        ({"s": lambda s: s * 0}, "0"),
        ({"y": lambda y: y * 0}, "two classes"),
        ({"y": lambda y: y + 0.5}, "whole numbers"),
        ({"x": lambda x: x.clone().index_fill_(0, torch.tensor([3]), torch.nan)}, "NaN"),
        ({"share": lambda _: 0.0}, "share of 0"),
        ({"share": lambda _: 1.5}, "share of 1.5"),
    ],
)
def test_what_does_not_fit_is_named(change, says):
    given = dict(zip("xys", people(), strict=True)) | {"share": 0.2}
    given |= {name: spoil(given[name]) for name, spoil in change.items()}
    made = LASSI(nn.Identity(), config=SMALL, **QUICK)
    with pytest.raises(InputError, match=says):
        made.fit(given["x"], given["y"], s=given["s"], share=given["share"])


def test_people_in_two_orders_are_refused():
    x, y, s = people()
    names = [f"p{i}" for i in range(len(x))]
    fine = pd.Series(y.numpy(), names)
    made = LASSI(nn.Identity(), config=replace(SMALL, epochs=1), **QUICK)
    with pytest.raises(InputError, match="different indexes"):
        made.fit(x, fine, s=pd.Series(s.numpy(), names[::-1]))
    frame = pd.DataFrame(x.numpy(), names)
    with pytest.raises(InputError, match="different indexes"):
        made.fit(x, fine, s=s, validation=(frame, fine.iloc[::-1]))
    made.fit(x, fine, s=pd.Series(s.numpy(), names))


def test_an_encoder_that_gives_pictures_is_refused():
    x, y, s = people()
    with pytest.raises(InputError, match=r"must give \(n, d\)"):
        LASSI(lambda rows: rows[:, :, None], config=SMALL).fit(x, y, s=s)


def test_numpy_s_double_inputs_meet_an_encoder_in_single_precision():
    x, y, s = people()
    net = nn.Linear(6, 5)
    made = LASSI(net, config=SMALL, **QUICK).fit(x.double().numpy(), y.numpy(), s=s.numpy())
    torch.testing.assert_close(made.latents(x.double().numpy()), net(x).detach())


def test_a_certificate_with_a_number_does_not_depend_on_its_batch(fitted):
    new = people(4, seed=2)[0]
    together = fitted.certify(new, ids=[7, 3, 5, 1])
    alone = fitted.certify(new[2:3], ids=[5])
    assert alone[0] == together[2]
