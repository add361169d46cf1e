"""A trained word trigger as a small file: weights and a card, nothing that runs when loaded."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from fairtut.data.comments import Tokenizer
from fairtut.errors import CorruptFile, InputError
from fairtut.methods.reprogramming.words import WordTrigger
from fairtut.runtime import checkpoints


def save_words(path: str | os.PathLike[str], trigger: WordTrigger, tokenizer: Tokenizer) -> Path:
    """Write a trigger; the card says its mode and placement, and which vocabulary it is for.

    Parameters
    ----------
    path : path-like
        The file, by custom ``.pt``.
    trigger : WordTrigger
    tokenizer : Tokenizer
        Of the model that it was trained for.
    """
    card = {
        "what": "word trigger", "count": len(trigger), "mode": trigger.mode,
        "placement": trigger.placement, "vocabulary": _digest(tokenizer),
    }  # fmt: skip
    return checkpoints.save(path, trigger, card)


def load_words(path: str | os.PathLike[str], tokenizer: Tokenizer) -> WordTrigger:
    """Read a trigger for a model with the same vocabulary.

    Raises
    ------
    fairtut.errors.CorruptFile
        If the file is damaged, or no word trigger.
    fairtut.errors.InputError
        If it was made for another vocabulary: the same ids would be other words.
    """
    card = checkpoints.read_card(path)
    if card.get("what") != "word trigger":
        raise CorruptFile(f"{path} holds no word trigger: save one with save_words")
    if card["vocabulary"] != _digest(tokenizer):
        raise InputError(
            f"{path} was made for another vocabulary: use the tokenizer that it was trained with"
        )
    trigger = WordTrigger(
        tokenizer, int(card["count"]), mode=card["mode"], placement=card["placement"]
    )
    checkpoints.load(path, trigger)
    return trigger.eval().requires_grad_(False)


def _digest(tokenizer: Tokenizer) -> str:
    tokens = "\n".join(tokenizer.decode(range(len(tokenizer))))
    return hashlib.sha256(tokens.encode()).hexdigest()[:16]
