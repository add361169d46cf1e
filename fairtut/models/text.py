"""Text classifiers whose word embeddings can be replaced: a small transformer, and an adapter.

Both follow :class:`TextModel`.  :class:`TextClassifier` is small enough to train on a CPU;
:class:`Pretrained` wraps a BERT-like Hugging Face classifier *from a local folder*: nothing is
downloaded.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.errors import DataError, InputError, MissingData, MissingExtra
from fairtut.models.building import building

_TOKENIZER_FILES: Final = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model")


class TextModel(Protocol):
    """What a word trigger needs: the embedding table, room, and a way in past the table.

    ``table`` (v, d) holds the word embeddings, ``positions`` the tokens that fit.

    Examples
    --------
    Half of one word and half of another is a word that no token id names, and the model reads it:

    >>> import torch
    >>> from fairtut.models.text import TextClassifier, TextModel
    >>> rng = torch.Generator().manual_seed(0)
    >>> model: TextModel = TextClassifier(10, width=8, heads=2, layers=1, generator=rng).eval()
    >>> table, mask = model.table.detach(), torch.ones(1, 3, dtype=torch.bool)
    >>> words = torch.stack([table[2], (table[5] + table[7]) / 2, table[3]])[None]
    >>> model.from_words(words, mask).shape
    torch.Size([1, 2])

    Position ids are counted from 0 if none are given:

    >>> order = torch.tensor([[0, 1, 2]])
    >>> torch.equal(model.from_words(words, mask, order), model.from_words(words, mask))
    True
    """

    @property
    def table(self) -> Tensor: ...  # noqa: D102
    @property
    def positions(self) -> int: ...  # noqa: D102

    def from_words(self, words: Tensor, mask: Tensor, order: Tensor | None = None) -> Tensor:
        """Map word embeddings (n, t, d), and where there are tokens (n, t), to logits (n, k).

        ``order`` (n, t) holds position ids, by default 0, 1, ...; the token at index 0 is pooled.
        """


class Block(nn.Module):
    """Attention and a two-layer network, each behind a layer norm and beside a shortcut.

    Parameters
    ----------
    width, heads : int
        The width is divisible by the number of heads.
    dropout : float

    Examples
    --------
    Nobody attends to a token outside the mask, so what stands there does not matter to the others.
    Without the mask it would:

    >>> import torch
    >>> from fairtut.models.text import Block
    >>> block = Block(width=8, heads=2, dropout=0.0)
    >>> x, other = torch.eye(8)[None, :3], torch.eye(8)[None, [0, 1, 5]]
    >>> for last in (False, True):
    ...     mask = torch.tensor([[True, True, last]])
    ...     torch.allclose(block(x, mask)[0, :2], block(other, mask)[0, :2], atol=1e-6)
    True
    False
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map (n, t, width) to the same shape; nobody attends to tokens outside the mask (n, t)."""
        n, t, width = x.shape
        split = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # each (n, heads, t, width / heads)
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        x = x + self.dropout(self.out(seen.transpose(1, 2).reshape(n, t, width)))
        return x + self.dropout(self.mlp(self.norm2(x)))


class TextClassifier(nn.Module):
    """A transformer encoder with learned positions and a linear classifier at ``[CLS]``.

    Parameters
    ----------
    vocabulary, classes : int
        Numbers of tokens and of logits.
    positions : int
        Tokens that fit, special ones and a trigger's included.
    width, heads, layers : int
    dropout : float
    pad : int
        Id of the padding token.
    generator : torch.Generator, optional
        Source of the initial weights: normal with deviation .02 as BERT's; biases 0.

    Raises
    ------
    fairtut.errors.InputError
        If the width is not divisible by the number of heads, or a size is not positive.

    Examples
    --------
    Padding on the right does not change what the classifier says:

    >>> import torch
    >>> from fairtut.models.text import TextClassifier
    >>> rng = torch.Generator().manual_seed(0)
    >>> model = TextClassifier(10, classes=3, width=8, heads=2, layers=1, generator=rng).eval()
    >>> ids = torch.tensor([[2, 5, 7, 3]])
    >>> padded = torch.tensor([[2, 5, 7, 3, 0, 0]])
    >>> model(ids).shape, torch.allclose(model(ids), model(padded), atol=1e-5)
    (torch.Size([1, 3]), True)

    It can be entered behind the table of words, which is where a trigger stands:

    >>> torch.equal(model.from_words(model.table[ids], ids != model.pad), model(ids))
    True
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int = 2,
        *,
        positions: int = 64,
        width: int = 64,
        heads: int = 4,
        layers: int = 2,
        dropout: float = 0.1,
        pad: int = 0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if min(vocabulary, classes, positions, width, heads, layers) < 1 or width % heads:
            raise InputError(f"width {width} by {heads} heads: need sizes > 0 that divide")
        self.pad = pad
        with building(generator):
            self.tokens = nn.Embedding(vocabulary, width)
            self.places = nn.Embedding(positions, width)
            self.dropout = nn.Dropout(dropout)
            self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02, generator=generator)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    @property
    def table(self) -> Tensor:
        """Word embeddings, (vocabulary, width)."""
        return self.tokens.weight

    @property
    def positions(self) -> int:
        """Tokens that fit."""
        return self.places.num_embeddings

    def from_words(self, words: Tensor, mask: Tensor, order: Tensor | None = None) -> Tensor:
        """Map word embeddings (n, t, width) to logits (n, classes): see :class:`TextModel`.

        Raises
        ------
        fairtut.errors.InputError
            If there are more tokens than positions.
        """
        if words.shape[1] > self.positions:
            raise InputError(
                f"{words.shape[1]} tokens for {self.positions} positions: cut the texts, or build "
                "a model with more positions"
            )
        if order is None:
            order = torch.arange(words.shape[1], device=words.device)
        x = self.dropout(words + self.places(order))
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x[:, 0]))  # type: ignore[no-any-return]

    def forward(self, ids: Tensor) -> Tensor:
        """Map token ids (n, t), padded on the right, to logits (n, classes)."""
        return self.from_words(self.tokens(ids), ids != self.pad)


