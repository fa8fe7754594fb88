"""Designs: the mathematics of trial designs, and trials that are simulated to see how a design does."""

from understudy.trials.designs.assurance import assurance, normal_assurance
from understudy.trials.designs.boin import Boin
from understudy.trials.designs.boundary_shape import HaybittlePeto, OBrienFleming, Pocock, WangTsiatis
from understudy.trials.designs.conduct import Conduct, Dropout, Recruitment
from understudy.trials.designs.continual_reassessment import ContinualReassessment, skeleton
from understudy.trials.designs.dose_escalation import DoseEscalation
from understudy.trials.designs.enrichment import Enrichment
from understudy.trials.designs.group_sequential import GroupSequential, group_sequential
from understudy.trials.designs.mcp_mod import contrast_test, optimal_contrasts
from understudy.trials.designs.multi_arm import MultiArmMultiStage, multi_arm_limits
from understudy.trials.designs.operating_characteristics import OperatingCharacteristics
from understudy.trials.designs.parallel_design import ParallelDesign
from understudy.trials.designs.patients import Outcomes, Patients, ResampledPatients
from understudy.trials.designs.platform_trial import PlatformTrial
from understudy.trials.designs.predictive_probability import PredictiveProbability
from understudy.trials.designs.re_estimated_design import ReEstimatedDesign
from understudy.trials.designs.re_estimation import (
    PromisingZone,
    blinded_proportion_size,
    blinded_size,
    conditional_power,
    inverse_normal,
    weighted_z,
)
from understudy.trials.designs.response_adaptive import ResponseAdaptive
from understudy.trials.designs.response_patients import BinaryPatients, BiomarkerPatients, ContinuousPatients
from understudy.trials.designs.sample_size import SampleSize, two_counts, two_means, two_proportions
from understudy.trials.designs.sequential_inference import (
    SequentialResult,
    repeated_intervals,
    sequential_result,
)
from understudy.trials.designs.simulate_trials import simulate_trials
from understudy.trials.designs.spending import (
    HwangShihDeCaniSpending,
    OBrienFlemingSpending,
    PocockSpending,
    PowerSpending,
)
from understudy.trials.designs.survival_patients import Hazard, SurvivalPatients, Switch
from understudy.trials.designs.survival_sample_size import events_needed, two_survivals
from understudy.trials.designs.three_plus_three import ThreePlusThree

__all__ = [
    "BinaryPatients",
    "BiomarkerPatients",
    "Boin",
    "Conduct",
    "ContinualReassessment",
    "ContinuousPatients",
    "DoseEscalation",
    "Dropout",
    "Enrichment",
    "GroupSequential",
    "HaybittlePeto",
    "Hazard",
    "HwangShihDeCaniSpending",
    "MultiArmMultiStage",
    "OBrienFleming",
    "OBrienFlemingSpending",
    "OperatingCharacteristics",
    "Outcomes",
    "ParallelDesign",
    "Patients",
    "PlatformTrial",
    "Pocock",
    "PocockSpending",
    "PowerSpending",
    "PredictiveProbability",
    "PromisingZone",
    "ReEstimatedDesign",
    "Recruitment",
    "ResampledPatients",
    "ResponseAdaptive",
    "SampleSize",
    "SequentialResult",
    "SurvivalPatients",
    "Switch",
    "ThreePlusThree",
    "WangTsiatis",
    "assurance",
    "blinded_proportion_size",
    "blinded_size",
    "conditional_power",
    "contrast_test",
    "events_needed",
    "group_sequential",
    "inverse_normal",
    "multi_arm_limits",
    "normal_assurance",
    "optimal_contrasts",
    "repeated_intervals",
    "sequential_result",
    "simulate_trials",
    "skeleton",
    "two_counts",
    "two_means",
    "two_proportions",
    "two_survivals",
    "weighted_z",
]
