"""Real comments: Civil Comments with identities, and a substitute where that file is not at hand.

**Content warning**: the comments are real and many are offensive.  Print counts, not rows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.data import files
from fairtut.data.comments.commentset import SPLITS, CommentSet, from_texts
from fairtut.data.comments.reading import named_once, read, whole_rows
from fairtut.data.encoding import apply_rules, need
from fairtut.errors import DataError, InputError, UnknownName
from fairtut.runtime.seeds import numpy_rng

if TYPE_CHECKING:
    import pandas as pd

IDENTITIES: Final = (
    "male", "female", "LGBTQ", "christian", "muslim", "other_religions", "black", "white",
)  # fmt: skip
"""The paper's eight groups, in its order."""
RELIGIONS: Final = ("christian", "muslim", "other_religions")
SHARES: Final = (0.60, 0.12, 0.08, 0.20)
"""Of train, tune, val and test where a file has no splits: tune : train is the paper's 1 : 5."""

_Columns = Mapping[str, tuple[str, ...]]

Groups = Sequence[str] | Mapping[str, Sequence[str]]

# WILDS: share of annotators who see the identity, between 0 and 1
_WILDS: Final[_Columns] = {name: (name,) for name in IDENTITIES}
# train.csv of the Jigsaw competition has no joint columns for two of the groups
_JIGSAW: Final[_Columns] = {
    **_WILDS,
    "LGBTQ": (
        "homosexual_gay_or_lesbian", "bisexual", "transgender", "other_sexual_orientation",
        "other_gender",
    ),
    "other_religions": ("jewish", "hindu", "buddhist", "atheist", "other_religion"),
}  # fmt: skip
_HATE: Final[_Columns] = {
    "male": ("target_gender_men",),
    "female": ("target_gender_women",),
    "LGBTQ": tuple(
        f"target_{name}"
        for name in (
            "sexuality_gay", "sexuality_lesbian", "sexuality_bisexual", "sexuality_other",
            "gender_transgender", "gender_non_binary", "gender_other",
        )
    ),
    "christian": ("target_religion_christian",),
    "muslim": ("target_religion_muslim",),
    "other_religions": tuple(
        f"target_religion_{name}"
        for name in ("atheist", "buddhist", "hindu", "jewish", "mormon", "other")
    ),
    "black": ("target_race_black",),
    "white": ("target_race_white",),
}  # fmt: skip


