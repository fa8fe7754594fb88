"""Search space: what can be chosen for each group, and the information of every choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from understudy.design.approximation import Approximation, Moments
from understudy.design.candidates import Candidates
from understudy.design.criterion import Criterion
from understudy.design.exchange import Plan, SampleList
from understudy.design.information import mean_effects
from understudy.design.population_design import Design, Group, regimen_of
from understudy.design.protocol import Protocol, covariates_of, outputs_of
from understudy.model.regimen import Regimen


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """Groups with their choices.

    Parameters
    ----------
    approximations : tuple of Approximation
        One, or one a draw of what the parameters may be.
    design : Design
        Where the search begins.
    candidates : Candidates
    regimens : tuple of Regimen
        Each may be given to any group.
    criterion : Criterion
    prior : float array, shape (p, p), or None
    """

    approximations: tuple[Approximation, ...]
    design: Design
    candidates: Candidates
    regimens: tuple[Regimen, ...]
    criterion: Criterion
    prior: np.ndarray | None = None

    @cached_property
    def samples(self) -> SampleList:
        """All candidate samples; usable where their moments are, for every regimen, patient and draw."""
        listed = SampleList.of(self.candidates)
        usable = np.logical_and.reduce([m.usable for part in self._moments for m in part])
        return replace(listed, usable=usable)

    def plan(self, design: Design) -> Plan:
        """The choice that a design is, or the nearest that is allowed."""
        found = []
        for k, group in enumerate(design.groups):
            times = outputs_of(self._model, group.times, design.label(k))
            wanted = [(output, time) for output, own in times.items() for time in own]
            found.append(self.samples.nearest(wanted, design.label(k)))
        regimens = [self.regimens.index(group.regimen) for group in design.groups]
        return Plan(tuple(regimens), tuple(found))

    def group(self, k: int, regimen: int, samples: np.ndarray, patients: float) -> Group:
        """A group as chosen."""
        outputs, times = np.array(self.samples.outputs, dtype=object)[samples], self.samples.times[samples]
        chosen = {name: np.sort(times[outputs == name]).tolist() for name in dict.fromkeys(outputs)}
        given = self.design.groups[k].times
        named = {"": next(iter(chosen.values()))} if "" in given else chosen
        return replace(self.design.groups[k], regimen=self.regimens[regimen], times=named, patients=patients)

    def chosen(self, plan: Plan) -> Design:
        """The design that a plan is."""
        parts = zip(plan.regimens, plan.samples, self.design.groups, strict=True)
        return Design(tuple(self.group(k, r, s, g.patients) for k, (r, s, g) in enumerate(parts)))

    def each(self, group: int, regimen: int, samples: np.ndarray) -> np.ndarray:
        """Information of one patient of a group, the mean over its kinds; shape (models, ..., p, p)."""
        found = []
        for approximation, part in zip(self.approximations, self._moments, strict=True):
            own = [part[k] for k in self._places(group, regimen)]
            mean = mean_effects(part)
            found.append(np.mean([approximation.information(m, samples, mean) for m in own], axis=0))
        return np.array(found)

    def information(self, group: int, regimen: int, samples: np.ndarray) -> np.ndarray:
        """Information of a whole group, shape (models, ..., p, p)."""
        return self.design.groups[group].patients * self.each(group, regimen, samples)

    def score(self, matrices: np.ndarray) -> np.ndarray:
        """The criterion of matrices of shape (models, ..., p, p), its mean over models."""
        return self.criterion.value(matrices + (0.0 if self.prior is None else self.prior)).mean(axis=0)

    @property
    def _model(self):
        return self.approximations[0].model

    @cached_property
    def _profiles(self) -> list[list[dict[str, float]]]:
        labels = [self.design.label(k) for k in range(len(self.design.groups))]
        return [covariates_of(self._model, g, at) for g, at in zip(self.design.groups, labels, strict=True)]

    def _places(self, group: int, regimen: int) -> range:
        """Places of a group's kinds of patients among all protocols."""
        before = sum(len(own) for own in self._profiles[:group]) * len(self.regimens)
        own = len(self._profiles[group])
        return range(before + regimen * own, before + (regimen + 1) * own)

    @cached_property
    def _moments(self) -> list[list[Moments]]:
        """Of all candidate samples, by model and protocol."""
        listed = SampleList.of(self.candidates)
        protocols = [
            Protocol(regimen, listed.outputs, listed.times, profile, group.occasions)
            for group, profiles in zip(self.design.groups, self._profiles, strict=True)
            for regimen in self.regimens
            for profile in profiles
        ]
        return [approximation.moments(protocols) for approximation in self.approximations]


def allowed_regimens(design: Design, more: Sequence[Regimen | str]) -> tuple[Regimen, ...]:
    """Those of the design and others, each once."""
    return tuple(dict.fromkeys([*(group.regimen for group in design.groups), *map(regimen_of, more)]))
