"""`interop compare`: the same people under several policies, side by side, by the lab.

What does not depend on the agency's policy is made once, and can be kept for the next comparison (`Kept`). Each policy
is then a range, from an agency that uses nothing that it may to one that uses all of it, with the scenario's own
discretion as a dot in it.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, TypeVar

import polars as pl

from sandbox import report
from sandbox.expected import growth, matcher_of
from sandbox.home import NOTICE
from sandbox.lab.agency import Answers, ask, exercise
from sandbox.lab.assumptions import Assumptions
from sandbox.lab.changes import Applied, changes
from sandbox.lab.crowd import Crowd, OnBookings, crowd_of
from sandbox.lab.custody import custody_of
from sandbox.lab.docket import Docket, docket_of, practice_of
from sandbox.lab.flow import simulate
from sandbox.lab.measures import Measure, Numbers, evaluate, measures_of
from sandbox.lab.profiles import Counts, Profiles, count_under, profiles_of
from sandbox.lab.ratios import rate_ratios
from sandbox.lab.tables import cases_table, matches_table
from sandbox.population import people
from sandbox.runs import OnSeed, Request, held_against, published_part, scenario_of, settings_of
from sandbox.scenario import Associations, Scenario, identity_of
from sandbox.scenario.levers import in_words
from services.booking.events import RunSettings
from services.chassis.errors import InteropError
from services.detainer.cooperation import Practice

MOST_HELD_AGAINST = 200_000
"""Bookings of the runs that stand beside published figures: more would only narrow intervals that are narrow."""

_OF_THE_AGENCY = frozenset({"detainer", "discretion", "silence"})
"""What of a run's settings only the agency decides by; all else is shared by the policies that agree on it."""

_OF_ICE = frozenset({"ice_priority", "capacity_per_day", "pickup", "outcomes", "feedback"})
"""What of them only ICE's part depends on, and nothing that a search finds."""

_READ_FROM_SETTINGS = frozenset({"capacity_per_day", "pickup", "discretion", "silence"})
"""What of a scenario the lab knows by a run's settings alone: people are the same whatever the scenario says of it."""

MOST_CROWDS, MOST_DOCKETS, MOST_COLUMNS = 3, 8, 16
"""What is kept from one comparison to the next: of a million bookings, each has up to some tens of megabytes."""

OnPolicy = Callable[[int, int], None]
"""Told how many of how many policies are applied. What it raises ends the comparison."""

VARIANTS: Mapping[str, float | None] = {"never": 0.0, "dot": None, "always": 1.0}
"""How often an agency uses what it may; None is as often as the scenario has it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to compare: a run, under each of these policies."""

    request: Request
    policies: tuple[str, ...]
    assumptions: Assumptions = field(default_factory=Assumptions)
    parquet: Path | None = None
    """Where to write the cases with their answers under each policy."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shared:
    """What policies share that agree on all but the agency's part. `made_of` is the same where all of it is."""

    made_of: str
    crowd: Crowd
    docket: Docket
    table: pl.DataFrame
    profiles: Profiles


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One policy, as it was applied."""

    name: str
    shared: _Shared
    practice: Practice
    dot: Applied
    counts: Mapping[str, Counts]
    totals: Mapping[str, Any]

    @property
    def cases(self) -> pl.DataFrame:
        """The cases with their answers, one row for each match."""
        return cases_table(self.shared.docket, self.shared.table, self.dot.cooperation, self.dot.custody)


_Made = TypeVar("_Made")


class _Shelf(Generic[_Made]):
    """The few things that were asked for last, by what they were made of."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[str, _Made] = OrderedDict()

    def get(self, key: str, make: Callable[[], _Made]) -> _Made:
        """The thing of that key, made now if it is not here."""
        if key not in self._things:
            self._things[key] = make()
        self._things.move_to_end(key)
        while len(self._things) > self._most:
            self._things.popitem(last=False)
        return self._things[key]


class Kept:
    """What comparisons leave for those that follow: who is matched, the cases before any agency is asked, and after.

    It is found again by all that it was made of, texts of policies included, so that it never is of something else.
    For one thread.
    """

    def __init__(self, crowds: int = MOST_CROWDS, dockets: int = MOST_DOCKETS, columns: int = MOST_COLUMNS) -> None:
        self.crowds: _Shelf[Crowd] = _Shelf(crowds)
        self.shared: _Shelf[_Shared] = _Shelf(dockets)
        self.columns: _Shelf[_Column] = _Shelf(columns)


