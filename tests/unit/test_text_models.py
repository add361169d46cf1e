"""Text classifiers: padding and company do not matter, words come in past the table."""

from __future__ import annotations

import builtins
import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fairtut.data.comments import Vocabulary, encode_with
from fairtut.errors import DataError, InputError, MissingData, MissingExtra
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.models.text import PieceTokenizer, Pretrained, TextClassifier, load_pretrained
from fairtut.runtime.seeds import torch_rng

torch.set_num_threads(1)
IDS = torch.tensor([[2, 5, 6, 7, 3, 0, 0], [2, 8, 3, 0, 0, 0, 0], [2, 9, 5, 8, 4, 6, 3]])


def net(**changes: Any) -> TextClassifier:
    given: dict[str, Any] = {"positions": 16, "width": 12, "heads": 3, "layers": 2} | changes
    made = TextClassifier(10, generator=torch_rng(0, "net"), **given)
    for place in made.parameters():  # far from the tiny start, so that differences would show
        place.data.add_(torch.randn(place.shape, generator=torch_rng(1, "more")) * 0.3)
    return made.double().eval()


# --- the small transformer ------------------------------------------------------------------


@torch.no_grad()
def test_padding_and_company_do_not_change_a_comment() -> None:
    model = net()
    logits = model(IDS)
    for row, length in enumerate((5, 3, 7)):
        torch.testing.assert_close(model(IDS[row : row + 1, :length])[0], logits[row])
    torch.testing.assert_close(model(nn.functional.pad(IDS, (0, 6))), logits)
    torch.testing.assert_close(model(IDS.flip(0)), logits.flip(0))
    words = model.tokens(IDS)
    words[IDS == 0] = 1e3  # whatever stands behind the mask
    torch.testing.assert_close(model.from_words(words, IDS != 0), logits)


@torch.no_grad()
def test_order_is_what_positions_say() -> None:
    model, mask = net(), torch.ones(1, 7, dtype=torch.bool)
    words = model.tokens(IDS[2:])
    logits = model.from_words(words, mask)
    shuffled = torch.tensor([0, 4, 2, 6, 1, 5, 3])  # [CLS] stays first, where it is pooled
    moved = model.from_words(words[:, shuffled], mask, shuffled[None])
    torch.testing.assert_close(moved, logits)  # attention sees position ids only
    assert (model.from_words(words[:, shuffled], mask) - logits).abs().max() > 1e-3
    first = torch.tensor([1, 0, 2, 3, 4, 5, 6])  # another token is pooled
    assert (model.from_words(words[:, first], mask, first[None]) - logits).abs().max() > 1e-3


@torch.no_grad()
def test_attention_is_softmax_attention_by_hand() -> None:
    model = net(layers=1, heads=1)
    block: Any = model.blocks[0]
    x = model.tokens(IDS[:1]) + model.places(torch.arange(7))
    q, k, v = block.qkv(block.norm1(x))[0].chunk(3, 1)
    weights = torch.softmax((q @ k[:5].T) / math.sqrt(12), 1)  # the last two are padding
    h = x[0] + block.out(weights @ v[:5])
    h = h + block.mlp(block.norm2(h))
    torch.testing.assert_close(model(IDS[:1])[0], model.head(model.norm(h[0])))


def test_gradients_reach_the_words_and_never_the_padding() -> None:
    model = net()
    words = model.tokens(IDS).detach().requires_grad_()
    model.from_words(words, IDS != 0).square().sum().backward()
    assert words.grad is not None
    assert words.grad[IDS == 0].abs().max() == 0
    assert (words.grad[IDS != 0].abs().amax(1) > 0).all()


def test_equal_seeds_give_equal_models_and_bad_sizes_are_named() -> None:
    a, b = (TextClassifier(10, generator=torch_rng(3, "x")) for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    with pytest.raises(InputError, match="width 10 by 4 heads"):
        TextClassifier(10, width=10)
    with pytest.raises(InputError, match="17 tokens for 16 positions"):
        net()(torch.full((1, 17), 4))


# --- Hugging Face, with doubles of the documented interface ---------------------------------


class Pieces:
    """Stands in for a Hugging Face tokenizer."""

    pad_token_id, cls_token_id, sep_token_id = 0, 2, 3
    model_max_length = int(1e30)
    tokens = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused1]", "good", "bad", "##ly")
    all_special_ids = (0, 1, 2, 3)

    def encode(self, text: str, add_special_tokens: bool, truncation: bool) -> list[int]:
        assert not add_special_tokens and not truncation
        return [self.tokens.index(word) for word in text.replace("badly", "bad ##ly").split()]

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [self.tokens[i] for i in ids]

    def __len__(self) -> int:
        return len(self.tokens)


