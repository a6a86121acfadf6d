"""Who said the like of the real program, and what each sentence leaves out: two for each ruler, in the same form."""

from collections.abc import Mapping
from dataclasses import dataclass

from console.sources import Source, published


@dataclass(frozen=True, slots=True)
class Said:
    """A published number, with its denominator."""

    words: str
    source: Source


@dataclass(frozen=True, slots=True)
class Quote:
    """What stands under a true sentence.

    Attributes:
        reads: why the side that quotes it takes this share to be the one that matters.
        said: who said the like of the real program, and when.
        leaves_out: what the sentence does not tell.
    """

    reads: str
    said: tuple[Said, ...]
    leaves_out: str


def _said(words: str, citation: str, tag: str, url: str | None = None) -> Said:
    return Said(words, published(citation, tag, url))


_RESTATEMENT = "ICE's restatement for Boston, September 2011, of 369 people removed to 31 July 2011"

QUOTES: Mapping[str, tuple[Quote, Quote]] = {
    "conviction": (
        Quote(
            "A conviction, of whatever level, is what the program is for.",
            (
                _said(
                    "ICE, of the nation to March 2011: 72,445 of 101,741 people removed, or 71 %.",
                    "Homeland Security Newswire, 2 May 2011, from ICE's figures to 31 March 2011",
                    "C:HSNW2May11",
                ),
            ),
            "Of what they were convicted. A conviction for trespassing counts as much as one for robbery.",
        ),
        Quote(
            "Who was never convicted is not whom the program was announced for.",
            (
                _said(
                    "The Boston Globe, of Boston to July 2011: 183 of 352 people removed, or 52 %.",
                    "Boston Globe, figures to July 2011, through the MIRA Coalition; 29 % for the nation",
                    "C:GLOBE-via-MIRA",
                ),
                _said(
                    "Massachusetts' letter of June 2011: 54 %.",
                    "Letter of the Massachusetts public-safety office to ICE, 3 June 2011, on statistics of 7 March",
                    "C:LETTER-2011",
                ),
            ),
            "That some of these were under an order of removal or had come back after one, and that being removable is"
            " not a matter of convictions alone.",
        ),
    ),
    "minor": (
        Quote(
            "Felonies and repeated misdemeanours are what the levels put first.",
            (
                _said(
                    "ICE, of the nation to August 2012: more than 166,000 convicted people removed, more than 61,000 of"
                    " them at Level 1.",
                    "ICE's page on Secure Communities, figures to 31 August 2012",
                    "C:ICE.gov",
                ),
            ),
            "How many were below that line, and what part of all removals they were.",
        ),
        Quote(
            "Who has no conviction, or small ones, is not whom the program was announced for.",
            (
                _said(
                    "A Los Angeles Times editorial of 2011: about 60 % of 87,534 people removed in the nation.",
                    "Los Angeles Times, editorial, March or April 2011",
                    "S3",
                ),
                _said(
                    "ICE's figures to February 2011 add up to 60.3 % of 94,218.",
                    "27,047 without a conviction and 29,741 with misdemeanours alone, as published by"
                    " deportationnation.org"
                    " and Viva Colorado",
                    "C:DEPNATION, VIVACO",
                ),
            ),
            "That about half of these had been convicted of something (31.6 of the 60.3 points), and that being"
            " removable is not a matter of convictions alone.",
        ),
    ),
    "charge": (
        Quote(
            "What somebody is arrested for now is what the agency has before it.",
            (
                _said(
                    "WBUR in August 2010, of Boston: almost half of 102 people deported were at Levels 2 and 3, so"
                    " about half at Level 1.",
                    "WBUR, August 2010",
                    "S2",
                ),
            ),
            "How many of the charges led to a conviction. A charge is no finding of guilt.",
        ),
        Quote(
            "Even when the widest meaning of Level 1 is used, so many are not in it.",
            (
                _said(
                    "WBUR in August 2010: almost half of Boston's 102 were at Levels 2 and 3.",
                    "WBUR, August 2010",
                    "S2",
                ),
                _said(
                    "CBS in September 2010: about half and half, both convicted.",
                    "CBS, September 2010; it says 'convicted' of both halves, where WBUR's levels speak of charges",
                    "C:CBS",
                ),
            ),
            "That Level 2 has burglary and larceny in it, and that the table of 2010 may have left people"
            " without a level"
            " out (see the two explanations).",
        ),
    ),
    "level": (
        Quote(
            "What a court has found is the firmest ground there is, and Levels 1 and 2 are the graver part of it.",
            (
                _said(
                    "ICE, of the nation to June 2010: 9,831 of 46,929 people removed at Level 1, or 21 %.",
                    "Associated Press, 2010; which meaning of Level 1 the figure used is not said",
                    "C:AP",
                ),
            ),
            "Who is at Level 3 or has no level; and that the same people stood at other levels while charges counted.",
        ),
        Quote(
            "Who has no level is not whom the program was announced for.",
            (
                _said(
                    "A Massachusetts public-safety official in June 2011, of Boston: about a quarter"
                    " convicted of a serious"
                    " crime, more than half of nothing.",
                    "WGBH News, 6 June 2011",
                    "S4",
                ),
            ),
            "That a serious charge may have been open against somebody without a level, and that some were"
            " under an order"
            " or had come back after a removal.",
        ),
    ),
    "otherwise": (
        Quote(
            "An order or an earlier removal is a priority without any conviction.",
            (
                _said(
                    "ICE in September 2011, of Boston: 68 of 177 people without a conviction had an"
                    " outstanding order, and"
                    " 49 were alleged to have come back.",
                    _RESTATEMENT,
                    "2nd",
                ),
            ),
            "The rest of them; and that no court has found any of these people guilty of a crime.",
        ),
        Quote(
            "No court has found any of these people guilty of a crime, and these have not even an order against them.",
            (
                _said(
                    "The same restatement: 60 of the 177 had entered unlawfully or stayed too long.",
                    _RESTATEMENT,
                    "2nd",
                ),
            ),
            "That to have entered unlawfully or stayed too long makes a person removable, whatever the priorities are.",
        ),
    ),
}
"""Ruler -> what stands under the sentence of each side."""

_OF_BOSTON = (
    _said(
        "Of Boston to June 2010: 102 of 2,013, or 5.07 %.",
        "WBUR, August 2010; the 2,013 stands in a reader's comment, and whether the 102 are all removals is disputed",
        "S2",
    ),
    _said(
        "Of Boston to March 2012: 457 of 3,967, or 11.5 %.",
        "ACLU of Massachusetts, slides of May 2012, from ICE's figures",
        "R",
    ),
)

REMOVED_OF_MATCHED: tuple[Quote, Quote] = (
    Quote(
        "To remove is what the search is for, and whoever is left was found for nothing.",
        _OF_BOSTON,
        "How many of the others are citizens or lawfully here, and could not be removed at all.",
    ),
    Quote(
        "The prints and the status of all the others were passed on as well, and nothing was to come of it.",
        _OF_BOSTON,
        "That a match is no finding that somebody is removable, and that ICE's officers and beds set a limit"
        " of their own.",
    ),
)
"""What stands under the sentences when the denominator is everybody who matched."""
