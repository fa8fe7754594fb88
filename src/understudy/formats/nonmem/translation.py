"""Translation: from the records of a control stream to a `PopulationModel` and `Records`."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.abbreviated_code import read_code
from understudy.formats.nonmem.assignments import Assignments
from understudy.formats.nonmem.carried import carry
from understudy.formats.nonmem.code_names import CodeNames
from understudy.formats.nonmem.code_parts import Parts
from understudy.formats.nonmem.data_items import RECORDS_ITEMS, known_names, read_items, read_options
from understudy.formats.nonmem.data_table import DataTable, read_table
from understudy.formats.nonmem.effect_blocks import Block
from understudy.formats.nonmem.flagged import FLAG, Flagged, split_by_flag
from understudy.formats.nonmem.labels import code_labels
from understudy.formats.nonmem.mechanism import GENERAL, Mechanism, read_mechanism
from understudy.formats.nonmem.model_parts import population_model
from understudy.formats.nonmem.observation import Observation, observations
from understudy.formats.nonmem.own_likelihood import likelihood_option, own_likelihood
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.thetas import Theta
from understudy.formats.nonmem.tree import Tree
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from understudy.data.records import Records

Groups = Mapping[str, Sequence[StreamRecord]]
# What $PK may set that changes how the model is called or what time means, and the values that change nothing.
_REFUSED = {"TSCALE": "a scale of time", "XSCALE": "a scale of time", "CALLFL": "when PK is called"}
_HARMLESS = {"CALLFL": -1}


def translate(
    title: str,
    groups: Groups,
    thetas: Sequence[Theta],
    omega: Sequence[Block],
    sigma: Sequence[Block],
    folder: Path,
) -> tuple[PopulationModel, Records]:
    """The population model and the records of a control stream."""
    items = read_items(groups["INPUT"])
    for needed in ("ID", "DV"):
        if not any(needed in item.names and not item.dropped for item in items):
            groups["INPUT"][0].fail(f"$INPUT names no {needed}", "name it")
    table = read_table(folder, read_options(groups["DATA"][0]), items)
    work = _Translation(groups, table, thetas, omega, sigma)
    parts = work.without_compartments() if "PRED" in groups else work.with_compartments()
    work.code.simplify(parts.equations)
    return population_model(title, parts, thetas, omega, sigma)


class _Translation:
    """The code of a control stream, run record by record."""

    def __init__(
        self,
        groups: Groups,
        table: DataTable,
        thetas: Sequence[Theta],
        omega: Sequence[Block],
        sigma: Sequence[Block],
    ):
        self.groups, self.table, self.items = groups, table, frozenset(known_names(table.items))
        self.labels, plain = code_labels(groups.get("ABBREVIATED", ()), thetas, omega, sigma)
        sizes = [sum(block.size for block in blocks) for blocks in (omega, sigma)]
        self.counts = {"THETA": len(thetas), "ETA": sizes[0], "EPS": sizes[1], "A__": 0}
        self.code = Assignments()
        self.code.current |= _aliases(table) | {name: tree.name(meant) for name, meant in plain.items()}
        # The call is one for estimation, and Y a prediction where nothing else is said.
        self.code.current |= {"ICALL": tree.number(2), FLAG: tree.ZERO}

    def with_compartments(self) -> Parts:
        """$PK, $DES and $ERROR."""
        first = next(iter(self.groups.values()))[0]
        for name in ("SUBROUTINES", "PK", "ERROR"):
            if name not in self.groups:
                first.fail(f"there is no ${name}", f"write ${name}, or $PRED", first.number)
        pk, error = self.groups["PK"][0], self.groups["ERROR"][0]
        of_pk = self._read_pk(pk)
        mechanism = self._read_mechanism(pk, of_pk)
        self.code.current["T"] = tree.name("t")
        rates = self._differential_equations(mechanism) if mechanism.advan in GENERAL else mechanism.rates
        rates = [tree.replace_names(rate, of_pk) for rate in rates]
        self.code.current["F"] = _prediction(mechanism, of_pk, self.table)
        seen, below = self._read_y(error)
        parts = Parts(self.code, self.table, self.items, mechanism, rates, of_pk, seen, pk, error, below)
        self._names().require_known(parts.of_individuals, pk)
        return parts

    def without_compartments(self) -> Parts:
        """$PRED."""
        record = self.groups["PRED"][0]
        for name in ("SUBROUTINES", "PK", "DES", "ERROR", "MODEL"):
            if name in self.groups:
                other = self.groups[name][0]
                other.fail(f"${name} beside $PRED", "keep one of them", other.number)
        self.table = replace(self.table, compartmental=False)
        seen, below = self._read_y(record)
        return Parts(self.code, self.table, self.items, None, [], {}, seen, record, record, below)

    def _names(self) -> CodeNames:
        return CodeNames(self.code, self.items, self.counts)

    def _run(self, record: StreamRecord) -> None:
        self.code.run(read_code(record, self.labels), record)

    def _read_pk(self, pk: StreamRecord) -> dict[str, Tree]:
        """What each variable is after $PK."""
        self.code.current["A_0FLG"] = tree.number(1)
        self._run(pk)
        del self.code.current["A_0FLG"]
        self.table, self.items = carry(self.code, self.table, self.items)
        for name, meaning in _REFUSED.items():
            if name in self.code.current and tree.constant(self.code.value(name)) != _HARMLESS.get(name):
                line = self.code.lines[next(iter(tree.names(self.code.current[name])))][1]
                pk.fail(f"{name} ({meaning}) cannot be translated", "write the model without it", line)
        return dict(self.code.current)

    def _read_mechanism(self, pk: StreamRecord, of_pk: dict[str, Tree]) -> Mechanism:
        """The mechanism; its own constants and scale are added to what $PK sets."""
        mechanism = read_mechanism(self.groups["SUBROUTINES"], self.groups.get("MODEL", ()), of_pk)
        self.counts["A__"] = len(mechanism.compartments)
        if "SC" in of_pk and mechanism.rates:
            # Another name of the central compartment's scale.
            of_pk.setdefault(f"S{mechanism.observed}", of_pk["SC"])
        for name in mechanism.needed:
            if name not in of_pk:
                has = f"ADVAN{mechanism.advan} TRANS{mechanism.trans}"
                pk.fail(f"$PK sets no {name}, which {has} needs", f"write {name} = …", pk.number)
        for name, equation in mechanism.derived.items():
            of_pk[name] = self.code.assign(name, tree.replace_names(equation, of_pk), pk, pk.number)
        return mechanism

    def _differential_equations(self, mechanism: Mechanism) -> list[Tree]:
        if "DES" not in self.groups:
            mechanism.record.fail(f"ADVAN{mechanism.advan} needs a $DES", "write the differential equations")
        des = self.groups["DES"][0]
        self._run(des)
        for k, name in enumerate(mechanism.compartments, 1):
            if f"DADT__{k}" not in self.code.current:
                des.fail(f"there is no DADT({k}), for compartment {name}", f"write DADT({k}) = …", des.number)
        return [self.code.value(f"DADT__{k}") for k in range(1, len(mechanism.compartments) + 1)]

    def _read_y(self, record: StreamRecord) -> tuple[tuple[Observation, ...], np.ndarray]:
        """The kinds of measurement that $ERROR or $PRED tells of, and the rows that are below a limit."""
        before = set(self.code.versions)
        if "TIME" in self.items:
            self.code.current["TIME"] = tree.name("t")
        self._run(record)
        self.table, self.items = carry(self.code, self.table, self.items)
        if "Y" not in self.code.current:
            record.fail(f"${record.name} sets no Y", "write Y = …", record.number)
        self._names().require_known([self.code.current["Y"]], record)
        y, flag = self._written_out(("Y", FLAG), set(self.code.versions) - before, record)
        option = likelihood_option(self.groups.get("ESTIMATION", ()))
        if option and flag == tree.ZERO:
            flag = tree.number(option)
        flagged = split_by_flag(y, flag, self.table, record)
        own = [
            own_likelihood(each, value, "Y", rows, self.table, self.items, record)
            for value, each, rows in flagged.own
        ]
        if flagged.measured is not None:
            own = [replace(each, name=f"LIKELIHOOD{k or ''}") for k, each in enumerate(own)]
            own = [*self._measured(flagged, record), *own]
        elif len(own) > 1:
            own = [replace(each, name=f"Y{k}") for k, each in enumerate(own, 1)]
        return tuple(own), flagged.rows

    def _measured(self, flagged: Flagged, record: StreamRecord) -> tuple[Observation, ...]:
        """The kinds of measurement that have a prediction."""
        if "DV" in tree.names(flagged.measured):
            record.fail(
                "Y depends on DV, as a likelihood does",
                "say so: LIKELIHOOD or -2LL in $ESTIMATION, or F_FLAG",
                record.number,
            )
        among = self.table.observed & ~np.any(
            [np.zeros(self.table.size, bool), *(r for _, _, r in flagged.own)], axis=0
        )
        return observations(
            flagged.measured, self.table, self.items, self.counts["EPS"], record, flagged.below, among
        )

    def _written_out(self, variables: Sequence[str], own: set[str], record: StreamRecord) -> list[Tree]:
        """Variables with the steps of this record written out."""
        try:
            return [tree.fold(self.code.expanded(self.code.current[name], own)) for name in variables]
        except OverflowError:
            return record.fail("Y is too complex", "write it in fewer steps")


def _aliases(table: DataTable) -> dict[str, Tree]:
    """Both names of ``NAME=OTHER`` mean the same item; the one of fixed meaning is kept."""
    found = {}
    for item in table.items:
        if len(item.names) > 1:
            kept = next((name for name in item.names if name in RECORDS_ITEMS), item.names[0])
            found |= {name: tree.name(kept) for name in item.names if name != kept}
    return found


def _prediction(mechanism: Mechanism, of_pk: Mapping[str, Tree], table: DataTable) -> Tree:
    """F: the scaled amount of the compartment that CMT names, or of the default one."""
    scaled = lambda k: tree.divide(tree.name(f"A__{k}"), of_pk.get(f"S{k}", tree.ONE))  # noqa: E731
    if not table.has("CMT"):
        return scaled(mechanism.observed)
    seen = sorted({int(value) for value in table.values("CMT")[table.observed]})
    found = scaled(mechanism.observed)
    for number in seen:
        if number == 0:
            continue
        if not 1 <= number <= len(mechanism.compartments):
            mechanism.record.fail(
                f"CMT is {number} on an observation, but there are {len(mechanism.compartments)} compartments",
                "only these can be observed: the output compartment cannot be translated",
            )
        found = tree.where(_is(tree.name("CMT"), number), scaled(number), found)
    return found


def _is(item: Tree, number: int) -> Tree:
    return ast.Compare(item, [ast.Eq()], [tree.number(number)])
