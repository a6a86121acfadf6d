"""Custody: the stages that a person with a detainer on file goes through, and who governs each of them.

The policy's answer as of `releasable` governs the hold, the one before release governs notice, and the one at
pick-up governs transfer. Everything compares event times; nothing depends on the order of arrival.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.booking.events import (
    AgencySeen,
    Charge,
    ConvictionSeen,
    CooperationDecided,
    CustodyPlan,
    Handled,
    IdentificationReturned,
    Papers,
    Stage,
)
from services.booking.hold_clock import hold_deadline
from services.chassis.effects import Case
from services.chassis.policy import Policy, decide
from services.chassis.policy.other import with_other

Custody = Literal["in_custody", "on_hold", "transferred", "released"]

DECISION_STAGES: frozenset[Stage] = frozenset(
    {"detainer_on_file", "charged", "held_to_answer", "bond_posted", "disposed", "releasable", "hold_started"}
)
"""The stages at which the agency is asked what it does about the detainer."""


REGULATION_HOURS = 48.0
"""How long a hold may last where the policy names no hours: 8 CFR 287.7(d)."""


class Answer(BaseModel):
    """What the agency decided at one stage, as booking keeps it."""

    model_config = ConfigDict(frozen=True)

    transfer: bool = False
    hold: bool = False
    max_hold_hours: float | None = None
    hold_clock: Literal["excluding_weekends_and_holidays", "straight"] = "excluding_weekends_and_holidays"


class BookingCase(Case):
    """What the agency remembers about one booking: only what it knows, never what others keep to themselves."""

    ori: str
    oca: str
    label: str
    booked_at: AwareDatetime
    charge: Charge
    papers: Papers = Papers()
    plan: CustodyPlan
    handled: Handled = "submitted"
    identification: IdentificationReturned | None = None
    second_response: str | None = None
    detainer_at: AwareDatetime | None = None
    detainer_form: str | None = None
    on_file: bool = False
    custody: Custody = "in_custody"
    reached: AwareDatetime | None = None
    reached_place: int = 0
    releasable: bool = False
    sequence: int = 0
    answers: dict[int, Answer] = Field(default_factory=dict)
    claimed_at: AwareDatetime | None = None
    hold_started_at: AwareDatetime | None = None
    hold_expires_at: AwareDatetime | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What booking's rules need of a run: its agencies, the days that do not count, whose midnight ends a day.

    `sharing` says how far prints go; None submits everything, as was the rule.
    """

    agencies: Mapping[str, AgencySeen]
    holidays: Set[date]
    day_zone: ZoneInfo
    sharing: Policy | None = None

    def zone(self, ori: str) -> ZoneInfo:
        """The time zone of an agency."""
        return ZoneInfo(self.agencies[ori].time_zone)


@dataclass(frozen=True, slots=True)
class Step:
    """One stage reached, at a time."""

    stage: Stage
    at: datetime


def how_far(charge: Charge, papers: Papers, ori: str, place: Place) -> Handled:
    """How far the agency lets the prints of somebody go whom it has just arrested, by all that it knows then.

    Whether a submission is relayed to DHS is not the agency's to say: the federal side asks the policy for itself.
    """
    if place.sharing is None:
        return "submitted"
    facts = {**_facts_of_arrest(charge, papers), **place.agencies[ori].facts}
    return _HANDLED[decide(place.sharing, with_other(facts, place.sharing.vocabulary)).answer]


_HANDLED: Mapping[str, Handled] = {"cite": "cited", "keep": "kept", "submit": "submitted", "share": "submitted"}


def is_too_late(case: BookingCase, lodged_at: datetime) -> bool:
    """Whether the person had walked out by the time the detainer came: without one, release is release."""
    return case.plan.release_at <= lodged_at


def put_on_file(case: BookingCase, lodged_at: datetime) -> tuple[BookingCase, Step]:
    """The detainer is on file from the moment that it was lodged."""
    # What happened up to and at this moment is in the facts of this stage, and no stage of its own.
    update = {"on_file": True, "reached": lodged_at, "reached_place": len(MILESTONES), "sequence": 1}
    case = case.model_copy(update=update)
    return _awake(case), Step("detainer_on_file", lodged_at)


