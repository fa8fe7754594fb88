"""Site profile: what a site sends for a synthesis: a likelihood profile and masked counts, nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.masking import SMALLEST, is_small
from understudy.core.content import content_hash
from understudy.core.errors import DataError, Problem

FORMAT, VERSION = "understudy site profile", 1
FEWEST_POINTS = 10
_LARGEST = 2**20  # bytes of a file
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._\-]{0,63}")
_KEYS = frozenset(
    {"format", "version", "site", "analysis", "measure", "points", "values", "gradients", "counts", "hash"}
)
_MEASURES = ("hazard ratio", "rate ratio", "odds ratio", "incidence rate ratio")


@dataclass(frozen=True, eq=False)
class SiteProfile:
    """What a site sends.

    Parameters
    ----------
    site, analysis : str
        Names of letters, figures, blanks, dots, dashes and underscores, at most 64: nothing of a path.
    measure : str
        "hazard ratio", "rate ratio", "odds ratio" or "incidence rate ratio".
    profile : LikelihoodProfile
        At least ten points.
    counts : tuple of (str, int)
        Such as persons and outcomes of each cohort. Those from 1 to 4 are written as ``"<5"``, and read as -1.

    Examples
    --------
    >>> points = np.linspace(-2, 2, 41)
    >>> sent = SiteProfile("north", "main", "hazard ratio", LikelihoodProfile(points, -(points**2)), (("outcomes", 3),))
    >>> sent.to_json()["counts"]
    {'outcomes': '<5'}
    >>> path = sent.write("north.json")
    >>> SiteProfile.read(path).site
    'north'
    """

    site: str
    analysis: str
    measure: str
    profile: LikelihoodProfile
    counts: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        problems = [*_name_problems("site", self.site), *_name_problems("analysis", self.analysis)]
        problems += _measure_problems(self.measure)
        for name, count in self.counts:
            problems += _name_problems("counts", name)
            if not isinstance(count, int) or count < -1:
                problems.append(Problem("no count", "give a whole number", column=name, value=str(count)))
        if self.profile.points.size < FEWEST_POINTS:
            cause = f"only {self.profile.points.size} points"
            problems.append(Problem(cause, f"give at least {FEWEST_POINTS}", column="points"))
        if problems:
            raise DataError(problems, place="a site profile")

    def to_json(self) -> dict[str, Any]:
        """As JSON data with its hash; small counts are masked."""
        gradients = self.profile.gradients
        body: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "site": self.site,
            "analysis": self.analysis,
            "measure": self.measure,
            "points": [float(x) for x in self.profile.points],
            "values": [float(x) for x in np.asarray(self.profile.values) - np.max(self.profile.values)],
            "counts": {name: _shown(count) for name, count in self.counts},
        }
        if gradients is not None:
            body["gradients"] = [float(x) for x in gradients]
        return {**body, "hash": content_hash(body)}

    @classmethod
    def from_json(cls, data: Any, place: str = "a site profile") -> SiteProfile:
        """From JSON data.

        Raises
        ------
        DataError
            For data of another kind or version, unknown keys (a site file holds nothing but its profile), a hash that
            does not fit, values that are not finite, points that do not rise, and too few of them.
        """
        _require_known(data, place)
        try:
            points, values = (
                np.array([_number(x) for x in data[key]], float) for key in ("points", "values")
            )
            gradients = data.get("gradients")
            given = None if gradients is None else np.array([_number(x) for x in gradients], float)
        except (TypeError, ValueError) as error:
            problem = Problem(f"points and values are not lists of numbers: {error}", "write the file again")
            raise DataError([problem], place=place) from None
        profile = _profile(points, values, given, place)
        body = {key: value for key, value in data.items() if key != "hash"}
        if content_hash(body) != data["hash"]:
            problem = Problem("the hash does not fit what the file holds", "ask the site for the file again")
            raise DataError([problem], place=place)
        counts = tuple((str(name), _read_count(value, place)) for name, value in data["counts"].items())
        try:
            return cls(data["site"], data["analysis"], data["measure"], profile, counts)
        except DataError as error:
            raise DataError(error.problems, place=place) from None

    def write(self, path: str | Path) -> Path:
        """Write the file; nothing is written before all is checked."""
        target = Path(path)
        text = json.dumps(self.to_json(), indent=1, allow_nan=False)
        target.write_text(text + "\n", encoding="utf-8")
        return target

    @classmethod
    def read(cls, path: str | Path, folder: str | Path | None = None) -> SiteProfile:
        """Read a file that `write` wrote.

        Parameters
        ----------
        path : str or Path
        folder : str or Path, optional
            Where `path` has to lie, by a relative path that does not leave it: for paths out of a study file or from
            another site.

        Raises
        ------
        DataError
            As `from_json`; and for a path that leaves the folder, and a file that is missing, too large or not JSON.
        """
        file = Path(path) if folder is None else inside(folder, str(path))
        place = file.name
        if not file.is_file():
            raise DataError([Problem("there is no such file", "give a site's JSON file")], place=str(path))
        if file.stat().st_size > _LARGEST:
            raise DataError(
                [Problem("larger than a megabyte", "a profile has a few hundred points")], place=place
            )
        try:
            data = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        except (UnicodeDecodeError, ValueError) as error:
            told = str(error)
            raise DataError(
                [Problem(f"cannot be read: {told}", "write the file again")], place=place
            ) from None
        return cls.from_json(data, place)


def inside(folder: str | Path, name: str) -> Path:
    """A file below a folder by a relative path.

    Raises
    ------
    DataError
        For an absolute path and for one that leaves the folder, by ``..`` or by a link.

    Examples
    --------
    >>> inside(".", "sites/north.json").name
    'north.json'
    """
    root = Path(folder).resolve()
    absolute = PurePosixPath(name).is_absolute() or bool(
        PureWindowsPath(name).drive or PureWindowsPath(name).root
    )
    found = (root / name).resolve()
    if absolute or not found.is_relative_to(root):
        problem = Problem("the path leaves the folder", "give a path relative to it, without ..", value=name)
        raise DataError([problem], place="a site file")
    return found


def _profile(points, values, gradients, place: str) -> LikelihoodProfile:
    """The profile; what is wrong with it is told of the file."""
    try:
        return LikelihoodProfile(points, values, gradients)
    except DataError as error:
        raise DataError(error.problems, place=place) from None


def _require_known(data: Any, place: str) -> None:
    """Refuse what is no site profile of this version."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DataError([Problem("no site profile", f'its "format" is "{FORMAT}"')], place=place)
    if data.get("version") != VERSION:
        repair = f"write it as version {VERSION}, or read it with a newer Understudy"
        raise DataError([Problem("unknown version", repair, value=str(data.get("version")))], place=place)
    missing = _KEYS - {"gradients"} - set(data)
    unknown = set(data) - _KEYS
    problems = [Problem(f"key {key!r} is missing", "write the file again") for key in sorted(missing)]
    repair = "a site sends its profile and counts, nothing else"
    problems += [Problem(f"unknown key {str(key)[:40]!r}", repair) for key in sorted(map(str, unknown))]
    if not isinstance(data.get("counts", {}), dict):
        problems.append(Problem("counts are no table", "write the file again", column="counts"))
    if problems:
        raise DataError(problems, place=place)


def _name_problems(key: str, name: Any) -> list[Problem]:
    if isinstance(name, str) and _NAME.fullmatch(name) and ".." not in name:
        return []
    repair = "take letters, figures, blanks, dots, dashes and underscores, at most 64"
    return [Problem("no name", repair, column=key, value=str(name)[:70])]


def _measure_problems(measure: Any) -> list[Problem]:
    if measure in _MEASURES:
        return []
    return [
        Problem(
            "no measure", f"take one of {', '.join(_MEASURES)}", column="measure", value=str(measure)[:70]
        )
    ]


def _shown(count: int) -> int | str:
    """A count as it may leave the site."""
    return f"<{SMALLEST}" if count == -1 or is_small(count) else count


def _read_count(value: Any, place: str) -> int:
    if value == f"<{SMALLEST}":
        return -1
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        if is_small(value):
            problem = Problem("a small count that is not masked", f'write "<{SMALLEST}"', column="counts")
            raise DataError([problem], place=place)
        return value
    raise DataError(
        [Problem("no count", "give a whole number", column="counts", value=str(value)[:40])], place=place
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{str(value)[:20]!r} is no number")
    if not isfinite(value):
        raise ValueError(f"{value} is not finite")
    return float(value)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not finite")
