"""The law of one place on one day: the layers of law there, and which of them decides."""

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from console.matrix.case import Facts
from console.matrix.words import LEVERS, Lever, place_words
from console.tables import DETAINER
from services.chassis.errors import InteropError
from services.chassis.policy import Policy, Vocabulary, stack_in_force
from services.chassis.policy.stack import ENACTED

USUAL_PLACE, USUAL_DAY = "US-MA-BOS", "2018-06-01"


@dataclass(frozen=True, slots=True)
class Settled:
    """What the layers answer together on one lever.

    Attributes:
        lever: the question.
        answer: the answer.
        by: the title of the law that decides; None where all are silent.
        displaced: titles of laws below that say otherwise, each with its answer.
    """

    lever: Lever
    answer: str
    by: str | None
    displaced: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Law:
    """The law of a place on a day. `refusal` says why there is no answer, where there is none."""

    place: str
    day: str
    layers: tuple[str, ...]
    settled: tuple[Settled, ...]
    command: str
    refusal: str = ""


def places_of(policies: Iterable[Policy]) -> list[tuple[str, str]]:
    """The places with a law of their own, with their names, by name."""
    places = {policy.place for policy in policies if policy.status == ENACTED and policy.question.name == DETAINER}
    return sorted(((place, place_words(place)) for place in places), key=lambda pair: pair[1])


def law_of(policies: Sequence[Policy], vocabulary: Vocabulary, place: str, day: str, facts: Facts) -> Law:
    """What the law of a place answers about a case.

    Raises:
        InteropError: `bad-day`; `unknown-place`.
    """
    try:
        on = date.fromisoformat(day)
    except ValueError:
        raise InteropError("bad-day", f"'{day}' is no day; write it as {USUAL_DAY}", status=422) from None
    told = shlex.quote(json.dumps(dict(facts)))
    command = f"interop decide --place {place} --on {on.isoformat()} --facts {told}"
    stack = stack_in_force(policies, place, on, vocabulary)
    try:
        decision = stack.decide(facts)
    except InteropError:
        return Law(place, day, (), (), command, "No law of the catalogue binds who holds the person there on that day.")
    titles = {layer.policy: layer.asked.title for layer in decision.layers}
    settled = tuple(
        Settled(
            lever=lever,
            answer=found.answer,
            by=None if found.by is None else titles[found.by.policy],
            displaced=tuple((titles[said.policy], said.answer) for said in found.displaced),
        )
        for lever in LEVERS
        for found in [decision.levers[lever.name]]
    )
    return Law(place, day, tuple(titles.values()), settled, command)
