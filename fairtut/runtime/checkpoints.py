"""Checkpoints that are whole or absent, say what they hold, and never run code when loaded."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fairtut.errors import CorruptFile
from fairtut.runtime.io import atomic_path

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT: Final = 1


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``$FAIRTUT_CACHE``, else the user's cache."""
    chosen = os.environ.get("FAIRTUT_CACHE", "").strip()
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("fairtut"))


def key_of(card: Mapping[str, Any]) -> str:
    """Return a short digest of everything that a model depends on (its card, as JSON)."""
    text = json.dumps(card, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def state_digest(module: nn.Module) -> str:
    """Return a digest of every parameter and buffer, to the bit.

    Two modules have equal digests exactly if their ``state_dict`` have equal names, types, shapes
    and bytes: how tests tell that a deployed model was not touched.
    """
    return _digest(module.state_dict())


def _digest(state: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name, value in sorted(state.items()):
        array = value.detach().cpu().contiguous().numpy()
        sha.update(f"{name} {array.dtype} {array.shape}".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def save(path: str | os.PathLike[str], module: nn.Module, card: Mapping[str, Any]) -> Path:
    """Write a module's weights and its model card atomically.

    Parameters
    ----------
    path : path-like
        The file, by custom ``.pt``.
    module : nn.Module
    card : mapping
        The model card: what JSON can hold, such as architecture, data, seed, selection, scores.
    """
    import torch

    text = json.dumps(dict(card), default=str, sort_keys=True)
    body = {
        "format": FORMAT,
        "card": text,
        "digest": state_digest(module),
        "state": {k: v.detach().cpu() for k, v in module.state_dict().items()},
    }
    with atomic_path(path) as temporary:
        torch.save(body, temporary)
    return Path(path)


@contextlib.contextmanager
def _readable(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever a wrong file does to torch into one sentence."""
    try:
        yield
    except (FileNotFoundError, CorruptFile):
        raise
    except Exception as error:
        what = " ".join(str(error).split())[:120]
        raise CorruptFile(
            f"{path} is not a checkpoint of this model ({type(error).__name__}: {what}): "
            "delete it and train again"
        ) from error


def read_card(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the model card of a checkpoint (raises as :func:`load`)."""
    import torch

    with _readable(path):
        body = torch.load(path, map_location="cpu", weights_only=True)
        card: dict[str, Any] = json.loads(body["card"])
        return card


def load(path: str | os.PathLike[str], module: nn.Module) -> dict[str, Any]:
    """Read weights into a module of the same shape and return the model card.

    Raises
    ------
    fairtut.errors.CorruptFile
        If the file is no checkpoint, is damaged, or belongs to another architecture.
    """
    import torch

    with _readable(path):
        body = torch.load(path, map_location="cpu", weights_only=True)
        card: dict[str, Any] = json.loads(body["card"])
        # everything is checked before the module changes: after an error it is as it was
        if _digest(body["state"]) != body["digest"]:
            raise CorruptFile(f"{path} is damaged (its digest differs): delete it and train again")
        if _shapes(body["state"]) != _shapes(module.state_dict()):
            raise CorruptFile(
                f"{path} is not a checkpoint of this model (other layers or widths): delete it and "
                "train again"
            )
        module.load_state_dict(body["state"])
        return card


def _shapes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: (value.shape, value.dtype) for name, value in state.items()}


def load_or_train(
    module: nn.Module,
    card: Mapping[str, Any],
    train: Callable[[nn.Module], Mapping[str, Any]],
    folder: Path | None = None,
) -> dict[str, Any]:
    """Load a module trained earlier with exactly this card, or train and keep it.

    Parameters
    ----------
    module : nn.Module
        Fresh; it holds the trained weights afterwards.
    card : mapping
        Everything the result depends on; its digest names the file.
    train : callable
        Trains the module in place and returns what to add to the card (scores, minutes).
    folder : pathlib.Path, optional
        Default ``models`` in :func:`cache_folder`.

    Returns
    -------
    dict
        The card with the additions and ``loaded``: whether an earlier training was found.
    """
    path = (folder or cache_folder() / "models") / f"{key_of(card)}.pt"
    if path.is_file():
        try:
            return load(path, module) | {"loaded": True}
        except CorruptFile:
            path.unlink()  # a damaged cache costs time, never a wrong number
    full = {**card, **train(module)}
    save(path, module, full)
    return full | {"loaded": False}
