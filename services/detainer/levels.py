"""Offence levels, which changed their meaning in mid-2010: both readings of the same facts.

R1 (2008 to mid-2010) classes the charge *or* a conviction by the kind of offence; R2 (30 Jun 2010) classes
convictions only, by their number and maximum penalty (domain.md 2.1, 2.2). The mapping of NCIC blocks to R1 levels
is the project's own `[P]`, modelled on the appendix that the agreements with the states carried.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from services.detainer.events import ChargeSeen, ConvictionSeen

Level = Literal["level_1", "level_2", "level_3", "none"]

_LEVEL_1_BLOCKS = ("01", "09", "10", "11", "12", "13", "16", "35", "36", "52", "64", "70")
_LEVEL_2_BLOCKS = ("20", "22", "23", "24", "25", "26", "27", "28", "29", "54", "58", "63", "71")
_NOT_AN_OFFENCE = "17"

_EXCEPTIONS: Mapping[str, Level] = {
    "1313": "level_2",
    "2101": "level_1",
    "3504": "level_2",
    "3512": "level_2",
    "3522": "level_2",
    "3532": "level_2",
    "3542": "level_2",
    "3550": "level_2",
    "3562": "level_2",
    "3572": "level_2",
    "3582": "level_2",
    "3802": "level_1",
    "3803": "level_1",
    "4801": "level_1",
}
"""Codes that stand apart from their block: simple assault, threats to injure, drug possession, cruelty, resisting."""

LEVELS: Sequence[Level] = ("level_1", "level_2", "level_3", "none")
"""The levels, the gravest first."""
MORE_THAN_ONE_YEAR = 1.0
TWO_GRAVE_CRIMES = 2
THREE_LESSER_CRIMES = 3


def level_of_code(ncic: str) -> Level:
    """The R1 level of an NCIC offence code."""
    if ncic in _EXCEPTIONS:
        return _EXCEPTIONS[ncic]
    block = ncic[:2]
    if block == _NOT_AN_OFFENCE:
        return "none"
    if block in _LEVEL_1_BLOCKS:
        return "level_1"
    return "level_2" if block in _LEVEL_2_BLOCKS else "level_3"


def level_by_charge_or_conviction(charge: ChargeSeen, convictions: Sequence[ConvictionSeen]) -> Level:
    """R1: the gravest of the charge and the convictions."""
    levels = [level_of_code(charge.ncic), *(level_of_code(conviction.ncic) for conviction in convictions)]
    return min(levels, key=LEVELS.index)


def level_by_conviction(convictions: Sequence[ConvictionSeen]) -> Level:
    """R2: convictions only, counted by whether they are punishable by more than one year."""
    grave, lesser = count_crimes(convictions)
    if any(conviction.aggravated_felony for conviction in convictions) or grave >= TWO_GRAVE_CRIMES:
        return "level_1"
    if grave or lesser >= THREE_LESSER_CRIMES:
        return "level_2"
    return "level_3" if lesser else "none"


def count_crimes(convictions: Sequence[ConvictionSeen]) -> tuple[int, int]:
    """How many convictions are punishable by more than one year, and how many by one year or less."""
    grave = sum(conviction.max_years > MORE_THAN_ONE_YEAR for conviction in convictions)
    return grave, len(convictions) - grave
