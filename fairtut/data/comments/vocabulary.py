"""From text to token ids: lower-case words, a vocabulary, and what gets lost is counted."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import torch
from torch import Tensor

from fairtut.errors import InputError

#: Padding, unknown word, start and end.
SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_WORD = re.compile(r"\[[a-z]+\]|[^\W_]+(?:['’][^\W_]+)*")


class Tokenizer(Protocol):
    """What turns text into ids: :class:`Vocabulary`, or a Hugging Face tokenizer behind one.

    ``pad``, ``start`` ([CLS]) and ``end`` ([SEP]) are the ids of special tokens, and ``ordinary``
    (k,) those of all tokens that a hard trigger may be made of: words or pieces of words.

    Examples
    --------
    A tokenizer whose pieces are letters:

    >>> import torch
    >>> from fairtut.data.comments import encode_with
    >>> class Letters:
    ...     pad, start, end, ordinary = 0, 1, 2, torch.arange(3, 29)
    ...     def pieces(self, text): return [ord(letter) - ord("a") + 3 for letter in text]
    ...     def decode(self, ids): return ["_^$abcdefghijklmnopqrstuvwxyz"[int(i)] for i in ids]
    ...     def __len__(self): return 29
    >>> ids = encode_with(Letters(), ["ab", "c"], length=8).ids
    >>> ids.tolist(), Letters().decode(ids[0])
    ([[1, 3, 4, 2], [1, 5, 2, 0]], ['^', 'a', 'b', '$'])
    """

    @property
    def pad(self) -> int: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102
    @property
    def ordinary(self) -> Tensor: ...  # noqa: D102

    def pieces(self, text: str) -> list[int]:
        """Return the ids of a text, without special tokens and of any length."""

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens of these ids."""

    def __len__(self) -> int: ...


def words_of(text: str) -> list[str]:
    """Split a text into lower-case words: punctuation goes, masks such as ``[insult]`` stay.

    An accent belongs to its letter, in whichever way Unicode writes it; signs that no letter of
    their own has, such as the vowels of Devanagari, part words.

    Examples
    --------
    >>> from fairtut.data.comments import words_of
    >>> words_of("Don't say [insult]!")
    ["don't", 'say', '[insult]']
    """
    return _WORD.findall(unicodedata.normalize("NFC", text.lower()))


@dataclass(frozen=True)
class Vocabulary:
    """Words and their ids: position in ``tokens``.

    Attributes
    ----------
    tokens : tuple of str
        The four of :data:`~fairtut.data.comments.vocabulary.SPECIAL`, then words.

    Raises
    ------
    fairtut.errors.InputError
        If the special tokens do not come first, or a token comes twice.

    Examples
    --------
    ``good`` stands only once, so it is unknown:

    >>> from fairtut.data.comments import Vocabulary
    >>> words = Vocabulary.build(["a good day", "a day"], least=2)
    >>> words.tokens
    ('[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a', 'day')
    >>> words.pieces("A good day")
    [4, 1, 5]
    """

    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.tokens[:4] != SPECIAL or len(set(self.tokens)) != len(self.tokens):
            raise InputError(f"a vocabulary is {', '.join(SPECIAL)} and then words, each once")

    @classmethod
    def build(cls, texts: Iterable[str], size: int = 10_000, least: int = 2) -> Vocabulary:
        """Return the most frequent words of some texts (of the training split, and no other).

        Parameters
        ----------
        texts : iterable of str
        size : int
            Tokens at most, special ones included.
        least : int
            Rarer words are unknown.

        Returns
        -------
        Vocabulary
            Words by falling count; those of one count by the alphabet.
        """
        counts = Counter(word for text in texts for word in words_of(text))
        # by count and then by name, so that the order of the texts does not matter
        ranked = sorted((-n, word) for word, n in counts.items() if n >= least)
        return cls(SPECIAL + tuple(word for _, word in ranked[: max(0, size - len(SPECIAL))]))

    @cached_property
    def ids(self) -> dict[str, int]:
        """Token to id."""
        return {token: i for i, token in enumerate(self.tokens)}

    @property
    def pad(self) -> int:
        """Id of ``[PAD]``."""
        return 0

    @property
    def start(self) -> int:
        """Id of ``[CLS]``."""
        return 2

    @property
    def end(self) -> int:
        """Id of ``[SEP]``."""
        return 3

    @property
    def ordinary(self) -> Tensor:
        """Ids of the words, int64 (k,)."""
        return torch.arange(len(SPECIAL), len(self))

    def pieces(self, text: str) -> list[int]:
        """Return the ids of a text's words; unknown words are ``[UNK]``."""
        return [self.ids.get(word, 1) for word in words_of(text)]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the tokens of these ids."""
        return [self.tokens[int(i)] for i in ids]

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class Encoded:
    """Token ids, and what was lost on the way.

    Attributes
    ----------
    ids : int64 tensor, shape (n, t)
        ``[CLS]``, words, ``[SEP]``, then ``[PAD]`` up to the longest.
    words : int64 tensor, shape (n,)
        Words (or pieces) that each text had before the cut.
    truncated, empty : int
        Texts that were cut to the length, and texts without a single word.

    Examples
    --------
    Four tokens leave room for two words, so one of three words is lost:

    >>> from fairtut.data.comments import Vocabulary, encode_with
    >>> words = Vocabulary(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "day"))
    >>> encoded = encode_with(words, ["good day day", "..."], length=4)
    >>> encoded.words.tolist(), encoded.truncated, encoded.empty
    ([3, 0], 1, 1)
    >>> words.decode(encoded.ids[0])
    ['[CLS]', 'good', 'day', '[SEP]']
    """

    ids: Tensor
    words: Tensor
    truncated: int
    empty: int


def encode_with(tokenizer: Tokenizer, texts: Sequence[str], length: int) -> Encoded:
    """Encode texts; longer ones keep their beginning and are counted.

    Parameters
    ----------
    tokenizer : Tokenizer
    texts : sequence of str
    length : int
        Tokens per text at most, ``[CLS]`` and ``[SEP]`` included.

    Raises
    ------
    fairtut.errors.InputError
        If there are no texts, one is no text, or the length leaves no room for a word.

    Examples
    --------
    >>> from fairtut.data.comments import Vocabulary, encode_with
    >>> words = Vocabulary(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "day"))
    >>> encode_with(words, ["Good day!", "day"], length=8).ids.tolist()
    [[2, 4, 5, 3], [2, 5, 3, 0]]
    """
    if not len(texts) or length < 3:
        raise InputError(f"{len(texts)} texts of {length} tokens: need one text, three tokens")
    odd = next((i for i, text in enumerate(texts) if not isinstance(text, str)), None)
    if odd is not None:
        raise InputError(f"comment {odd} is {type(texts[odd]).__name__}, no text: pass str")
    pieces = [tokenizer.pieces(text) for text in texts]
    words = torch.tensor([len(row) for row in pieces])
    kept = words.clamp(max=length - 2)
    ids = torch.full((len(texts), int(kept.max()) + 2), tokenizer.pad)
    ids[:, 0] = tokenizer.start
    for row, found in enumerate(pieces):
        n = int(kept[row])
        ids[row, 1 : n + 1] = torch.tensor(found[:n], dtype=torch.int64)
        ids[row, n + 1] = tokenizer.end
    return Encoded(ids, words, int((words > kept).sum()), int((words == 0).sum()))
