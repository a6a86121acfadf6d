"""What nobody knows, or what is disputed, about the real program; each is labelled so wherever the sandbox uses it."""

from dataclasses import dataclass

from console.sources import Source, published


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that is open.

    Attributes:
        title: the question.
        one: what some say or read.
        other: what others say or read.
        here: what the sandbox does about it.
        sources: where this was read.
    """

    title: str
    one: str
    other: str
    here: str
    sources: tuple[Source, ...]


UNKNOWNS = (
    Unknown(
        "What did Boston's 102 of 2010 count?",
        "All removals: then half were at Level 1 because a charge counted, and the figures of 2011 look"
        " different because"
        " only convictions did.",
        "Only people with a level, by conviction: then about 210 had been removed, and everything that was published"
        " later fits by arithmetic.",
        "Both are explanations that a run can be made under. Neither is confirmed, and neither is preferred here.",
        (
            published("WBUR, August 2010, against WGBH News, June 2011", "S2, S4"),
            published("Arithmetic over Boston's published figures to March 2012, ACLU of Massachusetts", "R"),
        ),
    ),
    Unknown(
        "How many of those removed from Boston had no conviction?",
        "52 % of 352 to July 2011 had no criminal record; 54 % in the figures of 7 March.",
        "48 % of 369 to the same July, in ICE's restatement.",
        "All three are held against a run, and none of them is taken for the truth.",
        (
            published(
                "Boston Globe through the MIRA Coalition; letter of 3 June 2011", "C:GLOBE-via-MIRA, LETTER-2011"
            ),
            published("ICE's restatement of September 2011", "2nd"),
        ),
    ),
    Unknown(
        "Are the prints of people without a match kept by DHS?",
        "Advocates in Massachusetts say that they are.",
        "The official limits were not read.",
        "Nothing here counts on either.",
        (published("MIRA Coalition and ACLU of Massachusetts", "C:ACLU-MA"),),
    ),
    Unknown(
        "Was taking part voluntary?",
        "ICE had forty-two agreements with states, and one side alone could end each.",
        "The relay from the FBI to DHS did not depend on them. The Inspector General found the"
        " communications confusing, and"
        " no intent to mislead.",
        "Sharing cannot be switched off in a real policy; counterfactual ones say that they are.",
        (
            published(
                "OIG-12-66, as reported by Fierce Homeland Security",
                "C:FIERCE",
                "https://fiercehomelandsecurity.com/node/88261",
            ),
        ),
    ),
    Unknown(
        "Does the program lower crime, or keep people from reporting it?",
        "No effect on the FBI's index of crime, or on violent crime, was found in more than 3,000 counties. Drugs and"
        " weapons were not studied.",
        "Reporting by Hispanic victims fell by 30 % in one study, and rose by 4 % when the program became narrower in"
        " another; a third found neither the promises nor the fears.",
        "Neither effect is in a run. A comparison can take declared rates, each with its source, and never"
        " one net number.",
        (
            published("Miles and Cox, 2014", "C"),
            published("Goncalves, Jacome and Weisburst, NBER 32109; Jacome; Treyger and others, 2014", "R"),
        ),
    ),
    Unknown(
        "How many of those released on a declined request are re-arrested?",
        "Nearly 1,900 of 8,145, about 23 %, in eight months of 2014.",
        "11 of 346, 3.2 %, in about half a year in Cook County.",
        "Off unless declared. Neither figure has a comparison group.",
        (
            published("Center for Immigration Studies on ICE's records, January to August 2014", "R"),
            published("Cook County, September 2011 to February 2012", "C"),
        ),
    ),
    Unknown(
        "How many citizens are caught up in it?",
        "834 of 949,126 requests, 0.088 %, of those who were known to be citizens.",
        "About 1.6 % of a sample. How its citizens were told is contested, and so is the sample.",
        "A share of stale records between the two, which a scenario states.",
        (
            published("TRAC, fiscal years 2008 to early 2012", "C:TRAC", "https://trac.syr.edu"),
            published("Warren Institute, October 2011, and the rebuttal of the Center for Immigration Studies", "C; B"),
        ),
    ),
    Unknown(
        "How long may a request hold somebody?",
        "The regulation says 48 hours, without Saturdays, Sundays and holidays.",
        "ICE's guidance on its later form says just 48 hours.",
        "A property of each policy. Under the policies of Boston's years, the regulation's.",
        (published("8 CFR 287.7(d); guidance on form I-247A", "C:8CFR287.7; R"),),
    ),
    Unknown(
        "How many requests did Boston get in 2024?",
        "15, says the city's police.",
        "198, says ICE.",
        "Neither is used; both are shown.",
        (
            published("Boston Police Department, yearly report, through the press", "C"),
            published("ICE, as reported", "R"),
        ),
    ),
    Unknown(
        "How many people matched in Boston to June 2010?",
        "2,013.",
        "The number stands in a reader's comment on the article, apparently taken from its graphic; the"
        " article itself has"
        " only the 102.",
        "Taken as the scenario's input, and said to be so.",
        (published("WBUR, August 2010, a reader's comment", "S2"),),
    ),
    Unknown(
        "How long does it take until ICE knows of a match?",
        "About four hours of human work is what is remembered of the target.",
        "No source for it was found.",
        "A default of the sandbox, and not a fact.",
        (published("From memory", "B"),),
    ),
)
