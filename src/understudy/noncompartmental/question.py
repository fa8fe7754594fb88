"""Question: what is asked of the records, checked against them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any

import numpy as np

from understudy.core.errors import UnderstudyError
from understudy.data.layout import nearest
from understudy.data.records import Records
from understudy.noncompartmental.profile import ROUTES
from understudy.noncompartmental.rules import NCARules

Spans = Sequence[tuple[float, float]]
Times = Mapping[str, Sequence[float]]
_GROUPS = ("occ", "cmt")


@dataclass(frozen=True, eq=False)
class Question:
    """The arguments of `nca`, which see."""

    route: str | Mapping[str, str] = "extravascular"
    outputs: Sequence[str] | None = None
    by: Sequence[str] = ()
    lloq: float | Mapping[str, float] | None = None
    intervals: Spans | None = None
    partial: Spans = ()
    tau: float | None = None
    steady_state: float | None = None
    nominal_time: str | None = None
    slope_points: Times = field(default_factory=dict)
    slope_exclude: Times = field(default_factory=dict)
    rules: NCARules = field(default_factory=NCARules)

    def require_sense(self, records: Records) -> None:
        """Raise for what does not fit the records.

        Raises
        ------
        UnderstudyError
        """
        self._require_routes(records)
        for name in self.by:
            _require_known(name, (*records.covariates, *_GROUPS), "group column", records.source)
        if self.nominal_time is not None:
            _require_known(self.nominal_time, records.covariates, "column of nominal times", records.source)
        for place, spans, first in (
            ("intervals", self.intervals or (), -math.inf),
            ("partial", self.partial, 0.0),
        ):
            for span in spans:
                _require_span(span, place, first)
        _require_positive("tau", self.tau)
        limits = self.lloq.values() if isinstance(self.lloq, Mapping) else [self.lloq]
        for limit in limits:
            _require_positive("lloq", limit)

    def _require_routes(self, records: Records) -> None:
        dosed = list(dict.fromkeys(records.doses["cmt"]))
        if isinstance(self.route, Mapping):
            missing = [cmt for cmt in dosed if cmt not in self.route]
            if missing:
                raise UnderstudyError(
                    f"no route is given for doses into compartment {missing[0] or '(none)'!r}",
                    place="route",
                    repair=f"give one for each CMT: {', '.join(map(repr, dosed))}",
                )
        routes = self.route.values() if isinstance(self.route, Mapping) else [self.route]
        for route in routes:
            if route not in ROUTES:
                raise UnderstudyError(
                    f"unknown route {route!r}", place="route", repair=f"use {' or '.join(ROUTES)}"
                )

    def require_times(self, table: Any) -> None:
        """Raise where a concentration chosen for lambda-z, or left out of it, was never measured.

        Parameters
        ----------
        table : DataFrame
            Measurements, with columns ``id`` and ``time``.
        """
        for place in ("slope_points", "slope_exclude"):
            for name, times in getattr(self, place).items():
                known = table.loc[table["id"] == str(name), "time"].to_numpy()
                for time in times:
                    if not np.isclose(known, time, rtol=1e-6, atol=1e-6).any():
                        raise UnderstudyError(
                            f"patient {name} has no measurement at {time:g}",
                            place=place,
                            repair=f"times: {', '.join(f'{t:g}' for t in known[:12])}"
                            if len(known)
                            else f"patients: {', '.join(map(str, dict.fromkeys(table['id'].head(12))))}",
                        )

    def limit(self, output: str) -> float:
        """Lower limit of quantification of an output, zero where none is given."""
        found = self.lloq.get(output) if isinstance(self.lloq, Mapping) else self.lloq
        return 0.0 if found is None else float(found)

    def to_json(self) -> dict[str, Any]:
        """All settings as JSON data; an infinite end is the text "inf"."""
        data = {each.name: _plain(getattr(self, each.name)) for each in fields(self) if each.name != "rules"}
        return data | {
            "rules": {each.name: _plain(getattr(self.rules, each.name)) for each in fields(self.rules)}
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, Real) and not isinstance(value, (bool, int)):
        return float(value) if math.isfinite(value) else str(float(value))
    return value


def _require_known(name: str, known: Sequence[str], what: str, source: str) -> None:
    if name not in known:
        raise UnderstudyError(
            f"{source} has no {what} {name!r}",
            place=what,
            repair=nearest(name, known) if known else "the file has no other columns of numbers",
        )


def _require_span(span: tuple[float, float], place: str, first: float) -> None:
    start, end = span
    if not (math.isfinite(start) and start >= first and end > start):
        raise UnderstudyError(
            f"{start:g} to {end:g} is no interval",
            place=place,
            repair="give a start" + (" that is not negative" if first == 0 else "") + " and a later end",
        )


def _require_positive(name: str, value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise UnderstudyError(f"{name} is {value!r}", place=name, repair="give a number above zero")
