"""`interop run`: a scenario through the services, and what came of it beside what was published."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox import report, streams
from sandbox.drive import Driver, OnProgress, Progress, wait_for_audit
from sandbox.expected import growth, matcher_of
from sandbox.from_events import Fold, results_of
from sandbox.home import NOTICE
from sandbox.house import House
from sandbox.in_process import run_in_process
from sandbox.lab.flow import simulate
from sandbox.population import bookings, people
from sandbox.published import published_rows, section
from sandbox.results import Results
from sandbox.scenario import Levers, Scenario, load_scenario, resolve, sample_share, with_gallery_rows, with_levers
from sandbox.scenario.levers import in_words
from services.booking.events import RunSettings
from services.chassis.delivery import keys

Search = Literal["exhaustive", "mates"]
OnSeed = Callable[[int, int], None]
"""Told how many of how many simulations for the intervals are done."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to run."""

    scenario: str
    bookings: int
    seed: int
    policy: str | None = None
    regime: str | None = None
    runid: str | None = None
    explanation: str | None = None
    seeds: int = 1
    """How many seeds, the run's own included, the intervals beside published figures come from; 0 leaves these out."""

    gallery_rows: int | None = None
    search: Search = "exhaustive"
    workers: int = 2
    levers: Levers = field(default_factory=dict)
    """What stands otherwise than in the scenario, though it is no law; see `sandbox.scenario.levers`."""

    @property
    def as_published(self) -> bool:
        """Whether all is as it was where the figures come from; otherwise they are about something else."""
        return self.policy is None and self.regime is None and not self.levers

    def named(self) -> str:
        """The run's name, made up where nobody gave one."""
        return self.runid or f"{_stem(self.scenario)}-{self.seed}-{datetime.now(UTC):%Y%m%dt%H%M%S}"


@dataclass(frozen=True, slots=True)
class _Told:
    """What only one way of running can tell."""

    via: str
    runid: str
    entries: Mapping[str, int]
    more: Mapping[str, Any] = field(default_factory=dict)


def scenario_of(request: Request, explanation: str | None = None) -> Scenario:
    """The scenario of a request, under its own explanation or another, with the levers that the request sets.

    Raises:
        InteropError: a scenario or an explanation that is unknown or has mistakes; a lever that cannot stand so.
    """
    scenario = with_levers(load_scenario(request.scenario, explanation or request.explanation), request.levers)
    return scenario if request.gallery_rows is None else with_gallery_rows(scenario, request.gallery_rows)


def settings_of(scenario: Scenario, request: Request) -> RunSettings:
    """What the run of a request is pinned to.

    Raises:
        InteropError: a policy that is unknown.
    """
    return resolve(scenario, seed=request.seed, bookings=request.bookings, policy=request.policy, regime=request.regime)


def run_scenario(house: House, request: Request, on_progress: OnProgress, on_seed: OnSeed) -> dict[str, Any]:
    """Runs a scenario through the services' streams and tells what came of it, as `interop run --json` prints it.

    Raises:
        InteropError: a scenario or policy that is unknown or has mistakes, and whatever goes wrong on the way.
    """
    scenario = scenario_of(request)
    runid = request.named()
    booked = bookings(scenario, request.seed, request.bookings)
    Driver(house.urls["booking"], runid, on_progress).run(settings_of(scenario, request), booked, request.bookings)
    audited = wait_for_audit(house.redis, house.urls["audit"])
    events = list(streams.all_events(house.redis, runid))
    results = results_of(events, people(scenario, request.seed, request.bookings))
    told = _Told(
        via="streams",
        runid=runid,
        entries=Counter(keys.stream(event["type"]) for event in events),
        more={
            "dead_letters": sum(house.redis.xlen(name) for name in streams.dead_letter_streams(house.redis)),
            "reconciled": audited["reconciliation"]["reconciled"],
            "log": audited["log"] | {"lag": audited["reconciliation"]["lag"]},
        },
    )
    return _result(request, scenario, results, told, on_seed)


