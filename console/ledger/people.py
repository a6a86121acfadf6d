"""Who was booked in this house lately: people to choose from, so that somebody can read as one of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

LOCAL = "interop audit token subject"
IN_COMPOSE = "docker compose exec audit interop audit token subject"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented who was booked.

    Attributes:
        subject: the booking's reference, ORI/OCA.
        label: what the person is called here.
        booked_at: minutes, as the agency's clock shows them.
        charge: what was charged, in a word.
        tcn: the transaction's control number, which `interop trace` takes.
        run: the run that the booking belongs to.
        handled: what the agency did with the prints.
    """

    subject: str
    label: str
    booked_at: str
    charge: str
    tcn: str
    run: str
    handled: str


def people_of(recorded: Iterable[Mapping[str, Any]]) -> list[Person]:
    """The people that some events `booking.recorded` are about, each once, in the order of the events."""
    people: dict[str, Person] = {}
    for event in recorded:
        person = _person(event)
        people.setdefault(person.subject, person)
    return list(people.values())


def commands_for(subject: str) -> tuple[tuple[str, str], ...]:
    """The commands that make a token for a subject: words and command, for each way in which the house may be up."""
    quoted = quote(subject)
    return (
        ("in the folder where 'interop up', 'interop demo' or 'make demo' was started", f"{LOCAL} {quoted}"),
        ("where the house is up in Docker", f"{IN_COMPOSE} {quoted}"),
    )


def _person(event: Mapping[str, Any]) -> Person:
    data = event["data"]
    charge = data.get("charge")
    return Person(
        subject=str(event["subject"]),
        label=str(data["label"]),
        booked_at=str(data["booked_at"])[:16].replace("T", " "),
        charge=str(charge.get("offense_class", "")) if isinstance(charge, Mapping) else "",
        tcn=str(event.get("tcn") or ""),
        run=str(event["runid"]),
        handled=str(data.get("handled", "")),
    )
