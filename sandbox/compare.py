"""`interop compare`: the same people under several policies, side by side, by the lab."""

from dataclasses import dataclass, replace
from typing import Any

from sandbox import report
from sandbox.lab import simulate
from sandbox.population import people
from sandbox.runs import OnSeed, Request, held_against, scenario_of, settings_of


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to compare: a run, under each of these policies."""

    request: Request
    policies: tuple[str, ...]


def compare(comparison: Comparison, on_seed: OnSeed) -> dict[str, Any]:
    """The totals of the same people under each policy, in the form that `interop compare --json` prints.

    Published figures stand beside the column of the scenario's own policy, if it is among those compared: they were
    published about the law as it was.

    Raises:
        InteropError: a scenario or policy that is unknown or has mistakes.
    """
    request = comparison.request
    scenario = scenario_of(request)
    settings = {policy: settings_of(scenario, replace(request, policy=policy)) for policy in comparison.policies}
    booked = people(scenario, request.seed, request.bookings)
    columns: list[dict[str, Any]] = []
    sections: list[dict[str, Any]] = []
    for policy, pinned in settings.items():
        results = simulate(booked, pinned)
        columns.append({"policy": policy, "totals": report.totals(results)})
        if policy == scenario.policy and request.regime is None:
            sections = held_against(replace(request, policy=None), results, on_seed)
    mine = next((each for each in sections if each["explanation"] == scenario.explanation), None)
    return {
        "scenario": scenario.scenario,
        "title": scenario.title,
        "explanation": scenario.explanation,
        "seed": request.seed,
        "seeds": request.seeds,
        "bookings": request.bookings,
        "real_volume": scenario.real_volume,
        "regime": ", ".join(document.id for document in settings[comparison.policies[0]].ice_priority),
        "policies": columns,
        "published": mine["published"] if mine else [],
        "score": mine["score"] if mine else None,
        "explanations": sections if scenario.explanations else [],
        "notice": report.NOTICE,
    }
