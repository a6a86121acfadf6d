"""ICE's side: which detainers are lodged under the priority regime and the capacity, and when ICE comes.

It knows what LESC told it and what the agency discloses, and nothing else of the agency's decisions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from services.chassis.chance import chance, pick
from services.chassis.effects import Case
from services.chassis.policy import Decision, Policy, decide
from services.chassis.policy.other import with_other
from services.detainer.events import Grounds, ImmigrationStatusReturned, Levels, OutcomeShareSeen, PickupSeen
from services.detainer.levels import count_crimes, level_by_charge_or_conviction, level_by_conviction

NO_ACTION = "no_action"
MORNING = timedelta(hours=9)
"""When an officer who was not told comes by: on the morning after the day closed."""

SHORTEST_WAY = timedelta(minutes=30)
"""The least that an officer needs to come for somebody who is on hold already."""


MOST_CRIMES = 50
"""The vocabulary's largest number of convictions; more count as that many."""


class EroCase(Case):
    """What ICE's field office remembers about one match."""

    ori: str = ""
    state: Literal["waiting", "lodged", "no_action"] = "no_action"
    status_at: AwareDatetime | None = None
    data: ImmigrationStatusReturned | None = None
    priority: str = NO_ACTION
    told: bool = False
    claimed: bool = False
    transferred_at: AwareDatetime | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Regime:
    """What ICE decides by during a run. Each policy has the day from which it is in force; the latest comes last."""

    seed: int
    opened_on: date
    time_zone: ZoneInfo
    policies: Sequence[tuple[date, Policy]]
    ranks: Sequence[str]
    offices: Mapping[str, str]
    capacity_per_day: Mapping[str, float | None]
    pickup: PickupSeen
    outcomes: Mapping[str, OutcomeShareSeen]
    feedback: bool

    def policy_at(self, moment: datetime) -> Policy:
        """The policy that is in force on the run's own date at that moment."""
        day = moment.astimezone(self.time_zone).date()
        return [policy for since, policy in self.policies if since <= day][-1]

    def is_limited(self, office: str) -> bool:
        """Whether anything limits how many detainers an office can lodge."""
        return self.capacity_per_day.get(office) is not None

    def capacity(self, office: str, day: date) -> int | None:
        """How many detainers an office can lodge on that day; None where nothing limits it.

        The sum over the days of the run so far is what is rounded down, so that 0.4 a day is two in every five days.
        """
        per_day = self.capacity_per_day.get(office)
        if per_day is None:
            return None
        # As it is written: in floats, 100 days of 0.29 are not quite 29, and the last one would come a day late.
        exact = Fraction(str(per_day))
        days_before = (day - self.opened_on).days
        return floor(exact * (days_before + 1)) - floor(exact * days_before)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case on its office's day list."""

    priority: str
    at: datetime
    subject: str


def triage_facts(data: ImmigrationStatusReturned) -> dict[str, str | int | bool]:
    """What a regime may ask about, from the IAR alone."""
    grave, lesser = count_crimes(data.convictions)
    return {
        "removable": data.removable,
        "charge": data.charge.offense_class,
        "charge_offence": data.charge.ncic,
        "ice_level": level_by_charge_or_conviction(data.charge, data.convictions),
        "crimes_over_one_year": min(grave, MOST_CRIMES),
        "crimes_up_to_one_year": min(lesser, MOST_CRIMES),
        "federal_aggravated_felony": any(conviction.aggravated_felony for conviction in data.convictions),
        "final_order": data.final_order,
        "prior_removal": data.prior_removal,
    }


def judge(data: ImmigrationStatusReturned, came_at: datetime, regime: Regime) -> Decision:
    """The answer, `no_action` or a priority, of the policy that was in force when the IAR came."""
    policy = regime.policy_at(came_at)
    return decide(policy, with_other(triage_facts(data), policy.vocabulary))


def levels_of(data: ImmigrationStatusReturned) -> Levels:
    """The case's level under both readings."""
    return Levels(
        charge_or_conviction=level_by_charge_or_conviction(data.charge, data.convictions),
        conviction=level_by_conviction(data.convictions),
    )


def grounds_of(data: ImmigrationStatusReturned) -> Grounds:
    """Whether convicted, under an order, back after a removal."""
    return Grounds(convicted=bool(data.convictions), final_order=data.final_order, prior_removal=data.prior_removal)


def take(waiting: Iterable[Waiting], capacity: int | None, ranks: Sequence[str]) -> set[str]:
    """Whom an office takes from its day list: the first by priority, then time, then reference.

    Args:
        waiting: the list, in any order.
        capacity: how many it can take; None for all.
        ranks: the priorities, the gravest last, as the vocabulary orders them.
    """
    ordered = sorted(waiting, key=lambda case: (-ranks.index(case.priority), case.at, case.subject))
    return {case.subject for case in ordered[:capacity]}


def comes_when_told(regime: Regime, subject: str, priority: str) -> bool:
    """Whether ICE comes for somebody of that priority whose release it knows of."""
    rates = regime.pickup.told_rate
    return chance(regime.seed, "pickup", subject) < rates.get(priority, rates["otherwise"])


def comes_untold(regime: Regime, subject: str) -> bool:
    """Whether ICE comes for somebody without having been told anything."""
    return chance(regime.seed, "pickup", subject) < regime.pickup.untold_rate


def arrival(regime: Regime, subject: str, release_expected_at: datetime, *, holds: bool) -> datetime:
    """When ICE means to come: to the release itself, or within the hold if the agency holds."""
    if not holds:
        return release_expected_at
    within = timedelta(hours=regime.pickup.within_hours * chance(regime.seed, "arrival", subject))
    return release_expected_at + max(SHORTEST_WAY, _to_the_second(within))


def ending(regime: Regime, subject: str, transferred_at: datetime) -> tuple[str, datetime]:
    """How the case ends, and when."""
    weights = {outcome: share.weight for outcome, share in regime.outcomes.items()}
    outcome = pick(weights, chance(regime.seed, "outcome", subject))
    least, most = regime.outcomes[outcome].days
    days = least + chance(regime.seed, "outcome.days", subject) * (most - least)
    return outcome, transferred_at + _to_the_second(timedelta(days=days))


def _to_the_second(length: timedelta) -> timedelta:
    return timedelta(seconds=int(length.total_seconds()))
