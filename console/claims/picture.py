"""One set of people, and what can truly be said of them: rulers, denominators, and the sentence that each pair gives.

A dot is one removal of a run. Choosing another ruler or another denominator never makes, takes or moves a person: it
says which group a dot is counted in, and whether it is counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from console.claims.chance import interval_in_words, percent
from console.claims.quotes import QUOTES, REMOVED_OF_MATCHED, Quote

Dot = Sequence[int]
"""What `counting.dots` tells of a removal: both levels, whether convicted, and what else is known without that."""

BY_CHARGE, BY_CONVICTION, CONVICTED, OTHERWISE = range(4)
NO_LEVEL = 3
UNDER_ORDER, BACK_AGAIN, NEITHER = range(3)


@dataclass(frozen=True, slots=True)
class Group:
    """Those whom a ruler counts together.

    Attributes:
        words: who they are, in a few words.
        says: what a sentence says of them, after a share.
        mark: how their dots are drawn: the shape tells them apart without colour.
    """

    words: str
    says: str
    mark: str


@dataclass(frozen=True, slots=True)
class Ruler:
    """What is looked at in a person.

    Attributes:
        id: as it stands in the address.
        words: what it is called.
        means: in one sentence, what it looks at.
        groups: all that it tells apart; everybody is in one of them.
        place: which group a dot is in.
        first: the groups whose sum who supports the program quotes.
        second: the groups whose sum who criticises it quotes.
        first_says: what the first sum says, after a share.
        second_says: what the second sum says, after a share.
    """

    id: str
    words: str
    means: str
    groups: tuple[Group, ...]
    place: Callable[[Dot], int]
    first: tuple[int, ...]
    second: tuple[int, ...]
    first_says: str
    second_says: str


@dataclass(frozen=True, slots=True)
class Base:
    """Of whom a share is: the denominator.

    Attributes:
        id: as it stands in the address.
        words: what it is called.
        people: whom a sentence speaks of.
        counts: whether a dot is counted.
    """

    id: str
    words: str
    people: str
    counts: Callable[[Dot], bool]


@dataclass(frozen=True, slots=True)
class Part:
    """A group in a picture: how many, and what share that is."""

    words: str
    says: str
    mark: str
    count: int
    share: str
    likely: str


@dataclass(frozen=True, slots=True)
class Side:
    """A true sentence, who said the like of the real program, and what it leaves out."""

    who: str
    sentence: str
    quote: Quote


@dataclass(frozen=True, slots=True)
class Picture:
    """What one ruler and one denominator show of a run.

    Attributes:
        ruler: what is looked at.
        base: of whom the shares are.
        whole: how many people these are.
        parts: the groups of the ruler; their counts and `unseen` add up to `whole`.
        unseen: those in the denominator who are no dots: matched, and not removed.
        apart: dots that the denominator leaves out.
        sentence: everything counted, in one sentence.
        sides: the true sentence of each side.
    """

    ruler: Ruler
    base: Base
    whole: int
    parts: tuple[Part, ...]
    unseen: int
    apart: int
    sentence: str
    sides: tuple[Side, Side]

    @property
    def id(self) -> str:
        """The picture's name in the page."""
        return f"{self.ruler.id}-{self.base.id}"

    @property
    def tells_nobody_apart(self) -> bool:
        """Whether everybody who is counted is in the same group."""
        return self.unseen == 0 and sum(part.count > 0 for part in self.parts) < 2  # noqa: PLR2004


_LEVELS = (
    Group("Level 1", "were at Level 1", "solid"),
    Group("Level 2", "at Level 2", "hatch"),
    Group("Level 3", "at Level 3", "point"),
    Group("no level", "had no level", "ring"),
)

RULERS = (
    Ruler(
        "conviction",
        "Any conviction, or none",
        "Whether the person was ever convicted of anything, whatever it was.",
        (
            Group("a conviction", "had a conviction", "solid"),
            Group("no conviction", "had none", "ring"),
        ),
        lambda dot: 0 if dot[CONVICTED] else 1,
        (0,),
        (1,),
        "had a conviction",
        "had no conviction at all",
    ),
    Ruler(
        "minor",
        "None or minor, or more",
        "Whether the convictions come to more than two misdemeanours (Levels 1 and 2), or not (Level 3, or none).",
        (
            Group("more than two misdemeanours", "had a felony, or more than two misdemeanours", "solid"),
            Group("two misdemeanours at most, or none", "had two misdemeanours at most, or none", "ring"),
        ),
        lambda dot: 0 if dot[BY_CONVICTION] < 2 else 1,  # noqa: PLR2004
        (0,),
        (1,),
        "had been convicted of a felony, or of more than two misdemeanours",
        "had no conviction, or no more than two misdemeanours",
    ),
    Ruler(
        "charge",
        "Level by charge or conviction (2008 to mid-2010)",
        "The level as it was until mid-2010, when what somebody is charged with now counted like a conviction. Level 1:"
        " violence, national security and major drug offences; Level 2: mainly property and minor drug offences;"
        " Level 3: everything else.",
        _LEVELS,
        lambda dot: dot[BY_CHARGE],
        (0,),
        (1, 2, 3),
        "were at Level 1, by charge or conviction",
        "were not at Level 1, even where a charge counts",
    ),
    Ruler(
        "level",
        "Level by conviction alone (from mid-2010)",
        "The level as it was from mid-2010 on, when only convictions counted. Level 1: an aggravated felony, or two"
        " felonies or more; Level 2: another felony, or more than two misdemeanours; Level 3: one or two"
        " misdemeanours.",
        _LEVELS,
        lambda dot: dot[BY_CONVICTION],
        (0, 1),
        (3,),
        "were at Level 1 or 2, by conviction",
        "had no level, for they had no conviction",
    ),
    Ruler(
        "otherwise",
        "Without a conviction: an order, a re-entry, or neither",
        "What else is known of people without a conviction: an order of removal, or an earlier removal without one.",
        (
            Group("under an order", "were under an order of removal", "hatch"),
            Group("back after a removal", "were back after a removal, without such an order", "point"),
            Group("neither of these", "were neither", "ring"),
            Group("convicted", "had a conviction", "solid"),
        ),
        lambda dot: 3 if dot[CONVICTED] else dot[OTHERWISE],
        (0, 1),
        (2,),
        "were without a conviction, and under an order or back after a removal",
        "were without a conviction, an order or an earlier removal",
    ),
)
"""What can be looked at."""

