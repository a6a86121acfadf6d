"""Law as a stack: the policies in force at a place and above it, asked together.

On each lever the layers are heard from the top. The first `must` or `must_not` binds, and sets aside what layers below
it answer otherwise. A `may` leaves room for those below; silence passes down. A layer takes part if it binds whoever
holds the person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.chassis.errors import InteropError
from services.chassis.policy.decide import decide
from services.chassis.policy.mistakes import did_you_mean
from services.chassis.policy.model import NOT_VERIFIED, Decision, Policy
from services.chassis.policy.vocabulary import Value, Vocabulary

QUESTION = "detainer"
ENACTED = "enacted"
CUSTODIAN = "custodian"
HOLD = "hold"
MUST, MAY, MUST_NOT, SILENT = "must", "may", "must_not", "silent"


@dataclass(frozen=True, slots=True)
class Said:
    """What one layer answers on one lever."""

    policy: str
    authority: str
    answer: str

    def as_record(self) -> dict[str, str]:
        """The answer as plain JSON data."""
        return {"policy": self.policy, "authority": self.authority, "answer": self.answer}


@dataclass(frozen=True, slots=True)
class Settled:
    """What the stack answers on one lever: the layer that decided, None if all are silent, and what it displaced."""

    answer: str
    by: Said | None
    displaced: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class StackDecision:
    """What the law of a place answers about one case. `layers` are the decisions of its policies, superiors first."""

    place: str
    on: date
    custodian: str
    layers: tuple[Decision, ...]
    levers: Mapping[str, Settled]

    @property
    def answers(self) -> dict[str, str]:
        """The answer on each lever."""
        return {lever: settled.answer for lever, settled in self.levers.items()}

    @property
    def hours(self) -> tuple[int | None, str | None]:
        """How long a hold may last, and which hours count.

        A binding layer says it for itself. Where holding is left to the agency, the shortest limit of those that
        leave it counts.
        """
        settled = self.levers[HOLD]
        if settled.by is None or settled.answer == MUST_NOT:
            return None, None
        allowing = [layer for layer in self.layers if layer.answers[HOLD] == settled.answer]
        if settled.answer == MUST:
            allowing = [layer for layer in allowing if layer.policy == settled.by.policy]
        limits = [(layer.max_hold_hours, layer.clock) for layer in allowing if layer.max_hold_hours is not None]
        return min(limits, key=lambda limit: limit[0], default=(None, None))

    @property
    def verified(self) -> str:
        """How well the least verified of the layers that decided is verified, for the day that was asked about."""
        deciding = {settled.by.policy for settled in self.levers.values() if settled.by is not None}
        words = [layer.asked.verified_on(self.on) for layer in self.layers if layer.policy in deciding]
        known = self.layers[0].asked.vocabulary.headings.get("verified", ())
        if not words:
            return known[-1] if known else ""
        return max(words, key=lambda word: (NOT_VERIFIED in word, known.index(word.partition(";")[0])))

    def as_record(self) -> dict[str, Any]:
        """The decision as plain JSON data."""
        deciding: dict[str, list[str]] = {}
        for lever, settled in self.levers.items():
            if settled.by is not None:
                deciding.setdefault(settled.by.policy, []).append(lever)
        max_hold_hours, clock = self.hours
        return {
            "policy": " > ".join(layer.policy for layer in self.layers),
            "place": self.place,
            "on": self.on.isoformat(),
            "custodian": self.custodian,
            "answers": self.answers,
            "max_hold_hours": max_hold_hours,
            "clock": clock,
            "because": [
                f"{layer.policy}: {reason}"
                for layer in self.layers
                for reason in layer.because
                if set(reason.levers) & set(deciding.get(layer.policy, ()))
            ],
            "set_aside": [
                *(f"{layer.policy}: {clause}" for layer in self.layers for clause in layer.set_aside),
                *(
                    f"{said.policy}: {lever} {said.answer} (bound by: {settled.by.policy})"
                    for lever, settled in self.levers.items()
                    if settled.by is not None
                    for said in settled.displaced
                ),
            ],
            "layers": {
                lever: {
                    **(settled.by.as_record() if settled.by else {"policy": None, "authority": None, "answer": SILENT}),
                    "displaced": [said.as_record() for said in settled.displaced],
                }
                for lever, settled in self.levers.items()
            },
            "facts_read": {name: value for layer in self.layers for name, value in layer.facts_read.items()},
            "assumed": {name: value for layer in self.layers for name, value in layer.assumed.items()},
            "verified": self.verified,
            "sha256": {layer.policy: layer.sha256 for layer in self.layers},
        }


@dataclass(frozen=True)
class Stack:
    """The enacted policies that are in force at a place and above it on a day, superiors first."""

    place: str
    on: date
    layers: tuple[Policy, ...]
    vocabulary: Vocabulary
    _bound: dict[str, tuple[Policy, ...]] = field(default_factory=dict, repr=False)

    def binding(self, custodian: str) -> tuple[Policy, ...]:
        """The layers that bind whoever holds the person.

        Raises:
            InteropError: `no-policy`, when there is none.
        """
        layers = self._bound.get(custodian)
        if layers is None:
            layers = tuple(policy for policy in self.layers if not policy.binds or custodian in policy.binds)
            self._bound[custodian] = layers
        if not layers:
            raise InteropError(
                "no-policy",
                f"no enacted policy on detainers binds a {custodian} in {self.place} on {self.on}."
                " See 'interop policies list'.",
                status=404,
            )
        return layers

    def decide(self, facts: Mapping[str, Value | None], custodian: str | None = None) -> StackDecision:
        """Decide one case.

        Args:
            facts: what is known of it, as for a single policy.
            custodian: who holds the person, if the facts don't say; the vocabulary's usual one, if nobody does.

        Raises:
            InteropError: as `decide` does, for every fact of the case; `no-policy`, when nothing binds the custodian.
        """
        known = self.vocabulary.canonical(facts)
        if known.get(CUSTODIAN) is None and custodian is not None:
            known = self.vocabulary.canonical({**known, CUSTODIAN: custodian})
        holder = known.get(CUSTODIAN)
        holder = str(self.vocabulary.fact(CUSTODIAN).when_missing if holder is None else holder)
        layers = tuple([decide(policy, known) for policy in self.binding(holder)])
        levers = {lever: settle(layers, lever) for lever in self.vocabulary.questions[QUESTION].levers}
        return StackDecision(self.place, self.on, holder, layers, levers)


def stack_in_force(policies: Iterable[Policy], place: str, on: date, vocabulary: Vocabulary) -> Stack:
    """The stack at a place on a day, whoever holds the person.

    Raises:
        InteropError: `unknown-place`, when no enacted policy is for this place or one above it.
    """
    order = vocabulary.headings.get("authority", ())
    enacted = [policy for policy in policies if policy.question.name == QUESTION and policy.status == ENACTED]
    above = [policy for policy in enacted if place == policy.place or place.startswith(f"{policy.place}-")]
    if not above:
        places = sorted({policy.place for policy in enacted})
        hint = did_you_mean(place, places) or f" Places with a policy: {', '.join(places)}."
        raise InteropError("unknown-place", f"no policy is for '{place}' or a place above it.{hint}", status=404)

    def rank(policy: Policy) -> tuple[int, int, str]:
        authority = order.index(policy.authority) if policy.authority in order else len(order)
        return authority, policy.place.count("-"), policy.id

    return Stack(place, on, tuple(sorted((p for p in above if p.is_in_force(on)), key=rank)), vocabulary)


def settle(layers: Sequence[Decision], lever: str) -> Settled:
    """What layers answer together on one lever, superiors first."""
    said = [
        Said(layer.policy, layer.asked.authority or "", layer.answers[lever])
        for layer in layers
        if layer.answers[lever] != SILENT
    ]
    for number, layer in enumerate(said):
        if layer.answer in (MUST, MUST_NOT):
            return Settled(
                layer.answer, layer, tuple(below for below in said[number + 1 :] if below.answer != layer.answer)
            )
    return Settled(MAY, said[0], ()) if said else Settled(SILENT, None, ())