class _Making:
    """Makes what policies share once, and applies each of them."""

    def __init__(self, scenario: Scenario, request: Request, on_bookings: OnBookings, kept: Kept) -> None:
        self._scenario = scenario
        self._request = request
        self._on_bookings = on_bookings
        self._kept = kept
        people = scenario.model_dump_json(exclude=set(_READ_FROM_SETTINGS))
        self._of_whom = f"{request.bookings} {people}"

    def column(self, name: str, settings: RunSettings) -> _Column:
        """One policy applied, with its range."""
        key = self._key(settings, frozenset(), name)
        return self._kept.columns.get(key, lambda: self._apply(name, settings))

    def _apply(self, name: str, settings: RunSettings) -> _Column:
        shared = self._shared_by(settings)
        docket, practice = shared.docket, practice_of(settings)
        answers = ask(practice.policy, docket.asked)
        dot = self._applied(docket, answers, practice)
        counts = {"dot": count_under(shared.profiles, docket, dot.cooperation, dot.custody)}
        for variant, used in VARIANTS.items():
            if used is not None and answers.leaves_room:
                always = replace(practice, discretion=dict.fromkeys(practice.discretion, used))
                applied = self._applied(docket, answers, always)
                counts[variant] = count_under(shared.profiles, docket, applied.cooperation, applied.custody)
            counts.setdefault(variant, counts["dot"])
        table = cases_table(docket, shared.table, dot.cooperation, dot.custody)
        return _Column(name, shared, practice, dot, counts, report.totals_of(shared.crowd.booked, table))

    def _applied(self, docket: Docket, answers: Answers, practice: Practice) -> Applied:
        cooperation = exercise(answers, practice, docket.drawn)
        return Applied(practice.policy, cooperation, custody_of(docket, cooperation))

    def _shared_by(self, settings: RunSettings) -> _Shared:
        key = self._key(settings, _OF_THE_AGENCY)
        return self._kept.shared.get(key, lambda: self._share(key, settings))

    def _share(self, key: str, settings: RunSettings) -> _Shared:
        crowd = self._crowd(settings)
        docket = docket_of(crowd.people, crowd.found, settings)
        table = matches_table(docket)
        return _Shared(key, crowd, docket, table, profiles_of(docket, table))

    def _crowd(self, settings: RunSettings) -> Crowd:
        return self._kept.crowds.get(
            self._key(settings, _OF_THE_AGENCY | _OF_ICE),
            lambda: crowd_of(self._scenario, settings, self._request.bookings, self._on_bookings),
        )

    def _key(self, settings: RunSettings, without: frozenset[str], name: str = "") -> str:
        """What a thing is found again by: all that it is made of."""
        made_of = f"{name} {self._of_whom} {settings.model_dump_json(exclude=set(without))}"
        return sha256(made_of.encode()).hexdigest()


def compare(
    comparison: Comparison,
    on_seed: OnSeed = lambda *_: None,
    on_bookings: OnBookings = lambda _: None,
    on_policy: OnPolicy = lambda *_: None,
    kept: Kept | None = None,
) -> dict[str, Any]:
    """The same people under each policy, in the form that `interop compare --json` prints.

    Published figures stand beside the comparison if the scenario's own policy is among those compared, and no lever is
    set otherwise: they were published about the law as it was.

    Args:
        comparison: what to compare.
        on_seed: told of each simulation for the intervals beside published figures.
        on_bookings: told of the bookings that are made and searched.
        on_policy: told of each policy that is applied.
        kept: what an earlier comparison left, and this one leaves for the next; the results are the same without it.

    Raises:
        InteropError: a scenario or policy that is unknown or has mistakes; `same-id`, when two files have one id.
    """
    request = comparison.request
    scenario = scenario_of(request)
    settings = settings_by_id(comparison, scenario)
    making = _Making(scenario, request, on_bookings, Kept() if kept is None else kept)
    measures = measures_of(list(dict.fromkeys(charge.offense_class for charge in scenario.charges)))

    first: _Column | None = None
    numbers: Numbers | None = None
    told: list[dict[str, Any]] = []
    tables: list[pl.DataFrame] = []
    for done, (name, pinned) in enumerate(settings.items()):
        on_policy(done, len(settings))
        column = making.column(name, pinned)
        if comparison.parquet is not None:
            tables.append(_for_export(name, column.shared.docket, column.cases))
        counted = _counted(measures, column, comparison.assumptions, numbers)
        told.append(
            {
                **_about(column),
                "totals": column.totals,
                "counted": counted,
                "ratios": rate_ratios(
                    scenario, column.shared.crowd.groups, column.shared.profiles, column.counts["dot"]
                ),
                "changes": None if first is None else _changes(first, column),
            }
        )
        if first is None:
            first, numbers = column, {name: spread["dot"] for name, spread in counted.items()}
    if comparison.parquet is not None:
        _write(tables, comparison.parquet)
    return {
        "scenario": scenario.scenario,
        "title": scenario.title,
        "explanation": scenario.explanation,
        "seed": request.seed,
        "seeds": request.seeds,
        "bookings": request.bookings,
        "real_volume": scenario.real_volume,
        "gallery_rows": scenario.galleries.rows,
        "regime": ", ".join(document.id for document in next(iter(settings.values())).ice_priority),
        "levers": dict(request.levers),
        "levers_in_words": in_words(request.levers),
        "discretion": scenario.discretion.model_dump(),
        "silence": scenario.silence.model_dump(),
        "associations": scenario.people.associations.model_dump(),
        "neutral": scenario.people.associations == Associations(),
        "assumptions": comparison.assumptions.as_record(),
        "measures": [measure.as_record() for measure in measures],
        "policies": told,
        "growth": growth(told[0]["totals"]["accuracy"]["ident"], matcher_of(scenario.galleries)),
        **published_part(scenario, _published(comparison, scenario, on_seed)),
        "published_bookings": min(request.bookings, MOST_HELD_AGAINST),
        "notice": NOTICE,
    }


