"""What the lab found, as the two tables that every way of running ends in."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sandbox.lab.agency import RELEASABLE, Cooperation
from sandbox.lab.custody import Custody
from sandbox.lab.days import days_of
from sandbox.lab.docket import Docket
from sandbox.lab.matches import Searches
from sandbox.population import NOWHERE, TRUE_STATUSES, People
from sandbox.results import BOOKINGS, CASES, DECISIONS, HANDLED, LEVERS, SEARCHES, reason_in_words
from sandbox.sharing import SHARED, handled_of
from services.biometric_match.records import REMOVABILITIES, STATUSES
from services.chassis.policy import Decision
from services.detainer.levels import LEVELS

Integers = NDArray[np.int64]


def bookings_table(people: People, found: Searches, zone: ZoneInfo, *, only_on_file: bool) -> pl.DataFrame:
    """One row for every booking."""
    kinds = {
        NOWHERE: found.reach < SHARED,
        SEARCHES.index("error"): found.error,
        SEARCHES.index("match"): found.ident_row != NOWHERE,
        SEARCHES.index("known_encounter"): found.known_to_ident != NOWHERE,
    }
    searched = np.select(list(kinds.values()), list(kinds), SEARCHES.index("no_match"))
    by_row = found.iafis_row != NOWHERE
    of_iafis = {
        "identified": by_row | (found.known_to_iafis != NOWHERE),
        # Whoever is known by an enrolment is known by their own (`enrolling.ByPerson`).
        "misidentified": by_row & (found.iafis_row != people.iafis_row),
    }
    unknown = pl.repeat(None, len(people), dtype=pl.Boolean, eager=True)
    columns = {
        "number": people.numbers,
        "booked_on": days_of(people.booked_at, zone),
        "charge": people.charge,
        "handled": _words(HANDLED, handled_of(found.reach)),
        **(dict.fromkeys(of_iafis, unknown) if only_on_file else of_iafis),
        "searched": _words(SEARCHES, searched),
        "group": _words(("A", "B"), people.group_b),
        "status": _words(TRUE_STATUSES, people.status),
        "in_iafis": people.iafis_row != NOWHERE,
        "in_ident": people.ident_row != NOWHERE,
    }
    return pl.DataFrame(columns).cast(BOOKINGS).select(BOOKINGS.names())


def matches_table(docket: Docket) -> pl.DataFrame:
    """One row for every match, with the columns of it that no policy changes."""
    people, matched, triaged = docket.people, docket.matched, docket.triaged
    index, zone = matched.index, ZoneInfo(docket.settings.time_zone)
    on_file = np.zeros(len(index), np.bool_)
    on_file[docket.cases] = True
    own_row = docket.found.ident_row[index] == people.ident_row[index]
    columns = {
        "number": people.numbers[index],
        "booked_on": days_of(people.booked_at[index], zone),
        "recorded_status": _words(STATUSES, matched.immigration.status),
        "removable": _words(REMOVABILITIES, matched.removable),
        "convicted": matched.convicted,
        "final_order": matched.immigration.final_order,
        "prior_removal": matched.immigration.prior_removal,
        "level_by_charge": _words(LEVELS, matched.level_by_charge),
        "level_by_conviction": _words(LEVELS, matched.level_by_conviction),
        "priority": _words(docket.regime.ranks, triaged.priority),
        "decided": _words(DECISIONS, triaged.decided),
        "lodged_on": _days(triaged.lodged_at, zone),
        "on_file": on_file,
        "group": _words(("A", "B"), people.group_b[index]),
        "status": _words(TRUE_STATUSES, people.status[index]),
        "false_match": ~own_row,
        "stale": own_row & people.stale[index],
    }
    table = pl.DataFrame(columns)
    return table.cast({name: kind for name, kind in CASES.items() if name in columns})


def cases_table(docket: Docket, table: pl.DataFrame, cooperation: Cooperation, custody: Custody) -> pl.DataFrame:
    """One row for every match, complete.

    Args:
        docket: the cases.
        table: `matches_table` of them.
        cooperation: what the agency does.
        custody: what comes of it.
    """
    count, zone = len(docket.matched.index), ZoneInfo(docket.settings.time_zone)

    def spread(values: NDArray[np.generic], fill: object) -> NDArray[np.generic]:
        """Values of the cases as a column of all matches."""
        column = np.full(count, fill, values.dtype)
        column[docket.cases] = values
        return column

    claimed = spread(custody.claimed, fill=False)
    claimed[docket.came_in_vain] = np.True_
    done, why = _levers(docket, cooperation)
    columns = {
        "told": spread(custody.told, fill=False),
        **{lever: _words((False, True), spread(used, NOWHERE)) for lever, used in done.items()},
        **{f"{lever}_why": _words(reasons, spread(which, NOWHERE)) for lever, (reasons, which) in why.items()},
        "claimed": claimed,
        "held": spread(custody.held, fill=False),
        "hold_hours": pl.Series(spread(custody.hold_hours, np.nan)).fill_nan(None),
        "transferred_on": _days(spread(custody.transferred_at, NOWHERE), zone),
        "released_on": _days(spread(custody.released_at, NOWHERE), zone),
        "outcome": _words(list(docket.regime.outcomes), spread(custody.outcome, NOWHERE)),
        "outcome_on": _days(spread(custody.outcome_at, NOWHERE), zone),
    }
    found = pl.DataFrame(columns).cast({name: CASES[name] for name in columns})
    return table.hstack(found.get_columns()).select(CASES.names())


def _levers(
    docket: Docket, cooperation: Cooperation
) -> tuple[dict[str, Integers], dict[str, tuple[list[str], Integers]]]:
    """What was done, and why, at the decision that governs each lever."""
    columns = np.arange(len(docket.cases))
    answers = cooperation.answers
    done: dict[str, Integers] = {}
    why: dict[str, tuple[list[str], Integers]] = {}
    for lever in LEVERS:
        stage = docket.ahead.last_before_release if lever == "notify" else np.full(len(columns), RELEASABLE)
        done[lever] = cooperation.exercised[lever][stage, columns].astype(np.int64)
        reasons = [
            reason(decision, lever, done=used) for decision in answers.decided.decisions for used in (False, True)
        ]
        why[lever] = reasons, 2 * answers.which[stage, columns] + done[lever]
    return done, why


def reason(decision: Decision, lever: str, *, done: bool) -> str:
    """What a decision says of a lever, as `reason_in_words` has it."""
    clauses = (ground.clause for ground in decision.because if lever in ground.levers)
    return reason_in_words(decision.answers[lever], clauses, done=done)


def _words(words: Sequence[str | bool], places: NDArray[np.generic]) -> pl.Series:
    """The words at these places; null where the place is `NOWHERE`."""
    known = pl.Series([*words, None], dtype=pl.Boolean if True in words else pl.String)
    return known.gather(np.where(places == NOWHERE, len(words), places).astype(np.uint32))


def _days(moments: NDArray[np.generic], zone: ZoneInfo) -> pl.Series:
    never = moments == NOWHERE
    days = days_of(np.where(never, 0, moments).astype(np.int64), zone)
    days[never] = np.datetime64("NaT")
    return pl.Series(days)
