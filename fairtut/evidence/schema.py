"""The schema of a record's file: which keys, which types, and how it is written.

The keys are described in :mod:`fairtut.evidence.records`, which is what other code uses.  The
models below check a file, and the JSON Schema for readers in any language is made from them::

    python -m fairtut.evidence.schema > book/_static/record.schema.json
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final

from pydantic import Field, model_validator
from pydantic.json_schema import GenerateJsonSchema

from fairtut.errors import RecordError
from fairtut.evidence.checked import (
    ABSENT,
    LARGEST,
    Count,
    Number,
    Strict,
    Text,
    checked,
    one_of,
    short,
)
from fairtut.evidence.claims import ID, POINT
from fairtut.runtime.presets import DATA_MODES, PRESETS

SCHEMA: Final = 2
"""The version of the schema; a file of another version is refused."""

WITHOUT_CODE: Final = 1
"""The version before records named their code; such a file has no ``code`` and is still read."""

CHAPTER: Final = r"[a-z][a-z0-9_]*"
TAG: Final = r"[a-z0-9][a-z0-9_-]*"

_AGAIN: Final = "run the chapter again"
_AMONG: Final = {"type": "array", "contains": {"type": "null"}}
_MISSING: Final = {"contains": {"anyOf": [{"type": "null"}, _AMONG]}}
_OTHER: Final = {"properties": {"type": {"not": {"const": "cpu"}}}, "required": ["type"]}


def _word(pattern: str, wanted: str) -> Any:
    return Field(pattern=f"^(?:{pattern})$", description=wanted)


Name = Annotated[str, Field(pattern=f"^(?:{ID.pattern})$", max_length=200)]
"""The id of a measurement."""


class DatasetEntry(Strict):
    """One data set that a run used.

    Examples
    --------
    >>> from fairtut.evidence.checked import checked
    >>> from fairtut.evidence.schema import DatasetEntry
    >>> entry = {"name": "faces", "rows": 4000, "digest": "3f0c", "source": "procedural faces"}
    >>> checked(DatasetEntry, entry, "here").rows
    4000
    >>> checked(DatasetEntry, entry | {"rows": -1}, "here")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: here: rows -1 must be a count
    """

    name: Text = Field(description="text")
    rows: Count = Field(description="a count")
    digest: Text = Field(description="text: a digest of the content")
    source: Text = Field(description="text: a generator or a file")


class MeasurementEntry(
    Strict,
    json_schema_extra={
        "if": {"properties": {"values": _MISSING}},
        "then": {"required": ["note"]},
    },
):
    """One measured quantity, as a file holds it."""

    values: list[Number | Annotated[list[Number | None], Field(min_length=1)] | None] = Field(
        min_length=1, description="finite numbers or null, one per seed; they are not empty"
    )
    n: Count = Field(gt=0, description="a positive whole number of rows")
    unit: str = one_of(POINT)
    note: Text = Field(default=ABSENT, description="a note of a word at least")
    people: list[Number] = Field(
        default=ABSENT, min_length=2, max_length=2, description="the two ends of an interval"
    )
    overlap: Number = Field(default=ABSENT, gt=0, description="a positive number")

    @model_validator(mode="after")
    def _of_sense(self) -> MeasurementEntry:
        """Check that what is missing has a note, and that an interval's lower end comes first.

        Examples
        --------
        >>> from fairtut.evidence.checked import checked
        >>> from fairtut.evidence.schema import MeasurementEntry
        >>> body = {"values": [0.5], "n": 100, "unit": "fraction", "people": [0.6, 0.4]}
        >>> checked(MeasurementEntry, body, "here")
        Traceback (most recent call last):
            ...
        fairtut.errors.RecordError: here: people [0.6, 0.4]: the lower end comes first
        """
        flat = [x for v in self.values for x in (v if isinstance(v, list) else [v])]
        if None in flat and self.note is None:
            raise ValueError("a value is missing (null or NaN): say why with note=...")
        if self.people is not None and self.people[0] > self.people[1]:
            raise ValueError(f"people {self.people!r}: the lower end comes first")
        return self


class DeviceEntry(
    Strict,
    extra="allow",
    json_schema_extra={"if": _OTHER, "then": {"required": ["tag"]}},
):
    """What a run was on: its type, and a tag of one word where that is not the CPU."""

    type: str = Field(default="cpu", description="a kind of device, such as cpu")
    tag: str = Field(default=ABSENT, pattern=f"^(?:{TAG})$", description="one word")

    @model_validator(mode="after")
    def _named(self) -> DeviceEntry:
        """Check that what is not the CPU has a tag.

        Examples
        --------
        >>> from fairtut.evidence.checked import checked
        >>> from fairtut.evidence.schema import DeviceEntry
        >>> checked(DeviceEntry, {"type": "cuda", "tag": "h100"}, "here").tag
        'h100'
        >>> checked(DeviceEntry, {"type": "cuda"}, "here")
        Traceback (most recent call last):
            ...
        fairtut.errors.RecordError: here: there is no tag that is one word: run the chapter again
        """
        if self.type != "cpu" and self.tag is None:
            raise ValueError(f"there is no tag that is one word: {_AGAIN}")
        return self


class RecordFile(Strict, title="A record of fairtut"):
    """What a run of a chapter measured, and with what.

    Examples
    --------
    >>> from fairtut.evidence.checked import checked
    >>> from fairtut.evidence.schema import RecordFile
    >>> body = {"schema": 2, "chapter": "faap", "preset": "smoke", "data": "synthetic"}
    >>> body |= {name: {} for name in ("seeds", "versions", "config", "code", "measurements")}
    >>> body |= {"datasets": [], "device": {"type": "cpu"}, "minutes": 0.5}
    >>> checked(RecordFile, body, "here").minutes
    0.5
    >>> checked(RecordFile, body | {"preset": "tiny"}, "here")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: here: preset 'tiny' must be one of smoke, laptop, paper
    """

    schema_: Annotated[int, Field(ge=SCHEMA, le=SCHEMA)] = Field(
        alias="schema", description=f"{SCHEMA}: {_AGAIN} with this version of fairtut"
    )
    chapter: str = _word(CHAPTER, "one lower-case word")
    preset: str = one_of(PRESETS)
    data: str = one_of(DATA_MODES)
    datasets: list[DatasetEntry] = Field(description="a list of data sets")
    seeds: dict[str, list[Count]] = Field(description="lists of whole numbers from 0, by name")
    device: DeviceEntry
    versions: dict[str, Any] = Field(description="a mapping")
    minutes: Annotated[float, Field(ge=0, le=LARGEST)] = Field(description="a number from 0")
    config: dict[str, Any] = Field(description="a mapping")
    code: dict[str, Any] = Field(description="a mapping")
    measurements: dict[Name, MeasurementEntry] = Field(
        description="a mapping whose keys are ids, lower-case words joined by dots",
        json_schema_extra={"additionalProperties": False},
    )


KEYS: Final = [field.alias or name for name, field in RecordFile.model_fields.items()]
"""The keys of a record in the order in which they are written."""


def significant(x: float, digits: int = 6) -> float:
    """Round to a number of significant digits; a negative zero becomes zero.

    Examples
    --------
    >>> from fairtut.evidence.schema import significant
    >>> significant(0.123456789)
    0.123457
    """
    return float(f"{x:.{digits}g}") + 0.0


def check_record(body: Any, where: str) -> None:
    """Check the content of a record's file.

    Raises
    ------
    fairtut.errors.RecordError
        Led by ``where``, naming the key that is wrong and the fix.

    Examples
    --------
    >>> from fairtut.evidence.recording import Record
    >>> from fairtut.evidence.schema import check_record
    >>> body = Record("toy", "smoke", "synthetic").as_dict()
    >>> check_record(body, "toy/smoke-synthetic.json")
    >>> check_record({**body, "seeds": {"root": [-1]}}, "toy/smoke-synthetic.json")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: toy/smoke-synthetic.json: seeds {'root': [-1]} must be
        lists of whole numbers from 0, by name
    """
    if not isinstance(body, dict):
        raise RecordError(f"{where}: a record is a JSON object: {_AGAIN}")
    if "unfinished" in body:
        raise RecordError(f"{where}: this run did not end: {_AGAIN}")
    if type(body.get("schema")) is int and body["schema"] == WITHOUT_CODE and "code" not in body:
        body = {**body, "schema": SCHEMA, "code": {}}
    checked(RecordFile, body, where, fix=_AGAIN)


def check_chapter(chapter: str, where: str) -> str:
    """Return a chapter's id if it is one word, which also names a folder.

    Parameters
    ----------
    chapter : str
    where : str
        Leads the message.

    Raises
    ------
    fairtut.errors.RecordError
        If it is not.

    Examples
    --------
    >>> from fairtut.evidence.schema import check_chapter
    >>> check_chapter("faap", "record")
    'faap'
    >>> check_chapter("../faap", "record")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: record: chapter '../faap' must be one lower-case word
    """
    if not re.fullmatch(CHAPTER, chapter):
        raise RecordError(f"{where}: chapter {short(chapter)} must be one lower-case word")
    return chapter


def check_dataset(entry: Any, where: str) -> None:
    """Check one entry of ``datasets`` (raises as :func:`check_record`).

    Parameters
    ----------
    entry : mapping
        With ``name``, ``rows``, ``digest`` and ``source``.
    where : str
        Leads the message.

    Examples
    --------
    >>> from fairtut.evidence.schema import check_dataset
    >>> entry = {"name": "test set", "rows": -1, "digest": "0f1e", "source": "a file"}
    >>> check_dataset(entry, "record")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: record: data set 'test set': rows -1 must be a count
    """
    checked(DatasetEntry, entry, f"{where}: data set {short(entry['name'])}")


def check_measurement(name: str, m: Any, where: str) -> None:
    """Check one entry of ``measurements`` (raises as :func:`check_record`).

    Parameters
    ----------
    name : str
        Its id.
    m : mapping
        With ``values``, ``n`` and ``unit``, and perhaps ``note``, ``people`` and ``overlap``.
    where : str
        Leads the message.

    Examples
    --------
    >>> from fairtut.evidence.schema import check_measurement
    >>> m = {"values": [0.5, None], "n": 100, "unit": "fraction"}
    >>> check_measurement("lr.gap", {**m, "note": "the second group was empty"}, "record")
    >>> check_measurement("lr.gap", m, "record")
    Traceback (most recent call last):
        ...
    fairtut.errors.RecordError: record: measurement 'lr.gap': a value is missing (null or NaN):
        say why with note=...
    """
    where = f"{where}: measurement {short(name)}"
    if len(name) > 200 or not ID.fullmatch(name):
        raise RecordError(f"{where}: an id is lower-case words joined by dots")
    checked(MeasurementEntry, m, where)


class _Published(GenerateJsonSchema):
    """Names the draft that is written; a title of each key would only repeat it.

    Of a docstring the first line is the description: examples are for readers of Python.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Give no titles."""
        return False

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """Describe a model by the first line of its docstring."""
        found = super().model_schema(schema)
        return found | {"description": found["description"].partition("\n")[0]}


def record_schema() -> dict[str, Any]:
    """Return the schema of records of today's version, as JSON Schema 2020-12.

    It says what :func:`check_record` checks, but for what JSON Schema cannot say: that an
    interval's lower end comes first.

    Examples
    --------
    >>> record_schema()["properties"]["preset"]["description"]
    'one of smoke, laptop, paper'
    """
    found = RecordFile.model_json_schema(by_alias=True, schema_generator=_Published)
    return {"$schema": GenerateJsonSchema.schema_dialect, **found}


def dump(body: dict[str, Any]) -> str:
    """Write JSON with one line per key, data set and measurement: small differences in git.

    Parameters
    ----------
    body : dict
        What JSON can hold, without NaN and infinity.

    Returns
    -------
    str
        Ends with a line break.

    Raises
    ------
    ValueError
        If it holds NaN or infinity.

    Examples
    --------
    >>> from fairtut.evidence.schema import dump
    >>> print(dump({"minutes": 1.5, "seeds": {"root": [0], "data": [0, 1]}}), end="")
    {
      "minutes": 1.5,
      "seeds": {
        "root": [0],
        "data": [0, 1]
      }
    }
    """

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    def block(value: Any) -> str:
        if isinstance(value, list) and value:
            rows = ",\n".join(f"    {line(entry)}" for entry in value)
            return f"[\n{rows}\n  ]"
        if isinstance(value, dict) and value:
            rows = ",\n".join(f"    {line(key)}: {line(entry)}" for key, entry in value.items())
            return f"{{\n{rows}\n  }}"
        return line(value)

    keys = ",\n".join(f"  {line(key)}: {block(value)}" for key, value in body.items())
    return f"{{\n{keys}\n}}\n"


if __name__ == "__main__":
    print(json.dumps(record_schema(), indent=2))
