"""ICE's side for columns: `services.detainer.triage` says the same of one case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from numpy.typing import NDArray

from sandbox.lab.cells import Fact, decide_all, offences
from sandbox.lab.chances import HOUR, chances, picked, span_of, whole_seconds
from sandbox.lab.days import days_of, midnight_after
from sandbox.lab.matches import Matches
from sandbox.population import NOWHERE, People
from sandbox.results import DECISIONS
from services.biometric_match.records import REMOVABILITIES
from services.chassis.policy import Vocabulary
from services.detainer.levels import LEVELS
from services.detainer.triage import MOST_CRIMES, NO_ACTION, SHORTEST_WAY, Regime

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
YES_NO = (False, True)
NO_PRIORITY, NO_CAPACITY, LODGED = (DECISIONS.index(word) for word in ("no_priority", "no_capacity", "lodged"))


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """What ICE does about each of some bookings, if it is told of the release and if it is not; and how cases end."""

    comes_untold: Flags
    comes_told: Flags
    way: Integers
    """How many seconds after the release it arrives where the agency holds; known of those for whom it comes."""

    outcome: Integers
    """How the case ends, as a place in `Regime.outcomes`; known of those for whom ICE comes."""

    lasts: Integers
    """How many seconds after the transfer it ends."""

    def of(self, chosen: Flags) -> "Arrivals":
        """The same of some of the bookings."""
        return Arrivals(
            self.comes_untold[chosen],
            self.comes_told[chosen],
            self.way[chosen],
            self.outcome[chosen],
            self.lasts[chosen],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Triage:
    """What ICE decided about each match: a place in `DECISIONS`, the priority, and when a detainer was lodged."""

    decided: Integers
    priority: Integers
    """A place in the regime's `ranks`."""

    lodged_at: Integers


def triage(people: People, matched: Matches, regime: Regime) -> Triage:
    """Lodge detainers: at once where nothing limits the office, else by the office's day lists."""
    ranks = _ranks(people, matched, regime)
    wanted = ranks != regime.ranks.index(NO_ACTION)
    days = days_of(matched.status_at, regime.time_zone)
    limited = np.array([regime.is_limited(regime.offices[ori]) for ori in people.scenario.agencies])
    at_once = wanted & ~limited[people.agency[matched.index]]
    taken = _taken(people, matched, regime, ranks, days, wanted & ~at_once)

    decided = np.select([at_once | taken, wanted], [LODGED, NO_CAPACITY], NO_PRIORITY)
    lodged_at = np.select([at_once, taken], [matched.status_at, midnight_after(days, regime.time_zone)], NOWHERE)
    return Triage(decided, ranks, lodged_at)


def arrivals(regime: Regime, cases: Sequence[bytes], priority: Integers) -> Arrivals:
    """`comes_untold`, `comes_when_told`, `arrival` and `ending` of `services.detainer.triage`, for columns.

    Args:
        regime: what ICE decides by.
        cases: the bookings' references, encoded.
        priority: the priority of each, as a place in `regime.ranks`.
    """
    rates = regime.pickup.told_rate
    rate = np.array([rates.get(rank, rates["otherwise"]) for rank in regime.ranks])
    drawn = chances(regime.seed, "pickup", cases)
    untold, told = drawn < regime.pickup.untold_rate, drawn < rate[priority]

    comes = np.flatnonzero(untold | told)
    some = [cases[case] for case in comes.tolist()]
    way, outcome, lasts = np.zeros((3, len(cases)), np.int64)
    within = whole_seconds(regime.pickup.within_hours * chances(regime.seed, "arrival", some), HOUR)
    way[comes] = np.maximum(within, int(SHORTEST_WAY.total_seconds()))
    weights = [share.weight for share in regime.outcomes.values()]
    days = {name: share.days for name, share in regime.outcomes.items()}
    outcome[comes] = picked(weights, chances(regime.seed, "outcome", some))
    lasts[comes] = span_of(days, outcome[comes], chances(regime.seed, "outcome.days", some))
    return Arrivals(untold, told, way, outcome, lasts)


def _ranks(people: People, matched: Matches, regime: Regime) -> Integers:
    """Each match's answer as a place in `regime.ranks`, under the policy in force when the IAR came."""
    facts = _facts(people, matched, regime.policies[0][1].vocabulary)
    days = days_of(matched.status_at, regime.time_zone)
    starts = np.array([np.datetime64(since, "D") for since, _ in regime.policies])
    period = np.searchsorted(starts, days, side="right") - 1
    ranks = np.zeros(len(matched.index), np.int64)
    for place, (_, policy) in enumerate(regime.policies):
        chosen = np.flatnonzero(period == place)
        part = {name: Fact(fact.places[chosen], fact.values) for name, fact in facts.items()}
        answered = decide_all(policy, part, len(chosen))
        answers = np.array([regime.ranks.index(decision.answer) for decision in answered.decisions], np.int64)
        ranks[chosen] = answers[answered.which]
    return ranks


def _facts(people: People, matched: Matches, vocabulary: Vocabulary) -> dict[str, Fact]:
    """What `triage.triage_facts` tells of one IAR."""
    crimes = range(MOST_CRIMES + 1)
    charge = people.charge[matched.index]
    return {
        "removable": Fact(matched.removable, REMOVABILITIES),
        "charge": Fact(charge, [charge.offense_class for charge in people.scenario.charges]),
        "charge_offence": Fact(charge, offences(people.scenario.charges, vocabulary)),
        "ice_level": Fact(matched.level_by_charge, LEVELS),
        "crimes_over_one_year": Fact(matched.crimes_over_one_year, crimes),
        "crimes_up_to_one_year": Fact(matched.crimes_up_to_one_year, crimes),
        "federal_aggravated_felony": Fact(matched.aggravated_felony.astype(np.uint8), YES_NO),
        "final_order": Fact(matched.immigration.final_order.astype(np.uint8), YES_NO),
        "prior_removal": Fact(matched.immigration.prior_removal.astype(np.uint8), YES_NO),
    }


def _taken(
    people: People,
    matched: Matches,
    regime: Regime,
    ranks: Integers,
    days: NDArray[np.datetime64],
    waiting: Flags,
) -> Flags:
    """Whom the offices take from their day lists: the first by priority, then time, then reference."""
    taken = np.zeros(len(waiting), np.bool_)
    listed = np.flatnonzero(waiting)
    if not listed.size:
        return taken
    oris = list(people.scenario.agencies)
    offices = sorted(set(regime.offices.values()))
    office = np.array([offices.index(regime.offices[ori]) for ori in oris])[people.agency[matched.index[listed]]]
    by_name = np.argsort(np.argsort(oris))[people.agency[matched.index[listed]]]
    number = people.numbers[matched.index[listed]]
    order = np.lexsort((number, by_name, matched.status_at[listed], -ranks[listed], days[listed], office))
    group = np.stack([office[order], days[listed][order].astype(np.int64)])
    starts = np.flatnonzero(np.r_[True, (group[:, 1:] != group[:, :-1]).any(axis=0)])
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    limits = [regime.capacity(offices[who], _date(day)) or 0 for who, day in group[:, starts].T.tolist()]
    taken[listed[order]] = place < np.repeat(limits, np.diff(np.r_[starts, len(order)]))
    return taken


def _date(day: int) -> date:
    return datetime.fromtimestamp(day * 86_400, UTC).date()
