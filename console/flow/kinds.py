"""The people that one can book by hand, by what is true of them: which there are, under which law.

Nobody is typed in. `console.flow.cast` finds people of each kind in the population of the scenario `live`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LIVE_POLICY = "us-full-cooperation"
"""The policy of the run `live`, which bookings by hand belong to unless another law is chosen."""

ANYBODY = "anybody"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of people to choose from.

    Attributes:
        key: what it is called in addresses.
        title: what is true of the person, in plain words.
        expect: what is to be seen.
        where: columns of the lab's results and the values that make a person one of these.
        policy: the law that shows it.
    """

    key: str
    title: str
    expect: str
    where: Mapping[str, Any]
    policy: str = LIVE_POLICY


_REMOVABLE: Mapping[str, Any] = {"removable": "yes", "stale": False, "decided": "lodged"}

KINDS: tuple[Kind, ...] = (
    Kind(
        "unknown-citizen",
        "A citizen whom no federal file knows",
        "Prints go to the FBI and to DHS all the same; both answer that they know nobody.",
        {"status": "us_born", "in_iafis": False, "in_ident": False},
    ),
    Kind(
        "citizen-with-record",
        "A citizen with a record at the FBI",
        "The FBI knows the prints, DHS does not, and so ICE never hears of it.",
        {"status": "us_born", "in_iafis": True, "in_ident": False},
    ),
    Kind(
        "lawful-resident",
        "A lawful permanent resident who may stay",
        "DHS knows the prints: residents are on file too. The record says 'not removable', and ICE does nothing.",
        {"status": "lawful_permanent_resident", "stale": False, "removable": "no", "decided": "no_priority"},
    ),
    Kind(
        "overstay-transfer",
        "Visa run out, arrested for a misdemeanour; ICE comes",
        "A match, a request to hold, a hold, and a transfer to ICE.",
        {"status": "visa_overstay", "minor": True, "decided": "lodged", "transferred": True, "held": True},
    ),
    Kind(
        "removed-before",
        "Removed once before, arrested for a felony; ICE comes",
        "The record shows the earlier removal; a request to hold follows, and a transfer.",
        {"status": "prior_removal", "minor": False, "decided": "lodged", "transferred": True, "held": True},
    ),
    Kind(
        "stale-record",
        "A citizen whose record is out of date",
        "Nobody entered that this person became a citizen, so the record says 'removable', and ICE asks to hold.",
        {"citizen": True, "stale": True, "decided": "lodged"},
    ),
    Kind(
        "declined",
        "Removable, and the jail's law declines to hold",
        "ICE asks for a hold; under a county ordinance of 2011 the jail answers no, with the clause, and lets go.",
        {**_REMOVABLE, "on_file": True, "hold": False, "claimed": False},
        policy="us-il-cook-2011",
    ),
    Kind(
        "nobody-comes",
        "Removable, held for ICE, and nobody comes",
        "The jail holds for 48 hours, weekends and holidays left out; ICE does not come, and the person walks out.",
        {**_REMOVABLE, "held": True, "claimed": False},
    ),
)
"""In the order in which the page offers them."""

KINDS_BY_KEY: Mapping[str, Kind] = {kind.key: kind for kind in KINDS}
