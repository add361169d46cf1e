"""Checking what stands in a file against a pydantic model, with errors in this project's words.

A model's field says in its ``description`` what it must be.  The same words stand in the error and
in the published schema, and an error leads with where it is: a file, an entry, a key.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final, NamedTuple, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from fairtut.errors import RecordError

LARGEST: Final = 1e300
"""The largest number that a claim or a record may hold."""

Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
"""A finite number; in strict mode neither text nor a truth value is one."""
Text = Annotated[str, Field(pattern=r"\S")]
"""A text that is not blank."""
Line = Annotated[Text, AfterValidator(lambda text: " ".join(text.split()))]
"""A text that is read as one line."""
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]

_SHORT: Final = reprlib.Repr()
_SHORT.maxlevel = 2  # an alias of an alias of a list grows with every level


class Strict(BaseModel):
    """A model that turns nothing into something else and knows all keys of its files.

    Examples
    --------
    >>> from pydantic import ValidationError
    >>> from fairtut.evidence.checked import Strict
    >>> class Run(Strict):
    ...     trainings: int
    >>> Run.model_validate({"trainings": 3}).trainings
    3
    >>> for body in ({"trainings": "3"}, {"trainings": 3, "seed": 0}):
    ...     try:
    ...         Run.model_validate(body)
    ...     except ValidationError as error:
    ...         print(error.errors()[0]["type"])
    int_type
    extra_forbidden
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


ABSENT: Final[Any] = None
"""What a key that is not there is read as; in a file null is nothing that a key may be."""

Model = TypeVar("Model", bound=Strict)


def short(value: Any) -> str:
    """Write a value for a message: in one line, however long or deep it is.

    Examples
    --------
    >>> short([[[1]]])
    '[[[...]]]'
    """
    try:
        return _SHORT.repr(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python writes
        return f"of type {type(value).__name__}"


def one_of(known: Iterable[str], default: Any = ...) -> Any:
    """Return a field whose text is one of a few; without a default it is required.

    Examples
    --------
    >>> class Run(Strict):
    ...     preset: str = one_of(["smoke", "laptop"])
    >>> checked(Run, {"preset": "lap"}, "here")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: here: preset 'lap' must be one of smoke, laptop
    """
    known = list(known)
    pattern = f"^(?:{'|'.join(map(re.escape, known))})$"
    return Field(default, pattern=pattern, description=f"one of {', '.join(known)}")


def checked(model: type[Model], body: Any, where: str, fix: str = "add the key") -> Model:
    """Return a file's content, or a part of it, as a model.

    Parameters
    ----------
    model : type
        A :class:`Strict` model.
    body : object
        What was read.
    where : str
        Leads each message, such as ``faap.yaml: claim table1.deo``.
    fix : str
        What to do about a key that is missing.

    Raises
    ------
    fairtut.errors.RecordError
        For the first thing that is wrong: where, what and the fix.

    Examples
    --------
    >>> class Point(Strict):
    ...     x: Number = Field(description="a finite number")
    >>> checked(Point, {"x": 1}, "here").x
    1.0
    >>> checked(Point, {"x": 1, "xs": 2}, "here")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: here: unknown key 'xs': did you mean 'x'?
    >>> checked(Point, {"x": "1"}, "here")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: here: x '1' must be a finite number
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        # a key that is spelled otherwise is told before the one that is missing because of it
        first = min(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    raise RecordError(_told(model, body, where, fix, first)) from None


def _told(model: type[BaseModel], body: Any, where: str, fix: str, first: Any) -> str:
    """Write the first error of pydantic as one sentence with its fix."""
    kind, path = first["type"], list(first["loc"])
    if kind == "value_error":  # of a model's own rule, whose words say everything
        return f"{_at(where, path)}: {first['ctx']['error']}"
    if kind == "missing":
        return f"{_at(where, path[:-1])}: {path[-1]} is missing: {fix}"
    if kind == "extra_forbidden":
        holders = [model, *(step.inner for step in _walk(model, path[:-1]) if step.inner)]
        return f"{_at(where, path[:-1])}: {_unknown(path[-1], holders[-1])}"
    described = [step for step in _walk(model, path) if step.wanted]
    if kind == "model_type" or not described:
        return f"{_at(where, path)}: must be a mapping of keys, got {short(first['input'])}"
    last = described[-1]
    where, key = _at(where, path[: last.at]), path[last.at]
    if path[-1] == "[key]":
        return f"{where}: key {short(path[-2])} does not fit: {key} must be {last.wanted}"
    for name in path[: last.at + 1]:
        body = body[name]
    return f"{where}: {key} {short(body)} must be {last.wanted}"


class _Step(NamedTuple):
    """One key on the way to an error."""

    at: int
    wanted: str | None
    inner: type[BaseModel] | None


def _walk(model: type[BaseModel], path: Sequence[int | str]) -> Iterator[_Step]:
    """Yield a step for each key of a model on the way; those of lists and mappings are passed."""
    holder: type[BaseModel] | None = model
    entry = False  # whether the key names an entry of a list or mapping, and no field
    for at, key in enumerate(path):
        field = _fields(holder).get(str(key)) if holder and not entry else None
        entry = False
        if field is not None:
            holder = _held(field.annotation)
            entry = holder is not None and holder is not field.annotation
            yield _Step(at, field.description, holder)


def _at(where: str, path: Sequence[int | str]) -> str:
    """Write a place: where, and the way to it, ``here: measurements: a.b``."""
    return ": ".join([where, *map(str, path)])


def _unknown(key: Any, model: type[BaseModel]) -> str:
    known = list(_fields(model))
    near = difflib.get_close_matches(str(key), known, n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
    return f"unknown key {short(key)}: {fix}"


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields by what a file calls them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _held(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation holds, such as in ``dict[str, Model]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _held(inner))), None)
