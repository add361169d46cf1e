"""What every chapter opens with: its parameters checked, its settings, its record, its device."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, NamedTuple, TypeVar

import torch

from fairtut.errors import InputError, UnknownName
from fairtut.evidence import looks
from fairtut.evidence.recording import Record
from fairtut.evidence.standing import check_before
from fairtut.runtime import parameters
from fairtut.runtime.device import describe_device, pick_device
from fairtut.runtime.parameters import Checked

Settings = TypeVar("Settings")
SEPARATOR: Final = "."


class Opened(NamedTuple, Generic[Settings]):
    """What a chapter works with, in the order in which its first cell takes it.

    Attributes
    ----------
    given : ``fairtut.runtime.parameters.Checked``
        The four parameters, checked.
    settings : dataclass
        What the chapter's configuration makes of them.
    record : Record
        Where measurements go.
    device : torch.device

    Examples
    --------
    >>> import io, tempfile
    >>> from contextlib import redirect_stdout
    >>> from dataclasses import dataclass
    >>> from fairtut.lab.chapter import Chapter
    >>> @dataclass(frozen=True)
    ... class Toy:
    ...     epochs: int
    >>> chapter = Chapter(
    ...     "toy", lambda preset, data, seed: Toy(epochs=3), lambda toy: {"training": range(2)},
    ...     lambda toy: f"{toy.epochs} epochs", {"smoke": 1}, device="cpu",
    ... )
    >>> with tempfile.TemporaryDirectory() as here, redirect_stdout(io.StringIO()) as said:
    ...     given, settings, record, device = chapter.open("smoke", "synthetic", 0, here, epochs=5)
    >>> settings, device.type, said.getvalue().splitlines()[-1]
    (Toy(epochs=5), 'cpu', '5 epochs, about 1 min on two cores')
    """

    given: Checked
    settings: Settings
    record: Record
    device: torch.device


@dataclass(frozen=True)
class Chapter(Generic[Settings]):
    """What the engine must know of a chapter to open it.

    Parameters
    ----------
    name : str
        As its package and its claims are called.
    configuration : callable
        Preset, data mode and root seed to settings, a frozen dataclass.
    seeds : callable
        Settings to the seeds of the run, by what they drive.
    size : callable
        Settings to a few words on how much is trained.
    minutes : mapping
        Preset to about how many minutes it takes on two cores, on drawn data.
    real_minutes : mapping
        The same where real data take another time.
    device : str
        ``auto``, or the one device that the chapter uses.
    grown : callable, optional
        Settings and a number of trainings to settings in which everything is trained so often,
        with the first seeds as they were; without it a record of the chapter cannot grow.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Inner:
    ...     epsilon: float = 0.05
    >>> @dataclass(frozen=True)
    ... class Outer:
    ...     inner: Inner = Inner()
    ...     epochs: int = 3
    >>> changed(Outer(), {"epsilon": 0.1, "epochs": 5})
    Outer(inner=Inner(epsilon=0.1), epochs=5)
    """

    name: str
    configuration: Callable[[str, str, int], Settings]
    seeds: Callable[[Settings], Mapping[str, Iterable[int]]]
    size: Callable[[Settings], str]
    minutes: Mapping[str, int]
    real_minutes: Mapping[str, int] = field(default_factory=dict)
    device: str = "auto"
    grown: Callable[[Settings, int], Settings] | None = None

    def enlarged(self, settings: Settings, trainings: int | None) -> Settings:
        """Return settings with so many trainings; None leaves them as they are.

        Raises
        ------
        fairtut.errors.InputError
            If the chapter does not say what more trainings change.
        """
        if trainings is None:
            return settings
        if self.grown is None:
            raise InputError(
                f"chapter {self.name} does not grow: unset {looks.VARIABLE} or leave --trainings"
            )
        return self.grown(settings, trainings)

    def open(
        self, preset: Any, data: Any, seed: Any, results_dir: Any, **changes: Any
    ) -> Opened[Settings]:
        """Check the four parameters, start the record, pick the device, and say what will run.

        With the environment variable ``FAIRTUT_TRAININGS`` (``6``, or ``3:6`` where the record has
        3 trainings and shall have 6) everything is trained so often, and the record grows: it
        counts if that is one of the planned looks (:mod:`fairtut.evidence.looks`).

        Parameters
        ----------
        preset, data, seed, results_dir
            As the parameters cell has them (see ``fairtut.runtime.parameters.checked``).
        **changes
            Settings to change, by name: also of a part inside, such as ``epsilon=0.1``, where one
            part has such a name; ``**{"faap.epsilon": 0.1}`` names the part as well.  A record
            with changes does not count for a verdict, and says so.

        Raises
        ------
        fairtut.errors.InputError
            If a parameter has the wrong type, several parts have a setting of that name, or the
            chapter cannot grow as it is asked to.
        fairtut.errors.UnknownName
            If there is no such preset, data mode or setting.
        """
        logging.basicConfig(format="%(message)s")
        given = parameters.checked(preset, data, seed, results_dir)
        asked = looks.asked()
        settings = self.configuration(given.preset, given.data, given.seed)
        settings = changed(self.enlarged(settings, asked.trainings), changes)
        device = pick_device(self.device)
        record = Record.start(
            chapter=self.name,
            preset=given.preset,
            data=given.data,
            seed=given.seed,
            seeds=self.seeds(settings),
            config=looks.noted(settings, asked.trainings),
            device=device,
            results_dir=given.results_dir,
        )
        if asked.before is not None:
            check_before(record.place(given.results_dir), asked.before)
        self._say(given, settings, device, asked.trainings)
        return Opened(given, settings, record, device)

    def _say(
        self, given: Checked, settings: Settings, device: torch.device, trainings: int | None
    ) -> None:
        about, minutes = describe_device(device), {**self.minutes}
        minutes |= self.real_minutes if given.data == "real" else {}
        print(f"device {about['type']} ({about['name']}), preset {given.preset}, {given.data} data")
        print(f"{self.size(settings)}, about {minutes[given.preset]} min on two cores", end="")
        print("" if trainings is None else " with the preset's own number of trainings")
        if trainings is not None:
            print(looks.told(trainings))


def changed(settings: Any, changes: Mapping[str, Any]) -> Any:
    """Return settings with some of them changed, also inside their parts.

    Parameters
    ----------
    settings : dataclass
        May hold further dataclasses.
    changes : mapping
        Name, or the parts on the way and the name joined by dots, to the new value.

    Returns
    -------
    dataclass
        Of the same class; the given one stays as it is.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such setting.
    fairtut.errors.InputError
        If several parts have a setting of that name.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from fairtut.lab.chapter import changed
    >>> @dataclass(frozen=True)
    ... class Part:
    ...     epochs: int = 3
    >>> @dataclass(frozen=True)
    ... class Whole:
    ...     first: Part = Part()
    ...     second: Part = Part()
    >>> changed(Whole(), {"second.epochs": 5})
    Whole(first=Part(epochs=3), second=Part(epochs=5))
    >>> changed(Whole(), {"epochs": 5})
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: several settings are called 'epochs': say which of
    ['first.epochs', 'second.epochs']
    """
    for name, value in changes.items():
        ways = [way for way in _ways(settings) if way == name or way.endswith(SEPARATOR + name)]
        exact = [way for way in ways if way == name]
        if not ways:
            raise UnknownName.of("setting", name, sorted(_ways(settings)))
        if len(exact or ways) > 1:
            raise InputError(f"several settings are called {name!r}: say which of {ways}")
        settings = _with(settings, (exact or ways)[0].split(SEPARATOR), value)
    return settings


def _ways(settings: Any) -> Iterator[str]:
    """Yield every setting with the parts on the way to it, joined by dots."""
    for one in dataclasses.fields(settings):
        yield one.name
        part = getattr(settings, one.name)
        if dataclasses.is_dataclass(part):
            yield from (one.name + SEPARATOR + way for way in _ways(part))


def _with(settings: Any, way: list[str], value: Any) -> Any:
    first, *rest = way
    return replace(
        settings, **{first: _with(getattr(settings, first), rest, value) if rest else value}
    )
