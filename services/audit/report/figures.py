"""What the report counts, and under which names: cases and disclosures become counts by place and month.

Pure. A month is that of the event, in the clock of the place, so a row of a month is not a group of people: who was
booked in March may be handed over in April.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from services.audit.report.events import RunOpened
from services.audit.report.tables import Cell, Counted

QUARTER_HOUR = 900
"""Times are kept in quarters of an hour: enough to tell the month in every time zone, and no more than that."""

ELSEWHERE = "an agency that the run does not name"
NOT_KNOWN = "not known"

LEVELS = ("level_1", "level_2", "level_3", "none")
REMOVED_OUTCOMES = ("removed", "returned")

ON_REQUEST = "on request: ICE had asked for it with a detainer"
IN_ANSWER = "in answer to a submission or a query"
UNASKED = "without a request"

Hop = tuple[str, str, tuple[str, ...]]
"""Who told whom what: sender, recipient, and the categories in the order of the alphabet."""

HOPS: Mapping[Hop, str] = {
    ("LEA", "SIB", ("biographic", "biometric", "charge")): UNASKED,
    ("SIB", "FBI", ("biographic", "biometric", "charge")): UNASKED,
    ("FBI", "SIB", ("criminal_history",)): IN_ANSWER,
    ("SIB", "LEA", ("criminal_history",)): IN_ANSWER,
    ("FBI", "DHS", ("biographic", "biometric", "charge")): UNASKED,
    ("DHS", "FBI", ("match_result",)): IN_ANSWER,
    ("FBI", "LESC", ("biographic", "charge", "criminal_history", "match_result")): UNASKED,
    ("LESC", "ICE", ("charge", "criminal_history", "immigration_status", "match_result")): UNASKED,
    ("LESC", "FBI", ("immigration_status",)): IN_ANSWER,
    ("FBI", "SIB", ("immigration_status",)): IN_ANSWER,
    ("SIB", "LEA", ("immigration_status",)): IN_ANSWER,
    ("ICE", "LEA", ("biographic", "detainer", "immigration_status")): UNASKED,
    ("LEA", "ICE", ("cooperation", "custody_location", "release_date")): ON_REQUEST,
    ("ICE", "LEA", ("claim",)): UNASKED,
    ("LEA", "ICE", ("custody",)): ON_REQUEST,
    ("ICE", "LEA", ("immigration_status", "outcome")): UNASKED,
}
"""What is declared to be told, by whom and to whom (a contract test holds this to `x-disclosures`), and whether asked.

Every one of these has its row, also where nobody was told: which rows there are must not say what happened.
"""
UNDECLARED = "something that is not declared"

STAGES = {
    "booked": "booked, or cited instead",
    "submitted": "fingerprints submitted to the FBI",
    "relayed": "prints relayed to DHS",
    "matched": "known to DHS (a match)",
    "lodged": "detainers lodged",
    "on_file": "detainers on file before the release",
    "told": "ICE told of the release",
    "held": "held past their release",
    "transferred": "handed over to ICE",
    "released": "released although a detainer was on file",
    "removed": "removed or returned",
}

LOCAL, FEDERAL = "a local charge alone", "a local charge, and a federal felony warrant"
LOCAL_AND_LATE = "a local charge; nothing else is known, as the request came after the release"
WITH_WARRANT, WITHOUT_WARRANT = "with a federal judge's warrant", "without one"
WARRANT_NOT_KNOWN = "not known: the request came after the release"

HANDED_OVER_FROM_HOLD = "held past the release, and handed over"
HANDED_OVER = "handed over, without a hold"
HELD_AND_RELEASED = "held past the release, and released"
TOLD_AND_RELEASED = "ICE told of the release, and released"
RELEASED = "released; ICE was not told"
AFTER_RELEASE = "none: the request came after the release"
STILL_HELD = "none yet: still in custody"
ACTIONS = (
    HANDED_OVER_FROM_HOLD,
    HANDED_OVER,
    HELD_AND_RELEASED,
    TOLD_AND_RELEASED,
    RELEASED,
    AFTER_RELEASE,
    STILL_HELD,
)

CONVICTED = "a conviction"
ORDER = "no conviction, and an order of removal"
RE_ENTRY = "no conviction, no order, and back after a removal"
NEITHER = "none of these"
RECORDS = (CONVICTED, ORDER, RE_ENTRY, NEITHER, NOT_KNOWN)

OF_MATCHES, OF_REMOVALS = "matches", "removals"
CHARGE_GIVEN, CHARGE_MISSING = "a charge is on record", "no charge is on record"

AGENCY_TOLD = "outcome recorded, and the agency told"
AGENCY_NOT_TOLD = "outcome recorded, and the agency not told"
NO_OUTCOME = "no outcome recorded yet"

RARE = "another reason, too rare to be named"
"""Stands for the justifications that are too few to publish, and is always there: so that it says nothing by itself."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is kept of one booking. Times are quarters of an hour since 1970; None is what has not happened."""

    ori: str
    booked_at: int | None
    submitted_at: int | None
    searched_at: int | None
    matched: bool
    charge_known: bool | None
    decided_at: int | None
    lodged: bool
    level_by_charge: str | None
    level_by_conviction: str | None
    convicted: bool | None
    final_order: bool | None
    prior_removal: bool | None
    on_file_at: int | None
    judicial_warrant: bool | None
    federal_felony_warrant: bool | None
    told_at: int | None
    transfer_why: str | None
    held_at: int | None
    transferred_at: int | None
    released_at: int | None
    outcome: str | None
    outcome_at: int | None
    feedback: bool | None