class Pretrained(nn.Module):
    """A Hugging Face sequence classifier of BERT's kind: ``[CLS]`` first, pooled at index 0.

    Parameters
    ----------
    model : nn.Module
        Takes ``inputs_embeds``, ``attention_mask`` and ``position_ids`` and returns ``logits``.
    tokenizer : PieceTokenizer

    Examples
    --------
    Stand-ins for what :func:`load_pretrained` finds in a folder.  The tokenizer takes fewer tokens
    than the model, and its number counts:

    >>> from types import SimpleNamespace
    >>> from torch import nn
    >>> from fairtut.models.text import Pretrained
    >>> config = SimpleNamespace(max_position_embeddings=512)
    >>> model = SimpleNamespace(config=config, get_input_embeddings=lambda: nn.Embedding(30, 8))
    >>> pretrained = Pretrained(model, SimpleNamespace(pad=0, longest=128))
    >>> pretrained.positions, pretrained.table.shape
    (128, torch.Size([30, 8]))
    """

    def __init__(self, model: Any, tokenizer: PieceTokenizer) -> None:
        super().__init__()
        self.model: Any = model
        self.pad = tokenizer.pad
        self.limit = min(int(model.config.max_position_embeddings), tokenizer.longest)

    @property
    def table(self) -> Tensor:
        """Word embeddings, (vocabulary, width)."""
        table: Tensor = self.model.get_input_embeddings().weight
        return table

    @property
    def positions(self) -> int:
        """Tokens that fit, the smaller of what model and tokenizer state."""
        return self.limit

    def from_words(self, words: Tensor, mask: Tensor, order: Tensor | None = None) -> Tensor:
        """Map word embeddings (n, t, width) to logits (n, classes): see :class:`TextModel`."""
        more = {} if order is None else {"position_ids": order}
        out = self.model(inputs_embeds=words, attention_mask=mask.long(), **more)
        logits: Tensor = out.logits
        return logits

    def forward(self, ids: Tensor) -> Tensor:
        """Map token ids (n, t), padded on the right, to logits (n, classes)."""
        return self.from_words(functional.embedding(ids, self.table), ids != self.pad)


