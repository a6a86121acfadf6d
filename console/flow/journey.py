"""One booking's way across the agencies: its events as hops, each with who told whom what, and why it went on so.

Pure: events in (`contracts/`), hops out. The hops and the names of the messages are those of domain.md 1.2.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.flow.standing import Event, Latest, state_of
from console.flow.words import (
    ANSWERS,
    CATEGORIES,
    MESSAGES,
    OFFENSES,
    OUTCOMES,
    STAGES,
    STATUSES,
    counted,
    listed,
    spoken,
)
from sandbox.policies.words import LEVER_WORDS
from services.audit.events import WATCHED

Told = tuple[str, tuple[str, ...], str, str]
"""Title, messages, what it says, why it went on so."""

CASE_EVENTS = tuple(
    event_type for event_type in WATCHED if event_type not in ("run.opened.v1", "day.ended.v1", "day.closed.v1")
)
"""The types of the events that are about one booking."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One party tells another something: a line of the ledger.

    Attributes:
        sender, recipient: keys of `words.PARTIES`.
        what: what is said, in plain words.
        basis: on what ground.
        purpose: what for.
    """

    sender: str
    recipient: str
    what: str
    basis: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause that decided: which, what it says, where it stands, and what it decided."""

    clause: str
    text: str
    source: str
    decides: str


