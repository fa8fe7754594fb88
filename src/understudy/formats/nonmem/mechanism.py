"""Mechanism: what $SUBROUTINES and $MODEL say moves between which compartments.

The compartments, parameters and translations of PREDPP's ADVAN and TRANS routines are those of NONMEM Users Guide,
part VI (Beal SL, Sheiner LB, Boeckmann AJ, Bauer RJ, 1989-2018).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from understudy.core.expression import Expression
from understudy.formats.nonmem import tree
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.tree import Tree

GENERAL = (6, 8, 9, 13, 14)
LINEAR = (5, 7)
_STIFF = (8, 9, 14)
_MOST_COMPARTMENTS = 999


@dataclass(frozen=True)
class Mechanism:
    """Compartments and what moves between them, states written ``A__1``, ``A__2``, ….

    Parameters
    ----------
    advan, trans : int
    compartments : tuple of str
    dose, observed : int
        Default compartments, from 1.
    rates : tuple of Tree
        Empty where $DES gives them.
    derived : mapping of str to Tree
        Rate constants that TRANS works out.
    needed : tuple of str
        Variables that $PK must set.
    record : StreamRecord
    """

    advan: int
    trans: int
    compartments: tuple[str, ...]
    dose: int
    observed: int
    rates: tuple[Tree, ...]
    derived: Mapping[str, Tree]
    needed: tuple[str, ...]
    record: StreamRecord

    @property
    def stiff(self) -> bool:
        """Whether the ADVAN is one for stiff systems."""
        return self.advan in _STIFF


@dataclass(frozen=True)
class _Shape:
    """A predefined ADVAN: number of disposition compartments, and whether a depot precedes them."""

    names: tuple[str, ...]
    depot: bool
    trans: Mapping[int, tuple[tuple[str, ...], Mapping[str, str]]] = field(default_factory=dict)

    @property
    def central(self) -> int:
        return 2 if self.depot else 1


_CENTRAL, _TWO, _THREE = ("CENTRAL",), ("CENTRAL", "PERIPH"), ("CENTRAL", "PERIPH1", "PERIPH2")


def _one() -> dict:
    return {1: (("K",), {}), 2: (("CL", "V"), {"K": "CL / V"})}


def _two(v1: str, v2: str, out: str, back: str) -> dict:
    """TRANS of two compartments; `out` and `back` are the constants between them."""
    rest = f"ALPHA + BETA - {back} - K"
    return {
        1: (("K", out, back), {}),
        3: (("CL", "V", "Q", "VSS"), {"K": "CL / V", out: "Q / V", back: "Q / (VSS - V)"}),
        4: (("CL", v1, "Q", v2), {"K": f"CL / {v1}", out: f"Q / {v1}", back: f"Q / {v2}"}),
        5: (
            ("AOB", "ALPHA", "BETA"),
            {back: "(AOB * BETA + ALPHA) / (AOB + 1)", "K": f"ALPHA * BETA / {back}", out: rest},
        ),
        6: (("ALPHA", "BETA", back), {"K": f"ALPHA * BETA / {back}", out: rest}),
    }


def _three(volumes: Sequence[str], flows: Sequence[str], out: Sequence[str], back: Sequence[str]) -> dict:
    (v1, v2, v3), (q2, q3), (o2, o3), (b2, b3) = volumes, flows, out, back
    # The coefficients of the characteristic polynomial, solved for the two constants out of the centre.
    both = f"(ALPHA + BETA + GAMMA - K - {b2} - {b3})"
    pairs = f"(ALPHA * BETA + ALPHA * GAMMA + BETA * GAMMA - {b2} * {b3} - K * ({b2} + {b3}))"
    return {
        1: (("K", o2, b2, o3, b3), {}),
        4: (
            ("CL", v1, q2, v2, q3, v3),
            {
                "K": f"CL / {v1}",
                o2: f"{q2} / {v1}",
                b2: f"{q2} / {v2}",
                o3: f"{q3} / {v1}",
                b3: f"{q3} / {v3}",
            },
        ),
        6: (
            ("ALPHA", "BETA", "GAMMA", b2, b3),
            {
                "K": f"ALPHA * BETA * GAMMA / ({b2} * {b3})",
                o3: f"({pairs} - {both} * {b3}) / ({b2} - {b3})",
                o2: f"{both} - {o3}",
            },
        ),
    }


_SHAPES = {
    1: _Shape(_CENTRAL, False, _one()),
    2: _Shape(_CENTRAL, True, _one()),
    3: _Shape(_TWO, False, _two("V1", "V2", "K12", "K21")),
    4: _Shape(_TWO, True, _two("V2", "V3", "K23", "K32")),
    10: _Shape(_CENTRAL, False, {1: (("VM", "KM"), {})}),
    11: _Shape(_THREE, False, _three(("V1", "V2", "V3"), ("Q2", "Q3"), ("K12", "K13"), ("K21", "K31"))),
    12: _Shape(_THREE, True, _three(("V2", "V3", "V4"), ("Q3", "Q4"), ("K23", "K24"), ("K32", "K42"))),
}


def read_mechanism(
    subroutines: Iterable[StreamRecord], models: Sequence[StreamRecord], variables: Iterable[str]
) -> Mechanism:
    """The mechanism of a control stream.

    Parameters
    ----------
    subroutines, models : records of $SUBROUTINES and $MODEL
    variables : iterable of str
        What $PK sets: ADVAN5 and 7 take their rate constants from there.

    Raises
    ------
    FormatError
        For an ADVAN or TRANS that is not known or cannot be translated.
    """
    records = list(subroutines)
    record, advan, trans = _routines(records)
    if advan in _SHAPES:
        return _predefined(record, advan, trans)
    if trans != 1:
        record.fail(f"TRANS{trans} does not go with ADVAN{advan}", "leave it out")
    if not models:
        record.fail(f"ADVAN{advan} needs a $MODEL", "write $MODEL with its compartments")
    names, dose, observed = _compartments(models)
    if advan in GENERAL:
        return Mechanism(advan, 1, names, dose, observed, (), {}, (), record)
    return Mechanism(advan, 1, names, dose, observed, _flows(names, list(variables), record), {}, (), record)


def _routines(records: Sequence[StreamRecord]) -> tuple[StreamRecord, int, int]:
    advan, trans, found = None, 1, records[0]
    for record in records:
        for word in record.text.upper().replace("=", " ").replace(",", " ").split():
            routine = re.fullmatch(r"(ADVAN|TRANS)(\d{1,2})", word)
            if routine and routine[1] == "ADVAN":
                advan, found = int(routine[2]), record
            elif routine:
                trans = int(routine[2])
            elif not re.fullmatch(r"ADVAN|TRANS|A?TOL|SS?A?TOL|SUBROUTINES?|\d+|SS\d*|[A-Z]*TOLC?|TP", word):
                record.fail(f"{word[:30]} of $SUBROUTINES cannot be translated", "leave it out")
    if advan is None:
        found.fail("no ADVAN is named", "write ADVAN1, …")
    if advan not in (*_SHAPES, *GENERAL, *LINEAR):
        known = ", ".join(str(each) for each in sorted((*_SHAPES, *GENERAL, *LINEAR)))
        found.fail(f"ADVAN{advan} cannot be translated", f"understood are ADVAN {known}")
    return found, advan, trans


def _predefined(record: StreamRecord, advan: int, trans: int) -> Mechanism:
    shape = _SHAPES[advan]
    if trans not in shape.trans:
        known = ", ".join(map(str, shape.trans))
        record.fail(f"TRANS{trans} does not go with ADVAN{advan}", f"it goes with TRANS {known}")
    needed, derived = shape.trans[trans]
    plain = trans in (2, 3, 4)
    constants = derived if plain else {}
    rates = _mammillary(shape, advan, constants)
    return Mechanism(
        advan, trans, (*(("DEPOT",) if shape.depot else ()), *shape.names),
        1, shape.central, tuple(_read(rate) for rate in rates),
        {} if plain else {name: _read(text) for name, text in derived.items()},
        (*needed, *(("KA",) if shape.depot else ())), record,
    )  # fmt: skip


def _mammillary(shape: _Shape, advan: int, constants: Mapping[str, str]) -> list[str]:
    """Rates of the compartments; clearances over volumes are written out, so that a reader knows them again."""
    centre = shape.central
    k = lambda name: constants.get(name, name)  # noqa: E731
    middle = f"A__{centre}"
    if advan == 10:
        return [f"-VM * {middle} / (KM + {middle})"]
    central = ("KA * A__1 " if shape.depot else "") + f"- {k('K')} * {middle}"
    outer = []
    for other in range(centre + 1, centre + len(shape.names)):
        away, back = k(f"K{centre}{other}"), k(f"K{other}{centre}")
        central += f" - {away} * {middle} + {back} * A__{other}"
        outer.append(f"{away} * {middle} - {back} * A__{other}")
    return [*(["-KA * A__1"] if shape.depot else []), central, *outer]


def _read(text: str) -> Tree:
    return Expression(text).tree


def _compartments(models: Sequence[StreamRecord]) -> tuple[tuple[str, ...], int, int]:
    names: list[str] = []
    options: list[set[str]] = []
    count = 0
    for record in models:
        text = re.sub(r"\s*\(", "(", re.sub(r"\s*=\s*", "=", record.text.upper()))
        at = 0
        pattern = re.compile(r"[\s,]*(?:COMP[A-Z]*=?\(([^)]*)\)|COMP[A-Z]*=([A-Z_]\w*)|(N[A-Z]*)=(\d+))")
        while text[at:].strip(" ,"):
            found = pattern.match(text, at)
            if not found:
                record.fail(f"{text[at:].strip()[:30]!r} of $MODEL is not understood", "write COMP=(NAME)")
            at = found.end()
            if found[3]:
                count = int(found[4]) if found[3].startswith("NCOM") else count
                continue
            words = (found[1] or found[2] or "").replace(",", " ").split() or [f"COMP{len(names) + 1}"]
            names.append(words[0].strip("\"'"))
            options.append({word[:6] for word in words[1:]})
    record = models[0]
    names += [f"COMP{k}" for k in range(len(names) + 1, min(count, _MOST_COMPARTMENTS) + 1)]
    options += [set()] * (len(names) - len(options))
    if not names:
        record.fail("$MODEL names no compartment", "write COMP=(NAME) for each")
    for name, told in zip(names, options, strict=True):
        if told & {"INITIA", "EQUILI", "EXCLUD"}:
            record.fail(
                f"compartment {name} is {sorted(told)[0]}…", "this cannot be translated: leave it out"
            )
    return (
        tuple(names),
        _default(names, options, "DEFDOS", "DEPOT"),
        _default(names, options, "DEFOBS", "CENTRAL"),
    )


def _default(names: Sequence[str], options: Sequence[set[str]], option: str, name: str) -> int:
    chosen = [k for k, told in enumerate(options, 1) if option in told]
    return chosen[0] if chosen else names.index(name) + 1 if name in names else 1


_CONSTANT = re.compile(r"K(\d+)T(\d+)|K(\d)(\d)")


def _flows(names: Sequence[str], variables: Sequence[str], record: StreamRecord) -> tuple[Tree, ...]:
    """Rates of ADVAN5 and 7: every constant K12 or K1T12 moves its share; 0 is outside."""
    rates: list[Tree] = [tree.ZERO] * len(names)
    count, found = len(names), 0
    for variable in variables:
        match = _CONSTANT.fullmatch(variable)
        if not match:
            continue
        source, target = (int(each) for each in match.groups() if each is not None)
        if not 1 <= source <= count or target > count + 1 or source == target:
            record.fail(f"{variable} leads from {source} to {target}", f"there are {count} compartments")
        found += 1
        flow = tree.multiply(tree.name(variable), tree.name(f"A__{source}"))
        rates[source - 1] = tree.subtract(rates[source - 1], flow)
        if 1 <= target <= count:
            rates[target - 1] = tree.add(rates[target - 1], flow)
    if not found:
        record.fail("$PK sets no rate constant", "write K12 = …, K20 = …")
    return tuple(rates)