class PieceTokenizer:
    """A Hugging Face tokenizer as :class:`fairtut.data.comments.Tokenizer`.

    Parameters
    ----------
    inner : object
        The tokenizer.
    where : str
        For messages.

    Raises
    ------
    fairtut.errors.DataError
        If it has no ``[CLS]``, ``[SEP]`` or padding token: then it is not of BERT's kind.

    Attributes
    ----------
    pad, start, end : int
        Ids of padding, ``[CLS]`` and ``[SEP]``.
    longest : int
        Tokens that fit, special ones included.

    Examples
    --------
    A stand-in for a tokenizer of BERT's kind; a decoder's has no ``[CLS]``:

    >>> from types import SimpleNamespace
    >>> from fairtut.models.text import PieceTokenizer
    >>> special = dict(pad_token_id=0, cls_token_id=101, sep_token_id=102)
    >>> tokenizer = PieceTokenizer(SimpleNamespace(**special, model_max_length=512))
    >>> tokenizer.pad, tokenizer.start, tokenizer.end, tokenizer.longest
    (0, 101, 102, 512)
    >>> PieceTokenizer(SimpleNamespace(pad_token_id=0), "decoder")
    Traceback (most recent call last):
    fairtut.errors.DataError: decoder lacks a pad, cls or sep token: use an encoder of BERT's kind
    """

    def __init__(self, inner: Any, where: str = "the tokenizer") -> None:
        ids = [getattr(inner, f"{kind}_token_id", None) for kind in ("pad", "cls", "sep")]
        if None in ids:
            raise DataError(f"{where} lacks a pad, cls or sep token: use an encoder of BERT's kind")
        self.inner = inner
        self.pad, self.start, self.end = (int(i) for i in ids if i is not None)
        self.longest = int(min(inner.model_max_length, 10**9))  # "unlimited" is 1e30

    @cached_property
    def ordinary(self) -> Tensor:
        """Ids of tokens that are neither special nor unused places, int64 (k,)."""
        special = set(self.inner.all_special_ids)
        tokens = self.inner.convert_ids_to_tokens(list(range(len(self))))
        keep = [
            i for i, token in enumerate(tokens)
            if i not in special and token is not None and not token.startswith("[unused")
        ]  # fmt: skip
        return torch.tensor(keep)

    def pieces(self, text: str) -> list[int]:
        """Return the ids of a text's pieces, of any length."""
        ids: list[int] = self.inner.encode(text, add_special_tokens=False, truncation=False)
        return ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens of these ids."""
        tokens: list[str] = self.inner.convert_ids_to_tokens([int(i) for i in ids])
        return tokens

    def __len__(self) -> int:
        return len(self.inner)


def load_pretrained(
    folder: str | os.PathLike[str], classes: int = 2
) -> tuple[Pretrained, PieceTokenizer]:
    """Load an encoder with its tokenizer from a local folder; nothing is downloaded.

    Parameters
    ----------
    folder : path-like
        Holds ``config.json``, the weights and the tokenizer's files, as ``save_pretrained`` of
        ``transformers`` writes them.  An encoder without a classifier gets a new, random one.
    classes : int

    Raises
    ------
    fairtut.errors.MissingData
        If the folder, its configuration or its tokenizer is not there.
    fairtut.errors.MissingExtra
        If ``transformers`` is not installed.
    fairtut.errors.DataError
        If the tokenizer is not of BERT's kind, or the files cannot be loaded.

    Returns
    -------
    model : Pretrained
        In evaluation mode.
    tokenizer : PieceTokenizer

    Examples
    --------
    A folder is read as it is; what it lacks is named, and not fetched:

    >>> from fairtut.models.text import load_pretrained
    >>> load_pretrained("my_encoder")
    Traceback (most recent call last):
    fairtut.errors.MissingData: my_encoder holds no config.json: name the folder of a saved encoder
    """
    path = Path(folder)
    if not (path / "config.json").is_file():
        raise MissingData(f"{path} holds no config.json: name the folder of a saved encoder")
    if not any((path / name).is_file() for name in _TOKENIZER_FILES):
        raise MissingData(
            f"{path} holds an encoder without a tokenizer: put its {_TOKENIZER_FILES[0]} or "
            f"{_TOKENIZER_FILES[1]} there too"
        )
    try:
        hf = importlib.import_module("transformers")
    except ImportError:
        raise MissingExtra.of("transformers", "text") from None
    try:
        inner = hf.AutoTokenizer.from_pretrained(str(path), local_files_only=True)
        model = hf.AutoModelForSequenceClassification.from_pretrained(
            str(path), local_files_only=True, num_labels=classes
        )
    except (OSError, ValueError, RuntimeError) as error:
        what = " ".join(str(error).split())[:120]
        raise DataError(f"{path} cannot be loaded as a classifier ({what}): save it anew") from None
    tokenizer = PieceTokenizer(inner, str(path))
    return Pretrained(model, tokenizer).eval(), tokenizer