def settings_by_id(comparison: Comparison, scenario: Scenario) -> dict[str, RunSettings]:
    """What a run under each policy is pinned to, by the policies' ids.

    Raises:
        InteropError: a policy that is unknown or has mistakes; `same-id`, when two files have one id.
    """
    request = comparison.request
    return {name: settings_of(scenario, replace(request, policy=policy)) for name, policy in _named(comparison).items()}


def _named(comparison: Comparison) -> dict[str, str]:
    """The policies by their ids, whether they were named by them or by the paths of their files."""
    named: dict[str, str] = {}
    for policy in comparison.policies:
        identity = identity_of(policy)
        if named.setdefault(identity, policy) != policy:
            sentence = f"'{identity}' is the id of both {named[identity]} and {policy}; give one of them another"
            raise InteropError("same-id", sentence)
    return named


def _about(column: _Column) -> dict[str, Any]:
    policy = column.practice.policy
    is_its_own = policy.id == column.name
    return {
        "policy": column.name,
        "title": policy.title if is_its_own else None,
        "status": policy.status if is_its_own else None,
        "verified": policy.verified if is_its_own else None,
        "clauses": {
            clause.id: {"text": clause.text, "source": clause.citation}
            for clause in (*policy.clauses, policy.otherwise)
            if clause is not None
        },
        "leaves_room": column.dot.cooperation.answers.leaves_room,
    }


def _counted(
    measures: list[Measure], column: _Column, assumptions: Assumptions, first: Numbers | None
) -> dict[str, dict[str, float | None]]:
    """Each measure with what it comes to if the agency never, as the scenario has it, or always uses what it may."""
    if first is None:
        first = evaluate(measures, column.shared.profiles, column.counts["dot"], assumptions, None)
    values = {
        variant: evaluate(measures, column.shared.profiles, column.counts[variant], assumptions, first)
        for variant in VARIANTS
    }
    return {measure.id: {variant: values[variant][measure.id] for variant in VARIANTS} for measure in measures}


def _changes(first: _Column, other: _Column) -> list[dict[str, Any]] | None:
    """Who changes and why; None where the two differ before any agency is asked, so that cases cannot be paired."""
    if first.shared.made_of != other.shared.made_of:
        return None
    return changes(first.shared.docket, first.dot, other.dot)


def _published(comparison: Comparison, scenario: Scenario, on_seed: OnSeed) -> list[dict[str, Any]]:
    request = comparison.request
    if scenario.policy not in comparison.policies or not request.as_published:
        return []
    smaller = replace(request, policy=None, bookings=min(request.bookings, MOST_HELD_AGAINST))
    booked = people(scenario, smaller.seed, smaller.bookings)
    return held_against(smaller, simulate(booked, settings_of(scenario, smaller), only_on_file=True), on_seed)


def _for_export(policy: str, docket: Docket, table: pl.DataFrame) -> pl.DataFrame:
    charges = docket.people.scenario.charges
    classes = pl.Series([charge.offense_class for charge in charges])
    literals = pl.Series([charge.literal for charge in charges])
    charge = docket.people.charge[docket.matched.index]
    return table.select(
        pl.lit(policy).alias("policy"),
        pl.all(),
        classes.gather(charge).alias("charge_class"),
        literals.gather(charge).alias("charge"),
    )


def _write(tables: list[pl.DataFrame], path: Path) -> None:
    """The cases under each policy, one below the other, marked for what they are in the file itself."""
    notice = pl.lit(NOTICE).cast(pl.Categorical).alias("notice")
    table = pl.concat(tables).with_columns(pl.col("policy").cast(pl.Categorical), notice)
    table.write_parquet(path, metadata={"notice": NOTICE})
