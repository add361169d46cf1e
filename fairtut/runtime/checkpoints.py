"""Checkpoints that are whole or absent, say what they hold, and never run code when loaded."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fairtut.errors import CorruptFile
from fairtut.runtime import cache, seal
from fairtut.runtime.io import stamp, torch_bytes
from fairtut.runtime.locks import beside, locked

if TYPE_CHECKING:
    from torch import Tensor, nn

log = logging.getLogger(__name__)
FORMAT: Final = 2


def state_digest(module: nn.Module) -> str:
    """Return a digest of every parameter and buffer, to the bit.

    Two modules have equal digests exactly if their ``state_dict`` have equal names, types, shapes
    and bytes: how tests tell that a deployed model was not touched.
    """
    sha = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        sha.update(f"{name} {array.dtype} {array.shape}".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def save(
    path: str | os.PathLike[str],
    module: nn.Module,
    card: Mapping[str, Any],
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Write a module's weights and its model card atomically, under one seal.

    Parameters
    ----------
    path : path-like
        The file, by custom ``.pt``.
    module : nn.Module
    card : mapping
        The model card: what JSON can hold, such as architecture, data, seed, selection, scores.
    facts : mapping, optional
        What the seal says besides (:mod:`fairtut.runtime.seal`).
    """
    body = {
        "format": FORMAT,
        "card": json.dumps(plain(card)),
        "state": {k: v.detach().cpu() for k, v in module.state_dict().items()},
    }
    seal.write(path, torch_bytes(body), facts or {})
    return Path(path)


