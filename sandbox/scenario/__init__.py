"""Scenarios: what their files say, how they are checked, and what a run is pinned to because of them."""

from sandbox.home import HOME
from sandbox.scenario.figures import Explanation, Figure, Fit, FittedParameter, Window, parameter_hash
from sandbox.scenario.files import ScenarioError, load_scenario, names_in, parse_scenario, scenario_path
from sandbox.scenario.levers import Levers, with_levers
from sandbox.scenario.model import (
    BY_DATE,
    Associations,
    ChargeShare,
    CustodyMix,
    Milestone,
    PeopleMix,
    Period,
    Scenario,
    TrueStatus,
    span,
)
from sandbox.scenario.resolve import identity_of, in_days, question_of, resolve, sample_share, with_gallery_rows

__all__ = [
    "BY_DATE",
    "HOME",
    "Associations",
    "ChargeShare",
    "CustodyMix",
    "Explanation",
    "Figure",
    "Fit",
    "FittedParameter",
    "Levers",
    "Milestone",
    "PeopleMix",
    "Period",
    "Scenario",
    "ScenarioError",
    "TrueStatus",
    "Window",
    "identity_of",
    "in_days",
    "load_scenario",
    "names_in",
    "parameter_hash",
    "parse_scenario",
    "question_of",
    "resolve",
    "sample_share",
    "scenario_path",
    "span",
    "with_gallery_rows",
    "with_levers",
]
