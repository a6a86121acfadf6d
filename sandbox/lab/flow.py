"""From a population to its results: search, triage, cooperation, custody, endings, all in columns."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sandbox.lab.agency import RELEASABLE, Cooperation, Stages, cooperate, first_in_time, stages
from sandbox.lab.days import days_of, midnight_after
from sandbox.lab.ice import LODGED, Triage, triage
from sandbox.lab.matches import Matches, Searches, matches, search
from sandbox.population import NOWHERE, TRUE_STATUSES, People
from sandbox.results import BOOKINGS, CASES, DECISIONS, LEVERS, SEARCHES, Results
from services.biometric_match.records import REMOVABILITIES, STATUSES
from services.booking.domain import REGULATION_HOURS, Place
from services.booking.events import RunOpened, RunSettings
from services.booking.hold_clock import ClockRule, hold_deadline
from services.booking.run import place_of
from services.chassis.envelope import encode
from services.chassis.policy import Decision
from services.detainer import triage as rules
from services.detainer.levels import LEVELS
from services.detainer.run import practice_of, regime_of
from services.detainer.triage import MORNING, Regime

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_HOUR = 3600
_MORNING = int(MORNING.total_seconds())


@dataclass(frozen=True, slots=True, eq=False)
class Custody:
    """How the cases with a detainer on file end. Times are seconds since 1970, `NOWHERE` for never."""

    told: Flags
    claimed: Flags
    held: Flags
    hold_hours: NDArray[np.float64]
    transferred_at: Integers
    released_at: Integers


def simulate(people: People, settings: RunSettings, *, only_on_file: bool = False) -> Results:
    """What a run of these people comes to.

    Args:
        people: all bookings of the run, in order: day lists need everybody.
        settings: what the run is pinned to; its seed and galleries are those of the people.
        only_on_file: search only those of whom IDENT has a record. False matches of strangers, and who is identified
            by the FBI but not matched, are then left out; everything else is the same, in a tenth of the time.

    Raises:
        InteropError: as `decide` does, when a policy contradicts itself in a case that occurs.
    """
    opened = _opened(settings)
    regime, practice, place = regime_of(opened), practice_of(opened), place_of(opened)
    found = search(people, settings, only_on_file=only_on_file)
    matched = matches(people, found, settings)
    triaged = triage(people, matched, regime)

    lodged = triaged.decided == LODGED
    release_at = people.custody["release_at"][matched.index]
    on_file = lodged & (release_at > triaged.lodged_at)
    cases = np.flatnonzero(on_file)
    ahead = stages(people, matched.index[cases], triaged.lodged_at[cases])
    cooperation = cooperate(people, matched, cases, ahead, practice, place, settings.opened_on)
    custody = _custody(people, matched, triaged, cases, ahead, cooperation, regime, place)
    late = np.flatnonzero(lodged & ~on_file)
    came_in_vain = _came_untold(people, matched, late, regime)
    zone = ZoneInfo(settings.time_zone)
    return Results(
        bookings=_bookings_table(people, found, zone, only_on_file=only_on_file),
        cases=_cases_table(
            people, matched, found, triaged, cases, ahead, cooperation, custody, regime, zone, came_in_vain
        ),
    )


def _opened(settings: RunSettings) -> bytes:
    """`run.opened` as the services would read it."""
    data = RunOpened.model_validate({**settings.model_dump(), "disclosures": ()})
    at = datetime.combine(settings.opened_on, time(), ZoneInfo(settings.time_zone)).astimezone(UTC)
    about = settings.opened_on.isoformat()
    return encode(data, identity="lab", runid="lab", subject=about, time=at, tcn=None, cause=None)


def _came_untold(people: People, matched: Matches, cases: Integers, regime: Regime) -> Integers:
    subjects = people.subjects(matched.index[cases])
    comes = np.array([rules.comes_untold(regime, subject) for subject in subjects], np.bool_)
    return cases[comes]


def _custody(
    people: People,
    matched: Matches,
    triaged: Triage,
    cases: Integers,
    ahead: Stages,
    cooperation: Cooperation,
    regime: Regime,
    place: Place,
) -> Custody:
    subjects = people.subjects(matched.index[cases])
    release_at = ahead.at[RELEASABLE]
    told_at, told, holds_then = _told(ahead, cooperation)
    claimed_at = _claims(triaged, cases, subjects, release_at, told_at, told, holds_then, regime)
    claimed = claimed_at != NOWHERE

    takes = cooperation.exercised["transfer"][RELEASABLE]
    at_release = claimed & (claimed_at <= release_at) & takes
    held = cooperation.exercised["hold"][RELEASABLE] & ~at_release
    expires = _expiry(people, matched.index[cases], release_at, held, cooperation, place)
    from_hold = held & claimed & (claimed_at <= expires) & takes

    hand_over = np.maximum(claimed_at, release_at)
    transferred_at = np.select([at_release, from_hold], [release_at, hand_over], NOWHERE)
    released_at = np.select([transferred_at != NOWHERE, held], [NOWHERE, expires], release_at)
    until = np.where(from_hold, hand_over, expires)
    return Custody(
        told=told,
        claimed=claimed,
        held=held,
        hold_hours=_hours(until - release_at, held),
        transferred_at=transferred_at,
        released_at=released_at,
    )


def _hours(seconds: Integers, held: Flags) -> NDArray[np.float64]:
    """Hours to two decimals, rounded as the services round them: numpy's own way differs in the last digit."""
    hours = np.full(len(held), np.nan)
    hours[held] = [round(length / _HOUR, 2) for length in seconds[held].tolist()]
    return hours


