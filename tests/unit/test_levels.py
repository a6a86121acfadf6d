"""Offence levels: two readings of the same facts, and the mapping of NCIC blocks (domain.md 2.1, 2.2, 2.6)."""

import pytest
from hypothesis import given, strategies as st

from services.detainer.events import ChargeSeen, ConvictionSeen
from services.detainer.levels import (
    count_crimes,
    level_by_charge_or_conviction,
    level_by_conviction,
    level_of_code,
)
from services.detainer.triage import levels_of
from tests.unit.builders import a_past_crime, a_status, fifty_times

BLOCKS = {
    "01": "level_1",
    "02": "level_3",
    "03": "level_3",
    "09": "level_1",
    "10": "level_1",
    "11": "level_1",
    "12": "level_1",
    "13": "level_1",
    "14": "level_3",
    "16": "level_1",
    "17": "none",
    "20": "level_2",
    "21": "level_3",
    "22": "level_2",
    "23": "level_2",
    "24": "level_2",
    "25": "level_2",
    "26": "level_2",
    "27": "level_2",
    "28": "level_2",
    "29": "level_2",
    "35": "level_1",
    "36": "level_1",
    "37": "level_3",
    "38": "level_3",
    "39": "level_3",
    "40": "level_3",
    "41": "level_3",
    "48": "level_3",
    "49": "level_3",
    "50": "level_3",
    "51": "level_3",
    "52": "level_1",
    "53": "level_3",
    "54": "level_2",
    "55": "level_3",
    "56": "level_3",
    "57": "level_3",
    "58": "level_2",
    "59": "level_3",
    "60": "level_3",
    "61": "level_3",
    "62": "level_3",
    "63": "level_2",
    "64": "level_1",
    "70": "level_1",
    "71": "level_2",
    "72": "level_3",
    "73": "level_3",
    "80": "level_3",
    "81": "level_3",
}
"""The table of domain.md 2.6, block by block."""

APART = [
    pytest.param("1313", "level_2", id="simple assault is not aggravated"),
    pytest.param("2101", "level_1", id="extortion by a threat of injury"),
    pytest.param("3802", "level_1", id="cruelty toward a child"),
    pytest.param("3803", "level_1", id="cruelty toward a wife"),
    pytest.param("4801", "level_1", id="resisting an officer"),
    pytest.param("3550", "level_2", id="drug equipment"),
    *[
        pytest.param(code, "level_2", id=f"possession {code}")
        for code in ("3504", "3512", "3522", "3532", "3542", "3562", "3572", "3582")
    ],
]
NEXT_TO_THEM = {"1312", "1314", "1316", "1399", "3503", "3505", "3560", "3561", "3570", "3599"}


@pytest.mark.parametrize(("block", "level"), BLOCKS.items())
def test_an_unspecified_offence_has_the_level_of_its_block(block: str, level: str) -> None:
    assert level_of_code(f"{block}99") == level


@pytest.mark.parametrize(("code", "level"), APART)
def test_an_offence_that_stands_apart_from_its_block_has_its_own_level(code: str, level: str) -> None:
    assert level_of_code(code) == level
    assert BLOCKS[code[:2]] != level


@pytest.mark.parametrize("code", sorted(NEXT_TO_THEM))
def test_its_neighbours_keep_the_level_of_the_block(code: str) -> None:
    assert level_of_code(code) == "level_1"


SHOPLIFTING = ChargeSeen(ncic="2303", offense_class="misdemeanor")
ROBBERY = ChargeSeen(ncic="1299", offense_class="serious_felony")


class TestByChargeOrConviction:
    """R1, until mid-2010."""

    def test_a_charge_alone_gives_a_level(self) -> None:
        assert level_by_charge_or_conviction(ROBBERY, ()) == "level_1"

    def test_a_graver_conviction_outranks_the_charge(self) -> None:
        assert level_by_charge_or_conviction(SHOPLIFTING, [a_past_crime("1299")]) == "level_1"

    def test_a_lesser_conviction_leaves_the_charge_its_level(self) -> None:
        assert level_by_charge_or_conviction(ROBBERY, [a_past_crime("5311")]) == "level_1"

    def test_a_material_witness_without_a_conviction_has_no_level(self) -> None:
        witness = ChargeSeen(ncic="1701", offense_class="infraction")
        assert level_by_charge_or_conviction(witness, ()) == "none"


class TestByConviction:
    """R2, from 30 June 2010."""

    @pytest.mark.parametrize(
        ("years", "level"),
        [
            pytest.param([], "none", id="no conviction"),
            pytest.param([0.5], "level_3", id="one misdemeanour"),
            pytest.param([0.5, 1.0], "level_3", id="two misdemeanours"),
            pytest.param([0.5, 0.5, 1.0], "level_2", id="three misdemeanours"),
            pytest.param([5.0], "level_2", id="exactly one felony"),
            pytest.param([5.0, 0.5], "level_2", id="a felony and a misdemeanour"),
            pytest.param([5.0, 2.0], "level_1", id="two felonies"),
            pytest.param([2.5, 2.5], "level_1", id="two misdemeanours of two and a half years"),
        ],
    )
    def test_convictions_count_by_their_number_and_maximum_penalty(self, years: list[float], level: str) -> None:
        assert level_by_conviction([a_past_crime(max_years=length) for length in years]) == level

    def test_one_aggravated_felony_is_level_1_whatever_its_penalty(self) -> None:
        assert level_by_conviction([a_past_crime(max_years=0.5, aggravated_felony=True)]) == "level_1"

    def test_a_crime_of_exactly_one_year_is_a_lesser_one(self) -> None:
        assert count_crimes([a_past_crime(max_years=1.0), a_past_crime(max_years=1.01)]) == (1, 1)

    def test_the_kind_of_offence_does_not_matter(self) -> None:
        assert level_by_conviction([a_past_crime("0901", max_years=0.5)]) == "level_3"


def test_the_same_person_has_both_levels_side_by_side() -> None:
    levels = levels_of(a_status(charge="1299"))
    assert (levels.charge_or_conviction, levels.conviction) == ("level_1", "none")


RANK = ("level_1", "level_2", "level_3", "none")
codes = st.sampled_from([f"{block}{number}" for block in BLOCKS for number in ("01", "13", "99")])
past_crimes = st.builds(
    a_past_crime,
    ncic=codes,
    max_years=st.sampled_from([0.25, 0.5, 1.0, 2.5, 10.0]),
    aggravated_felony=st.booleans(),
)
charges = st.builds(ChargeSeen, ncic=codes, offense_class=st.just("felony"))


@fifty_times
@given(charge=charges, convictions=st.lists(past_crimes, max_size=5), more=past_crimes)
def test_one_more_conviction_never_makes_a_level_milder(
    charge: ChargeSeen, convictions: list[ConvictionSeen], more: ConvictionSeen
) -> None:
    before, after = convictions, [*convictions, more]

    assert RANK.index(level_by_conviction(after)) <= RANK.index(level_by_conviction(before))
    by_charge = [RANK.index(level_by_charge_or_conviction(charge, history)) for history in (after, before)]
    assert by_charge[0] <= by_charge[1]


@fifty_times
@given(charge=charges, data=st.data(), convictions=st.lists(past_crimes, max_size=5))
def test_the_order_of_convictions_does_not_matter(
    charge: ChargeSeen, data: st.DataObject, convictions: list[ConvictionSeen]
) -> None:
    shuffled = data.draw(st.permutations(convictions))

    assert level_by_conviction(shuffled) == level_by_conviction(convictions)
    assert level_by_charge_or_conviction(charge, shuffled) == level_by_charge_or_conviction(charge, convictions)
