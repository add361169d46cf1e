"""Comments with labels, overlapping identity groups and splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fairtut.data.comments.vocabulary import Tokenizer, Vocabulary, encode_with
from fairtut.errors import DataError, InputError, UnknownName
from fairtut.foreign import collected
from fairtut.runtime.seeds import numpy_rng

SPLITS: Final = ("train", "tune", "val", "test")
"""BASE learns from train, a trigger from tune; val selects.  All four are disjoint."""


@dataclass(frozen=True, eq=False)
class CommentSet:
    """Comments as token ids, what is known about each, and where all of it came from.

    Attributes
    ----------
    ids : int64 tensor, shape (n, t)
        ``[CLS]``, words, ``[SEP]``, then padding.
    y : int64 tensor, shape (n,)
        1 is toxic: the *unfavourable* label.
    groups : bool tensor, shape (n, g)
        Which identities a comment mentions: none, one or several.
    group_names : tuple of str, length g
    split : ndarray of str, shape (n,)
        One of :data:`SPLITS`.
    tokenizer : Tokenizer
    name, source, digest : str
        The data set, one line for captions (edition, licence), sha256 of ids, labels and groups.
    truncated : int
        Comments that were cut to the length when this set was made.
    rows_dropped : tuple of (str, int)
        Every reason for which a row of the file is not here, and how many.
    """

    ids: Tensor
    y: Tensor
    groups: Tensor
    group_names: tuple[str, ...]
    split: NDArray[np.str_]
    tokenizer: Tokenizer
    name: str
    source: str
    digest: str = ""
    truncated: int = 0
    rows_dropped: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.y.shape != (n,) or self.groups.shape != (n, len(self.group_names)):
            raise InputError(
                f"{self.name}: {n} comments, y {tuple(self.y.shape)}, groups "
                f"{tuple(self.groups.shape)} for {len(self.group_names)} names: match them"
            )
        if len(self.split) != n or (self.ids[:, 0] != self.tokenizer.start).any():
            raise InputError(f"{self.name}: need {n} splits, and ids that begin with [CLS]")
        odd = sorted(set(np.unique(self.split).tolist()) - set(SPLITS))
        if odd:
            raise UnknownName.of("split", odd[0], SPLITS)
        if not self.digest:
            object.__setattr__(self, "digest", self._digest())

    def _digest(self) -> str:
        sha = hashlib.sha256(repr((self.group_names, tuple(self.ids.shape))).encode())
        for part in (self.ids, self.y, self.groups):
            sha.update(part.cpu().contiguous().numpy().tobytes())
        sha.update("\n".join(self.split.tolist()).encode())
        return sha.hexdigest()

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str) -> CommentSet:
        """Return the same comments with ids, labels and groups on a device."""
        moved = {name: getattr(self, name).to(device) for name in ("ids", "y", "groups")}
        return replace(self, **moved)

    def select(self, rows: Any) -> CommentSet:
        """Return the comments of these rows: a boolean mask (n,), or integer indices.

        Raises
        ------
        fairtut.errors.InputError
            If a mask has another length, or nothing is left.
        """
        index = np.asarray(rows)
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise InputError(f"{self.name}: a mask of {index.shape} for {len(self)} comments")
            index = np.flatnonzero(index)
        if not len(index):
            raise InputError(f"{self.name}: no comment is selected: widen the selection")
        at = torch.as_tensor(index.astype(np.int64), device=self.ids.device)
        return replace(
            self, ids=self.ids[at], y=self.y[at], groups=self.groups[at], split=self.split[index],
            digest="",
        )  # fmt: skip

    def part(self, name: str) -> CommentSet:
        """Return one split.

        Raises
        ------
        fairtut.errors.UnknownName
            If no comment is in a split of that name: gives those that exist.
        """
        rows = self.split == name
        if not rows.any():
            known = UnknownName.of("split", name, sorted(set(self.split.tolist())))
            hint = ": make one with with_tuning()" if name == "tune" else ""
            raise UnknownName(f"{known}{hint}")
        return self.select(rows)

    def with_tuning(self, share: float = 1 / 6, seed: int = 0) -> CommentSet:
        """Return the set with some of its train rows turned into a tune split.

        Parameters
        ----------
        share : float
            Of the train rows, in (0, 1); tune : train is the paper's 1 : 5 without it.
        seed : int
            Draws the rows.

        Raises
        ------
        fairtut.errors.InputError
            If there is a tune split, the share is out of range, or a split would be empty.
        """
        train = np.flatnonzero(self.split == "train")
        count = round(share * len(train)) if 0 < share < 1 else 0
        if not 0 < count < len(train) or (self.split == "tune").any():
            raise InputError(
                f"{self.name}: a share of {share} of {len(train)} train rows makes no tune split "
                "beside it (or there is one): give a share in (0, 1) of a set without one"
            )
        split = self.split.astype("<U5")
        split[numpy_rng(seed, "comments", "own tune").permutation(train)[:count]] = "tune"
        return replace(self, split=split, digest="")

    def mentioning(self) -> CommentSet:
        """Return the comments that mention at least one of the groups."""
        return self.select(self.groups.any(1).cpu().numpy())

    def words(self, row: int) -> list[str]:
        """Return one comment as tokens, padding left out."""
        ids = self.ids[row]
        return self.tokenizer.decode(ids[ids != self.tokenizer.pad].tolist())


def from_texts(
    texts: Sequence[str],
    y: Any,
    groups: Any,
    group_names: Sequence[str],
    split: Any,
    *,
    name: str = "own comments",
    source: str = "",
    tokenizer: Tokenizer | None = None,
    length: int = 64,
    size: int = 10_000,
    rows_dropped: Sequence[tuple[str, int]] = (),
) -> CommentSet:
    """Turn texts of your own into a set; comments without a single word are dropped and counted.

    Parameters
    ----------
    texts : sequence of str, length n
    y : array of 0 and 1, shape (n,)
    groups : boolean array, shape (n, g)
    group_names : sequence of str, length g
    split : array of str, shape (n,)
        One of :data:`SPLITS` per comment; :meth:`CommentSet.with_tuning` makes a missing tune.
    name, source : str
    tokenizer : Tokenizer, optional
        By default a :class:`Vocabulary` of the ``size`` most frequent words of the train split.
    length : int
        Tokens per comment at most, ``[CLS]`` and ``[SEP]`` included; what is cut is counted.
    rows_dropped : sequence of (str, int)
        What was dropped before.

    Raises
    ------
    fairtut.errors.DataError
        If y holds anything but 0 and 1, or just one of them.
    fairtut.errors.InputError
        If the lengths, the indexes or the names of the groups differ, a text is missing,
        membership is anything but true and false (a share needs a threshold), or nothing is left.

    Examples
    --------
    >>> from fairtut.data.comments import from_texts
    >>> texts = ["thanks sister", "[insult] sister", "..."]
    >>> found = from_texts(texts, [0, 1, 0], [[1], [1], [0]], ["female"], ["train"] * 3)
    >>> len(found), found.rows_dropped
    (2, (('no word in the comment', 1),))
    >>> found.words(1)  # a word that stands only once in the train split is unknown
    ['[CLS]', '[UNK]', 'sister', '[SEP]']
    """
    group_names = _group_names(group_names, name)
    _one_order({"texts": texts, "y": y, "groups": groups, "split": split}, group_names, name)
    labels, members, where = np.asarray(y), np.asarray(groups), np.asarray(split, dtype=np.str_)
    n = len(texts)
    if labels.shape != (n,) or members.shape != (n, len(group_names)) or where.shape != (n,):
        raise InputError(
            f"{name}: {n} texts, y {labels.shape}, groups {members.shape}, split {where.shape}: "
            f"need (n,), (n, {len(group_names)}), (n,)"
        )
    found = list(dict.fromkeys(labels.tolist()))
    if set(found) != {0, 1}:
        raise DataError(f"{name}: y holds {found[:5]}: need both 0 and 1")
    _texts(texts, name)
    members = _membership(members, group_names, name)
    if tokenizer is None:
        seen = [text for text, part in zip(texts, where, strict=True) if part == "train"]
        tokenizer = Vocabulary.build(seen or texts, size)
    encoded = encode_with(tokenizer, texts, length)
    whole = CommentSet(
        ids=encoded.ids,
        y=torch.as_tensor(labels.astype(np.int64)),
        groups=torch.as_tensor(members),
        group_names=tuple(group_names),
        split=where,
        tokenizer=tokenizer,
        name=name,
        source=source or f"{name}: {n} texts",
        truncated=encoded.truncated,
        rows_dropped=(*rows_dropped, ("no word in the comment", encoded.empty)),
    )
    return whole.select((encoded.words > 0).numpy()) if encoded.empty else whole


def _group_names(names: Sequence[str], name: str) -> tuple[str, ...]:
    """Return the names of the groups, each once."""
    if isinstance(names, str) or len(set(names)) < len(tuple(names)):
        raise InputError(f"{name}: group_names={names!r}: give a list with each name once")
    return tuple(names)


def _one_order(given: Mapping[str, Any], group_names: Sequence[str], name: str) -> None:
    """Raise where indexes, or the columns of the groups, stand in another order than the rest."""
    if isinstance(given["texts"], str):
        raise InputError(f"{name}: texts is one text: give a list of texts")
    for key, values in given.items():
        if isinstance(values, (Mapping, set, frozenset)):
            raise InputError(
                f"{name}: {key} is a {type(values).__name__}, which is no list in the order of the "
                f"rows: give a list, as in list({key}.values()) of a dict"
            )
    collected(**given)
    if hasattr(given["texts"], "columns"):
        raise InputError(f"{name}: texts is a table: give one column of it")
    indexed = [(k, v.index) for k, v in given.items() if hasattr(v, "iloc")]
    for other, index in indexed[1:]:
        if not indexed[0][1].equals(index):
            raise InputError(
                f"{name}: {indexed[0][0]} and {other} have different indexes: align them with "
                ".loc, or pass .to_numpy() where rows already belong together"
            )
    columns = getattr(given["groups"], "columns", None)
    if columns is not None and list(columns) != list(group_names):
        raise InputError(
            f"{name}: groups has the columns {', '.join(map(str, columns))}, group_names are "
            f"{', '.join(group_names)}: pass groups[list(group_names)]"
        )


def _texts(texts: Sequence[str], name: str) -> None:
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(
                f"{name}: text {row} is {text!r}, no text: drop the row, or pass '' to count it"
            )


def _membership(members: NDArray[Any], group_names: Sequence[str], name: str) -> NDArray[np.bool_]:
    """Return members as booleans; neither a missing value nor a small share is a member."""
    if members.dtype != bool:
        for group, column in zip(group_names, members.T, strict=True):
            odd = [v for v in column.tolist() if not (v in (0, 1) and not isinstance(v, str))]
            if odd:
                raise InputError(
                    f"{name}: membership in {group!r} holds {odd[0]!r}: pass true or false, as in "
                    "shares >= 0.5, and drop or decide what is missing"
                )
    return members.astype(bool)
