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
        " (28.8 %). To February 2011, those without a conviction and those with misdemeanours alone were 60.3 % of"
        " 94,218.",
        "C:HSNW2May11, DEPNATION, VIVACO",
    ),
    Known(
        "Both sentences are true of the same people, removed to February 2011: '71 % had a conviction' and '60 % had"
        " none, or only misdemeanours'.",
        "C:DEPNATION, VIVACO",
    ),
    Known(
        "'Level 1' changed its meaning in mid-2010: first by charge or conviction, then by conviction alone.",
        "C",
    ),
    Known(
        "Of 8,145 people released on declined requests from January to August 2014, nearly 1,900 were re-arrested"
        " (Center for Immigration Studies, on ICE's records). In Cook County it was 11 of 346 in about half a year."
        " Neither has a comparison group.",
        "R; C",
    ),
    Known(
        "To August 2012 more than 166,000 convicted people had been removed, more than 61,000 of them at Level 1"
        " (ICE).",
        "C:ICE.gov",
    ),
    Known(
        "No effect on the FBI's index of crime, or on violent crime, was found over more than 3,000 counties; drugs"
        " and weapons were not studied (Miles and Cox, 2014).",
        "C; R",
    ),
    Known(
        "Reporting by Hispanic victims fell by 30 % in one study, and victimisation rose by 16 % (Goncalves, Jacome and"
        " Weisburst); another found neither the promises nor the fears (Treyger and others, 2014).",
        "R",
    ),
    Known(
        "Asked in a poll, 44 % of Latinos said that they would be less likely to contact the police if they were the"
        " victim of a crime (Theodore, 2013). That is a stated intention, not an observation.",
        "C",
    ),
    Known(
        "A sample of 2011 had about 1.6 % citizens of the United States among those apprehended; the Center for"
        " Immigration Studies disputes it. Of 949,126 requests to hold, 834 (0.088 %) were for people who came to be"
        " known as citizens (TRAC).",
        "C; C:TRAC",
    ),
)
