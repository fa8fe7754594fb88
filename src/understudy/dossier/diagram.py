"""Diagram: a model's compartments and flows as an SVG drawing."""

from __future__ import annotations

import math
from collections import defaultdict
from html import escape

from understudy.core.expression import Expression
from understudy.dossier.diagram_layout import Box, Layout, box_lines, layout
from understudy.dossier.mechanism import Influence, Mechanism, mechanism
from understudy.model.model import Model
from understudy.model.parts import Input
from understudy.plot.svg import accessible
from understudy.plot.theme import FONT, INDIVIDUAL, INK, QUIET

_REACH = 40.0
_PAIR = 8.0
_LONGEST = 16

Point = tuple[float, float]


def diagram(model: Model, *, name: str = "diagram") -> str:
    """The model as boxes and arrows.

    Solid arrows move amount; dashed lines show what acts on what: ending in an arrowhead where it speeds up,
    in a bar where it slows down, in a dot where that depends.

    Parameters
    ----------
    model : Model
    name : str
        Prefix of the ids in the drawing.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> model = Model("iv", "h", {"CL": (2, "L/h"), "V": (20, "L")}, {"A": "mg"}, {"A": "-CL / V * A"})
    >>> drawing = diagram(model)
    >>> "CL / V" in drawing and "A loses to the outside (CL / V)" in drawing
    True
    """
    flows = mechanism(model)
    drawing = _Drawing(model, flows, layout(model, flows))
    return accessible(
        drawing.svg(), name=name, title=f"Compartments of {model.name}", description=in_words(model, flows)
    )


def in_words(model: Model, flows: Mechanism | None = None) -> str:
    """The diagram for readers who cannot see it.

    Examples
    --------
    >>> model = Model("iv", "h", {"k": (2, "1/h")}, {"A": "mg"}, {"A": "-k * A"}, inputs={"iv": "A"})
    >>> in_words(model)
    'Doses by iv enter A. A loses to the outside (k).'
    """
    flows = flows or mechanism(model)
    ways = {1: "speeds up", -1: "slows down", 0: "changes"}
    sentences = [f"Doses by {entry.name} enter {entry.state}" for entry in _doses(model)]
    sentences += [
        f"{flow.source} passes to {flow.target}{_bracketed(flow.label)}" for flow in flows.transfers
    ]
    sentences += [f"{flow.state} gains from outside{_bracketed(flow.label)}" for flow in flows.supplies]
    sentences += [f"{flow.state} loses to the outside{_bracketed(flow.label)}" for flow in flows.losses]
    for item in flows.influences:
        what = f"the {item.on} of {item.target}"
        sentences.append(
            f"{item.target} follows {item.source}"
            if item.on == "state"
            else f"{item.source} {ways[item.effect]} {what}"
        )
    return "".join(f"{sentence}. " for sentence in sentences).strip()


def _bracketed(label: str) -> str:
    return f" ({label})" if label else ""


def _doses(model: Model) -> tuple[Input, ...]:
    """The declared inputs, or the default one."""
    return model.inputs or model.doses[:1]