def plain(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card as it comes back from a file: numbers, text, lists and mappings by text."""

    def other(value: Any) -> Any:
        return value.item() if hasattr(value, "item") else str(value)

    found: dict[str, Any] = json.loads(json.dumps(dict(card), default=other))
    return found


@contextlib.contextmanager
def _readable(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever a wrong file does to torch into one sentence."""
    try:
        yield
    except FileNotFoundError:
        raise
    except CorruptFile as error:
        raise CorruptFile(f"{error} and train again") from error
    except Exception as error:
        what = " ".join(str(error).split())[:120]
        raise CorruptFile(
            f"{path} is not a checkpoint of this model ({type(error).__name__}: {what}): "
            "delete it and train again"
        ) from error


def _body(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the state, the card and the facts of a checkpoint of which every byte is right."""
    import torch

    contents, facts = seal.unsealed(path)
    body = torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True)
    if body["format"] != FORMAT:
        raise CorruptFile(f"{path} has format {body['format']!r} and not {FORMAT}: delete it")
    return body["state"], json.loads(body["card"]), facts


def read_card(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the model card of a checkpoint (raises as :func:`load`)."""
    with _readable(path):
        return _body(path)[1]


def load(
    path: str | os.PathLike[str], module: nn.Module, facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read weights into a module of the same shape and return the model card.

    Parameters
    ----------
    path : path-like
    module : nn.Module
        After an error it is as it was.
    facts : mapping, optional
        What the seal must say.

    Raises
    ------
    fairtut.errors.CorruptFile
        If the file is no checkpoint, a byte of it has changed, a weight is not finite, or it
        belongs to another architecture or to something else.
    """
    with _readable(path):
        state, card, said = _body(path)
        if facts is not None and said != facts:
            raise CorruptFile(f"{path} is of another training: delete it")
        if _shapes(state) != _shapes(module.state_dict()):
            raise CorruptFile(
                f"{path} is not a checkpoint of this model (other layers or widths): delete it"
            )
        if (name := _lost(state, module.state_dict())) is not None:
            raise CorruptFile(f"{path} holds values of {name} that are not finite: delete it")
        module.load_state_dict(state)
        return card


def _shapes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: (value.shape, value.dtype) for name, value in state.items()}


def _lost(state: Mapping[str, Tensor], fresh: Mapping[str, Tensor]) -> str | None:
    """Return the name of a tensor that is not finite where a fresh one is (a mask may hold -∞)."""
    for name, value in state.items():
        if bool((~value.isfinite() & fresh[name].to(value.device).isfinite()).any()):
            return name
    return None


def load_or_train(
    module: nn.Module,
    card: Mapping[str, Any],
    train: Callable[..., Mapping[str, Any]],
    folder: Path | None = None,
    *,
    resumable: bool = False,
) -> dict[str, Any]:
    """Load a module trained earlier with exactly this card and this code, or train and keep it.

    Whatever is wrong with a kept file, it is trained again and one sentence says so.

    Parameters
    ----------
    module : nn.Module
        Fresh; it holds the trained weights afterwards.
    card : mapping
        Everything the result depends on besides the code of ``train``, the version of torch, the
        processor and the device, which are in the key in any case (:mod:`fairtut.runtime.cache`).
    train : callable
        Trains the module in place and returns what to add to the card (scores, minutes).
    folder : pathlib.Path, optional
        Default ``models`` in :func:`~fairtut.runtime.cache.cache_folder`.
    resumable : bool
        Whether ``train`` takes a second argument, the path of a checkpoint for
        :func:`fairtut.runtime.fit.fit`, from which an interrupted training goes on.

    Returns
    -------
    dict
        The card with the additions, as JSON gives them back, and ``loaded``: whether an earlier
        training was found.
    """
    facts = cache.facts(train, card, _device(module))
    path = (folder or cache.cache_folder() / "models") / f"{facts['key']}.pt"
    part = path.with_suffix(".part") if resumable else None
    seen = stamp(path)
    found = _found(path, module, facts)
    if found is None:
        with locked(beside(path)):
            if stamp(path) != seen:  # another process was faster
                found = _found(path, module, facts)
            if found is None:
                return _trained(path, module, card, train, part, facts) | {"loaded": False}
    if part is not None:
        part.unlink(missing_ok=True)
    return found | {"loaded": True}


def _trained(
    path: Path,
    module: nn.Module,
    card: Mapping[str, Any],
    train: Callable[..., Mapping[str, Any]],
    part: Path | None,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Train a module, keep it and return its full card."""
    fresh = {k: v.detach().clone() for k, v in module.state_dict().items()}
    added = train(module) if part is None else _resume(module, train, part, fresh)
    full = plain(card) | plain(added)
    _keep(path, module, full, facts, fresh)
    if part is not None:  # only now that the model is kept
        part.unlink(missing_ok=True)
    return full


def _device(module: nn.Module) -> Any:
    return next((value.device for value in module.state_dict().values()), "cpu")


def _found(path: Path, module: nn.Module, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return load(path, module, facts)
    except FileNotFoundError:
        return None
    except CorruptFile as error:
        log.warning("trained again, because %s", str(error).removesuffix(" and train again"))
        return None


def _resume(
    module: nn.Module,
    train: Callable[..., Mapping[str, Any]],
    part: Path,
    fresh: Mapping[str, Tensor],
) -> Mapping[str, Any]:
    """Train from a part that an interrupted training left, from the start where it is wrong."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        return train(module, part)
    except CorruptFile as error:
        if not part.exists():
            raise
        log.warning("trained from the start, because %s", error)
        part.unlink()
        module.load_state_dict(fresh)
        return train(module, part)


def _keep(
    path: Path,
    module: nn.Module,
    card: Mapping[str, Any],
    facts: Mapping[str, Any],
    fresh: Mapping[str, Tensor],
) -> None:
    """Write a trained module; where that fails, say so and go on with the module."""
    name = _lost(module.state_dict(), fresh)
    if name is not None:
        log.warning("a model is used and not kept, because values of %s are not finite", name)
        return
    try:
        save(path, module, card, facts)
    except OSError as error:
        log.warning("a model is used and not kept in %s: %s", path, error.strerror or error)
