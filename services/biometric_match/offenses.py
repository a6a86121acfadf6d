"""The offences that rap sheets are made of: a small, hand-picked table of real NCIC codes."""

from typing import Final, Literal, NamedTuple, get_args

OffenseClass = Literal["misdemeanor", "listed_misdemeanor", "felony", "serious_felony"]


class Offense(NamedTuple):
    """One offence that the table offers. `max_years` is the maximum penalty, which R2 counts by, not the label."""

    ncic: str
    label: str
    offense_class: OffenseClass
    max_years: float
    aggravated_felony: bool


OFFENSES: Final = (
    Offense("2303", "SHOPLIFTING", "misdemeanor", 0.5, False),
    Offense("3562", "MARIJUANA - POSSESS", "misdemeanor", 0.5, False),
    Offense("5311", "DISORD CONDUCT", "misdemeanor", 0.5, False),
    Offense("5499", "TRAFFIC OFFENSE", "misdemeanor", 0.5, False),
    Offense("5707", "TRESPASSING", "misdemeanor", 0.25, False),
    Offense("1313", "SIMPLE ASSLT", "listed_misdemeanor", 1.0, False),
    Offense("5202", "CARRYING CONCEALED WEAPON", "listed_misdemeanor", 1.0, False),
    Offense("5404", "DRIVING UNDER INFLUENCE ALCOHOL", "listed_misdemeanor", 2.5, False),
    Offense("2299", "BURGLARY", "felony", 10.0, False),
    Offense("2404", "VEHICLE THEFT", "felony", 5.0, False),
    Offense("2803", "RECEIVE STOLEN PROP", "felony", 3.0, False),
    Offense("3532", "COCAINE - POSSESS", "felony", 3.0, False),
    Offense("3560", "MARIJUANA - SELL", "felony", 5.0, True),
    Offense("1299", "ROBBERY", "serious_felony", 15.0, True),
    Offense("1315", "AGGRAV ASSLT - WEAPON", "serious_felony", 10.0, True),
    Offense("1399", "ASSAULT", "serious_felony", 10.0, True),
    Offense("2202", "BURGL - FORCED ENTRY-RESID", "serious_felony", 20.0, True),
    Offense("3530", "COCAINE - SELL", "serious_felony", 10.0, True),
)
"""Codes and labels are NCIC's (NIEM 5.0.1 list) [C:NIEM-NCIC]; class, maximum and the flag are the project's [P].

Drunk driving stands for the misdemeanours that carry up to two and a half years and so count, by maximum penalty, as
crimes of more than a year (domain.md 0a.15). The sale of marijuana shows that a felony's class and its being an
aggravated felony under federal law are two questions.
"""

OFFENSES_BY_CLASS: Final[dict[OffenseClass, tuple[Offense, ...]]] = {
    offense_class: tuple(offense for offense in OFFENSES if offense.offense_class == offense_class)
    for offense_class in get_args(OffenseClass)
}
