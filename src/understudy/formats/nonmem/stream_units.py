"""Stream units: units for what a control stream holds as bare numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from understudy.core.errors import FormatError
from understudy.core.units import unit

if TYPE_CHECKING:
    from understudy.formats.nonmem.control_stream import ControlStream
    from understudy.model.model import Model


def with_units(stream: ControlStream, units: Mapping[str, str]) -> ControlStream:
    """See `ControlStream.with_units`."""
    base = stream.model.structural
    covariates = stream.records.covariates
    told = {
        name if name in (*base.output_names, *covariates) else name.upper(): text
        for name, text in units.items()
    }
    known = ("TIME", "AMT", "DV", *base.output_names, *covariates)
    for name, text in told.items():
        unit(text)
        if name not in known:
            raise FormatError(
                f"{name} has no unit here", place=stream.file, repair=f"one of {', '.join(known)}"
            )
    model = replace(
        stream.model,
        structural=_structural(base, told),
        covariates=tuple(
            replace(each, unit=told.get(each.name, each.unit)) for each in stream.model.covariates
        ),
    )
    declared = {name.lower(): told[name] for name in ("TIME", "AMT", "DV") if name in told}
    declared |= {f"dv:{name}": told[name] for name in base.output_names if name in told}
    declared |= {name: told[name] for name in covariates if name in told}
    return replace(stream, model=model, records=replace(stream.records, units=declared))


def _structural(model: Model, told: Mapping[str, str]) -> Model:
    return replace(
        model,
        time_unit=told.get("TIME", model.time_unit),
        states=tuple(replace(each, unit=told.get("AMT", each.unit)) for each in model.states),
        outputs=tuple(
            replace(each, unit=told.get(each.name, told.get("DV", each.unit))) for each in model.outputs
        ),
    )