def _told(ahead: Stages, cooperation: Cooperation) -> tuple[Integers, Flags, Flags]:
    """When ICE first hears of the release, whether at all, and whether the agency means to hold as it tells."""
    tells = ahead.reached & cooperation.exercised["notify"]
    tells[RELEASABLE] = cooperation.exercised["hold"][RELEASABLE]
    first = first_in_time(ahead.at, tells)
    told: Flags = first != NOWHERE
    columns = np.arange(ahead.at.shape[1])
    return ahead.at[first, columns], told, cooperation.exercised["hold"][first, columns]


def _claims(
    triaged: Triage,
    cases: Integers,
    subjects: Sequence[str],
    release_at: Integers,
    told_at: Integers,
    told: Flags,
    holds_then: Flags,
    regime: Regime,
) -> Integers:
    """When ICE means to come, if it comes: told of the release, or else the morning after the detainer's first day."""
    lodged_at = triaged.lodged_at[cases]
    first_close = midnight_after(days_of(lodged_at, regime.time_zone), regime.time_zone)
    claims = np.full(len(cases), NOWHERE, np.int64)
    columns = zip(
        subjects,
        triaged.priority[cases].tolist(),
        release_at.tolist(),
        told_at.tolist(),
        (told & (told_at < first_close)).tolist(),
        told.tolist(),
        holds_then.tolist(),
        first_close.tolist(),
        strict=True,
    )
    for case, (subject, priority, released, told_then, in_time, ever_told, holds, closed) in enumerate(columns):
        if not in_time and rules.comes_untold(regime, subject):
            claims[case] = closed + _MORNING
        elif ever_told and rules.comes_when_told(regime, subject, priority):
            arrives = rules.arrival(regime, subject, datetime.fromtimestamp(released, UTC), holds=holds)
            claims[case] = max(int(arrives.timestamp()), told_then)
    return claims


def _expiry(
    people: People, index: Integers, release_at: Integers, held: Flags, cooperation: Cooperation, place: Place
) -> Integers:
    """When holds end at the latest, under the policy's hours and clock."""
    zones = [place.zone(ori) for ori in people.scenario.agencies]
    expires = np.full(len(index), NOWHERE, np.int64)
    holidays = frozenset(place.holidays)
    for case in np.flatnonzero(held).tolist():
        decision = cooperation.decided.decisions[cooperation.which[RELEASABLE, case]]
        hours = REGULATION_HOURS if decision.max_hold_hours is None else decision.max_hold_hours
        clock: ClockRule = "straight" if decision.clock == "straight" else "excluding_weekends_and_holidays"
        zone = zones[people.agency[index[case]]]
        expires[case] = _deadline(int(release_at[case]), hours, clock, zone, holidays)
    return expires


@lru_cache(maxsize=200_000)
def _deadline(begins: int, hours: float, clock: ClockRule, zone: ZoneInfo, holidays: Set[date]) -> int:
    """`hold_deadline` in seconds; kept, because a fit asks for the same people over and over."""
    return int(hold_deadline(datetime.fromtimestamp(begins, UTC), hours, clock, zone, holidays).timestamp())


def _bookings_table(people: People, found: Searches, zone: ZoneInfo, *, only_on_file: bool) -> pl.DataFrame:
    searched = np.select([found.error, found.ident_row != NOWHERE], [2, 0], 1)
    identified = pl.Series(found.iafis_row != NOWHERE)
    columns = {
        "number": people.numbers,
        "booked_on": days_of(people.booked_at, zone),
        "charge": people.charge,
        "identified": pl.repeat(None, len(people), dtype=pl.Boolean, eager=True) if only_on_file else identified,
        "searched": _words(SEARCHES, searched),
        "group": _words(("A", "B"), people.group_b),
        "status": _words(TRUE_STATUSES, people.status),
        "in_iafis": people.iafis_row != NOWHERE,
        "in_ident": people.ident_row != NOWHERE,
    }
    return pl.DataFrame(columns).cast(BOOKINGS).select(BOOKINGS.names())


