"""Integrated gradients over words: they add up, with and without a trigger, and are captum's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from fairtut.chapters.reprogramming_text.attribution import attribute
from fairtut.data.comments import CommentSet
from fairtut.data.synthetic.comments import comments
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.models.text import TextClassifier
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def tokens() -> CommentSet:
    return comments(100, 0)


@pytest.fixture(scope="module")
def net(tokens: CommentSet) -> TextClassifier:
    made = TextClassifier(
        len(tokens.tokenizer), positions=40, width=8, heads=2, generator=torch_rng(0, "ig")
    )
    for p in made.parameters():
        p.data.add_(torch.randn(p.shape, generator=torch_rng(1, "ig")) * 0.2)
    return made.double().eval().requires_grad_(False)


@pytest.mark.parametrize("mode", [None, "soft", "hard"])
def test_attributions_add_up(tokens: CommentSet, net: TextClassifier, mode: str | None) -> None:
    trigger = None
    if mode:
        trigger = WordTrigger(tokens.tokenizer, 3, mode=mode, generator=torch_rng(2, "t")).double()
    found = attribute(net, tokens.ids[:1], trigger, tokens.tokenizer)
    assert abs(found.gap) < 1e-6 and found.values[[0, -1]].tolist() == [0, 0]
    assert len(found.tokens) == len(found.values) and len(found.trigger) == (3 if mode else 0)
    assert found.tokens[0] == "[CLS]" and found.tokens[-1] == "[SEP]"
    assert np.linalg.norm(found.scaled()) == pytest.approx(1)
    if trigger is not None:
        p = torch.softmax(trigger(net, tokens.ids[:1]), 1)[0, 1]
        assert found.toxicity == pytest.approx(float(p.detach()))
        names = tokens.tokenizer.decode(trigger.token_ids().tolist())
        assert [found.tokens[i] for i in found.trigger] == names


def test_attributions_are_captums(tokens: CommentSet, net: TextClassifier) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        captum = pytest.importorskip("captum.attr")
    ids = tokens.ids[:1, : int((tokens.ids[0] != 0).sum())]
    start = torch.zeros_like(ids)
    start[:, 0], start[:, -1] = ids[:, 0], ids[:, -1]

    def margin(ids: torch.Tensor) -> torch.Tensor:
        logits = net.from_words(net.tokens(ids), torch.ones_like(ids, dtype=torch.bool))
        return logits[:, 1] - logits[:, 0]

    layer = captum.LayerIntegratedGradients(margin, net.tokens)
    theirs = layer.attribute(ids, start, n_steps=64)[0].sum(1).detach().numpy()
    ours = attribute(net, ids, None, tokens.tokenizer).values
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