def run_without_streams(request: Request, on_progress: OnProgress, on_seed: OnSeed) -> dict[str, Any]:
    """Runs a scenario through the same handlers in this machine's memory, and tells the same of it.

    Raises:
        InteropError: as `run_scenario` does.
    """
    scenario = scenario_of(request)
    runid = request.named()
    fold = Fold(count_disclosures=False)

    def take(_: int, events: list[dict[str, Any]]) -> None:
        for event in events:
            fold.add(event)

    run = run_in_process(
        scenario,
        settings_of(scenario, request),
        runid,
        request.seed,
        request.bookings,
        workers=request.workers,
        search=request.search,
        on_case=take,
        on_progress=lambda at: on_progress(Progress(at.booked, at.total, at.open_day, "open")),
    )
    booked = people(scenario, request.seed, request.bookings)
    fold.add_answers(booked.numbers, run.handled, run.iafis_row, run.iafis_known, run.searched)
    fold.add_disclosures(run.disclosures)
    results = fold.results(booked)
    entries = {keys.stream(event_type): count for event_type, count in run.said.items()}
    return _result(request, scenario, results, _Told("process", runid, entries), on_seed)


def _result(request: Request, scenario: Scenario, results: Results, told: _Told, on_seed: OnSeed) -> dict[str, Any]:
    settings = settings_of(scenario, request)
    totals = report.totals(results)
    return {
        "scenario": scenario.scenario,
        "title": scenario.title,
        "explanation": scenario.explanation,
        "seed": request.seed,
        "seeds": request.seeds,
        "runid": told.runid,
        "via": told.via,
        "bookings": request.bookings,
        "real_volume": scenario.real_volume,
        "gallery_rows": scenario.galleries.rows,
        "levers": dict(request.levers),
        "levers_in_words": in_words(request.levers),
        "search": request.search,
        "sharing": settings.sharing.id,
        "policy": settings.detainer.id,
        "regime": ", ".join(document.id for document in settings.ice_priority),
        "totals": totals,
        "growth": growth(totals["accuracy"]["ident"], matcher_of(scenario.galleries)),
        "entries": dict(sorted(told.entries.items())),
        "disclosures": report.disclosures(results.disclosures),
        **published_part(scenario, held_against(request, results, on_seed)),
        **told.more,
        "notice": NOTICE,
    }


def published_part(scenario: Scenario, sections: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures beside simulated ones as results carry them: those of the scenario's own explanation, and all."""
    mine = next((each for each in sections if each["explanation"] == scenario.explanation), None)
    return {
        "published": mine["published"] if mine else [],
        "score": mine["score"] if mine else None,
        "explanations": sections if scenario.explanations else [],
    }


def held_against(request: Request, results: Results, on_seed: OnSeed) -> list[dict[str, Any]]:
    """Published figures beside the run and its like with other seeds, under every explanation of the scenario.

    The run itself stands for its own seed and explanation; the others are simulated by the lab, which agrees with the
    services on every case. Under another policy or regime there is nothing to hold figures against: they were
    published about the law as it was.
    """
    own = scenario_of(request)
    if not request.as_published or not own.published or not request.seeds:
        return []
    told = [scenario_of(request, name) for name in own.explanations] or [own]
    policies = {figure.instead for scenario in told for figure in scenario.figures if figure.instead is not None}
    total = request.seeds * (len(told) + len(policies) * len(told))
    done = 0

    def simulated(scenario: Scenario, policy: str | None = None) -> list[Results]:
        nonlocal done
        runs: list[Results] = []
        for seed in range(request.seed, request.seed + request.seeds):
            is_own = seed == request.seed and policy is None and scenario.explanation == own.explanation
            runs.append(results if is_own else _simulate(scenario, replace(request, seed=seed, policy=policy)))
            done += 1
            on_seed(done, total)
        return runs

    share = sample_share(own, request.bookings)
    return [
        section(
            published_rows(
                scenario, simulated(scenario), share, {each: simulated(scenario, each) for each in policies}
            ),
            scenario,
        )
        for scenario in told
    ]


def _simulate(scenario: Scenario, request: Request) -> Results:
    booked = people(scenario, request.seed, request.bookings)
    return simulate(booked, settings_of(scenario, request), only_on_file=True)


def _stem(scenario: str) -> str:
    return scenario.rpartition("/")[2].removesuffix(".yaml")