class Encoder(nn.Module):
    """Stands in for BertForSequenceClassification: the same network, their signature."""

    def __init__(self) -> None:
        super().__init__()
        self.net = TextClassifier(8, positions=9, width=8, heads=2, generator=torch_rng(0, "hf"))
        self.config = SimpleNamespace(max_position_embeddings=9, model_type="bert")

    def get_input_embeddings(self) -> nn.Embedding:
        return self.net.tokens

    def forward(
        self, *, inputs_embeds: Tensor, attention_mask: Tensor, position_ids: Tensor | None = None
    ) -> Any:
        assert attention_mask.dtype == torch.int64
        return SimpleNamespace(
            logits=self.net.from_words(inputs_embeds, attention_mask.bool(), position_ids)
        )


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A module `transformers` that remembers how it was called."""
    calls: list[dict[str, Any]] = []
    state = SimpleNamespace(tokenizer=Pieces(), calls=calls, error=None)

    def loads(what: Any) -> Any:
        def from_pretrained(path: str, **options: Any) -> Any:
            calls.append(options)
            if state.error is not None:
                raise state.error
            return what()

        return SimpleNamespace(from_pretrained=from_pretrained)

    module: Any = ModuleType("transformers")
    module.AutoTokenizer = loads(lambda: state.tokenizer)
    module.AutoModelForSequenceClassification = loads(Encoder)
    monkeypatch.setitem(sys.modules, "transformers", module)
    return state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "vocab.txt").write_text("[PAD]")
    return tmp_path


def test_an_encoder_is_loaded_from_its_folder_only(library: SimpleNamespace, folder: Path) -> None:
    model, tokenizer = load_pretrained(folder)
    assert all(call["local_files_only"] is True for call in library.calls)
    assert model.positions == 9 and model.table.shape == (8, 8) and not model.training
    assert tokenizer.decode(tokenizer.ordinary.tolist()) == ["good", "bad", "##ly"]
    got = encode_with(tokenizer, ["good badly", "good good good"], 4)
    assert got.ids.tolist() == [[2, 5, 6, 3], [2, 5, 5, 3]] and got.truncated == 2


@torch.no_grad()
def test_the_adapter_is_its_encoder(library: SimpleNamespace, folder: Path) -> None:
    model, tokenizer = load_pretrained(folder)
    ids = torch.tensor([[2, 5, 6, 3, 0], [2, 7, 3, 0, 0]])
    torch.testing.assert_close(model(ids), model.model.net(ids))
    for placement in ("end", "front"):
        trigger = WordTrigger(tokenizer, 2, placement=placement, generator=torch_rng(0, "t"))
        torch.testing.assert_close(trigger(model, ids), trigger(model.model.net, ids))


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"no config\.json"):
        load_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(MissingData, match="without a tokenizer"):
        load_pretrained(tmp_path)


def test_bad_encoders_are_named(library: SimpleNamespace, folder: Path) -> None:
    library.tokenizer.cls_token_id = None
    with pytest.raises(DataError, match="lacks a pad, cls or sep token"):
        load_pretrained(folder)
    library.error = OSError("no weights\nhere")
    with pytest.raises(DataError, match="cannot be loaded as a classifier \\(no weights here\\)"):
        load_pretrained(folder)


def test_without_the_library_the_extra_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)  # any import fails
    with pytest.raises(MissingExtra, match="transformers is not installed"):
        load_pretrained(folder)


def test_the_own_vocabulary_and_the_adapter_have_one_interface() -> None:
    for name in ("pad", "start", "end", "ordinary", "pieces", "decode", "__len__"):
        for kind in (Vocabulary(Vocabulary.build(["a"]).tokens), PieceTokenizer(Pieces())):
            assert hasattr(kind, name)
    assert Pretrained(Encoder(), PieceTokenizer(Pieces())).pad == 0
    assert builtins.min(9, PieceTokenizer(Pieces()).longest) == 9