class _Drawing:
    """Collects the parts of a drawing and how far they reach."""

    def __init__(self, model: Model, flows: Mechanism, places: Layout):
        self.model, self.flows, self.places = model, flows, places
        self.parts: list[str] = []
        self.reach: list[Point] = []
        self.taken: dict[str, set[str]] = defaultdict(set)
        self.middles: dict[tuple[str, str], Point] = {}

    def svg(self) -> str:
        """All parts in a frame that holds them."""
        self._take_sides()
        self._transfers()
        for entry_state, entries in self._by_state(_doses(self.model)).items():
            self._dose(self.places.boxes[entry_state], entries)
        for state, labels in self._labels(self.flows.supplies).items():
            self._supply(self.places.boxes[state], labels)
        for state, labels in self._labels(self.flows.losses).items():
            self._loss(self.places.boxes[state], labels)
        for k, item in enumerate(self.flows.influences):
            self._influence(item, k)
        for box in self.places.boxes.values():
            self._box(box)
        left, right = min(x for x, _ in self.reach) - 4, max(x for x, _ in self.reach) + 4
        top, bottom = min(y for _, y in self.reach) - 4, max(y for _, y in self.reach) + 4
        body = "".join(self.parts)
        return (
            f'<svg width="{right - left:.0f}" height="{bottom - top:.0f}"><g font-family="{escape(FONT)}" '
            f'transform="translate({-left:.1f},{-top:.1f})">{body}</g></svg>'
        )

    def _by_state(self, doses: tuple[Input, ...]) -> dict[str, list[Input]]:
        found: dict[str, list[Input]] = defaultdict(list)
        for entry in doses:
            found[entry.state].append(entry)
        return found

    @staticmethod
    def _labels(flows: tuple) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for flow in flows:
            found[flow.state].append(flow.label)
        return found

    def _take_sides(self) -> None:
        """Mark the sides of each box that transfers and neighbours in its column use."""
        boxes = self.places.boxes
        for flow in self.flows.transfers:
            one, other = boxes[flow.source], boxes[flow.target]
            if one.x != other.x:
                left, right = (one, other) if one.x < other.x else (other, one)
                self.taken[left.state].add("right")
                self.taken[right.state].add("left")
        for box in boxes.values():
            for other in boxes.values():
                if other.band == box.band and other.x == box.x and other.y != box.y:
                    self.taken[box.state].add("bottom" if other.y > box.y else "top")

    def _free_side(self, box: Box, *wanted: str) -> str:
        side = next((side for side in wanted if side not in self.taken[box.state]), wanted[0])
        self.taken[box.state].add(side)
        return side

    def _transfers(self) -> None:
        pairs = {(flow.source, flow.target) for flow in self.flows.transfers}
        for flow in self.flows.transfers:
            boxes = self.places.boxes[flow.source], self.places.boxes[flow.target]
            start, end = self._edge(*boxes), self._edge(*boxes[::-1])
            label_at = 0.5 if start[1] == end[1] else 0.62 if boxes[0].x < boxes[1].x else 0.38
            if (flow.target, flow.source) in pairs:
                start, end = _shifted(start, end, _PAIR)
            self._arrow(start, end)
            at = [a + label_at * (b - a) for a, b in zip(start, end, strict=True)]
            self._text((at[0], at[1] + (15 if end[0] < start[0] else -7)), flow.label, halo=True)

    def _edge(self, box: Box, other: Box) -> Point:
        """Where on a box's edge the line to another begins."""
        if box.x == other.x:
            return box.centre[0], box.y + box.height if box.y < other.y else box.y
        right = box.x < other.x
        level = other.centre[1] - box.centre[1]
        offset = math.copysign(15.0, level) if level else 0.0
        return box.x + box.width if right else box.x, box.centre[1] + offset

    def _dose(self, box: Box, entries: list[Input]) -> None:
        side = self._free_side(box, "top", "left")
        for k, entry in enumerate(entries):
            lines = [entry.name, *_modifiers(entry)]
            offset = (k - (len(entries) - 1) / 2) * 62
            if side == "left":
                tip = (box.x, box.centre[1] + offset / 4)
                self._arrow((tip[0] - _REACH, tip[1]), tip, INDIVIDUAL, 2.2)
                self._lines((tip[0] - _REACH - 6, tip[1] + 4), lines, "end", up=False)
            else:
                tip = (box.centre[0] + offset, box.y)
                self._arrow((tip[0], tip[1] - 30), tip, INDIVIDUAL, 2.2)
                self._lines((tip[0], tip[1] - 36), lines, "middle", up=True)

    def _supply(self, box: Box, labels: list[str]) -> None:
        side = self._free_side(box, "left", "top", "bottom")
        start, tip = self._outside(box, side)
        self._exchange_outside("supply", box, side, start, tip, labels)

    def _loss(self, box: Box, labels: list[str]) -> None:
        dosed = any(self.places.boxes[entry.state].band == box.band for entry in _doses(self.model))
        order = ("bottom", "right", "left", "top") if dosed else ("right", "bottom", "left", "top")
        side = self._free_side(box, *order)
        end, start = self._outside(box, side)
        self._exchange_outside("loss", box, side, start, end, labels)

    def _exchange_outside(
        self, kind: str, box: Box, side: str, start: Point, end: Point, labels: list[str]
    ) -> None:
        """An arrow between a box and the outside, its labels at the free end."""
        self._arrow(start, end)
        self.middles[kind, box.state] = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        lines = [label for label in dict.fromkeys(labels) if label]
        x, y = start if kind == "supply" else end
        if side in ("left", "right"):
            at = (x - 6 if side == "left" else x + 6, y + 4 - 6.5 * (len(lines) - 1))
            self._lines(at, lines, "end" if side == "left" else "start", up=False)
            return
        left = any(self._aside(item) > 0 for item in self.flows.influences if item.source == box.state)
        at = (x - 8 if left else x + 8, y - 2 if side == "bottom" else y + 10)
        self._lines(at, lines, "end" if left else "start", up=side == "bottom")

    def _outside(self, box: Box, side: str) -> tuple[Point, Point]:
        """A point outside one side of a box, and the point on that side."""
        x, y = box.centre
        return {
            "left": ((box.x - _REACH, y), (box.x, y)),
            "right": ((box.x + box.width + _REACH, y), (box.x + box.width, y)),
            "top": ((x + box.width / 4, box.y - _REACH), (x + box.width / 4, box.y)),
            "bottom": ((x, box.y + box.height + _REACH), (x, box.y + box.height)),
        }[side]

    def _aside(self, item: Influence) -> float:
        """Where an influence leaves its source, in widths from the middle."""
        source, target = self.places.boxes[item.source], self.places.boxes[item.target]
        goal = self.middles.get((item.on, item.target), target.centre)
        return -0.3 if source.band != target.band and goal[0] < source.centre[0] - 1 else 0.3

    def _influence(self, item: Influence, k: int) -> None:
        source, target = self.places.boxes[item.source], self.places.boxes[item.target]
        goal = self.middles.get((item.on, item.target))
        if source.band == target.band:
            self._below(item, source, target, goal, self.places.floors[source.band] - 14 + 9 * (k % 3))
            return
        down = source.band < target.band
        start = (
            source.centre[0] + self._aside(item) * source.width,
            source.y + source.height if down else source.y,
        )
        end = goal or (target.centre[0] + 0.3 * target.width, target.y if down else target.y + target.height)
        if goal:
            end = (end[0], end[1] - 5 if down else end[1] + 5)
        pull = 0.5 * abs(end[1] - start[1])
        bends = (start[0], start[1] + (pull if down else -pull)), (end[0], end[1] - (pull if down else -pull))
        path = f"M{_xy(start)}C{_xy(bends[0])} {_xy(bends[1])} {_xy(end)}"
        self._dashed(path, [start, end], end, (0.0, 1.0 if down else -1.0), item.effect if goal else 1)
        middle = ((start[0] + end[0]) / 2 + 8, (start[1] + end[1]) / 2)
        self._text(middle, item.label, "start", halo=True)

    def _below(self, item: Influence, source: Box, target: Box, goal: Point | None, lane: float) -> None:
        """Route within a band: down from the source, along below the boxes and up to the goal."""
        start = (source.centre[0] + self._aside(item) * source.width, source.y + source.height)
        end = goal or (target.centre[0] - 0.3 * target.width, target.y + target.height)
        if goal:
            end = (end[0], end[1] + 5)
        turn = 8.0 if end[0] > start[0] else -8.0
        path = (
            f"M{_xy(start)}V{lane - 8:.1f}Q{start[0]:.1f},{lane:.1f} {start[0] + turn:.1f},{lane:.1f}"
            f"H{end[0] - turn:.1f}Q{end[0]:.1f},{lane:.1f} {end[0]:.1f},{lane - 8:.1f}V{end[1]:.1f}"
        )
        self._dashed(path, [start, (start[0], lane), (end[0], lane), end], end, (0.0, -1.0), item.effect)

    def _dashed(self, path: str, points: list[Point], end: Point, heading: Point, effect: int) -> None:
        self.reach += points
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{QUIET}" stroke-width="1.3" stroke-dasharray="5 3"/>'
        )
        (x, y), (u, v) = end, heading
        if effect > 0:
            self._head(end, heading, QUIET)
        elif effect < 0:
            self.parts.append(
                f'<path d="M{_xy((x - 7 * v, y + 7 * u))}L{_xy((x + 7 * v, y - 7 * u))}" stroke="{QUIET}" '
                f'stroke-width="2.2"/>'
            )
        else:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{QUIET}"/>')

    def _arrow(self, start: Point, end: Point, colour: str = INK, width: float = 1.4) -> None:
        length = math.dist(start, end) or 1.0
        heading = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
        stop = (end[0] - 6 * heading[0], end[1] - 6 * heading[1])
        self.reach += [start, end]
        self.parts.append(f'<path d="M{_xy(start)}L{_xy(stop)}" stroke="{colour}" stroke-width="{width}"/>')
        self._head(end, heading, colour)

    def _head(self, tip: Point, heading: Point, colour: str) -> None:
        (x, y), (u, v) = tip, heading
        corners = [(x - 9 * u - 4 * v, y - 9 * v + 4 * u), (x - 9 * u + 4 * v, y - 9 * v - 4 * u)]
        self.parts.append(f'<path d="M{_xy(tip)}L{_xy(corners[0])}L{_xy(corners[1])}Z" fill="{colour}"/>')

    def _box(self, box: Box) -> None:
        name, *lines = box_lines(self.model, box.state)
        self.reach += [(box.x, box.y), (box.x + box.width, box.y + box.height)]
        self.parts.append(
            f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="4" '
            f'fill="white" stroke="{INK}" stroke-width="1.3"/>'
        )
        x, y = box.centre[0], box.centre[1] + 5 - 8 * len(lines)
        self._text((x, y), name, size=13, weight=600)
        for k, line in enumerate(lines, start=1):
            self._text((x, y + 15 * k), line, size=10.5, colour=INDIVIDUAL if k == 2 else QUIET)

    def _lines(self, at: Point, lines: list[str], anchor: str, up: bool) -> None:
        first = at[1] - 13 * (len(lines) - 1) if up else at[1]
        for k, line in enumerate(lines):
            self._text((at[0], first + 13 * k), line, anchor)

    def _text(
        self,
        at: Point,
        text: str,
        anchor: str = "middle",
        *,
        size: float = 11.5,
        weight: int = 400,
        colour: str = INK,
        halo: bool = False,
    ) -> None:
        if not text:
            return
        wide = 0.58 * size * len(text)
        left = {"start": 0.0, "middle": -wide / 2, "end": -wide}[anchor]
        self.reach += [(at[0] + left, at[1] - size), (at[0] + left + wide, at[1] + 4)]
        around = ' stroke="white" stroke-width="4" paint-order="stroke"' if halo else ""
        self.parts.append(
            f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'font-weight="{weight}" fill="{colour}"{around}>{escape(text)}</text>'
        )


def _xy(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _shifted(start: Point, end: Point, by: float) -> tuple[Point, Point]:
    """A line moved to its left, so that the way there and the way back stand apart."""
    length = math.dist(start, end) or 1.0
    u, v = (end[0] - start[0]) / length * by, (end[1] - start[1]) / length * by
    return (start[0] + v, start[1] - u), (end[0] + v, end[1] - u)


def _modifiers(entry: Input) -> list[str]:
    """How a dose is changed on its way in, a line each."""
    words = {"lag": "lag", "duration": "over", "rate": "at rate", "bioavailability": "fraction"}
    plain = {"lag": Expression(0), "bioavailability": Expression(1)}
    lines = ["through transit"] if entry.profile is not None else []
    for field, word in words.items():
        value = getattr(entry, field)
        if value is not None and value != plain.get(field):
            lines.append(
                f"{word} {value.text}"
                if len(value.text) <= _LONGEST
                else f"{word} {', '.join(sorted(value.names))}"
            )
    return lines
