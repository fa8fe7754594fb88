"""Writer: a population model as a control stream that NONMEM runs, and its records as the data.

The mechanism is written as differential equations (ADVAN13), measurement errors with an EPS of variance 1 for each
output.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import FormatError
from understudy.core.expression import Expression
from understudy.formats.nonmem.code_writer import ATOM, CodeWriter
from understudy.model.model import Model
from understudy.model.parts import Input
from understudy.model.population_model import PopulationModel, RandomEffects

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

# Names that mean something to NM-TRAN or PREDPP wherever they stand.
_RESERVED = re.compile(
    r"(THETA|ETA|EPS|ERR|A|DADT|P|T|F|G|H|Y|W|MU_\d*|A_0|A_0FLG|NEWIND|ICALL|DV|TIME|ID|AMT|RATE|II|ADDL|SS|CMT|"
    r"EVID|MDV|DVID|OCC|DATE|DAT\d|[FRDS]\d+|ALAG\d+|MTIME|COM|CALLFL|F_FLAG|LOG|EXP|SQRT|IF|THEN|ELSE|ENDIF)"
)
_EVENTS = {"lag": "ALAG", "bioavailability": "F", "rate": "R", "duration": "D"}
_LONGEST_NAME = 20


def write(found: Any, data: str = "data.csv") -> str:
    """A model as a control stream.

    Parameters
    ----------
    found : PopulationModel, or what has one as `model` and its `records`
    data : str
        Name of the data file.

    Returns
    -------
    str

    Raises
    ------
    FormatError
        For what a control stream cannot say of it, naming the part.

    Examples
    --------
    >>> from understudy import load_model
    >>> print(write(load_model("theophylline_adults")).split("$THETA")[0])  # doctest: +ELLIPSIS
    $PROBLEM theophylline_adults
    $INPUT ID TIME EVID AMT RATE II ADDL SS CMT MDV DV
    $DATA data.csv IGNORE=@
    ; time in h, depot in mg, central in mg, Cp in mg/L
    $SUBROUTINES ADVAN13 TOL=9
    ...
    """
    model = getattr(found, "model", found)
    if not isinstance(model, PopulationModel):
        raise FormatError(
            "a control stream needs residual errors, and this is a mechanism alone",
            place=model.name,
            repair="make a PopulationModel of it: residual={...}",
        )
    stream = _Stream(model, getattr(found, "records", None), frozenset(getattr(found, "not_estimated", ())))
    return stream.text(f"'{data}'" if " " in data else data)


def write_records(model: PopulationModel, records: Records) -> pd.DataFrame:
    """The data file that goes with `write`: compartments and outputs by number, covariates under their names there."""
    return _Stream(model, records).frame()


class _Stream:
    """Names and numbers of one model in its control stream."""

    def __init__(self, model: PopulationModel, records: Records | None, fixed: frozenset[str] = frozenset()):
        self.model, self.base, self.records = model, model.structural, records
        # As a control stream names what is not estimated: THETA1, SIGMA(1,1).
        self.fixed = {re.sub(r"SIGMA\((\d+),(\d+)\)", r"SIGMA_\1_\2", name) for name in fixed}
        _refuse(model, records)
        self.occasions = self._occasions()
        self.several = len(model.residual) > 1
        self.names = self._all_names()

    def text(self, data: str) -> str:
        """The whole of it."""
        lines = [f"$PROBLEM {' '.join(self.model.name.split())[:70]}", f"$INPUT {' '.join(self.columns())}"]
        lines += [f"$DATA {data} IGNORE=@", *self._notes(), "$SUBROUTINES ADVAN13 TOL=9"]
        lines += ["$MODEL", *(f"  COMP=({self.names[state.name]})" for state in self.base.states)]
        lines += ["$PK", *self._individual(), "$DES", *self._equations(), "$ERROR", *self._measurement()]
        lines += ["$THETA", *self._thetas(), *self._random()]
        lines += ["$SIGMA", *(f"  1 FIX ; {residual.output}" for residual in self.model.residual)]
        limited = any(residual.lower_limit is not None for residual in self.model.residual)
        laplace = "LAPLACIAN " if limited else ""
        lines += [f"$ESTIMATION METHOD=1 {laplace}INTERACTION MAXEVAL=9999", "$COVARIANCE"]
        return "\n".join(lines) + "\n"

    def columns(self) -> list[str]:
        """Data items, in order."""
        own = ["ID", "TIME", "EVID", "AMT", "RATE", "II", "ADDL", "SS", "CMT", "MDV", "DV"]
        own += ["DVID"] if self.several else []
        own += ["OCC"] if self.occasions else []
        return own + [self.names[covariate.name] for covariate in self.model.covariates]

    def frame(self) -> pd.DataFrame:
        """The rows of the records with these columns."""
        import pandas as pd

        table = self.records.table
        identity = pd.Series(pd.factorize(table["id"])[0] + 1)
        numeric = pd.to_numeric(table["id"], errors="coerce")
        columns = {
            "ID": numeric if numeric.notna().all() else identity, "TIME": table["time"], "EVID": table["evid"],
            "AMT": table["amt"], "RATE": self._rates(table), "II": table["ii"], "ADDL": table["addl"],
            "SS": table["ss"], "CMT": self._compartments(table), "MDV": table["mdv"], "DV": table["dv"],
        }  # fmt: skip
        if self.several:
            columns["DVID"] = self._outputs(table)
        if self.occasions:
            columns["OCC"] = table["occ"].map(lambda label: self.occasions.index(label) + 1)
        for covariate in self.model.covariates:
            columns[self.names[covariate.name]] = table[covariate.name]
        return pd.DataFrame(columns)

    def _all_names(self) -> dict[str, str]:
        taken: set[str] = set()
        names = {f.name: f"THETA({k})" for k, f in enumerate(self.model.fixed, 1)}
        effects = [name for block in self.model.random for name in block.names]
        if not self.occasions:
            names |= {name: f"ETA({k})" for k, name in enumerate(effects, 1)}
        number = 1
        for block in self.model.random if self.occasions else ():
            for name in block.names:
                names[name] = f"ETA({number})" if block.level == "subject" else _free(f"IOV_{name}", taken)
                number += block.level == "subject"
        parts = [*self.base.states, *self.model.covariates, *self.model.individual]
        parts += [*self.base.parameters, *self.base.assignments]
        for part in parts:
            if part.name not in names:
                names[part.name] = _free(part.name, taken)
        return names

    def _occasions(self) -> list[str]:
        if all(block.level == "subject" for block in self.model.random):
            return []
        if self.records is None:
            raise FormatError(
                "how many occasions there are is said by records alone",
                place=self.model.name,
                repair="write it with its records",
            )
        return list(dict.fromkeys(self.records.table["occ"]))

    def _notes(self) -> Iterator[str]:
        units = [("time", self.base.time_unit), *((s.name, s.unit) for s in self.base.states)]
        units += [(each.name, each.unit) for each in self.base.outputs]
        told = [f"{name} in {unit}" for name, unit in units if unit not in ("", "1", "?")]
        if told:
            yield f"; {', '.join(told)[:150]}"
        if self.records is None and any(c.interpolation != "nocb" for c in self.model.covariates):
            yield "; Covariates that change within a patient hold here from the record before, not from their own."

    def _individual(self) -> list[str]:
        code = CodeWriter(self.names, "TIME", "PKIF")
        for block, first in self._blocks():
            for k, name in enumerate(block.names if block.level == "occasion" else ()):
                code.lines.append(f"  {self.names[name]} = 0")
                for o in range(len(self.occasions)):
                    eta = first + o * block.size + k
                    code.lines.append(f"  IF (OCC.EQ.{o + 1}) {self.names[name]} = ETA({eta})")
        for item in self.model.ordered_individual:
            code.assign(self.names[item.name], item.expression)
        computed = {item.name for item in self.model.individual} | {f.name for f in self.model.fixed}
        computed |= {c.name for c in self.model.covariates} | {*self.model.eta_names}
        for parameter in self.base.parameters:
            if parameter.name not in computed:
                code.assign(self.names[parameter.name], Expression(parameter.value))
        for item in self.base.constant_assignments:
            code.assign(self.names[item.name], item.expression)
        for k, state in enumerate(self.base.states, 1):
            if state.initial.text != "0":
                code.assign(f"A_0({k})", state.initial)
            for field, expression in _governing(self.base, state.name).items():
                code.assign(f"{_EVENTS[field]}{k}", expression)
        return code.lines

    def _with_states(self) -> dict[str, str]:
        states = {state.name: f"A({k})" for k, state in enumerate(self.base.states, 1)}
        return {**self.names, **states}

    def _moving(self) -> list:
        constant = {item.name for item in self.base.constant_assignments}
        return [item for item in self.base.ordered_assignments if item.name not in constant]

    def _equations(self) -> list[str]:
        code = CodeWriter(self._with_states(), "T", "DESIF")
        for item in self._moving():
            code.assign(self.names[item.name], item.expression)
        for k, rate in enumerate(self.base.rates, 1):
            code.assign(f"DADT({k})", rate)
        return code.lines

    def _measurement(self) -> list[str]:
        names = self._with_states()
        # What $DES computes, it computes elsewhere: here it is computed again, under names of its own.
        again = {item.name: _free(f"E_{item.name}", set(names.values())) for item in self._moving()}
        code = CodeWriter({**names, **again}, "TIME", "ERRIF")
        needed = _needed(self.base, [self.base.output(r.output).expression for r in self.model.residual])
        for item in self._moving():
            if item.name in needed:
                code.assign(again[item.name], item.expression)
        for k, residual in enumerate(self.model.residual, 1):
            suffix = str(k) if self.several else ""
            code.names = {**names, **again}
            code.assign(f"IPRED{suffix}", self.base.output(residual.output).expression)
            code.names = {**names, residual.output: f"IPRED{suffix}"}
            code.assign(f"W{suffix}", _root(code, residual.variance.tree))
            number = self.base.output_names.index(residual.output) + 1
            condition = f"IF (DVID.EQ.{number}) " if self.several else ""
            code.lines.append(f"  {condition}Y = IPRED{suffix} + W{suffix}*EPS({k})")
            if residual.lower_limit is not None:
                own = f"DVID.EQ.{number}.AND." if self.several else ""
                limit = repr(float(residual.lower_limit))
                code.lines.append(f"  IF ({own}DV.LT.{limit}) THEN")
                code.lines += [
                    "    F_FLAG = 1",
                    f"    Y = PHI(({limit} - IPRED{suffix})/W{suffix})",
                    "  ENDIF",
                ]
        return code.lines

    def _thetas(self) -> Iterator[str]:
        for each in self.model.fixed:
            low = f"{each.lower!r}" if np.isfinite(each.lower) else "-INF"
            high = f", {each.upper!r}" if np.isfinite(each.upper) else ""
            bounded = np.isfinite(each.lower) or np.isfinite(each.upper)
            value = f"({low}, {each.value!r}{high})" if bounded else repr(each.value)
            comment = f"{each.name} {each.description}".strip().replace(";", ",")
            yield f"  {value}{' FIX' if each.name in self.fixed else ''} ; {comment}"

    def _blocks(self) -> Iterator[tuple[RandomEffects, int]]:
        """Blocks with the number of their first ETA: those of subjects first, as they were numbered."""
        number = 1
        ordered = sorted(self.model.random, key=lambda block: block.level != "subject")
        for block in ordered:
            yield block, number
            number += block.size * (1 if block.level == "subject" else len(self.occasions))

    def _random(self) -> Iterator[str]:
        for block, _ in self._blocks():
            rows = [" ".join(repr(float(v)) for v in row[: i + 1]) for i, row in enumerate(block.covariance)]
            own = block.names[0].removeprefix("ETA")
            fixed = " FIX" if not np.any(block.covariance) or f"OMEGA({own},{own})" in self.fixed else ""
            yield f"$OMEGA BLOCK({block.size}){fixed}"
            yield from (f"  {row} ; {name}" for row, name in zip(rows, block.names, strict=True))
            if block.level == "occasion":
                yield from ["$OMEGA BLOCK SAME"] * (len(self.occasions) - 1)

    def _entries(self, table: pd.DataFrame) -> list[Input | None]:
        from understudy.data.compatibility import entered

        dosed = table["evid"].isin((1, 4))
        return [
            entered(self.base, str(cmt))[0] if is_dose else None
            for cmt, is_dose in zip(table["cmt"], dosed, strict=True)
        ]

    def _compartments(self, table: pd.DataFrame) -> list[int]:
        entries = self._entries(table)
        return [self.base.state_names.index(each.state) + 1 if each else 0 for each in entries]

    def _rates(self, table: pd.DataFrame) -> list[float]:
        """RATE; a dose by the name of a route that says how it enters enters so by a code."""
        routes = ["", "0", *(entry.name for entry in self.base.inputs)]
        found = []
        for rate, cmt, entry in zip(table["rate"], table["cmt"], self._entries(table), strict=True):
            coded = entry is not None and rate == 0 and cmt in routes
            own = (
                -2 if coded and entry.duration is not None else -1 if coded and entry.rate is not None else 0
            )
            found.append(own or rate)
        return found

    def _outputs(self, table: pd.DataFrame) -> list[int]:
        from understudy.data.compatibility import output_name

        names = self.base.output_names
        return [
            names.index(name) + 1 if (name := output_name(self.model, str(d))) else 0 for d in table["dvid"]
        ]


def _refuse(model: PopulationModel, records: Records | None) -> None:
    """What no control stream can say."""
    base = model.structural
    names = [entry.name for entry in base.doses]
    states = [entry.state for entry in base.inputs]
    changing = [
        c.name
        for c in model.covariates
        if records is not None and c.interpolation != "nocb" and _changes(records, c.name)
    ]
    refused = (
        (bool(base.events), "events", "write the model without them"),
        (
            any(entry.profile is not None for entry in base.doses),
            "an absorption profile",
            "write it as states",
        ),
        (len(set(names)) < len(names), "doses that are split over several inputs", "name each input"),
        (len(set(states)) < len(states), "several inputs into one state", "give each a state of its own"),
        (not model.output_names, "no residual error", "declare residual={...}"),
        (not base.states, "no state", "write the model in $PRED"),
        (any(r.scale == "log" for r in model.residual), "residual errors on the logarithm", "model log(DV)"),
        (
            any(r.upper_limit is not None for r in model.residual),
            "an upper limit of quantification",
            "leave it out",
        ),
        (
            _has_limits(records),
            "limits that differ from row to row (CENS, LIMIT, LLOQ)",
            "leave the columns out",
        ),
        (bool(model.distributions), "outcomes that are no levels", "leave them out"),
        (_correlated(model), "residual errors that are correlated", "leave the correlations out"),
        (any(r.blq != "M3" for r in model.residual), "levels below a limit by M1 or M4", 'use blq="M3"'),
        (bool(model.priors) or any(block.prior for block in model.random), "priors", "leave them out"),
        (model.mixture is not None, "a mixture", "write one subpopulation: model.of_class(1)"),
        (bool(changing), f"covariates carried forward that change: {', '.join(changing)}", "make them nocb"),
    )
    for is_so, what, repair in refused:
        if is_so:
            raise FormatError(f"a control stream cannot say: {what}", place=model.name, repair=repair)


def _correlated(model: PopulationModel) -> bool:
    return bool(model.correlations) or any(r.autocorrelation is not None for r in model.residual)


def _has_limits(records: Records | None) -> bool:
    return records is not None and bool({"cens", "limit", "lloq"} & set(records.table.columns))


def _changes(records: Records, name: str) -> bool:
    return bool((records.table.groupby("id")[name].nunique() > 1).any())


def _governing(model: Model, state: str) -> dict[str, Expression]:
    """What governs doses into a state, beyond what holds anyway."""
    entry = next((each for each in model.inputs if each.state == state), None)
    plain = {"lag": "0", "bioavailability": "1"}
    told = entry.expressions if entry else {}
    return {field: each for field, each in told.items() if plain.get(field) != each.text}


def _needed(model: Model, expressions: Iterable[Expression]) -> set[str]:
    equations = {item.name: item.expression for item in model.assignments}
    waiting, found = [each.names for each in expressions], set()
    while waiting:
        for name in waiting.pop():
            if name in equations and name not in found:
                found.add(name)
                waiting.append(equations[name].names)
    return found


def _root(code: CodeWriter, variance: ast.expr) -> str:
    """Standard deviation of a variance; a square has its root without a function that has no slope at zero."""
    if isinstance(variance, ast.BinOp) and isinstance(variance.op, ast.Mult):
        return f"{_root(code, variance.left)}*{_root(code, variance.right)}"
    is_square = (
        isinstance(variance, ast.BinOp)
        and isinstance(variance.op, ast.Pow)
        and isinstance(variance.right, ast.Constant)
        and variance.right.value == 2
    )
    return code.value(variance.left, ATOM) if is_square else f"SQRT({code.value(variance)})"


def _free(name: str, taken: set[str]) -> str:
    """A name that NM-TRAN takes, and that nothing else has."""
    plain = re.sub(r"[^A-Z0-9_]", "_", name.upper()).strip("_")[: _LONGEST_NAME - 2] or "X"
    if not plain[0].isalpha() or _RESERVED.fullmatch(plain):
        plain = f"X{plain}"
    found, count = plain, 1
    while found in taken:
        count += 1
        found = f"{plain[: _LONGEST_NAME - 4]}_{count}"
    taken.add(found)
    return found
