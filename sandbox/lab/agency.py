"""The agency's side for columns: what it decides at each stage of custody, as `services.booking.domain` has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sandbox.lab.cells import Decided, Fact, Value, decide_all
from sandbox.lab.days import days_of
from sandbox.lab.matches import Matches, conviction_lines
from sandbox.population import NOWHERE, People
from sandbox.results import LEVERS
from services.biometric_match.offenses import OFFENSES
from services.booking.domain import CONVICTION_FACTS, MILESTONES, OLDEST_YEARS, Place
from services.chassis.chance import chance
from services.detainer.cooperation import Practice

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

ON_FILE, RELEASABLE = 0, 1 + len(MILESTONES)
STAGES = RELEASABLE + 1
"""Stages of a case as columns: the detainer goes on file, the milestones in their order, releasable."""

YES_NO = (False, True)
NEVER = OLDEST_YEARS + 1
AGES: Sequence[int | None] = (*range(NEVER), None)


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """The stages of cases with a detainer on file, `[stage, case]`: when each is reached, `NOWHERE` if it is not."""

    at: Integers

    @property
    def reached(self) -> Flags:
        """Which stages a case goes through."""
        happens: Flags = self.at != NOWHERE
        return happens

    @property
    def last_before_release(self) -> Integers:
        """The stage whose answer governs notice."""
        return last_in_time(self.at[:RELEASABLE])


@dataclass(frozen=True, slots=True, eq=False)
class Cooperation:
    """What the agency does at each stage, `[stage, case]` for each lever, and on what decision that rests."""

    decided: Decided
    which: Integers
    """The decision of each stage and case; meaningless where the stage is not reached."""

    exercised: Mapping[str, Flags]


def stages(people: People, index: Integers, lodged_at: Integers) -> Stages:
    """The stages that lie ahead when a detainer goes on file."""
    release_at = people.custody["release_at"][index]
    milestones = [people.custody[name][index] for name in MILESTONES.values()]
    ahead = [np.where((at > lodged_at) & (at <= release_at), at, NOWHERE) for at in milestones]
    return Stages(np.stack([lodged_at, *ahead, release_at]))


def last_in_time(at: Integers) -> Integers:
    """The stage that is reached last, of those that are; of several at one moment the last in order."""
    last: Integers = len(at) - 1 - at[::-1].argmax(axis=0)
    return last


def first_in_time(at: Integers, chosen: Flags) -> Integers:
    """The earliest of the chosen stages; `NOWHERE` where none is chosen."""
    never = np.iinfo(np.int64).max
    moments = np.where(chosen, at, never)
    return np.where(chosen.any(axis=0), moments.argmin(axis=0), NOWHERE)


def cooperate(
    people: People, matched: Matches, cases: Integers, ahead: Stages, practice: Practice, place: Place, opened_on: date
) -> Cooperation:
    """Ask the policy at every stage of every case.

    Args:
        people: the population.
        matched: its matches.
        cases: which matches have a detainer on file.
        ahead: their stages.
        practice: the agency's policy and habits.
        place: its agencies and their clocks.
        opened_on: the day on which the run opens, from which the ages of convictions count.
    """
    stage, column = np.nonzero(ahead.reached)
    facts = _facts(people, matched, cases[column], ahead.at[stage, column], place, opened_on)
    decided = decide_all(practice.policy, facts, len(stage))
    which = np.zeros(ahead.at.shape, np.int64)
    which[stage, column] = decided.which
    draws = _discretion(people, matched.index[cases], decided, practice)
    return Cooperation(decided, which, {lever: _exercised(lever, decided, which, practice, draws) for lever in LEVERS})


def _exercised(
    lever: str, decided: Decided, which: Integers, practice: Practice, draws: Mapping[str, NDArray[np.float64]]
) -> Flags:
    words = np.array([decision.answers[lever] for decision in decided.decisions])[which]
    used = draws[lever] < practice.discretion[lever]
    chosen: Flags = np.select(
        [words == "must", words == "must_not", words == "may"],
        [True, False, np.broadcast_to(used, words.shape)],
        practice.silence[lever],
    ).astype(np.bool_)
    return chosen


def _discretion(
    people: People, index: Integers, decided: Decided, practice: Practice
) -> dict[str, NDArray[np.float64]]:
    """The one draw for each lever and case with which an agency uses what it may; made only for levers it may use."""
    subjects = people.subjects(index)
    drawn: dict[str, NDArray[np.float64]] = {}
    for lever in LEVERS:
        asked = any(decision.answers[lever] == "may" for decision in decided.decisions)
        drawn[lever] = (
            np.array([chance(practice.seed, f"discretion.{lever}", subject) for subject in subjects])
            if asked
            else np.zeros(len(index))
        )
    return drawn


def _facts(
    people: People, matched: Matches, cases: Integers, at: Integers, place: Place, opened_on: date
) -> dict[str, Fact]:
    """What `domain.policy_facts` tells of one case at one moment."""
    index = matched.index[cases]
    charges = people.scenario.charges
    charge = people.charge[index].astype(np.int64)
    facts = {
        "charge": Fact(charge, [share.offense_class for share in charges]),
        "charge_offence": Fact(charge, [share.ncic for share in charges]),
        "charge_is_domestic_violence": Fact(charge, [share.domestic_violence for share in charges]),
        "charge_is_minor_traffic": Fact(charge, [share.minor_traffic for share in charges]),
        "charge_filed": _happened(people.custody["charge_filed_at"][index], at),
        "held_to_answer": _happened(people.custody["held_to_answer_at"][index], at),
        "bond_posted": _happened(people.custody["bond_posted_at"][index], at),
        "lawful_status_proof": Fact(people.lawful_status_proof[index].astype(np.int64), YES_NO),
        "federal_aggravated_felony": Fact(matched.aggravated_felony[cases].astype(np.int64), YES_NO),
        "request_form": Fact(np.zeros(len(index), np.int64), ["I-247"]),
    }
    agency = people.agency[index].astype(np.int64)
    told = [place.agencies[ori].facts for ori in people.scenario.agencies]
    for name in {name for row in told for name in row}:
        values: list[Value | None] = [row.get(name) for row in told]
        facts[name] = Fact(agency, values)
    return facts | _ages(people, matched, cases, agency, at, place, opened_on)


def _happened(moment: Integers, at: Integers) -> Fact:
    return Fact(((moment != NOWHERE) & (moment <= at)).astype(np.int64), YES_NO)


def _ages(
    people: People, matched: Matches, cases: Integers, agency: Integers, at: Integers, place: Place, opened_on: date
) -> dict[str, Fact]:
    """Years since the last conviction of each kind, rounded up; nobody knows any where there is none."""
    zones = [place.zone(ori) for ori in people.scenario.agencies]
    today = np.empty(len(at), "datetime64[D]")
    for which, zone in enumerate(zones):
        today[agency == which] = days_of(at[agency == which], zone)
    convicted_on = np.datetime64(opened_on, "D") - matched.criminal.days_ago[:, cases].astype("timedelta64[D]")
    years = _years(convicted_on, today)
    lines = conviction_lines(matched)[:, cases]
    offenses = matched.criminal.offenses[:, cases]
    ages: dict[str, Fact] = {}
    for fact, classes in CONVICTION_FACTS.items():
        counts = np.array([offense.offense_class in classes for offense in OFFENSES])[offenses] & lines
        ages[fact] = Fact(np.where(counts, years, NEVER).min(axis=0).astype(np.int64), AGES)
    return ages


def _years(since: NDArray[np.datetime64], on: NDArray[np.datetime64]) -> Integers:
    """Whole years, rounded up, as `domain.policy_facts` counts them."""
    whole = on.astype("datetime64[Y]").astype(np.int64) - since.astype("datetime64[Y]").astype(np.int64)
    begun = _day_of_year(on) > _day_of_year(since)
    return np.clip(whole + begun, 0, OLDEST_YEARS)


def _day_of_year(days: NDArray[np.datetime64]) -> Integers:
    """Month and day as one number that orders them."""
    months = days.astype("datetime64[M]")
    day: Integers = (days - months.astype("datetime64[D]")).astype(np.int64)
    return (months.astype(np.int64) % 12) * 100 + day
