"""Policies as cards: what each is in plain words, where it comes from, and when it was the law."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.tables import DETAINER
from sandbox.policies.words import LEVER_WORDS, VERIFIED
from services.chassis.policy import Policy
from services.chassis.policy.stack import ENACTED

COUNTERFACTUAL = "counterfactual"

GROUPS = {
    "own": ("Yours", "Made in this page. They stand in a folder on this machine, and nobody else sees them."),
    "enacted": ("Enacted laws and practices", "What jails really did, or had to do, about a detainer."),
    "proposals": ("Proposals and drafts", "What somebody asked for, and what never became law as such."),
    "counterfactual": ("Counterfactual", "Made up by this project, to compare with; no law was ever like it."),
    "federal": ("Federal regimes and sharing", "Whom ICE asked for, and how far fingerprints went."),
}

QUESTIONS = {
    "detainer": "what the jail does when ICE asks",
    "sharing": "how far fingerprints go",
    "ice_priority": "whom ICE asks for",
}

LEVERS = {**LEVER_WORDS, "sharing": "prints", "ice_priority": "priorities"}
_WORDS = {"must_not": "must not", "no_action": "no action"}


@dataclass(frozen=True, slots=True)
class Card:
    """A policy, as somebody who has to choose one sees it."""

    id: str
    title: str
    group: str
    question: str
    place: str
    status: str
    years: str
    source: str
    verified: str
    is_verified: bool
    levers: Sequence[tuple[str, str]]
    """What is answered, and with which answers."""

    note: str

    @property
    def words(self) -> str:
        """Everything that a search looks through."""
        return " ".join(
            [self.id, self.title, self.place, self.source, self.years, self.status, self.question]
            + [f"{lever} {answers}" for lever, answers in self.levers]
        ).lower()


def card_of(policy: Policy, *, own: bool = False) -> Card:
    """A policy as a card."""
    return Card(
        id=policy.id,
        title=policy.title,
        group="own" if own else _group(policy),
        question=QUESTIONS.get(policy.question.name, policy.question.name),
        place=policy.place,
        status=policy.status,
        years=_years(policy),
        source=policy.source,
        verified=VERIFIED.get(policy.verified, policy.verified),
        is_verified=policy.verified == "text",
        levers=_answers(policy),
        note=policy.note,
    )


def grouped(catalogue: Mapping[str, Policy], own: Mapping[str, Policy]) -> list[dict[str, Any]]:
    """All cards, group by group."""
    cards = [*(card_of(policy, own=True) for policy in own.values()), *map(card_of, catalogue.values())]
    return [
        {"name": name, "title": title, "says": says, "cards": _of_group(cards, name)}
        for name, (title, says) in GROUPS.items()
        if name == "own" or _of_group(cards, name)
    ]


def _of_group(cards: Iterable[Card], name: str) -> list[Card]:
    return sorted((card for card in cards if card.group == name), key=lambda card: (card.place, card.id))


def _group(policy: Policy) -> str:
    if policy.status == COUNTERFACTUAL:
        return "counterfactual"
    if policy.status != ENACTED:
        return "proposals"
    return "enacted" if policy.question.name == DETAINER else "federal"


def _years(policy: Policy) -> str:
    if policy.status != ENACTED:
        return "never in force" if policy.status == COUNTERFACTUAL else f"of {policy.since.year}"
    return f"{policy.since.year} to {policy.until.year}" if policy.until else f"from {policy.since.year}"


def _answers(policy: Policy) -> list[tuple[str, str]]:
    """Lever by lever, all that the policy can answer; what it is silent on is left out."""
    clauses = [*policy.clauses, *([policy.otherwise] if policy.otherwise else [])]
    told: list[tuple[str, str]] = []
    for lever in policy.question.levers:
        said = dict.fromkeys(clause.then[lever] for clause in clauses if lever in clause.then)
        if said:
            words = " or ".join(_WORDS.get(answer, answer.replace("_", " ")) for answer in said)
            told.append((LEVERS.get(lever, lever), words))
    return told