def civil_comments(
    path: str | os.PathLike[str] | None = None,
    *,
    groups: Groups = IDENTITIES,
    seed: int = 0,
    **options: Any,
) -> CommentSet:
    """Load Civil Comments with identities from a file that you placed.

    Two files are read.  ``all_data_with_identities.csv`` of WILDS: ``comment_text``, ``toxicity``,
    the eight identity columns and ``split`` (train, val, test); as many train rows as there are
    val rows are drawn as the tuning set, as in the paper.  ``train.csv`` of the Jigsaw
    competition: ``comment_text``, ``target`` and single identities, which are joined (any of
    them); rows whose identities nobody annotated are dropped and counted; the splits are drawn.

    Parameters
    ----------
    path : path-like, optional
        By default the WILDS file below ``FAIRTUT_DATA/civil_comments``.
    groups : sequence of str, or mapping of str to sequence of str
        Of :data:`IDENTITIES`; :data:`RELIGIONS` is what the paper's examples use.  A mapping names
        groups of your own and the columns of the file, any of which makes a member, such as
        ``{"latin": ["latino"]}``.
    seed : int
        Of the splits that are drawn.
    **options
        ``tokenizer``, ``length`` and ``size`` of :func:`from_texts`.

    Returns
    -------
    CommentSet
        y = 1 where at least half of the annotators found the comment toxic; a membership where
        at least half saw the identity.

    Raises
    ------
    fairtut.errors.MissingData
        If the file is not there: says where to get it and where to put it.
    fairtut.errors.DataError
        If it is neither of the two files.

    Examples
    --------
    Half of the annotators are enough for a label:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from fairtut.data.comments import civil_comments
    >>> rows = '''comment_text,toxicity,male,female,split
    ... thanks sister,0.4,0.0,0.9,train
    ... [insult] brother,0.5,1.0,0.1,train'''
    >>> with tempfile.TemporaryDirectory() as here:
    ...     file = Path(here, "own.csv")
    ...     size = file.write_text(rows)
    ...     found = civil_comments(file, groups=["male", "female"])
    >>> found.y.tolist(), found.groups.tolist()
    ([0, 1], [[False, True], [True, False]])
    """
    if path is None:
        located = files.get("civil_comments")
        (path,) = located.paths("all_data_with_identities.csv")
        source = located.source
    else:
        source = f"Civil Comments, {Path(path).name} [not verified], CC0 1.0"
    frame, header = read(Path(path))
    jigsaw = "target" in frame.columns
    known, toxicity = (_JIGSAW, "target") if jigsaw else (_WILDS, "toxicity")
    columns = _columns(known, groups)
    rules = [("no text", frame.get("comment_text", frame.iloc[:, 0]).isna().to_numpy())]
    if jigsaw:
        seen = sorted({name for group in groups for name in columns.get(group, ())})
        need(frame, seen, str(path))
        rules.append(("identities not annotated", frame[seen].isna().any(axis=1).to_numpy()))
    else:
        need(frame, ["split"], str(path))
        named_once(header, ["split"], str(path))
    split = _drawn(len(frame), seed) if jigsaw else _with_tuning(frame["split"].to_numpy(str), seed)
    return _assemble(
        frame, "comment_text", toxicity, columns, groups, split, rules, header=header,
        name="civil_comments", source=source, where=str(path), **options,
    )  # fmt: skip


def hate_speech(*, groups: Groups = RELIGIONS, seed: int = 0, **options: Any) -> CommentSet:
    """Load Measuring Hate Speech, a *substitute* for Civil Comments: other comments, other label.

    y = 1 is hate speech (not toxicity) and a membership is a *target* of the comment (not a
    mention) according to annotators.  Reads the edition with one row per comment.

    Parameters
    ----------
    groups : sequence of str, or mapping of str to sequence of str
        Of :data:`IDENTITIES`, joined from finer targets; or your own, as in
        :func:`civil_comments`.
    seed : int
        Of the splits, which are drawn in the proportions of
        :data:`~fairtut.data.comments.sources.SHARES`.
    **options
        ``tokenizer``, ``length`` and ``size`` of :func:`from_texts`.

    Returns
    -------
    CommentSet
        Label and memberships hold where at least half of the annotators say so.

    Raises
    ------
    fairtut.errors.MissingData
        If the file is not there: says where to get it and where to put it.
    fairtut.errors.DataError
        If it is the official table of single annotations, which has to be aggregated first.

    Examples
    --------
    A file of your own in the place of the aggregated one:

    >>> import os, tempfile
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from fairtut.data.comments import hate_speech
    >>> rows = '''text,labels,target_gender_men
    ... thanks brother,0.0,0.9
    ... [insult] neighbour,1.0,0.2'''
    >>> with tempfile.TemporaryDirectory() as here:
    ...     os.mkdir(f"{here}/measuring_hate_speech")
    ...     own = {"FAIRTUT_DATA": here, "FAIRTUT_VERIFY": "off"}
    ...     with mock.patch.dict(os.environ, own):
    ...         file = Path(here, "measuring_hate_speech", "measuring_hate_speech_25424.csv")
    ...         size = file.write_text(rows)
    ...         found = hate_speech(groups={"men": ["target_gender_men"]})
    >>> found.y.tolist(), found.groups.tolist()
    ([0, 1], [[True], [False]])
    >>> "a substitute for Civil Comments" in found.source
    True
    """
    located = files.get("measuring_hate_speech")
    (path,) = located.paths("measuring-hate-speech.parquet")
    if path.suffix == ".parquet":
        raise DataError(
            f"{path} holds single annotations: save one row per comment (text, labels, target_*) "
            "as measuring_hate_speech_25424.csv beside it"
        )
    frame, header = read(path)
    return _assemble(
        frame, "text", "labels", _columns(_HATE, groups), groups, _drawn(len(frame), seed),
        [("no text", frame.get("text", frame.iloc[:, 0]).isna().to_numpy())],
        header=header, name="measuring_hate_speech",
        source=f"{located.source} (a substitute for Civil Comments)", where=str(path), **options,
    )  # fmt: skip


