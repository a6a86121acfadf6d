"""What groups may choose to measure a law by, and what they guess before any number is shown.

The sandbox takes no side. Of the yardsticks six are asked for more often by supporters of the program, and six by its
critics (`domain.md`, section 5); they stand in turn, and the page does not say which is whose.
"""

from dataclasses import dataclass
from typing import Literal

Side = Literal["supporters", "critics"]

CHOSEN = 3
"""How many yardsticks a group chooses."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A measure of `interop compare`, in words for a class.

    Attributes:
        measure: its id in `sandbox.lab.measures`.
        words: what is counted.
        why: why somebody would want to know, in words that either side could sign.
        often_asked_by: who asks for it more often; for the balance of the list and the teacher's notes, never on a
            phone.
    """

    measure: str
    words: str
    why: str
    often_asked_by: Side


YARDSTICKS = (
    Yardstick(
        "transferred",
        "People handed over to ICE",
        "How far the request of the immigration authority is carried out.",
        "supporters",
    ),
    Yardstick(
        "held.truth.citizens",
        "Citizens of the United States held past their release",
        "A citizen cannot be deported. Records do not always know who is one.",
        "critics",
    ),
    Yardstick(
        "removed.by_charge_or_conviction.level_1",
        "Level 1 removed or returned, by charge or conviction",
        "Level 1 is the gravest. This was the first meaning of it, from 2008 to mid-2010.",
        "supporters",
    ),
    Yardstick(
        "removed.without_conviction.neither",
        "Removed or returned without a conviction, an order or an earlier removal",
        "No court had found them guilty, no order to leave had been made, and nobody had removed them before.",
        "critics",
    ),
    Yardstick(
        "declined.by_charge_or_conviction.level_1",
        "Level 1, released with a declined request, by charge or conviction",
        "Who walks out although the authority asked, and how grave the matter was.",
        "supporters",
    ),
    Yardstick(
        "held",
        "People held past their release, in all",
        "Each of them would have walked out that day.",
        "critics",
    ),
    Yardstick(
        "removed.by_conviction.level_1",
        "Level 1 removed or returned, by conviction alone",
        "The same level by its later meaning: a court has found the person guilty.",
        "supporters",
    ),
    Yardstick(
        "held.truth.lawful_and_not_removable",
        "People held who are here lawfully and cannot be removed",
        "A match says that a record exists, not that somebody may be deported.",
        "critics",
    ),
    Yardstick(
        "wanted",
        "People released although ICE would have come for them",
        "Somebody then looks for them elsewhere, or nobody does.",
        "supporters",
    ),
    Yardstick(
        "hold_hours",
        "Hours held past release, in all",
        "Somebody pays for each of them, and somebody sits through it.",
        "critics",
    ),
    Yardstick(
        "declined.charge.serious_felony",
        "People released with a declined request, charged with a serious felony",
        "A charge is not a conviction; it is what the jail knows that day.",
        "supporters",
    ),
    Yardstick(
        "disclosed",
        "Times the jail told ICE about somebody",
        "Each is a piece of news about a person that one agency gives to another.",
        "critics",
    ),
)

GUESS_LAWS = ("us-full-cooperation", "us-ca-trust-act-2014")
"""The laws about which groups guess: one that lets the jail do all, and one that draws lines."""


@dataclass(frozen=True, slots=True)
class Question:
    """A figure that groups guess, as a whole number of a hundred."""

    id: str
    words: str


QUESTIONS = (
    Question(
        "unconvicted",
        "Of 100 arrested people whose fingerprints matched an immigration record, how many had no conviction on file?",
    ),
    Question("lodged", "Of 100 who matched, for how many did ICE ask the jail to hold them?"),
    Question("held_a", "Of 100 requests that came before the release, how many people are held past it under law A?"),
    Question("held_b", "Of the same 100 requests, how many under law B?"),
    Question("taken_a", "Of the same 100 requests, how many people are handed over to ICE under law A?"),
)
