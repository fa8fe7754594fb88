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
from understudy.formats.nonmem.flagged import FLAG, split_by_flag
from understudy.formats.nonmem.labels import code_labels
from understudy.formats.nonmem.mechanism import GENERAL, Mechanism, read_mechanism
from understudy.formats.nonmem.model_parts import population_model
from understudy.formats.nonmem.observation import Observation, observations
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.thetas import Theta
from understudy.formats.nonmem.tree import Tree
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from understudy.data.records import Records

Groups = Mapping[str, Sequence[StreamRecord]]
# What may be assigned to without being a variable: it says how routines are called.
_CALLS = ("CALLFL", "COMRES", "COMSAV")
# What $PK may set that changes the model in ways that are not translated.
_REFUSED = {"TSCALE": "a scale of time", "XSCALE": "a scale of time"}


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
    labels, plain = code_labels(groups.get("ABBREVIATED", ()), thetas, omega, sigma)
    names = frozenset(known_names(items))
    code = Assignments()
    _name_aliases(code, table)
    code.current |= {name: tree.name(stands_for) for name, stands_for in plain.items()}
    counts = {
        "THETA": len(thetas),
        "ETA": sum(block.size for block in omega),
        "EPS": sum(block.size for block in sigma),
        "A__": 0,
    }
    if "PRED" in groups:
        table = replace(table, compartmental=False)
        parts = _direct(groups, code, labels, table, names, counts)
    else:
        parts = _compartmental(groups, code, labels, table, names, counts)
    code.simplify(parts.equations)
    return population_model(title, parts, thetas, omega, sigma)


def _name_aliases(code: Assignments, table: DataTable) -> None:
    """Both names of ``NAME=OTHER`` mean the same item; the one of fixed meaning is kept."""
    for item in table.items:
        if len(item.names) > 1:
            kept = next((name for name in item.names if name in RECORDS_ITEMS), item.names[0])
            code.current |= {name: tree.name(kept) for name in item.names if name != kept}
    # The call is one for estimation, and Y a prediction where nothing else is said.
    code.current |= {"ICALL": tree.number(2), FLAG: tree.ZERO}


def _run(code: Assignments, record: StreamRecord, labels: Mapping) -> None:
    statements = read_code(record, labels)
    code.run(statements, record)
    for name in _CALLS:
        value = code.current.get(name)
        if value is not None and name == "CALLFL":
            label = next(iter(tree.names(value)))
            if (
                tree.constant(code.versions[label]) not in (-1, None)
                or tree.constant(code.versions[label]) is None
            ):
                record.fail("CALLFL other than -1 cannot be translated", "leave it out", code.lines[label][1])


def _compartmental(
    groups: Groups, code: Assignments, labels: Mapping, table: DataTable, items: frozenset[str], counts: dict
) -> Parts:
    first = next(iter(groups.values()))[0]
    for name in ("SUBROUTINES", "PK", "ERROR"):
        if name not in groups:
            first.fail(f"there is no ${name}", f"write ${name}, or $PRED", first.number)
    pk, error = groups["PK"][0], groups["ERROR"][0]
    code.current["A_0FLG"] = tree.number(1)
    _run(code, pk, labels)
    table, items = carry(code, table, items)
    of_pk = dict(code.current)
    for name, meaning in _REFUSED.items():
        if name in of_pk:
            label = next(iter(tree.names(of_pk[name])))
            pk.fail(
                f"{name} ({meaning}) cannot be translated", "write the model without it", code.lines[label][1]
            )
    mechanism = read_mechanism(groups["SUBROUTINES"], groups.get("MODEL", ()), of_pk)
    counts["A__"] = len(mechanism.compartments)
    if "SC" in of_pk and mechanism.rates:
        # Another name of the central compartment's scale.
        of_pk.setdefault(f"S{mechanism.observed}", of_pk["SC"])
    for name in mechanism.needed:
        if name not in of_pk:
            has = f"ADVAN{mechanism.advan} TRANS{mechanism.trans}"
            pk.fail(f"$PK sets no {name}, which {has} needs", f"write {name} = …", pk.number)
    del code.current["A_0FLG"]
    code.current["T"] = tree.name("t")
    for name, equation in mechanism.derived.items():
        of_pk[name] = code.assign(name, tree.replace_names(equation, of_pk), pk, pk.number)
    rates = [tree.replace_names(rate, of_pk) for rate in mechanism.rates]
    if mechanism.advan in GENERAL:
        rates = _differential_equations(groups, code, labels, mechanism)
    before = set(code.versions)
    code.current["F"] = _prediction(mechanism, of_pk, table)
    if "TIME" in items:
        code.current["TIME"] = tree.name("t")
    _run(code, error, labels)
    table, items = carry(code, table, items)
    known = CodeNames(code, items, counts)
    known.require_known(_y(code, error), error)
    seen, below = _observed(code, set(code.versions) - before, error, table, items, counts["EPS"])
    parts = Parts(code, table, items, mechanism, rates, of_pk, seen, pk, error, below)
    known.require_known(parts.of_individuals, pk)
    return parts


def _differential_equations(
    groups: Groups, code: Assignments, labels: Mapping, mechanism: Mechanism
) -> list[Tree]:
    if "DES" not in groups:
        mechanism.record.fail(f"ADVAN{mechanism.advan} needs a $DES", "write the differential equations")
    des = groups["DES"][0]
    _run(code, des, labels)
    found = []
    for k, name in enumerate(mechanism.compartments, 1):
        if f"DADT__{k}" not in code.current:
            des.fail(f"there is no DADT({k}), for compartment {name}", f"write DADT({k}) = …", des.number)
        found.append(code.value(f"DADT__{k}"))
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


def _y(code: Assignments, record: StreamRecord) -> list[Tree]:
    """Y, refused where the code does not set it."""
    if "Y" not in code.current:
        record.fail(f"${record.name} sets no Y", "write Y = …", record.number)
    return [code.current["Y"]]


def _observed(
    code: Assignments,
    own: set[str],
    record: StreamRecord,
    table: DataTable,
    items: frozenset[str],
    epsilons: int,
) -> tuple[tuple[Observation, ...], np.ndarray]:
    """The kinds of measurement, and the rows that are below a limit."""
    try:
        y = tree.fold(code.expanded(code.current["Y"], own))
        flag = tree.fold(code.expanded(code.current[FLAG], own))
    except OverflowError:
        record.fail("Y is too complex", "write it in fewer steps")
    flagged = split_by_flag(y, flag, table, record)
    if "DV" in tree.names(flagged.measured):
        record.fail("Y depends on DV, as a likelihood does", "this cannot be translated", record.number)
    return observations(flagged.measured, table, items, epsilons, record, flagged.below), flagged.rows


def _direct(
    groups: Groups, code: Assignments, labels: Mapping, table: DataTable, items: frozenset[str], counts: dict
) -> Parts:
    """$PRED: a prediction without compartments."""
    record = groups["PRED"][0]
    for name in ("SUBROUTINES", "PK", "DES", "ERROR", "MODEL"):
        if name in groups:
            groups[name][0].fail(f"${name} beside $PRED", "keep one of them", groups[name][0].number)
    if "TIME" in items:
        code.current["TIME"] = tree.name("t")
    _run(code, record, labels)
    table, items = carry(code, table, items)
    CodeNames(code, items, counts).require_known(_y(code, record), record)
    seen, below = _observed(code, set(code.versions), record, table, items, counts["EPS"])
    return Parts(code, table, items, None, [], {}, seen, record, record, below)
