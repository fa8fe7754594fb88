"""Planned design: the design and the conduct that a design section asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.core.errors import StudyError
from understudy.trials.designs.blinded_design import BlindedDesign
from understudy.trials.designs.boin import Boin
from understudy.trials.designs.boundary_shape import HaybittlePeto, OBrienFleming, Pocock, WangTsiatis
from understudy.trials.designs.conduct import Conduct, Dropout, Recruitment
from understudy.trials.designs.continual_reassessment import ContinualReassessment, skeleton
from understudy.trials.designs.dose_escalation import DoseEscalation
from understudy.trials.designs.dose_ranging import DoseRanging
from understudy.trials.designs.dose_response import CandidateShape
from understudy.trials.designs.enrichment import Enrichment
from understudy.trials.designs.group_sequential import GroupSequential, group_sequential
from understudy.trials.designs.keyboard import Keyboard
from understudy.trials.designs.multi_arm import MultiArmMultiStage
from understudy.trials.designs.parallel_design import ParallelDesign
from understudy.trials.designs.platform_trial import PlatformTrial
from understudy.trials.designs.predictive_probability import PredictiveProbability
from understudy.trials.designs.re_estimated_design import ReEstimatedDesign
from understudy.trials.designs.re_estimation import PromisingZone
from understudy.trials.designs.response_adaptive import ResponseAdaptive
from understudy.trials.designs.spending import (
    HwangShihDeCaniSpending,
    OBrienFlemingSpending,
    PocockSpending,
    PowerSpending,
)
from understudy.trials.designs.three_plus_three import ThreePlusThree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from understudy.trials.design_section import DesignSection
    from understudy.trials.designs.runs import Design

_EFFICACY = {
    "o'brien-fleming": OBrienFlemingSpending,
    "pocock": PocockSpending,
    "power": PowerSpending,
    "hwang-shih-decani": HwangShihDeCaniSpending,
    "o'brien-fleming limits": OBrienFleming,
    "pocock limits": Pocock,
    "wang-tsiatis limits": WangTsiatis,
    "haybittle-peto limits": HaybittlePeto,
}


def planned_design(
    section: DesignSection, endpoint: str, arms: tuple[str, ...], doses: Mapping[str, float] | None = None
) -> Design:
    """The design that a section asks for.

    Parameters
    ----------
    section : DesignSection
    endpoint : "survival", "continuous" or "binary"
    arms : tuple of str
        The control first.
    doses : mapping of str to float, optional
        Of the arms, for dose ranging.

    Raises
    ------
    StudyError
        Where the section lacks what such an endpoint needs.
    SimulationError
        For numbers that are no design.

    Examples
    --------
    >>> from understudy.trials.design_section import DesignSection
    >>> section = DesignSection(patients=200, enrolment=10.0, looks=2)
    >>> planned_design(section, "binary", ("control", "drug")).monitoring.times
    (0.5, 1.0)
    """
    _check(section, endpoint, arms, doses or {})
    if section.kind == "parallel":
        return ParallelDesign(
            section.patients, monitoring(section), section.alpha, section.events, section.allocation,
            section.follow_up, section.weights,
        )  # fmt: skip
    return _MAKERS[section.kind](section, endpoint, arms, doses or {})


def planned_conduct(section: DesignSection) -> Conduct:
    """Recruitment, dropout and visits of a section."""
    dropout = Dropout(section.dropout, section.dropout_by_prognosis) if section.dropout else None
    recruitment = Recruitment(section.enrolment, section.ramp, section.sites, section.site_variation)
    return Conduct(recruitment, dropout, section.visit_every)


def monitoring(section: DesignSection) -> GroupSequential | None:
    """Looks and limits of a section; None for one analysis."""
    if section.looks == 1:
        return None
    futility = HwangShihDeCaniSpending(section.futility_gamma) if section.futility else None
    return group_sequential(
        section.looks,
        alpha=section.alpha,
        sides=1,
        power=section.power,
        efficacy=_rule(section),
        futility=futility,
    )


def _rule(section: DesignSection):
    parameter = section.efficacy_parameter
    return _EFFICACY[section.efficacy](*(() if parameter is None else (parameter,)))


def _check(section: DesignSection, endpoint: str, arms: tuple[str, ...], doses: Mapping[str, float]) -> None:
    """What a kind of design needs."""
    if endpoint == "survival" and section.kind == "parallel" and not section.events and not section.follow_up:
        raise StudyError(
            "nothing says when the new trial is analysed", place="design", repair="give events, or follow_up"
        )
    needs = {
        "re_estimation": ("events", section.events),
        "platform": ("events", section.events),
        "multi_arm": ("multi_arm.control_events", section.multi_arm and section.multi_arm.control_events),
        "adaptive": ("adaptive.hazard_prior", section.adaptive and section.adaptive.hazard_prior),
        "enrichment": ("follow_up", section.follow_up),
    }
    name, value = needs.get(section.kind, ("", True))
    if endpoint == "survival" and not value:
        raise StudyError(
            f"a {section.kind} design of times to an event has no {name}",
            place="design",
            repair=f"give {name}",
        )
    only = {"dose_ranging": "continuous", "escalation": "binary", "single_arm": "binary"}.get(
        section.kind, endpoint
    )
    if (
        section.re_estimation is not None
        and section.re_estimation.blinded is not None
        and endpoint == "survival"
    ):
        only = "continuous or binary"
    if endpoint != only:
        raise StudyError(
            f"a {section.kind} design of a {endpoint} endpoint", place="design", repair=f"make it {only}"
        )
    if section.kind == "dose_ranging" and any(arm not in doses for arm in arms):
        missing = ", ".join(arm for arm in arms if arm not in doses)
        raise StudyError(f"no dose of {missing}", place="arms", repair="give the dose of every arm")
    if len(arms) != 2 and not section.several_arms:
        raise StudyError(
            f"{len(arms)} arms in a design of two", place="design",
            repair="name one treated arm, or give multi_arm, platform or adaptive",
        )  # fmt: skip


def _re_estimated(section: DesignSection, endpoint: str, arms, doses) -> Design:
    own, survival = section.re_estimation, endpoint == "survival"
    if own.blinded is not None:
        return BlindedDesign(
            section.patients, own.blinded, own.interim, own.most, alpha=section.alpha, power=own.power,
            follow_up=section.follow_up,
        )  # fmt: skip
    size = section.events if survival else section.patients
    zone = PromisingZone(size, own.interim, own.most, section.alpha, own.power)
    return ReEstimatedDesign(zone, own.weighted, section.follow_up, section.patients if survival else None)


def _adaptive(section: DesignSection, endpoint: str, arms, doses) -> Design:
    own = section.adaptive
    return ResponseAdaptive(
        section.patients, own.batch, own.power, own.superiority, own.drop, own.futility, own.stop_early,
        follow_up=section.follow_up, hazard_prior=own.hazard_prior if endpoint == "survival" else None,
    )  # fmt: skip


def _multi_arm(section: DesignSection, endpoint: str, arms, doses) -> Design:
    own, shape = section.multi_arm, section.efficacy
    if not shape.endswith("limits") and shape != "o'brien-fleming":
        raise StudyError(
            f"{shape} in a multi-arm design", place="design.efficacy",
            repair="give the shape of classical limits, such as o'brien-fleming limits",
        )  # fmt: skip
    looks = section.looks
    times = tuple((k + 1) / looks for k in range(looks)) if isinstance(looks, int) else looks
    limits = OBrienFleming() if shape == "o'brien-fleming" else _rule(section)
    return MultiArmMultiStage(
        section.patients // len(arms), len(arms) - 1, times, section.alpha, limits, own.futility, own.keep,
        section.follow_up, own.control_events if endpoint == "survival" else None, section.weights,
    )  # fmt: skip


def _platform(section: DesignSection, endpoint: str, arms, doses) -> Design:
    own = section.platform
    unknown = [arm for arm in own.entry if arm not in arms[1:]]
    if unknown:
        raise StudyError(
            f"{unknown[0]!r} is no treatment",
            place="design.platform.entry",
            repair=f"name {', '.join(arms[1:])}",
        )
    entry = {arm: own.entry.get(arm, 0) for arm in arms[1:]}
    return PlatformTrial(
        own.per_arm, entry, section.patients, section.alpha, own.futility, own.non_concurrent, section.follow_up,
        section.events if endpoint == "survival" else None, section.weights,
    )  # fmt: skip


def _enrichment(section: DesignSection, endpoint: str, arms, doses) -> Design:
    own = section.enrichment
    return Enrichment(
        own.first, section.patients - own.first, section.alpha, own.all_limit, own.positive_limit, own.margin,
        section.follow_up,
    )  # fmt: skip


def _dose_ranging(section: DesignSection, endpoint: str, arms, doses) -> Design:
    own = section.dose_ranging
    shapes = {
        " ".join([each.model, *(f"{p:g}" for p in each.parameters)]): CandidateShape(
            each.model, each.parameters
        )
        for each in own.shapes
    }
    values = tuple(float(doses[arm]) for arm in arms)
    return DoseRanging(
        section.patients, values, shapes, own.effect, section.alpha, own.selection, section.follow_up
    )


def _escalation(section: DesignSection, endpoint: str, arms, doses) -> Design:
    own = section.escalation
    if own.rule == "3+3":
        rule = ThreePlusThree()
    elif own.rule == "crm":
        guesses = own.skeleton or skeleton(own.half_width, own.target, guess=own.guess, doses=len(arms))
        rule = ContinualReassessment(guesses, own.target)
    else:
        rule = (Boin if own.rule == "boin" else Keyboard)(own.target)
    cohorts = section.patients // own.cohort
    return DoseEscalation(rule, own.cohort, cohorts, own.start - 1, own.window)


def _single_arm(section: DesignSection, endpoint: str, arms, doses) -> Design:
    own = section.single_arm
    return PredictiveProbability(
        section.patients, own.reference, own.success, own.futility, own.efficacy, own.looks
    )


_MAKERS = {
    "re_estimation": _re_estimated,
    "adaptive": _adaptive,
    "multi_arm": _multi_arm,
    "platform": _platform,
    "enrichment": _enrichment,
    "dose_ranging": _dose_ranging,
    "escalation": _escalation,
    "single_arm": _single_arm,
}