def _assemble(
    frame: pd.DataFrame, text: str, label: str, columns: _Columns, groups: Groups,
    split: NDArray[np.str_], rules: list[tuple[str, NDArray[np.bool_]]], *,
    header: Sequence[str], where: str, **options: Any,
) -> CommentSet:  # fmt: skip
    for group in groups:
        if group not in columns:
            raise UnknownName.of("identity group", group, columns)
    shares = [label, *(name for group in groups for name in columns[group])]
    need(frame, [text, *shares], where)
    named_once(header, [text, *shares], where)
    whole_rows(frame, shares, where)
    keep, dropped = apply_rules([*rules, (f"no {label}", frame[label].isna().to_numpy())])
    kept = frame[keep]
    members = [
        np.stack([_at_least_half(kept[name], where) for name in columns[group]]).any(0)
        for group in groups
    ]
    return from_texts(
        kept[text].astype(str).tolist(), _at_least_half(kept[label], where).astype(np.int64),
        np.stack(members, 1), tuple(groups), split[keep], rows_dropped=dropped, **options,
    )  # fmt: skip


def _columns(known: _Columns, groups: Groups) -> _Columns:
    """Return which columns make a group: the file's own, or those that a mapping names."""
    if not isinstance(groups, Mapping):
        return known
    wrong = next((g for g, names in groups.items() if isinstance(names, str) or not names), None)
    if wrong is not None:
        raise InputError(f"group {wrong!r} is made of {groups[wrong]!r}: give a list of columns")
    return {group: tuple(names) for group, names in groups.items()}


def _at_least_half(shares: pd.Series, where: str) -> NDArray[np.bool_]:
    """Return where a share of annotators is .5 or more, (n,); WILDS counts a missing one as 0."""
    try:
        values = shares.to_numpy(np.float64)
    except ValueError:
        raise DataError(f"{where}, {shares.name} holds text where shares are due") from None
    if np.nanmin(values, initial=0.0) < 0 or np.nanmax(values, initial=1.0) > 1:
        raise DataError(
            f"{where}, {shares.name} holds {np.nanmin(values):g} to {np.nanmax(values):g} where "
            "shares in [0, 1] are due: divide counts or per cent first"
        )
    return np.asarray(values >= 0.5)


def _drawn(n: int, seed: int) -> NDArray[np.str_]:
    """Draw splits in the proportions of :data:`SHARES`, shape (n,)."""
    ends = np.round(np.cumsum(SHARES) * n).astype(np.int64)
    split = np.repeat(np.array(SPLITS), np.diff(ends, prepend=0))
    return np.asarray(numpy_rng(seed, "comments", "split").permutation(split))


def _with_tuning(split: NDArray[np.str_], seed: int) -> NDArray[np.str_]:
    """Turn as many train rows into tuning rows as there are val rows."""
    odd = sorted(set(np.unique(split).tolist()) - set(SPLITS))
    if odd:  # cut to the five letters of a split, "training" and "trainval" would be "train"
        raise UnknownName.of("split", odd[0], SPLITS)
    train = np.flatnonzero(split == "train")
    count = min(int((split == "val").sum()), len(train) // 2)
    split = split.astype("<U5")
    split[numpy_rng(seed, "comments", "tune").permutation(train)[:count]] = "tune"
    return split
