"""What the teacher's notes say about the real world, each with its evidence tag (`domain.md`)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """Something said about the real world, and how well it is known."""

    words: str
    tag: str


SOURCES = (
    Known(
        "A detainer is a request to hold for up to 48 hours, weekends and holidays not counted; the clock starts when"
        " the person would otherwise walk out (8 CFR 287.7).",
        "C:8CFR287.7",
    ),
    Known(
        "A match is no finding that somebody can be removed: the file holds green-card holders, asylum applicants,"
        " visa holders and naturalised citizens as well.",
        "S2",
    ),
    Known(
        "To March 2011, 101,741 people had been removed through the program: 72,445 convicted of something, 29,296 not"
        " (28.8 %). To February 2011, those without a conviction and those with misdemeanours alone were 60.3 %.",
        "C:HSNW2May11",
    ),
    Known(
        "Both sentences are true of nearly the same people: 'about 72 % had a conviction' and 'about 60 % had none, or"
        " only misdemeanours'.",
        "C:DEPNATION",
    ),
    Known(
        "'Level 1' changed its meaning in mid-2010: first by charge or conviction, then by conviction alone.",
        "C",
    ),
    Known(
        "Of 8,145 people released on declined requests from January to August 2014, nearly 1,900 were re-arrested"
        " (Center for Immigration Studies, on ICE's records). In Cook County it was 11 of 346. Neither has a comparison"
        " group.",
        "R",
    ),
    Known("No effect on crime rates could be observed over more than 3,000 counties (Miles and Cox, 2014).", "C"),
    Known(
        "Asked in a poll, 44 % of Latinos said that they would be less likely to contact the police if they were the"
        " victim of a crime (Theodore, 2013). That is a stated intention, not an observation.",
        "C",
    ),
    Known(
        "A sample of 2011 had about 1.6 % citizens of the United States among those apprehended; the Center for"
        " Immigration Studies disputes it.",
        "C",
    ),
)
