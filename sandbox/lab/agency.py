"""The agency's side for columns: what it decides at each stage of custody, as `services.booking.domain` has them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sandbox.lab.cells import Codes, Decided, Fact, Value, decide_all, offences
from sandbox.lab.days import days_of
from sandbox.lab.matches import Matches, conviction_lines
from sandbox.population import NOWHERE, People
from sandbox.results import LEVERS
from services.biometric_match.offenses import OFFENSES
from services.booking.domain import (
    CONVICTION_FACTS,
    GRAVEST_FIRST,
    HOMICIDE,
    MILESTONES,
    OLDEST_YEARS,
    RELEASE_FACT,
    Place,
)
from services.chassis.policy import Policy, Vocabulary
from services.detainer.cooperation import Practice

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

ON_FILE, RELEASABLE = 0, 1 + len(MILESTONES)
STAGES = RELEASABLE + 1
"""Stages of a case as columns: the detainer goes on file, the milestones in their order, releasable."""

WORDS = ("must_not", "may", "must", "silent")
MUST_NOT, MAY, MUST, SILENT = range(len(WORDS))

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
class Questions:
    """What the agency knows at every stage of every case: whatever policy is asked, it is asked this."""

    stage: Integers
    case: Integers
    facts: Mapping[str, Fact]
    cases: int


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a policy says at each stage, `[stage, case]`, and on what decision that rests."""

    decided: Decided
    which: Integers
    """The decision of each stage and case; meaningless where the stage is not reached."""

    def words(self, lever: str) -> Codes:
        """The answers on one lever, as places in `WORDS`."""
        by_decision = np.array([WORDS.index(each.answers[lever]) for each in self.decided.decisions], np.uint8)
        said: Codes = by_decision[self.which]
        return said

    @property
    def leaves_room(self) -> bool:
        """Whether the agency may choose anywhere."""
        return any("may" in decision.answers.values() for decision in self.decided.decisions)


@dataclass(frozen=True, slots=True, eq=False)
class Cooperation:
    """What the agency does at each stage, `[stage, case]` for each lever, and what its policy says of it."""

    answers: Answers
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


def questions(
    people: People,
    matched: Matches,
    cases: Integers,
    ahead: Stages,
    place: Place,
    opened_on: date,
    vocabulary: Vocabulary,
) -> Questions:
    """What a policy is asked.

    Args:
        people: the population.
        matched: its matches.
        cases: which matches have a detainer on file.
        ahead: their stages.
        place: its agencies and their clocks.
        opened_on: the day on which the run opens, from which the ages of convictions count.
        vocabulary: the words of the policies.
    """
    stage, case = np.nonzero(ahead.reached)
    facts = _facts(people, matched, cases[case], ahead.at[stage, case], place, opened_on, vocabulary)
    return Questions(stage, case, facts, len(cases))


def ask(policy: Policy, asked: Questions) -> Answers:
    """Ask the policy at every stage of every case."""
    decided = decide_all(policy, asked.facts, len(asked.stage))
    which = np.zeros((STAGES, asked.cases), np.int64)
    which[asked.stage, asked.case] = decided.which
    return Answers(decided, which)


def exercise(answers: Answers, practice: Practice, drawn: Callable[[str], NDArray[np.float64]]) -> Cooperation:
    """What the agency does with the answers: `services.detainer.cooperation.exercise`.

    Args:
        answers: what its policy says.
        practice: its habits.
        drawn: the one draw for each case with which it uses what it may, by lever.
    """
    return Cooperation(answers, {lever: _exercised(lever, answers, practice, drawn) for lever in LEVERS})


def _exercised(lever: str, answers: Answers, practice: Practice, drawn: Callable[[str], NDArray[np.float64]]) -> Flags:
    words = answers.words(lever)
    done: Flags = (words == MUST) | ((words == SILENT) & practice.silence[lever])
    may = words == MAY
    return done | (may & (drawn(lever) < practice.discretion[lever])) if may.any() else done


def _facts(
    people: People,
    matched: Matches,
    cases: Integers,
    at: Integers,
    place: Place,
    opened_on: date,
    vocabulary: Vocabulary,
) -> dict[str, Fact]:
    """What `domain.policy_facts` tells of one case at one moment."""
    index = matched.index[cases]
    charges = people.scenario.charges
    charge = people.charge[index]
    facts = {
        "charge": Fact(charge, [share.offense_class for share in charges]),
        "charge_offence": Fact(charge, offences(charges, vocabulary)),
        "charge_is_domestic_violence": Fact(charge, [share.domestic_violence for share in charges]),
        "charge_is_minor_traffic": Fact(charge, [share.minor_traffic for share in charges]),
        "charge_filed": _happened(people.custody["charge_filed_at"][index], at),
        "held_to_answer": _happened(people.custody["held_to_answer_at"][index], at),
        "bond_posted": _happened(people.custody["bond_posted_at"][index], at),
        "lawful_status_proof": Fact(people.lawful_status_proof[index].astype(np.uint8), YES_NO),
        "homicide_conviction": Fact(_homicide(matched, cases), YES_NO),
        "federal_aggravated_felony": Fact(matched.aggravated_felony[cases].astype(np.uint8), YES_NO),
        "request_form": Fact(np.zeros(len(index), np.uint8), ["I-247"]),
    }
    agency = people.agency[index]
    told = [place.agencies[ori].facts for ori in people.scenario.agencies]
    for name in {name for row in told for name in row}:
        values: list[Value | None] = [row.get(name) for row in told]
        facts[name] = Fact(agency, values)
    return facts | _ages(people, matched, cases, agency, at, place, opened_on)


def _happened(moment: Integers, at: Integers) -> Fact:
    return Fact(((moment != NOWHERE) & (moment <= at)).astype(np.uint8), YES_NO)


def _ages(
    people: People, matched: Matches, cases: Integers, agency: Codes, at: Integers, place: Place, opened_on: date
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
        ages[fact] = Fact(np.where(counts, years, NEVER).min(axis=0).astype(np.uint8), AGES)
    graveness = np.where(lines, _GRAVENESS[offenses], len(GRAVEST_FIRST))
    imprisoned = matched.criminal.days_imprisoned[:, cases]
    let_go = (graveness == graveness.min(axis=0)) & lines & (imprisoned >= 0)
    since_release = _years(convicted_on + imprisoned.astype("timedelta64[D]"), today)
    ages[RELEASE_FACT] = Fact(np.where(let_go, since_release, NEVER).min(axis=0).astype(np.uint8), AGES)
    return ages


def _homicide(matched: Matches, cases: Integers) -> Codes:
    convicted = conviction_lines(matched)[:, cases] & _IS_HOMICIDE[matched.criminal.offenses[:, cases]]
    some: Codes = convicted.any(axis=0).astype(np.uint8)
    return some


_GRAVENESS = np.array([GRAVEST_FIRST.index(offense.offense_class) for offense in OFFENSES])
_IS_HOMICIDE = np.array([offense.ncic.startswith(HOMICIDE) for offense in OFFENSES])


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
