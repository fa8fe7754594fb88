"""Stream estimates: a control stream with other values of its parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from understudy.core.errors import FormatError
from understudy.formats.nonmem.effect_blocks import Block
from understudy.formats.nonmem.residual import sigma_name

if TYPE_CHECKING:
    from understudy.formats.nonmem.control_stream import ControlStream
    from understudy.model.population_model import PopulationModel, RandomEffects

_ELEMENT = re.compile(r"(OMEGA|SIGMA)\((\d+),(\d+)\)")


def with_estimates(stream: ControlStream, estimates: Mapping[str, float]) -> ControlStream:
    """See `ControlStream.with_estimates`."""
    known = stream.initial
    for name, value in estimates.items():
        # A finished run names every element, also the zeros outside of the blocks.
        if name not in known and not (value == 0 and _ELEMENT.fullmatch(name)):
            raise FormatError(
                f"{name} is no parameter of the control stream",
                place=stream.file,
                repair=", ".join(list(known)[:8]),
            )
    values = {**known, **{name: float(value) for name, value in estimates.items() if name in known}}
    omega, sigma = (
        _blocks(kind, blocks, values) for kind, blocks in (("OMEGA", stream.omega), ("SIGMA", stream.sigma))
    )
    thetas = tuple(replace(theta, value=values[f"THETA{theta.number}"]) for theta in stream.thetas)
    return replace(stream, thetas=thetas, omega=omega, sigma=sigma, model=_model(stream.model, values))


def _blocks(kind: str, blocks: tuple[Block, ...], values: Mapping[str, float]) -> tuple[Block, ...]:
    return tuple(replace(block, matrix=_matrix(kind, block.first, block.size, values)) for block in blocks)


def _matrix(kind: str, first: int, size: int, values: Mapping[str, float]) -> tuple[tuple[float, ...], ...]:
    def element(i: int, j: int) -> float:
        return values[f"{kind}({first + max(i, j)},{first + min(i, j)})"]

    return tuple(tuple(element(i, j) for j in range(size)) for i in range(size))


def _model(model: PopulationModel, values: Mapping[str, float]) -> PopulationModel:
    named = {
        f"THETA{k}": values[f"THETA{k}"] for k in range(1, len(model.fixed) + 1) if f"THETA{k}" in values
    }
    for name, value in values.items():
        element = _ELEMENT.fullmatch(name)
        own = element and sigma_name(int(element[2]), int(element[3]))
        if element and element[1] == "SIGMA" and own in model.fixed_values:
            named[own] = value
    return replace(model.with_values(**named), random=tuple(_effects(model.random, values)))


def _effects(blocks: Sequence[RandomEffects], values: Mapping[str, float]) -> Iterator[RandomEffects]:
    matrix: tuple[tuple[float, ...], ...] = ()
    for block in blocks:
        if not block.same:
            matrix = _matrix("OMEGA", int(block.names[0].removeprefix("ETA")), block.size, values)
        yield replace(block, covariance=matrix)