def move(case: BookingCase, place: Place) -> tuple[BookingCase, list[Step]]:
    """The next stage of a case that is due. One stage at a time, so that its answers arrive before the next."""
    if case.custody == "on_hold":
        return _end_hold(case)
    if case.releasable:
        return _settle_release(case, place)
    place_in_order, step = next(_stages_ahead(case))
    update = {
        "reached": step.at,
        "reached_place": place_in_order,
        "sequence": case.sequence + 1,
        "releasable": step.stage == "releasable",
    }
    return _awake(case.model_copy(update=update)), [step]


def claim(case: BookingCase, at: datetime) -> BookingCase:
    """ICE comes at `at`. Of several claims the earliest counts, in whatever order they arrive."""
    earliest = at if case.claimed_at is None else min(at, case.claimed_at)
    return _awake(case.model_copy(update={"claimed_at": earliest}))


def answer(case: BookingCase, decided: CooperationDecided) -> BookingCase:
    """What the agency decided at a stage."""
    kept = Answer(
        transfer=decided.exercised.get("transfer", False),
        hold=decided.exercised.get("hold", False),
        max_hold_hours=decided.max_hold_hours,
        hold_clock=decided.hold_clock,
    )
    return case.model_copy(update={"answers": {**case.answers, decided.sequence: kept}})


def _settle_release(case: BookingCase, place: Place) -> tuple[BookingCase, list[Step]]:
    at = case.plan.release_at
    governing = _answer_to_stage_reached(case)
    if case.claimed_at is not None and case.claimed_at <= at and governing.transfer:
        return _finish(case, "transferred", [Step("transferred", at)])
    if not governing.hold:
        return _finish(case, "released", [Step("released", at)])
    hours = REGULATION_HOURS if governing.max_hold_hours is None else governing.max_hold_hours
    expires = hold_deadline(at, hours, governing.hold_clock, place.zone(case.ori), place.holidays)
    update = {
        "custody": "on_hold",
        "reached": at,
        "hold_started_at": at,
        "hold_expires_at": expires,
        "sequence": case.sequence + 1,
    }
    return _awake(case.model_copy(update=update)), [Step("hold_started", at)]


def _end_hold(case: BookingCase) -> tuple[BookingCase, list[Step]]:
    expires = _known(case.hold_expires_at)
    claimed = case.claimed_at
    if claimed is None or claimed > expires:
        return _finish(case, "released", [Step("hold_expired", expires), Step("released", expires)])
    if _answer_to_stage_reached(case).transfer:
        return _finish(case, "transferred", [Step("transferred", max(claimed, _known(case.hold_started_at)))])
    # The officer is turned away; the hold goes on to its end.
    return _awake(case.model_copy(update={"claimed_at": None})), []


def _finish(case: BookingCase, custody: Custody, steps: list[Step]) -> tuple[BookingCase, list[Step]]:
    update = {"custody": custody, "reached": steps[-1].at, "sequence": case.sequence + len(steps), "wake_at": None}
    return case.model_copy(update=update), steps


def _answer_to_stage_reached(case: BookingCase) -> Answer:
    # Where a decision never came (it lies among the dead letters), nothing authorises the agency to act.
    return case.answers.get(case.sequence - 1, Answer())


def _awake(case: BookingCase) -> BookingCase:
    return case.model_copy(update={"wake_at": _next_look(case)})


def _next_look(case: BookingCase) -> datetime | None:
    if not case.on_file or case.custody in ("transferred", "released"):
        return None
    if case.custody == "on_hold":
        expires = _known(case.hold_expires_at)
        if case.claimed_at is None:
            return expires
        return max(min(case.claimed_at, expires), _known(case.hold_started_at))
    if case.releasable:
        return case.plan.release_at
    return next(_stages_ahead(case))[1].at


def _stages_ahead(case: BookingCase) -> Iterator[tuple[int, Step]]:
    """What the criminal case still holds, each with its place in the order of things; `releasable` comes last."""
    reached = (_known(case.reached), case.reached_place)
    release_at = case.plan.release_at
    planned: list[tuple[datetime, int, Stage]] = []
    for place_in_order, (stage, field) in enumerate(MILESTONES.items()):
        at: datetime | None = getattr(case.plan, field)
        if at is not None and reached < (at, place_in_order) and at <= release_at:
            planned.append((at, place_in_order, stage))
    yield from ((place_in_order, Step(stage, at)) for at, place_in_order, stage in sorted(planned))
    yield len(MILESTONES), Step("releasable", release_at)