BASES = (
    Base("removed", "Everybody removed", "removed", lambda _: True),
    Base("matched", "Everybody who matched", "who matched", lambda _: True),
    Base(
        "unconvicted",
        "Those removed without a conviction",
        "removed without a conviction",
        lambda dot: not dot[CONVICTED],
    ),
)
"""Of whom a share can be."""

SENTENCES = (
    ("conviction", "removed", "So many had been convicted"),
    ("minor", "removed", "So many had no conviction, or only a minor one"),
    ("charge", "removed", "So many were at Level 1"),
    ("otherwise", "unconvicted", "Of those without a conviction, so many had an order or had come back"),
)
"""The four sentences: a ruler, a denominator, and what is said."""

SIDES = ("Who supports the program can truly say", "Who criticises the program can truly say")


def ruler_named(wanted: str) -> Ruler:
    """The ruler of that id, or the first."""
    return next((ruler for ruler in RULERS if ruler.id == wanted), RULERS[0])


def base_named(wanted: str) -> Base:
    """The denominator of that id, or the first."""
    return next((base for base in BASES if base.id == wanted), BASES[0])


def picture(dots: Sequence[Dot], matches: int, ruler: Ruler, base: Base) -> Picture:
    """What a ruler and a denominator show of a run.

    Args:
        dots: every removal of the run.
        matches: how many people matched; each removal is one of them.
        ruler: what is looked at.
        base: of whom the shares are.
    """
    counted = [dot for dot in dots if base.counts(dot)]
    whole = matches if base.id == "matched" else len(counted)
    unseen = whole - len(counted)
    places = [ruler.place(dot) for dot in counted]
    counts = [places.count(place) for place in range(len(ruler.groups))]
    parts = tuple(
        Part(group.words, group.says, group.mark, count, _share(count, whole), _likely(count, whole))
        for group, count in zip(ruler.groups, counts, strict=True)
    )
    first, second = (sum(counts[place] for place in side) for side in (ruler.first, ruler.second))
    spoken = [(ruler.first_says, first), (ruler.second_says, second)]
    quotes = REMOVED_OF_MATCHED if base.id == "matched" else QUOTES[ruler.id]
    sides = [
        Side(who, f"{_of(whole, base)}, {_share(count, whole)} ({count:,}) {_said(says, base)}.", quote)
        for who, (says, count), quote in zip(SIDES, spoken, quotes, strict=True)
    ]
    return Picture(
        ruler,
        base,
        whole,
        parts,
        unseen,
        len(dots) - len(counted),
        _sentence(parts, whole, unseen, base),
        (sides[0], sides[1]),
    )


def pictures(dots: Sequence[Dot], matches: int) -> list[Picture]:
    """Every ruler with every denominator."""
    return [picture(dots, matches, ruler, base) for ruler in RULERS for base in BASES]


def as_data(dots: Sequence[Dot]) -> dict[str, Any]:
    """What the script needs to draw any of them: of each dot, its group by each ruler, and who counts in each base."""
    return {
        "places": {ruler.id: [ruler.place(dot) for dot in dots] for ruler in RULERS},
        "counts": {base.id: [int(base.counts(dot)) for dot in dots] for base in BASES},
        "groups": {
            ruler.id: [{"words": group.words, "mark": group.mark} for group in ruler.groups] for ruler in RULERS
        },
    }


def person(dot: Dot) -> str:
    """One dot in words; they are the same whatever is counted."""
    levels = [f"Level {place + 1}" if place < NO_LEVEL else "no level" for place in dot[:2]]
    known = "convicted before" if dot[CONVICTED] else _OTHERWISE_WORDS[dot[OTHERWISE]]
    return f"{levels[0]} if a charge counts, {levels[1]} if only a conviction does; {known}."


_OTHERWISE_WORDS = {
    UNDER_ORDER: "no conviction, under an order of removal",
    BACK_AGAIN: "no conviction, back after a removal",
    NEITHER: "no conviction, no order, no earlier removal",
}


def _of(whole: int, base: Base) -> str:
    return f"Of {'1 person' if whole == 1 else f'{whole:,} people'} {base.people}"


def _said(says: str, base: Base) -> str:
    return f"were removed and {says}" if base.id == "matched" else says


def _share(part: int, whole: int) -> str:
    return percent(part, whole) if whole else "none"


def _likely(part: int, whole: int) -> str:
    return interval_in_words(part, whole) if whole else "none"


def _sentence(parts: Sequence[Part], whole: int, unseen: int, base: Base) -> str:
    if not whole:
        return f"Nobody was {base.people.removeprefix('who ')}."
    told = [f"{part.share} ({part.count:,}) {_said(part.says, base)}" for part in parts if part.count]
    if unseen:
        told.append(f"{percent(unseen, whole)} ({unseen:,}) were not removed")
    listed = told[0] if len(told) == 1 else f"{', '.join(told[:-1])}, and {told[-1]}"
    return f"{_of(whole, base)}, {listed}."
