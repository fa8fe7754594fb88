"""Designs: the mathematics of trial designs, and trials that are simulated to see how a design does."""

from understudy.trials.designs.assurance import Assurance, assurance, normal_assurance, simulated_assurance
from understudy.trials.designs.blinded_design import BlindedDesign
from understudy.trials.designs.boin import Boin
from understudy.trials.designs.boundary_shape import HaybittlePeto, OBrienFleming, Pocock, WangTsiatis
from understudy.trials.designs.conduct import Conduct, Dropout, Recruitment
from understudy.trials.designs.continual_reassessment import ContinualReassessment, skeleton
from understudy.trials.designs.dose_escalation import DoseEscalation
from understudy.trials.designs.dose_ranging import DoseRanging
from understudy.trials.designs.dose_response_fit import DoseResponseFit, fit_dose_response
from understudy.trials.designs.enrichment import Enrichment
from understudy.trials.designs.group_sequential import GroupSequential, group_sequential
from understudy.trials.designs.keyboard import Keyboard
from understudy.trials.designs.mcp_mod import contrast_test, optimal_contrasts
from understudy.trials.designs.mcp_mod_analysis import McpMod, mcp_mod
from understudy.trials.designs.model_patients import model_patients
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
from understudy.trials.designs.treatment import (
    Crossing,
    Crossover,
    DoseChange,
    EventByHazard,
    FirstVisit,
    OutputHazard,
    Response,
    Treatment,
    ValueAt,
)
from understudy.trials.designs.weighted_log_rank import MAX_COMBO

__all__ = [
    "MAX_COMBO",
    "Assurance",
    "BinaryPatients",
    "BiomarkerPatients",
    "BlindedDesign",
    "Boin",
    "Conduct",
    "ContinualReassessment",
    "ContinuousPatients",
    "Crossing",
    "Crossover",
    "DoseChange",
    "DoseEscalation",
    "DoseRanging",
    "DoseResponseFit",
    "Dropout",
    "Enrichment",
    "EventByHazard",
    "FirstVisit",
    "GroupSequential",
    "HaybittlePeto",
    "Hazard",
    "HwangShihDeCaniSpending",
    "Keyboard",
    "McpMod",
    "MultiArmMultiStage",
    "OBrienFleming",
    "OBrienFlemingSpending",
    "OperatingCharacteristics",
    "Outcomes",
    "OutputHazard",
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
    "Response",
    "ResponseAdaptive",
    "SampleSize",
    "SequentialResult",
    "SurvivalPatients",
    "Switch",
    "ThreePlusThree",
    "Treatment",
    "ValueAt",
    "WangTsiatis",
    "assurance",
    "blinded_proportion_size",
    "blinded_size",
    "conditional_power",
    "contrast_test",
    "events_needed",
    "fit_dose_response",
    "group_sequential",
    "inverse_normal",
    "mcp_mod",
    "model_patients",
    "multi_arm_limits",
    "normal_assurance",
    "optimal_contrasts",
    "repeated_intervals",
    "sequential_result",
    "simulate_trials",
    "simulated_assurance",
    "skeleton",
    "two_counts",
    "two_means",
    "two_proportions",
    "two_survivals",
    "weighted_z",
]
