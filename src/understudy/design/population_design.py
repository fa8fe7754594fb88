"""Design: groups of patients, each with its doses, sampling times and covariates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.model.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd

Times = Mapping[str, Sequence[float]] | Sequence[float]


@dataclass(frozen=True, eq=False)
class Group:
    """Patients who are dosed and sampled alike.

    Parameters
    ----------
    patients : int
    regimen : Regimen or str
        Empty: nothing is given.
    times : sequence of float, or mapping of output to sequence of float
        When each patient is sampled, in the model's unit of time. A sample at the time of a dose is taken before it.
    covariates : mapping of str to float, or to sequence of float
        Several values of one length are patients of that many kinds, equally frequent. A covariate that is not named
        has its reference value.
    occasions : sequence of float
        When each occasion begins, for random effects between occasions.
    name : str

    Raises
    ------
    SimulationError
        For numbers that are no design.

    Examples
    --------
    >>> Group(32, "70 mg", [0.5, 1, 2, 6, 24, 36, 72, 120]).samples
    8
    """

    patients: float
    regimen: Regimen | str
    times: Times
    covariates: Mapping[str, float | Sequence[float]] = field(default_factory=dict)
    occasions: Sequence[float] = ()
    name: str = ""

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        put("regimen", regimen_of(self.regimen))
        if not isinstance(self.covariates, Mapping):
            _refuse(f"{self.covariates!r} has no names", self._place, "give covariates as {'WT': 70}")
        put("patients", _numbers([self.patients], f"patients of {self._place}")[0])
        given = self.times if isinstance(self.times, Mapping) else {"": self.times}
        times = {str(output): _numbers(values, f"times of {self._place}") for output, values in given.items()}
        put("times", MappingProxyType({output: tuple(sorted(own)) for output, own in times.items()}))
        own = {n: _numbers(np.atleast_1d(v), f"{n} of {self._place}") for n, v in self.covariates.items()}
        put("covariates", MappingProxyType(own))
        put("occasions", tuple(sorted(_numbers(self.occasions, f"occasions of {self._place}"))))
        self._check()

    @classmethod
    def of(cls, given: Group | Mapping[str, Any]) -> Group:
        """A group from its keys."""
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            _refuse(f"{given!r} is no group", "the design", "give patients, regimen and times by name")
        known = [each.name for each in fields(cls)]
        unknown = [str(key) for key in given if key not in known]
        missing = [key for key in known[:3] if key not in given]
        if unknown or missing:
            raise SimulationError(
                f"a group has no {unknown[0]!r}" if unknown else f"a group lacks its {missing[0]}",
                place=str(given.get("name", "")) or "the design",
                repair=f"its keys are {', '.join(known)}",
            )
        return cls(**given)

    @property
    def samples(self) -> int:
        """Samples of each patient."""
        return sum(len(own) for own in self.times.values())

    @property
    def profiles(self) -> tuple[dict[str, float], ...]:
        """Covariates of each kind of patient."""
        kinds = max((len(values) for values in self.covariates.values()), default=1)
        return tuple(
            {name: values[k if len(values) > 1 else 0] for name, values in self.covariates.items()}
            for k in range(kinds)
        )

    def to_json(self) -> dict[str, Any]:
        """As keys that `of` reads."""
        plain = {
            "name": self.name,
            "patients": self.patients,
            "regimen": str(self.regimen) if self.regimen.doses else "",
        }
        times = {output: list(own) for output, own in self.times.items()}
        covariates = {n: list(v) if len(v) > 1 else v[0] for n, v in self.covariates.items()}
        return plain | {"times": times, "covariates": covariates, "occasions": list(self.occasions)}

    @property
    def _place(self) -> str:
        return f"group {self.name!r}" if self.name else "a group"

    def _check(self) -> None:
        if not self.patients > 0:
            _refuse(f"{self.patients} patients are no number of patients", self._place, "give one or more")
        if not self.samples:
            _refuse("no sample is taken", self._place, "give times")
        early = [t for own in self.times.values() for t in own if t < 0]
        if early:
            _refuse(
                f"a sample at {early[0]:g} is before the regimen begins", self._place, "count times from 0 on"
            )
        lengths = {len(values) for values in self.covariates.values()} - {1}
        if len(lengths) > 1 or 0 in lengths:
            _refuse("covariates have values of different numbers", self._place, "give each as many values")


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    """A population study: its groups.

    Parameters
    ----------
    groups : sequence of Group, or of mappings with its keys

    Examples
    --------
    >>> Design([{"patients": 32, "regimen": "70 mg", "times": [0.5, 1, 2, 6, 24, 36, 72, 120]}])
    Design(32 patients in 1 group, 256 samples)
      group 1: 32 patients, 70 mg; at 0.5, 1, 2, 6, 24, 36, 72, 120
    """

    groups: tuple[Group, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(Group.of(each) for each in self.groups))
        if not self.groups:
            _refuse("a design has no group", "the design", "give at least one")

    @classmethod
    def of(cls, given: Design | Iterable[Group | Mapping[str, Any]]) -> Design:
        """A design from its groups."""
        return given if isinstance(given, cls) else cls(tuple(given))

    @property
    def patients(self) -> float:
        """All patients."""
        return sum(group.patients for group in self.groups)

    @property
    def samples(self) -> float:
        """All samples of all patients."""
        return sum(group.patients * group.samples for group in self.groups)

    def label(self, group: int) -> str:
        """What a group is called."""
        return self.groups[group].name or f"group {group + 1}"

    def table(self) -> pd.DataFrame:
        """A row a group, output and sampling time: group, patients, regimen, output, time."""
        import pandas as pd

        rows = [
            (self.label(k), group.patients, str(group.regimen), output, time)
            for k, group in enumerate(self.groups)
            for output, own in group.times.items()
            for time in own
        ]
        return pd.DataFrame(rows, columns=["group", "patients", "regimen", "output", "time"])

    def to_json(self) -> list[dict[str, Any]]:
        """Its groups as keys that `of` reads."""
        return [group.to_json() for group in self.groups]

    def __repr__(self) -> str:
        count = len(self.groups)
        groups = f"{count} group{'s' if count != 1 else ''}"
        head = f"Design({self.patients:g} patients in {groups}, {self.samples:g} samples)"
        return "\n".join([head, *(f"  {self._line(k)}" for k in range(count))])

    def _line(self, k: int) -> str:
        group = self.groups[k]
        times = [f"{output + ' ' if output else ''}at {listed(own)}" for output, own in group.times.items()]
        kinds = [f"{name} {listed(values)}" for name, values in group.covariates.items()]
        doses, told = group.regimen if group.regimen.doses else "no dose", "; ".join([*times, *kinds])
        return f"{self.label(k)}: {group.patients:g} patient{'s' if group.patients != 1 else ''}, {doses}; {told}"


def listed(values: Iterable[float]) -> str:
    """Numbers as a list to read.

    Examples
    --------
    >>> listed([0.5, 24.0])
    '0.5, 24'
    """
    return ", ".join(f"{value:.4g}" for value in values)


def regimen_of(given: Regimen | str) -> Regimen:
    """A regimen from its sentence; none from an empty one."""
    if isinstance(given, Regimen):
        return given
    if not isinstance(given, str):
        _refuse(
            f"{given!r} is no regimen", "regimen", "write it as a sentence: '70 mg every 24 h for 3 doses'"
        )
    return Regimen.parse(given) if given.strip() else Regimen()


def _numbers(values: Any, place: str) -> tuple[float, ...]:
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        found = np.array(np.nan)
    if found.ndim != 1 or not np.isfinite(found).all():
        _refuse("no list of finite numbers", place, "give numbers, such as [1, 4, 12]")
    return tuple(found.tolist())


def _refuse(cause: str, place: str, repair: str) -> None:
    raise SimulationError(cause, place=place, repair=repair)
