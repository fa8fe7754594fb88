"""Estimation: what $ESTIMATION and $COVARIANCE ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from understudy.formats.nonmem.stream_record import StreamRecord

_METHODS = {
    "0": "FO", "ZERO": "FO", "FO": "FO", "1": "FOCE", "COND": "FOCE", "CONDITIONAL": "FOCE", "FOCE": "FOCE",
    "HYBRID": "HYBRID", "ITS": "ITS", "IMP": "IMP", "IMPMAP": "IMPMAP", "DIRECT": "DIRECT", "SAEM": "SAEM",
    "BAYES": "BAYES", "NUTS": "NUTS", "CHAIN": "CHAIN",
}  # fmt: skip
_WORD = re.compile(r"([A-Za-z0-9_\-]+)(?:\s*=\s*(\([^)]*\)|\"[^\"]*\"|'[^']*'|[^\s,]+))?")


@dataclass(frozen=True)
class EstimationStep:
    """One step of estimation as the control stream asks for it.

    Parameters
    ----------
    method : str
        Such as FO, FOCE, SAEM, IMP.
    interaction, laplacian : bool
    evaluations : int or None
        Most evaluations of the objective function; 0 only evaluates.
    options : mapping of str to str
        All that is written, by option.
    """

    method: str
    interaction: bool
    laplacian: bool
    evaluations: int | None
    options: Mapping[str, str]

    def __str__(self) -> str:
        words = [self.method, *(["with interaction"] if self.interaction else [])]
        words += ["by Laplace's approximation"] if self.laplacian else []
        words += [f"at most {self.evaluations} evaluations"] if self.evaluations is not None else []
        return ", ".join(words)


def read_steps(records: Iterable[StreamRecord]) -> tuple[EstimationStep, ...]:
    """Steps in order; each takes what it does not say from the step before.

    Examples
    --------
    >>> from understudy.formats.nonmem.stream_record import Line
    >>> record = StreamRecord("ESTIMATION", 1, (Line(1, "METHOD=1 INTER MAXEVAL=0"),), "run.ctl")
    >>> step = read_steps([record])[0]
    >>> step.method, step.interaction, step.evaluations
    ('FOCE', True, 0)
    """
    found: list[EstimationStep] = []
    carried: dict[str, str] = {}
    for record in records:
        carried = carried | {name.upper(): value or "" for name, value in _WORD.findall(record.text)}
        found.append(_step(record, carried))
    return tuple(found)


def _step(record: StreamRecord, options: Mapping[str, str]) -> EstimationStep:
    written = next((value for name, value in options.items() if "METHOD".startswith(name[:6])), "0")
    method = next((known for name, known in _METHODS.items() if name == written.upper()), "")
    if not method:
        near = [known for name, known in _METHODS.items() if name.startswith(written.upper())]
        method = near[0] if near else written.upper()
    laplacian = any(name.startswith("LAPL") for name in options)
    count = next((value for name, value in options.items() if name.startswith("MAXEV")), "")
    return EstimationStep(
        "FOCE" if laplacian and method == "FO" else method,
        any(name.startswith("INTER") for name in options),
        laplacian,
        int(count) if count.isdecimal() else None,
        dict(options),
    )