@dataclass(frozen=True, slots=True)
class Shared:
    """So many events that disclosed the same, at one agency and in one quarter of an hour."""

    ori: str
    at: int
    hops: tuple[Hop, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was counted of a run, before anything is protected."""

    tables: Sequence[Counted]
    days_to_outcome: Sequence[int]
    """Of everybody who was handed over and whose outcome is recorded, in order; where forgotten, to the month only."""

    def table(self, name: str) -> Counted:
        """The table of a name."""
        return next(table for table in self.tables if table.name == name)


class Calendar:
    """Where and when: the place of an agency, and the month of a moment there."""

    def __init__(self, run: RunOpened, last_day: date | None) -> None:
        self._places = {ori: agency.place for ori, agency in run.agencies.items()}
        self._zones = {ori: ZoneInfo(agency.time_zone) for ori, agency in run.agencies.items()}
        self._first, self._last = run.opened_on, last_day or run.opened_on
        self.month = cache(self._month)

    def places(self, seen: Iterable[str]) -> list[str]:
        """The places of the run's agencies, and one for all others if there are any."""
        others = [ELSEWHERE] if ELSEWHERE in set(seen) else []
        return [*sorted(set(self._places.values())), *others]

    def place(self, ori: str) -> str:
        """Where an agency is."""
        return self._places.get(ori, ELSEWHERE)

    def zone(self, ori: str) -> tzinfo:
        """On which clock the months of an agency begin."""
        return self._zones.get(ori, UTC)

    def months(self, seen: Iterable[str]) -> list[str]:
        """Every month of the run so far, whether or not anything happened in it."""
        ends = {self._first.isoformat()[:7], self._last.isoformat()[:7], *seen}
        first, last = (date.fromisoformat(f"{month}-01") for month in (min(ends), max(ends)))
        count = (last.year - first.year) * 12 + last.month - first.month + 1
        months = (first.month - 1 + number for number in range(count))
        return [f"{first.year + month // 12}-{month % 12 + 1:02}" for month in months]

    def _month(self, ori: str, at: int) -> str:
        return moment(at).astimezone(self.zone(ori)).isoformat()[:7]


def quarter(at: datetime) -> int:
    """The quarter of an hour in which a moment lies, counted from 1970."""
    return int(at.timestamp()) // QUARTER_HOUR


def moment(at: int) -> datetime:
    """When a quarter of an hour begins."""
    return datetime.fromtimestamp(at * QUARTER_HOUR, UTC)


def shared_as(sender: str, recipient: str, categories: Sequence[str]) -> str:
    """A kind of disclosure in words."""
    return f"{sender} → {recipient}: {', '.join(categories).replace('_', ' ')}"


def figures(run: RunOpened, last_day: date | None, cases: Sequence[Case], shared: Sequence[Shared]) -> Figures:
    """Counts everything that the report has to say.

    Args:
        run: what the run is pinned to.
        last_day: the last day that is closed.
        cases: one for each booking.
        shared: what was disclosed, added up where it is the same.
    """
    calendar = Calendar(run, last_day)
    counter = _Counter(calendar, cases, shared)
    tables = [
        counter.stages(),
        counter.requests("charge", "Requests, by charge", _charge, (LOCAL, FEDERAL, LOCAL_AND_LATE), ABOUT_CHARGE),
        counter.requests(
            "warrant",
            "Requests, by judicial warrant",
            _warrant,
            (WITH_WARRANT, WITHOUT_WARRANT, WARRANT_NOT_KNOWN),
            ABOUT_WARRANT,
        ),
        counter.requests("action", "Requests, by action taken", action_taken, ACTIONS, ABOUT_ACTION),
        counter.releases(),
        counter.disclosures(),
        counter.information(),
        counter.outcomes("by_charge_or_conviction", "by charge or conviction (2008 to mid-2010)", run.outcomes),
        counter.outcomes("by_conviction", "by conviction alone (from mid-2010)", run.outcomes),
        counter.removals(),
        counter.charges(),
        counter.feedback(),
    ]
    return Figures(tables, counter.days_to_outcome())


ABOUT_CHARGE = (
    "A request is a detainer (I-247) that was lodged. Everybody in the sandbox was arrested on a local charge, and no"
    " event says more of a federal one than that a warrant of arrest on a federal felony is outstanding; that is what"
    " the second row counts, as far as the agency knew when the detainer came on file."
)
ABOUT_WARRANT = (
    "A warrant of a federal judge or magistrate, as far as the agency knew when the detainer came on file. The papers"
    " that come with a detainer are signed by an immigration officer, and are not such a warrant."
)
ABOUT_ACTION = "What the agency did about each request, in the month in which it was lodged. Each has one row."


def action_taken(case: Case) -> str:
    """What came of a request at the agency."""
    if case.transferred_at is not None:
        return HANDED_OVER if case.held_at is None else HANDED_OVER_FROM_HOLD
    if case.on_file_at is None:
        return AFTER_RELEASE
    if case.released_at is None:
        return STILL_HELD
    if case.held_at is not None:
        return HELD_AND_RELEASED
    return RELEASED if case.told_at is None else TOLD_AND_RELEASED


def _charge(case: Case) -> str:
    if case.on_file_at is None:
        return LOCAL_AND_LATE
    return FEDERAL if case.federal_felony_warrant else LOCAL


def _warrant(case: Case) -> str:
    if case.on_file_at is None:
        return WARRANT_NOT_KNOWN
    return WITH_WARRANT if case.judicial_warrant else WITHOUT_WARRANT


def is_removed(case: Case) -> bool:
    """Whether the case ended in a removal or a return."""
    return case.outcome in REMOVED_OUTCOMES


def _record(case: Case) -> str:
    if case.convicted is None:
        return NOT_KNOWN
    if case.convicted:
        return CONVICTED
    if case.final_order:
        return ORDER
    return RE_ENTRY if case.prior_removal else NEITHER


def _feedback(case: Case) -> str:
    if case.outcome is None:
        return NO_OUTCOME
    return AGENCY_TOLD if case.feedback else AGENCY_NOT_TOLD


def _stages(case: Case) -> Mapping[str, int | None]:
    """When a case came to each stage, if it did."""
    return {
        "booked": case.booked_at,
        "submitted": case.submitted_at,
        "relayed": case.searched_at,
        "matched": case.searched_at if case.matched else None,
        "lodged": case.decided_at if case.lodged else None,
        "on_file": case.on_file_at,
        "told": case.told_at,
        "held": case.held_at,
        "transferred": case.transferred_at,
        "released": case.released_at,
        "removed": case.outcome_at if is_removed(case) else None,
    }


class _Counter:
    """Counts tables over the same places and months."""

    def __init__(self, calendar: Calendar, cases: Sequence[Case], shared: Sequence[Shared]) -> None:
        self._calendar = calendar
        self._cases = cases
        self._reached = [(case, _stages(case)) for case in cases]
        moments = {
            *((case.ori, at) for case, stages in self._reached for at in stages.values() if at is not None),
            *((case.ori, case.outcome_at) for case in cases if case.outcome_at is not None),
            *((row.ori, row.at) for row in shared),
        }
        self._places = calendar.places(calendar.place(ori) for ori, _ in moments)
        self._months = calendar.months(calendar.month(ori, at) for ori, at in moments)
        events: Counter[tuple[tuple[str, str], tuple[Hop, ...]]] = Counter()
        for row in shared:
            events[self._where(row.ori, row.at), row.hops] += row.count
        self._told: Counter[tuple[tuple[str, str], Hop]] = Counter()
        for (where, hops), count in events.items():
            for hop in hops:
                self._told[where, hop] += count

    def stages(self) -> Counted:
        counts: Counter[Cell] = Counter()
        for case, stages in self._reached:
            for stage, at in stages.items():
                if at is not None:
                    counts[*self._where(case.ori, at), STAGES[stage]] += 1
        about = (
            "In each row are those to whom it happened. A match says that DHS knows the prints, not that the person may"
            " be removed."
        )
        return self._table(
            "stages", "How far it went", about, counts, {"stage": tuple(STAGES.values())}, adds_up=("place", "month")
        )

    def requests(
        self, dimension: str, title: str, kind: Callable[[Case], str], kinds: Sequence[str], about: str
    ) -> Counted:
        lodged = [(case, case.decided_at) for case in self._cases if case.lodged]
        return self._cases_by(f"requests_by_{dimension}", title, about, lodged, {dimension: kinds}, kind)

    def releases(self) -> Counted:
        about = (
            "Everybody who was handed over to ICE, with the local policy's word on handing over (must, may, or silent),"
            " what the agency made of it, and the clauses that decided. The clauses themselves stand below."
        )
        handed_over = [(case, case.transferred_at) for case in self._cases]
        reasons = sorted({_justification(case) for case, at in handed_over if at is not None})
        values = {"justification": (*reasons, RARE)}
        title = "Releases to federal custody, by justification"
        return self._cases_by("releases", title, about, handed_over, values, _justification)

    def disclosures(self) -> Counted:
        kinds = {hop: shared_as(*hop) for hop in HOPS}
        counts: Counter[Cell] = Counter()
        for (where, hop), count in self._told.items():
            counts[*where, kinds.get(hop, UNDECLARED)] += count
        about = (
            "How often who told whom what, and whether it had been asked for. One telling of three things counts once."
        )
        notes = {kinds[hop]: how for hop, how in HOPS.items()}
        return self._table(
            "disclosures",
            "What was shared, by whom and with whom",
            about,
            counts,
            {"shared": (*kinds.values(), UNDECLARED)},
            notes=notes,
        )

    def information(self) -> Counted:
        declared = {(category, hop[1]) for hop in HOPS for category in hop[2]}
        told = {(category, hop[1]) for _, hop in self._told for category in hop[2]}
        kinds = sorted({category.replace("_", " ") for category, _ in declared | told})
        recipients = sorted({recipient for _, recipient in declared | told})
        counts: Counter[Cell] = Counter()
        for (where, (_, recipient, categories)), count in self._told.items():
            for category in categories:
                counts[*where, category.replace("_", " "), recipient] += count
        about = (
            "How often each party was told each type of information. One telling of three things counts three times."
        )
        return self._table(
            "information",
            "Types of information, by who was told",
            about,
            counts,
            {"information": kinds, "told": recipients},
            adds_up=("place", "month"),
        )

    def outcomes(self, reading: str, words: str, declared: Iterable[str]) -> Counted:
        ended = [(case, case.outcome_at) for case in self._cases]
        outcomes = sorted({*declared, *(case.outcome for case, at in ended if at is not None and case.outcome)})

        def kind(case: Case) -> tuple[str, str]:
            level = case.level_by_conviction if reading == "by_conviction" else case.level_by_charge
            return str(case.outcome).replace("_", " "), (level or NOT_KNOWN).replace("_", " ")

        about = (
            f'How cases ended after the hand-over, by the level of the person: {words}. What "level" means changed in'
            " mid-2010; the other table has the same people under the other reading."
        )
        values = {
            "outcome": [outcome.replace("_", " ") for outcome in outcomes],
            "level": [level.replace("_", " ") for level in (*LEVELS, NOT_KNOWN)],
        }
        return self._cases_by(f"outcomes_{reading}", f"Outcomes by level, {words}", about, ended, values, kind)

    def removals(self) -> Counted:
        removed = [(case, case.outcome_at) for case in self._cases if is_removed(case)]
        about = "Everybody who was removed or returned, by what ICE's own decision had known of them."
        title = "Removals, by what was on record"
        return self._cases_by("removals_by_record", title, about, removed, {"record": RECORDS}, _record)

    def charges(self) -> Counted:
        counts: Counter[Cell] = Counter()
        for case in self._cases:
            charge = CHARGE_GIVEN if case.charge_known else CHARGE_MISSING
            if case.matched and case.searched_at is not None:
                counts[*self._where(case.ori, case.searched_at), OF_MATCHES, charge] += 1
            if is_removed(case) and case.outcome_at is not None:
                counts[*self._where(case.ori, case.outcome_at), OF_REMOVALS, charge] += 1
        about = (
            "Whether a charge came with the status on which ICE decided. No level can be told from a charge that is"
            " missing. The sandbox's contract asks for one, so where any is missing an event was lost or came from a"
            " service that does not keep the contract."
        )
        values = {"people": (OF_MATCHES, OF_REMOVALS), "charge": (CHARGE_GIVEN, CHARGE_MISSING)}
        title = "Charges on record"
        return self._table("charges", title, about, counts, values, adds_up=("place", "month", "charge"))

    def feedback(self) -> Counted:
        handed_over = [(case, case.transferred_at) for case in self._cases]
        about = "Everybody who was handed over, by whether the agency was ever told what became of them."
        kinds = (AGENCY_TOLD, AGENCY_NOT_TOLD, NO_OUTCOME)
        title = "Hand-overs, by feedback to the agency"
        return self._cases_by("feedback", title, about, handed_over, {"feedback": kinds}, _feedback)

    def days_to_outcome(self) -> list[int]:
        """How long it took from each hand-over to its outcome, in whole days, rounded up."""
        quarters = [
            case.outcome_at - case.transferred_at
            for case in self._cases
            if case.transferred_at is not None and case.outcome_at is not None
        ]
        day = 24 * 3600 // QUARTER_HOUR
        return sorted(-(-each // day) for each in quarters)

    def _where(self, ori: str, at: int) -> tuple[str, str]:
        return self._calendar.place(ori), self._calendar.month(ori, at)

    def _cases_by(
        self,
        name: str,
        title: str,
        about: str,
        cases: Iterable[tuple[Case, int | None]],
        values: Mapping[str, Sequence[str]],
        kind: Callable[[Case], str | tuple[str, ...]],
    ) -> Counted:
        """Those cases to which it happened, by when, where, and what kind they are of."""
        counts: Counter[Cell] = Counter()
        for case, at in cases:
            if at is not None:
                found = kind(case)
                counts[*self._where(case.ori, at), *((found,) if isinstance(found, str) else found)] += 1
        return self._table(name, title, about, counts, values)

    def _table(
        self,
        name: str,
        title: str,
        about: str,
        counts: Mapping[Cell, int],
        values: Mapping[str, Sequence[str]],
        *,
        adds_up: Iterable[str] | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> Counted:
        everything = {"place": self._places, "month": self._months, **values}
        return Counted(
            name=name,
            title=title,
            about=about,
            dimensions=tuple(everything),
            values=everything,
            counts=counts,
            adds_up=frozenset(everything if adds_up is None else adds_up),
            notes=notes or {},
        )


def _justification(case: Case) -> str:
    return case.transfer_why or "no decision of the agency is on record"
