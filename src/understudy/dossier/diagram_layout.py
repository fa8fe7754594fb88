"""Layout of a compartment diagram: which state stands where.

States that exchange amount form a band; bands stand below each other. Within a band amount runs from left to
right, peripheral compartments stand to the right of their central one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from understudy.core.expression import Expression
from understudy.core.unit_label import unit_label
from understudy.dossier.mechanism import Mechanism
from understudy.model.model import Model
from understudy.plot.label import titled

HEIGHT = 56.0
ROW_GAP = 46.0
ABOVE_DOSED, ABOVE_OTHERS = 64.0, 34.0
BELOW_BAND = 58.0
SIDE = 72.0
_LONGEST_DESCRIPTION = 18


@dataclass(frozen=True)
class Box:
    """A state's rectangle: its left upper corner and its size in pixels, and its band."""

    state: str
    x: float
    y: float
    width: float
    height: float
    band: int

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the rectangle."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True)
class Layout:
    """Boxes by state, and for each band the height below which nothing stands."""

    boxes: dict[str, Box]
    floors: tuple[float, ...]
    width: float
    height: float


def layout(model: Model, flows: Mechanism) -> Layout:
    """Place the states of a model.

    Examples
    --------
    >>> from understudy.dossier.mechanism import mechanism
    >>> model = Model("iv", "h", {"k": (1, "1/h")}, {"A": "mg", "P": "mg"}, {"A": "-k * A + k * P - k * A",
    ...               "P": "k * A - k * P"})
    >>> boxes = layout(model, mechanism(model)).boxes
    >>> boxes["A"].y == boxes["P"].y and boxes["A"].x < boxes["P"].x
    True
    """
    names = model.state_names
    written = [
        len(line) * size
        for name in names
        for size, line in zip((8.4, 6, 6), box_lines(model, name), strict=False)
    ]
    width = max(104.0, 20 + max(written))
    gap = max(52.0, 6.6 * max((len(flow.label) for flow in flows.transfers), default=0) + 38)
    boxes, floors, y = {}, [], 0.0
    dosed = {entry.state for entry in model.inputs} or {names[0]}
    first = {item.target: item.source for item in flows.influences}
    for band, members in enumerate(_bands(names, flows, dosed)):
        columns = _columns(members, flows, dosed)
        start = _start(columns, members, first, boxes, width + gap)
        rows = _rows(columns, members, _peripherals(members, flows, dosed))
        low, high = min(rows.values()), max(rows.values())
        top = y + (ABOVE_DOSED if dosed & set(members) else ABOVE_OTHERS)
        for name in members:
            x = SIDE + (start + columns[name]) * (width + gap)
            boxes[name] = Box(name, x, top + (rows[name] - low) * (HEIGHT + ROW_GAP), width, HEIGHT, band)
        y = top + (high - low) * (HEIGHT + ROW_GAP) + HEIGHT + BELOW_BAND
        floors.append(y)
    right = max(box.x + box.width for box in boxes.values()) + SIDE
    return Layout(boxes, tuple(floors), right, y)


def _bands(names: tuple[str, ...], flows: Mechanism, dosed: set[str]) -> list[list[str]]:
    """States joined by transfers, the dosed ones first."""
    group = {name: {name} for name in names}
    for flow in flows.transfers:
        joined = group[flow.source] | group[flow.target]
        for name in joined:
            group[name] = joined
    bands = {id(group[name]): [n for n in names if n in group[name]] for name in names}
    return sorted(bands.values(), key=lambda members: not dosed & set(members))


def _edges(members: Iterable[str], flows: Mechanism) -> set[tuple[str, str]]:
    within = set(members)
    return {(flow.source, flow.target) for flow in flows.transfers if flow.source in within}


def _peripherals(members: list[str], flows: Mechanism, dosed: set[str]) -> dict[str, str]:
    """States that only exchange with one other, and that other."""
    edges = _edges(members, flows)
    found: dict[str, str] = {}
    for name in members:
        partners = {b for a, b in edges if a == name} | {a for a, b in edges if b == name}
        both = {partner for partner in partners if {(name, partner), (partner, name)} <= edges}
        if len(partners) == 1 and both == partners and name not in dosed and not partners & found.keys():
            found[name] = partners.pop()
    return found


def _columns(members: list[str], flows: Mechanism, dosed: set[str]) -> dict[str, int]:
    """Column of each state: one more than what feeds it."""
    edges, around = _edges(members, flows), _peripherals(members, flows, dosed)
    rank = {name: k for k, name in enumerate(sorted(members, key=lambda n: n not in dosed))}
    forward = {
        (a, b)
        for a, b in edges
        if not {a, b} & around.keys() and not (rank[b] < rank[a] and _reaches(b, a, edges))
    }
    column = dict.fromkeys(members, 0)
    for _ in members:
        for a, b in forward:
            column[b] = max(column[b], column[a] + 1)
    for name in members:
        fed = [column[b] for a, b in forward if a == name]
        if fed and not any(b == name for _, b in forward):
            column[name] = min(fed) - 1
    for name, centre in around.items():
        column[name] = column[centre] + 1
    return column


def _reaches(start: str, goal: str, edges: set[tuple[str, str]]) -> bool:
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        new = {b for a, b in edges if a == here} - seen
        seen |= new
        todo += new
    return goal in seen


def _rows(columns: dict[str, int], members: list[str], around: dict[str, str]) -> dict[str, float]:
    """Row of each state: downward in a column, peripherals alone in a column about its middle."""
    rows: dict[str, float] = {}
    for column in set(columns.values()):
        stack = sorted((n for n in members if columns[n] == column), key=lambda n: n in around)
        shift = (len(stack) - 1) / 2 if all(name in around for name in stack) else 0.0
        rows |= {name: k - shift for k, name in enumerate(stack)}
    return rows


def _start(
    columns: dict[str, int], members: list[str], sources: dict[str, str], boxes: dict[str, Box], pitch: float
) -> int:
    """Column at which a band starts: a single state stands below the one that drives it."""
    driver = next((sources[name] for name in members if sources.get(name) in boxes), None)
    if driver is None or max(columns.values()) > 0:
        return 0
    return round((boxes[driver].x - SIDE) / pitch)


def box_lines(model: Model, state: str) -> list[str]:
    """What a state's box says: its name, what it is in which unit, and the outputs it enters.

    Examples
    --------
    >>> model = Model("iv", "h", {"V": (2, "L")}, {"A": "mg"}, {"A": "0"}, outputs={"C": ("A / V", "mg/L")})
    >>> box_lines(model, "A")
    ['A', 'amount (mg)', 'observed: C']
    """
    found = next(item for item in model.states if item.name == state)
    plain = "amount" if unit_label(found.unit) and not set("/%") & set(unit_label(found.unit)) else "level"
    short = found.description if len(found.description) <= _LONGEST_DESCRIPTION else ""
    seen = [output.name for output in model.outputs if state in _enters(model, output.expression)]
    lines = [state, titled(short or plain, found.unit)]
    return lines + ([f"observed: {', '.join(seen[:3])}{', …' if len(seen) > 3 else ''}"] if seen else [])


def _enters(model: Model, expression: Expression) -> set[str]:
    """States that an equation depends on, also through assignments."""
    depends = {name: {name} for name in model.state_names}
    for item in model.ordered_assignments:
        depends[item.name] = set().union(*(depends.get(name, set()) for name in item.expression.names))
    return set().union(*(depends.get(name, set()) for name in expression.names))
