"""How the cases with a detainer on file end, under what the agency does."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.lab.agency import RELEASABLE, Cooperation, first_in_time
from sandbox.lab.chances import HOUR
from sandbox.lab.docket import Docket
from sandbox.population import NOWHERE
from services.booking.domain import REGULATION_HOURS
from services.booking.hold_clock import ClockRule
from services.detainer.triage import MORNING

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_MORNING = int(MORNING.total_seconds())


@dataclass(frozen=True, slots=True, eq=False)
class Custody:
    """How each case ends. Times are seconds since 1970, `NOWHERE` for never."""

    notices: Integers
    """How often the agency tells ICE of the release, the beginning of a hold included."""

    claimed: Flags
    held: Flags
    hold_hours: NDArray[np.float64]
    """To two decimals; NaN where nobody was held."""

    transferred_at: Integers
    released_at: Integers
    outcome: Integers
    """A place in `Regime.outcomes`, `NOWHERE` where nobody was transferred."""

    outcome_at: Integers

    @property
    def told(self) -> Flags:
        """Whether ICE heard of the release at all."""
        heard: Flags = self.notices > 0
        return heard

    @property
    def transferred(self) -> Flags:
        """Who came into ICE's custody."""
        handed_over: Flags = self.transferred_at != NOWHERE
        return handed_over


def custody_of(docket: Docket, cooperation: Cooperation) -> Custody:
    """What the agency's answers come to, with what ICE does."""
    release_at, coming = docket.release_at, docket.coming
    holds, takes = (cooperation.exercised[lever][RELEASABLE] for lever in ("hold", "transfer"))
    tells = docket.ahead.reached & cooperation.exercised["notify"]
    tells[RELEASABLE] = holds
    claimed_at = _claims(docket, cooperation, tells)
    claimed = claimed_at != NOWHERE

    at_release = claimed & (claimed_at <= release_at) & takes
    held = holds & ~at_release
    expires = np.where(held, _expiry(docket, cooperation), NOWHERE)
    from_hold = held & claimed & (claimed_at <= expires) & takes

    hand_over = np.maximum(claimed_at, release_at)
    transferred_at = np.select([at_release, from_hold], [release_at, hand_over], NOWHERE)
    transferred = at_release | from_hold
    return Custody(
        notices=tells.sum(axis=0),
        claimed=claimed,
        held=held,
        hold_hours=_hours(np.where(from_hold, hand_over, expires) - release_at, held),
        transferred_at=transferred_at,
        released_at=np.select([transferred, held], [NOWHERE, expires], release_at),
        outcome=np.where(transferred, coming.outcome, NOWHERE),
        outcome_at=np.where(transferred, transferred_at + coming.lasts, NOWHERE),
    )


def _claims(docket: Docket, cooperation: Cooperation, tells: Flags) -> Integers:
    """When ICE means to come, if it comes: told of the release, or else the morning after the detainer's first day."""
    at, coming = docket.ahead.at, docket.coming
    first = first_in_time(at, tells)
    told = first != NOWHERE
    columns = np.arange(at.shape[1])
    told_at, holds = at[first, columns], cooperation.exercised["hold"][first, columns]

    unannounced = coming.comes_untold & ~(told & (told_at < docket.first_close))
    announced = coming.comes_told & told
    arrives = np.maximum(docket.release_at + np.where(holds, coming.way, 0), told_at)
    return np.select([unannounced, announced], [docket.first_close + _MORNING, arrives], NOWHERE)


def _expiry(docket: Docket, cooperation: Cooperation) -> Integers:
    """When holds end at the latest, under the policy's hours and clock."""
    limits = [_limit(each.max_hold_hours, each.clock) for each in cooperation.answers.decided.decisions]
    which = cooperation.answers.which[RELEASABLE]
    expires = np.full(len(which), NOWHERE, np.int64)
    for limit in dict.fromkeys(limits):
        under = np.array([each == limit for each in limits], np.bool_)[which]
        expires = np.where(under, docket.deadline(*limit), expires)
    return expires


def _limit(hours: float | None, clock: str | None) -> tuple[float, ClockRule]:
    rule: ClockRule = "straight" if clock == "straight" else "excluding_weekends_and_holidays"
    return REGULATION_HOURS if hours is None else hours, rule


def _hours(seconds: Integers, held: Flags) -> NDArray[np.float64]:
    """Hours to two decimals, rounded as the services round them: numpy's own way differs in the last digit."""
    hours = np.full(len(held), np.nan)
    lengths, which = np.unique(seconds[held], return_inverse=True)
    hours[held] = np.array([round(length / HOUR, 2) for length in lengths.tolist()], np.float64)[which]
    return hours