MILESTONES: Mapping[Stage, str] = {
    "charged": "charge_filed_at",
    "held_to_answer": "held_to_answer_at",
    "bond_posted": "bond_posted_at",
    "disposed": "disposed_at",
}
"""The milestones of a criminal case, in the order in which they count when they fall on one moment."""


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("a case at this stage has this time")
    return moment


def policy_facts(case: BookingCase, at: datetime, place: Place) -> dict[str, str | int | bool]:
    """What a policy may ask about, as the agency knows it at `at`: its own records and the returned rap sheet.

    Ages are in years and rounded up, counted from the conviction ("within five years" is `at most 5`).
    """
    convictions = case.identification.convictions if case.identification is not None else ()
    on = at.astimezone(place.zone(case.ori)).date()
    facts: dict[str, str | int | bool] = {
        **_facts_of_arrest(case.charge, case.papers),
        "charge_filed": _happened(case.plan.charge_filed_at, at),
        "held_to_answer": _happened(case.plan.held_to_answer_at, at),
        "bond_posted": _happened(case.plan.bond_posted_at, at),
        "federal_aggravated_felony": any(row.aggravated_felony for row in convictions),
        "homicide_conviction": any(row.ncic.startswith(HOMICIDE) for row in convictions),
        "request_form": case.detainer_form or "I-247",
        **place.agencies[case.ori].facts,
    }
    for fact, classes in CONVICTION_FACTS.items():
        ages = [_years(row.convicted_on, on) for row in convictions if row.offense_class in classes]
        if ages:
            facts[fact] = min(ages)
    releases = [row.released_on for row in _gravest(convictions) if row.released_on is not None]
    if releases:
        facts[RELEASE_FACT] = _years(max(releases), on)
    return facts


def _gravest(convictions: Sequence[ConvictionSeen]) -> list[ConvictionSeen]:
    """The convictions of the gravest class that there is; several, where it occurs more than once."""
    for offense_class in GRAVEST_FIRST:
        found = [row for row in convictions if row.offense_class == offense_class]
        if found:
            return found
    return []


def _facts_of_arrest(charge: Charge, papers: Papers) -> dict[str, str | int | bool]:
    """What the agency knows from the moment of the arrest."""
    return {
        "charge": charge.offense_class,
        "charge_offence": charge.ncic,
        "charge_is_domestic_violence": charge.domestic_violence,
        "charge_is_minor_traffic": charge.minor_traffic,
        "lawful_status_proof": papers.lawful_status_proof,
    }


CONVICTION_FACTS: Mapping[str, frozenset[str]] = {
    "years_since_serious_felony": frozenset({"serious_felony"}),
    "years_since_felony": frozenset({"serious_felony", "felony"}),
    "years_since_state_prison_felony": frozenset({"serious_felony", "felony"}),
    "years_since_listed_felony": frozenset({"serious_felony", "felony"}),
    "years_since_listed_misdemeanor": frozenset({"listed_misdemeanor"}),
    "years_since_misdemeanor": frozenset({"listed_misdemeanor", "misdemeanor"}),
}
"""The facts about convictions, with the classes of offence that each counts.

The rap sheet does not say where a sentence was served, nor what an instrument lists by name, so every felony counts as
punished in the state prison, and as listed [P].
"""

GRAVEST_FIRST = ("serious_felony", "felony", "listed_misdemeanor", "misdemeanor")
RELEASE_FACT = "years_since_release"
"""Counted from the end of imprisonment for the gravest conviction."""

HOMICIDE = "09"
"""NCIC's block of homicide."""


OLDEST_YEARS = 80
"""The vocabulary's largest age; what is older counts as that old."""


def _happened(moment: datetime | None, at: datetime) -> bool:
    return moment is not None and moment <= at


def _years(since: date, on: date) -> int:
    whole = on.year - since.year
    anniversary_ahead = (on.month, on.day) < (since.month, since.day)
    exact = (on.month, on.day) == (since.month, since.day)
    return min(max(0, whole if anniversary_ahead or exact else whole + 1), OLDEST_YEARS)