@dataclass(frozen=True, slots=True)
class LeverAnswer:
    """What the policy answers on one lever, and what the jail makes of it."""

    lever: str
    answer: str
    done: bool


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a journey.

    Attributes:
        id: the event's.
        event_type: which stream it came over.
        at: the event time, RFC 3339.
        by: the party that it comes from.
        title: what happened, in a few plain words.
        messages: abbreviations of the real messages that the event stands for (`words.MESSAGES`).
        says: what is in it, in a sentence.
        why: why the flow went on in this way, in a sentence.
        told: who told whom what with it.
        clauses: the clauses of the policy or regime that decided.
        levers: what the policy answers lever by lever, where the jail decided.
    """

    id: str
    event_type: str
    at: str
    by: str
    title: str
    messages: tuple[str, ...]
    says: str
    why: str
    told: tuple[Telling, ...]
    clauses: tuple[Clause, ...] = ()
    levers: tuple[LeverAnswer, ...] = ()

    @property
    def when(self) -> str:
        """The event time for people, in UTC."""
        return self.at.replace("T", " ")[:16]

    @property
    def full_names(self) -> tuple[tuple[str, str], ...]:
        """The messages with their full names."""
        return tuple((each, MESSAGES[each]) for each in self.messages)


@dataclass(frozen=True, slots=True)
class Journey:
    """How far a booking has come.

    Attributes:
        hops: in the order of event time.
        ended: whether nothing more will happen.
        state: where the person is now, or what is waited for, in a sentence.
        next_at: the event time that it waits for, RFC 3339; None where no time is known.
    """

    hops: tuple[Hop, ...]
    ended: bool
    state: str
    next_at: str | None = None


def hops_of(events: Iterable[Event]) -> tuple[Hop, ...]:
    """The hops of one booking, from its events in any order. What is no event of a case is left out."""
    known = [event for event in events if event["type"] in CASE_EVENTS]
    unique = {event["id"]: event for event in known}
    before: dict[str, Mapping[str, Any]] = {}
    hops: list[Hop] = []
    for event in sorted(unique.values(), key=_place):
        hops.append(_hop(event, before))
        before[event["type"]] = event["data"]
    return tuple(hops)


def journey_of(events: Sequence[Event]) -> Journey:
    """How far one booking has come.

    Args:
        events: the events that carry its tcn, in any order.
    """
    ordered = sorted((event for event in events if event["type"] in CASE_EVENTS), key=_place)
    ended, state, next_at = state_of(ordered)
    return Journey(hops_of(ordered), ended, state, next_at)


def _place(event: Event) -> tuple[str, bool, int, int]:
    """By time; at the same moment a stage of custody before the answer to it, and a claim after both."""
    claimed = event["type"] == "custody.claimed.v1"
    return event["time"], claimed, event["data"].get("sequence", -1), WATCHED.index(event["type"])


def _hop(event: Event, before: Latest) -> Hop:
    data = event["data"]
    title, messages, says, why = _TOLD[event["type"]](data, before)
    return Hop(
        id=event["id"],
        event_type=event["type"],
        at=event["time"],
        by=event["source"],
        title=title,
        messages=messages,
        says=says,
        why=why,
        told=tuple(_telling(row) for row in data["disclosures"]),
        clauses=_clauses(data),
        levers=_levers(data),
    )


def _telling(row: Mapping[str, Any]) -> Telling:
    what = listed([CATEGORIES.get(each, spoken(each)) for each in row["categories"]])
    return Telling(row["from"], row["to"], what, row["basis"], row["purpose"])


def _clauses(data: Mapping[str, Any]) -> tuple[Clause, ...]:
    rows = data.get("basis", {}).get("because", ())
    return tuple(Clause(row["clause"], row["text"], row["source"], _decides(row["levers"])) for row in rows)


def _decides(levers: Sequence[str]) -> str:
    return listed([LEVER_WORDS.get(lever, "whom ICE acts on") for lever in levers]) if levers else "nothing"


def _levers(data: Mapping[str, Any]) -> tuple[LeverAnswer, ...]:
    answers, done = data.get("answers"), data.get("exercised", {})
    if answers is None:
        return ()
    return tuple(
        LeverAnswer(words, ANSWERS[answers[lever]], bool(done.get(lever)))
        for lever, words in LEVER_WORDS.items()
        if lever in answers
    )


def _booked(data: Mapping[str, Any], _: Latest) -> Told:
    charge = _charge(data["charge"])
    why = {
        "submitted": "An arrest has its prints submitted through the state to the FBI; that is when all of this begins,"
        " not at a conviction.",
        "kept": "Under this run's sharing policy the jail keeps the prints of such an arrest, so nobody is told.",
        "cited": "Under this run's sharing policy such a person is cited and let go, so no prints are taken.",
    }[data["handled"]]
    return "The jail books", (), f"{data['label']} is booked for {charge}. The record stays in the jail.", why


def _submitted(data: Mapping[str, Any], _: Latest) -> Told:
    return (
        "Prints go to the state, and on to the FBI",
        ("CAR",),
        f"Ten prints, {_charge(data['charge'])}, sex, year and place of birth. Nothing says what group or what stop.",
        "From here on the jail has no part in what is shared: the FBI relays every submission to DHS by itself.",
    )


def _identified(data: Mapping[str, Any], _: Latest) -> Told:
    if data.get("error"):
        return (
            "The FBI could not search",
            ("SRE",),
            f"The submission was rejected: {spoken(str(data['error']))}.",
            "Without a search there is nothing to say about a record.",
        )
    if data["srf"] != "I":
        return (
            "The FBI does not know these prints",
            ("SRE",),
            "No record in the FBI's criminal file (IAFIS).",
            "The answer says nothing about immigration: that is asked of another database.",
        )
    convictions = counted(len(data["convictions"]), "conviction") if data["convictions"] else "no conviction"
    return (
        "The FBI knows these prints",
        ("SRE",),
        f"Number {data['ucn']}, with {convictions} on file.",
        "The jail hears of the record, which its policy may ask about later.",
    )


_SEARCH: Mapping[str, tuple[str, str, str]] = {
    "match": (
        "DHS knows these prints",
        "A match in IDENT. It says that DHS has met the person, not that the person may be removed: lawful residents"
        " and naturalised citizens are in there too.",
        "DHS knows these prints, so the support center is asked who this is.",
    ),
    "no_match": (
        "DHS does not know these prints",
        "No match in IDENT.",
        "DHS does not know these prints, so nobody is asked anything, and the flow ends here.",
    ),
    "known_encounter": (
        "DHS knows these prints from an earlier arrest",
        "An encounter in IDENT: the prints of an arrest that matched nobody, kept since. There is no file behind it.",
        "There is no file to look up, so nobody is asked anything, and the flow ends here. What a hit on such an"
        " encounter set off in reality is assumed here: no source was read.",
    ),
    "error": (
        "DHS could not search",
        "An error instead of an answer.",
        "Without an answer nobody is asked, and the flow ends here.",
    ),
}


def _searched(data: Mapping[str, Any], _: Latest) -> Told:
    title, says, why = _SEARCH[data["result"]]
    reason = f" ({spoken(data['reason'])})" if data.get("reason") else ""
    return title, (), f"{says.removesuffix('.')}{reason}. The FBI relayed the prints; no person decided on it.", why


def _arrest_enrolled(data: Mapping[str, Any], _: Latest) -> Told:
    return (
        "The FBI keeps the prints",
        (),
        f"A record of this arrest in the FBI's criminal file, under number {data['ucn']}. Nobody is told.",
        "The criminal file keeps every arrest, whatever comes of it. Searches from the next day on find it.",
    )


def _encounter_enrolled(data: Mapping[str, Any], _: Latest) -> Told:
    return (
        "DHS keeps the prints",
        (),
        f"An encounter in IDENT, under number {data['fin']}, though nobody matched. Nobody is told.",
        "Whether IDENT kept the prints of arrests that matched nobody is disputed: critics say so, and the official"
        " limits were not read. This run has it so; searches from the next day on find the encounter.",
    )


_REMOVABLE: Mapping[str, str] = {
    "yes": "The record says that the person may be removed, so ICE asks itself whether it has a priority.",
    "no": "The record says that the person may not be removed, so ICE has no ground to act.",
    "unknown": "The record does not say whether the person may be removed; ICE's rules decide what follows.",
}


def _status(data: Mapping[str, Any], _: Latest) -> Told:
    status = STATUSES.get(data["status"], spoken(data["status"]))
    more = [
        words
        for field, words in (
            ("final_order", "there is an order of removal"),
            ("prior_removal", "there was an earlier removal"),
        )
        if data[field]
    ]
    says = f"The record is that of {status}{'; ' + listed(more) if more else ''}. Removable: {data['removable']}."
    return "The support center looks the person up", ("IAQ", "IAR", "IDR"), says, _REMOVABLE[data["removable"]]


def _decided(data: Mapping[str, Any], _: Latest) -> Told:
    regime, priority = data["basis"]["policy"], spoken(data["priority"])
    if data["action"] == "lodged":
        return (
            "ICE asks the jail to hold",
            ("I-247",),
            f"A detainer: please hold the person, and say when they are released. Priority: {priority}.",
            f"Regime {regime} makes this a priority ({priority}), and there was capacity, so a detainer was lodged.",
        )
    why = {
        "no_priority": f"Regime {regime} gives no priority here, so no detainer was lodged.",
        "no_capacity": f"Regime {regime} makes this a priority ({priority}), but the office had no capacity left that"
        " day.",
    }.get(data["reason"], f"No detainer was lodged: {spoken(data['reason'])}.")
    return "ICE does nothing", (), "No detainer. The jail is not told that ICE has looked.", why


_CUSTODY: Mapping[str, tuple[str, str]] = {
    "detainer_on_file": (
        "The jail has the request in its file.",
        "The jail now asks its policy for the first time, and will ask again at every stage.",
    ),
    "releasable": (
        "Without the request to hold, the person would walk out now.",
        "The policy's answer as of this moment governs the hold.",
    ),
    "hold_started": (
        "From now on the person is in jail only because of ICE's request.",
        "The jail holds, and the clock of the request starts: 48 hours, weekends and holidays left out, unless the"
        " policy says otherwise.",
    ),
    "hold_expired": ("Nobody came in time.", "A request to hold ends by itself; nobody may be held longer on it."),
    "transferred": ("ICE's officers take the person.", "ICE came in time, and the policy has the jail hand over."),
    "released": ("The person is free.", ""),
}


def _custody(data: Mapping[str, Any], before: Latest) -> Told:
    says, why = _CUSTODY.get(
        data["stage"], ("The criminal case has moved on.", "Facts have changed, so the jail asks its policy anew.")
    )
    if data["stage"] == "released":
        why = _why_released(before)
    hours = f" Held on the request alone: {data['hold_hours']:g} hours." if data.get("hold_hours") else ""
    return _sentence_case(STAGES.get(data["stage"], spoken(data["stage"]))), (), f"{says}{hours}", why


def _why_released(before: Latest) -> str:
    if before.get("custody.changed.v1", {}).get("stage") == "hold_expired":
        return "The hold is over, and ICE has not come."
    answers = before.get("cooperation.decided.v1", {}).get("answers", {})
    hold = ANSWERS.get(answers.get("hold", ""), "")
    return f"The jail does not hold: on holding its policy answers '{hold}'." if hold else "Nothing lets the jail hold."


def _cooperation(data: Mapping[str, Any], _: Latest) -> Told:
    done = [LEVER_WORDS[lever] for lever, used in data["exercised"].items() if used]
    says = f"It will {listed(done)}." if done else "It will do nothing of what ICE asks."
    told = " ICE is told." if data["told"] else ""
    stage = STAGES.get(data["as_of"], spoken(data["as_of"]))
    hold = ANSWERS[data["answers"].get("hold", "silent")]
    clauses = [f"{row['clause']} [{row['source']}]" for row in data["basis"]["because"] if "hold" in row["levers"]]
    by = f", by clause {listed(clauses)}" if clauses else ""
    why = f"Policy {data['basis']['policy']}, as {stage}, answers on holding: {hold}{by}."
    if hold == "may":
        why += f" The jail {'makes' if data['exercised'].get('hold') else 'makes no'} use of it."
    return "The jail asks its policy what to do", (), f"{says}{told}", why


def _claimed(data: Mapping[str, Any], _: Latest) -> Told:
    at = data["at"].replace("T", " ")[:16]
    why = "The jail told ICE of the release." if data["told"] else "ICE comes by without having been told anything."
    return "ICE says that it comes", (), f"Officers mean to be there at {at} (UTC).", why


def _outcome(data: Mapping[str, Any], _: Latest) -> Told:
    outcome = OUTCOMES.get(data["outcome"], spoken(data["outcome"]))
    told = "This scenario tells the jail" if data.get("feedback") else "The jail is not told"
    why = f"{told}. In reality Boston's police asked for outcomes and got none, their commissioner said [S0]."
    return "The case ends", (), f"{_sentence_case(outcome)}.", why


_TOLD: Mapping[str, Callable[[Mapping[str, Any], Latest], Told]] = {
    "booking.recorded.v1": _booked,
    "fingerprints.submitted.v1": _submitted,
    "identification.returned.v1": _identified,
    "arrest.enrolled.v1": _arrest_enrolled,
    "immigration.searched.v1": _searched,
    "encounter.enrolled.v1": _encounter_enrolled,
    "immigration.status.returned.v1": _status,
    "detainer.decided.v1": _decided,
    "custody.changed.v1": _custody,
    "cooperation.decided.v1": _cooperation,
    "custody.claimed.v1": _claimed,
    "outcome.recorded.v1": _outcome,
}


def _charge(charge: Mapping[str, Any]) -> str:
    offense = OFFENSES.get(charge["offense_class"], spoken(charge["offense_class"]))
    return f"{charge['literal'].lower()} ({offense})"


def _sentence_case(words: str) -> str:
    return words[:1].upper() + words[1:]


def waiting_for(journey: Journey, open_day: str | None, day_seconds: float | None) -> str:
    """What a journey waits for, with how long that takes: for people who look on.

    Args:
        journey: the journey.
        open_day: the day that is open in its run (ISO date), if known.
        day_seconds: how many seconds a day of its run lasts; None where days pass as fast as they can.
    """
    if journey.ended:
        return ""
    day = f" It is {open_day} in this run" if open_day else ""
    until = f", and this goes on at {journey.next_at.replace('T', ' ')[:16]} (UTC)" if journey.next_at and day else ""
    pace = f" The run 'live' lets a day pass every {day_seconds:g} s." if day_seconds else ""
    return f"{day}{until}{'.' if day else ''}{pace}".strip()
