"""What a run came to: a fold over its events, and nothing but its events.

Nothing here takes a side: what either side of the argument counts stands in the same table, and removals are given
under both meanings that "level" has had.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

Event = dict[str, Any]
Totals = dict[str, Any]

LEVELS = ("level_1", "level_2", "level_3", "none")
NOTICE = "Simulated. Not data about any place. Not legal advice."


def totals(events: Iterable[Event]) -> Totals:
    """The totals of the events of one run, in any order."""
    by_type: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_type[event["type"]].append(event)
    detainers = by_type["detainer.decided.v1"]
    custody = by_type["custody.changed.v1"]
    decisions = by_type["cooperation.decided.v1"]
    claims = by_type["custody.claimed.v1"]
    outcomes = by_type["outcome.recorded.v1"]
    return {
        "bookings": len(by_type["booking.recorded.v1"]),
        "submissions": len(by_type["fingerprints.submitted.v1"]),
        "identified_by_fbi": _count(by_type["identification.returned.v1"], srf="I"),
        "searches": dict(_values(by_type["immigration.searched.v1"], "result")),
        "statuses": dict(_values(by_type["immigration.status.returned.v1"], "status")),
        "removable": dict(_values(by_type["immigration.status.returned.v1"], "removable")),
        "detainers": {
            "lodged": _count(detainers, action="lodged"),
            "no_action": dict(_values([row for row in detainers if row["data"]["action"] == "no_action"], "reason")),
            "lodged_by_priority": dict(
                _values([row for row in detainers if row["data"]["action"] == "lodged"], "priority")
            ),
            "came_after_release": _count(detainers, action="lodged") - _count(custody, stage="detainer_on_file"),
        },
        "levers": _levers(decisions),
        "custody": _custody(custody, claims, decisions),
        "outcomes": dict(_values(outcomes, "outcome")),
        "removals": _removals(outcomes),
    }


def _values(events: Iterable[Event], field: str) -> Counter[str]:
    counted = Counter(str(event["data"][field]) for event in events)
    return Counter(dict(sorted(counted.items())))


def _count(events: Iterable[Event], **wanted: str) -> int:
    return sum(all(event["data"][field] == value for field, value in wanted.items()) for event in events)


def _levers(decisions: Iterable[Event]) -> dict[str, Any]:
    """What the agency did, lever by lever, at the decision that governs it, and the clauses behind it.

    Notice is governed by the last decision before release, the hold by the one at release, transfer by the last one
    of all; the other levers are read at the last.
    """
    by_case: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in decisions:
        by_case[event["subject"]].append(event["data"])
    levers: dict[str, Any] = {}
    for rows in by_case.values():
        rows.sort(key=lambda row: row["sequence"])
        for lever in rows[0]["answers"]:
            row = _governing(lever, rows)
            if row is None:
                continue
            told = levers.setdefault(lever, {"exercised": 0, "declined": 0, "why": Counter()})
            told["exercised" if row["exercised"][lever] else "declined"] += 1
            told["why"][_reason(lever, row)] += 1
    return {lever: {**told, "why": dict(sorted(told["why"].items()))} for lever, told in sorted(levers.items())}


def _governing(lever: str, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    match lever:
        case "notify":
            before = [row for row in rows if row["as_of"] not in ("releasable", "hold_started")]
            return before[-1] if before else None
        case "hold":
            return next((row for row in rows if row["as_of"] == "releasable"), None)
        case _:
            return rows[-1]


def _reason(lever: str, row: dict[str, Any]) -> str:
    """The policy's word on the lever, what the agency made of it, and the clauses that applied."""
    word = row["answers"][lever]
    if word == "silent":
        return "silent: " + ("done, as is usual" if row["exercised"][lever] else "not done, as is usual")
    clauses = ", ".join(ground["clause"] for ground in row["basis"]["because"] if lever in ground["levers"])
    used = {"may": " used" if row["exercised"][lever] else " not used"}.get(word, "")
    return f"{word}{used}: {clauses}"


def _custody(custody: list[Event], claims: list[Event], decisions: list[Event]) -> dict[str, Any]:
    transferred = {event["subject"] for event in custody if event["data"]["stage"] == "transferred"}
    released = {event["subject"] for event in custody if event["data"]["stage"] == "released"}
    claimed = {event["subject"] for event in claims}
    held = {event["subject"] for event in custody if event["data"]["stage"] == "hold_started"}
    last = {event["subject"]: event["data"] for event in sorted(decisions, key=lambda event: event["data"]["sequence"])}
    declined = {subject for subject, data in last.items() if not data["exercised"]["transfer"]}
    hours = [event["data"]["hold_hours"] for event in custody if event["data"]["hold_hours"] is not None]
    return {
        "detainers_on_file": _count(custody, stage="detainer_on_file"),
        "holds": len(held),
        "hold_hours": round(sum(hours), 1),
        "transferred": len(transferred),
        "transferred_from_hold": len(transferred & held),
        "released": len(released),
        "released_ice_did_not_come": len(released - claimed),
        "released_hand_over_declined": len(released & claimed & declined),
        "released_before_ice_came": len((released & claimed) - declined),
    }


def _removals(outcomes: list[Event]) -> dict[str, Any]:
    """Removals and returns by level under both readings, and those without a conviction by what else was known."""
    removals = [event["data"] for event in outcomes if event["data"]["outcome"] in ("removed", "returned")]
    unconvicted = [row["grounds"] for row in removals if not row["grounds"]["convicted"]]
    return {
        "total": len(removals),
        "by_charge_or_conviction": _by_level(removals, "charge_or_conviction"),
        "by_conviction": _by_level(removals, "conviction"),
        "without_conviction": {
            "order": sum(row["final_order"] for row in unconvicted),
            "re_entry": sum(row["prior_removal"] and not row["final_order"] for row in unconvicted),
            "neither": sum(not row["final_order"] and not row["prior_removal"] for row in unconvicted),
        },
    }


def _by_level(removals: list[dict[str, Any]], reading: str) -> dict[str, int]:
    counted = Counter(row["levels"][reading] for row in removals)
    return {level: counted[level] for level in LEVELS}


def disclosures(events: Iterable[Event]) -> list[dict[str, Any]]:
    """How often each party told each other what, from the events' own declarations."""
    counted: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    for event in events:
        for row in event["data"]["disclosures"]:
            counted[row["from"], row["to"], tuple(sorted(row["categories"]))] += 1
    return [
        {"from": sender, "to": recipient, "categories": list(categories), "count": count}
        for (sender, recipient, categories), count in sorted(counted.items())
    ]