def _cases_table(
    people: People,
    matched: Matches,
    found: Searches,
    triaged: Triage,
    cases: Integers,
    ahead: Stages,
    cooperation: Cooperation,
    custody: Custody,
    regime: Regime,
    zone: ZoneInfo,
    came_in_vain: Integers,
) -> pl.DataFrame:
    index = matched.index
    outcomes, outcome_at = _endings(people, index[cases], custody, regime)
    own_row: Flags = found.ident_row[index] == people.ident_row[index]
    claimed = _spread(custody.claimed, cases, len(index), fill=False)
    claimed[came_in_vain] = True
    columns: dict[str, object] = {
        "number": people.numbers[index],
        "booked_on": days_of(people.booked_at[index], zone),
        "recorded_status": _words(STATUSES, matched.immigration.status),
        "removable": _words(REMOVABILITIES, matched.removable),
        "convicted": matched.convicted,
        "final_order": matched.immigration.final_order,
        "prior_removal": matched.immigration.prior_removal,
        "level_by_charge": _words(LEVELS, matched.level_by_charge),
        "level_by_conviction": _words(LEVELS, matched.level_by_conviction),
        "priority": triaged.priority,
        "decided": _words(DECISIONS, triaged.decided),
        "lodged_on": _days(triaged.lodged_at, zone),
        "on_file": _spread(np.ones(len(cases), np.bool_), cases, len(index), fill=False),
        "told": _spread(custody.told, cases, len(index), fill=False),
        **_levers(ahead, cooperation, cases, len(index)),
        "claimed": claimed,
        "held": _spread(custody.held, cases, len(index), fill=False),
        "hold_hours": pl.Series(_spread(custody.hold_hours, cases, len(index), fill=np.nan)).fill_nan(None),
        "transferred_on": _days(_spread(custody.transferred_at, cases, len(index), fill=NOWHERE), zone),
        "released_on": _days(_spread(custody.released_at, cases, len(index), fill=NOWHERE), zone),
        "outcome": _some(outcomes, cases, len(index)),
        "outcome_on": _days(_spread(outcome_at, cases, len(index), fill=NOWHERE), zone),
        "group": _words(("A", "B"), people.group_b[index]),
        "status": _words(TRUE_STATUSES, people.status[index]),
        "false_match": ~own_row,
        "stale": own_row & people.stale[index],
    }
    return pl.DataFrame(columns).cast(CASES).select(CASES.names())


def _levers(ahead: Stages, cooperation: Cooperation, cases: Integers, count: int) -> dict[str, object]:
    """What was done, and why, at the decision that governs each lever."""
    columns = np.arange(len(cases))
    found: dict[str, object] = {}
    for lever in LEVERS:
        stage = ahead.last_before_release if lever == "notify" else np.full(len(cases), RELEASABLE)
        done = cooperation.exercised[lever][stage, columns]
        which = cooperation.which[stage, columns]
        reasons = np.array(
            [
                [reason(decision, lever, done=used) for used in (False, True)]
                for decision in cooperation.decided.decisions
            ],
            np.object_,
        ).reshape(-1, 2)
        found[lever] = _some(done.tolist(), cases, count)
        found[f"{lever}_why"] = _some(reasons[which, done.astype(np.int64)].tolist(), cases, count)
    return found


def reason(decision: Decision, lever: str, *, done: bool) -> str:
    """The policy's word on the lever, what the agency made of it, and the clauses that applied."""
    word = decision.answers[lever]
    if word == "silent":
        return "silent: " + ("done, as is usual" if done else "not done, as is usual")
    clauses = ", ".join(ground.clause for ground in decision.because if lever in ground.levers)
    used = {"may": " used" if done else " not used"}.get(word, "")
    return f"{word}{used}: {clauses}"


def _endings(people: People, index: Integers, custody: Custody, regime: Regime) -> tuple[list[str | None], Integers]:
    outcomes: list[str | None] = [None] * len(index)
    ended_at = np.full(len(index), NOWHERE, np.int64)
    transferred = np.flatnonzero(custody.transferred_at != NOWHERE)
    subjects = people.subjects(index[transferred])
    for case, subject in zip(transferred.tolist(), subjects, strict=True):
        at = datetime.fromtimestamp(int(custody.transferred_at[case]), UTC)
        outcome, ends_at = rules.ending(regime, subject, at)
        outcomes[case] = outcome
        ended_at[case] = int(ends_at.timestamp())
    return outcomes, ended_at


def _spread(values: NDArray[np.generic], cases: Integers, count: int, *, fill: object) -> NDArray[np.generic]:
    """Values of some matches as a column of all."""
    column = np.full(count, fill, values.dtype)
    column[cases] = values
    return column


def _some(values: Sequence[object], cases: Integers, count: int) -> list[object]:
    column: list[object] = [None] * count
    for case, value in zip(cases.tolist(), values, strict=True):
        column[case] = value
    return column


def _words(words: Sequence[str], places: NDArray[np.generic]) -> pl.Series:
    return pl.Series(np.asarray(places).astype(np.int64)).replace_strict(
        list(range(len(words))), list(words), return_dtype=pl.String
    )


def _days(moments: NDArray[np.generic], zone: ZoneInfo) -> pl.Series:
    never = moments == NOWHERE
    days = days_of(np.where(never, 0, moments).astype(np.int64), zone)
    days[never] = np.datetime64("NaT")
    return pl.Series(days)
