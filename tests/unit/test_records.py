"""What a row's record says: the same whenever it is asked, and in the proportions that the run's mixes declare."""

from collections import Counter
from datetime import date
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from services.biometric_match.offenses import OFFENSES, OFFENSES_BY_CLASS
from services.biometric_match.records import (
    MOST_CONVICTIONS,
    REMOVABILITIES,
    STATUSES,
    RecordMixes,
    Status,
    criminal_records,
    immigration_records,
)

SEED = 1952
OPENED_ON = date(2011, 3, 1)
ROWS = np.arange(4_000)

NEUTRAL = RecordMixes()


def everybody_convicted(**shares) -> RecordMixes:
    return RecordMixes(no_conviction_share=0, **shares)


def everybody_is(status: str, **shares) -> RecordMixes:
    return RecordMixes(status_weights={status: 1}, **shares)


def rap_sheets(mixes: RecordMixes):
    records = criminal_records(SEED, ROWS, mixes)
    return [records.record(column, OPENED_ON) for column in range(len(ROWS))]


def files(mixes: RecordMixes):
    records = immigration_records(SEED, ROWS, mixes)
    return [records.record(column) for column in range(len(ROWS))]


class TestCriminalRecords:
    def test_a_row_says_the_same_whenever_it_is_asked(self):
        others = np.array([3_999, 41, 41, 7])
        some = criminal_records(SEED, others, NEUTRAL)

        together = rap_sheets(NEUTRAL)
        assert [some.record(column, OPENED_ON) for column in range(4)] == [together[row] for row in others]
        assert criminal_records(SEED + 1, others, NEUTRAL).record(0, OPENED_ON) != together[3_999]

    def test_no_rows_have_no_records(self):
        assert criminal_records(SEED, ROWS[:0], NEUTRAL).offenses.shape == (MOST_CONVICTIONS, 0)

    def test_a_row_has_the_record_that_it_had_when_this_was_written(self):
        record = criminal_records(SEED, np.array([41]), everybody_convicted()).record(0, OPENED_ON)

        assert (record.ucn, [conviction.ncic for conviction in record.convictions]) == ("ZZ6MK600Q", ["3562"])
        assert record.convictions[0].convicted_on == date(2002, 9, 25)

    def test_where_there_is_no_conviction_the_columns_say_nothing(self):
        records = criminal_records(SEED, ROWS, NEUTRAL)
        absent = np.arange(MOST_CONVICTIONS).reshape(-1, 1) >= records.convictions

        assert not any(column[absent].any() for column in (records.offenses, records.days_ago, records.days_imprisoned))

    def test_the_columns_know_who_has_an_aggravated_felony(self):
        sheets = [
            any(conviction.aggravated_felony for conviction in sheet.convictions) for sheet in rap_sheets(NEUTRAL)
        ]

        assert criminal_records(SEED, ROWS, NEUTRAL).aggravated_felony.tolist() == sheets
        assert 0 < sum(sheets) < len(sheets)

    def test_numbers_are_impossible_and_each_row_has_its_own(self):
        numbers = [record.ucn for record in rap_sheets(NEUTRAL)]

        assert len(set(numbers)) == len(numbers)
        assert all(number.startswith("ZZ") and number.isalnum() and len(number) == 9 for number in numbers)

    def test_the_share_without_a_conviction_is_the_one_declared(self):
        clean = [not record.convictions for record in rap_sheets(RecordMixes(no_conviction_share=0.3))]

        assert sum(clean) / len(clean) == pytest.approx(0.3, abs=0.03)

    def test_nobody_is_convicted_when_the_mix_says_so(self):
        assert not any(record.convictions for record in rap_sheets(RecordMixes(no_conviction_share=1)))

    def test_more_than_one_conviction_is_as_common_as_declared(self):
        counts = Counter(len(record.convictions) for record in rap_sheets(everybody_convicted(more_than_one_share=0.4)))

        assert min(counts) == 1
        assert max(counts) == 5
        assert 1 - counts[1] / len(ROWS) == pytest.approx(0.4, abs=0.03)

    def test_classes_follow_their_weights(self):
        mixes = everybody_convicted(conviction_weights={"misdemeanor": 3, "felony": 1}, more_than_one_share=0)

        classes = Counter(record.convictions[0].offense_class for record in rap_sheets(mixes))

        assert set(classes) == {"misdemeanor", "felony"}
        assert classes["felony"] / len(ROWS) == pytest.approx(0.25, abs=0.03)

    def test_the_offences_of_a_class_are_equally_common(self):
        sheets = rap_sheets(everybody_convicted(conviction_weights={"felony": 1}, more_than_one_share=0))

        codes = Counter(record.convictions[0].ncic for record in sheets)

        assert [codes[offense.ncic] / len(ROWS) for offense in OFFENSES_BY_CLASS["felony"]] == pytest.approx(
            [0.2] * 5, abs=0.03
        )

    def test_convictions_are_past_within_the_years_declared_and_oldest_first(self):
        for record in rap_sheets(everybody_convicted(years_back=10, more_than_one_share=0.5)):
            dates = [conviction.convicted_on for conviction in record.convictions]
            assert dates == sorted(dates)
            assert date(2001, 3, 3) <= dates[0] <= dates[-1] < OPENED_ON

    def test_terms_end_after_the_conviction_and_before_the_run_opens(self):
        convictions = [
            conviction
            for record in rap_sheets(everybody_convicted(imprisoned_share=1))
            for conviction in record.convictions
        ]

        assert all(conviction.convicted_on < conviction.released_on <= OPENED_ON for conviction in convictions)
        assert all(
            (conviction.released_on - conviction.convicted_on).days <= conviction.max_years * 365 + 1
            for conviction in convictions
        )

    def test_without_imprisonment_there_is_no_date_of_release(self):
        sheets = rap_sheets(everybody_convicted(imprisoned_share=0))

        assert {conviction.released_on for record in sheets for conviction in record.convictions} == {None}

    def test_every_conviction_is_an_offence_of_the_table(self):
        table = {(row.ncic, row.offense_class, row.max_years, row.aggravated_felony) for row in OFFENSES}

        seen = {
            (conviction.ncic, conviction.offense_class, conviction.max_years, conviction.aggravated_felony)
            for record in rap_sheets(everybody_convicted())
            for conviction in record.convictions
        }

        assert seen == table


class TestOffenses:
    def test_every_class_has_offences_and_no_code_stands_twice(self):
        assert all(OFFENSES_BY_CLASS.values())
        assert len({offense.ncic for offense in OFFENSES}) == len(OFFENSES)

    def test_only_felonies_are_aggravated(self):
        assert all("felony" in offense.offense_class for offense in OFFENSES if offense.aggravated_felony)

    def test_a_maximum_of_more_than_a_year_is_not_the_same_as_a_felony(self):
        over_a_year = {offense.offense_class for offense in OFFENSES if offense.max_years > 1}

        assert over_a_year == {"listed_misdemeanor", "felony", "serious_felony"}


class TestImmigrationRecords:
    def test_a_row_says_the_same_whenever_it_is_asked(self):
        others = np.array([3_999, 41, 41, 7])
        some = immigration_records(SEED, others, NEUTRAL)

        together = files(NEUTRAL)
        assert [some.record(column) for column in range(4)] == [together[row] for row in others]
        assert immigration_records(SEED + 1, others, NEUTRAL).record(0) != together[3_999]

    def test_a_row_has_the_record_that_it_had_when_this_was_written(self):
        record = immigration_records(SEED, np.array([41]), NEUTRAL).record(0)

        assert (record.fin, record.a_number) == ("FIN0008992703", "A000675685")
        assert (record.status, record.removable) == ("naturalized_citizen", "no")

    def test_the_columns_say_by_index_what_the_records_say(self):
        records = immigration_records(SEED, ROWS, NEUTRAL)

        assert [STATUSES[index] for index in records.status] == [record.status for record in files(NEUTRAL)]
        assert [REMOVABILITIES[index] for index in records.removable] == [record.removable for record in files(NEUTRAL)]

    def test_numbers_are_impossible_and_each_row_has_its_own(self):
        records = files(everybody_is("lawful_permanent_resident"))

        assert len({record.fin for record in records}) == len({record.a_number for record in records}) == len(records)
        assert all(record.fin.startswith("FIN000") and len(record.fin) == 13 for record in records)
        assert all(record.a_number.startswith("A000") and len(record.a_number) == 10 for record in records)

    def test_statuses_follow_their_weights(self):
        mixes = RecordMixes(status_weights={"visa_holder": 3, "derived_citizen": 0, "asylum_pending": 1})

        statuses = Counter(record.status for record in files(mixes))

        assert set(statuses) == {"visa_holder", "asylum_pending"}
        assert statuses["asylum_pending"] / len(ROWS) == pytest.approx(0.25, abs=0.03)

    def test_by_default_every_status_occurs(self):
        assert {record.status for record in files(NEUTRAL)} == set(get_args(Status))

    @pytest.mark.parametrize(
        ("status", "removable"),
        [
            ("naturalized_citizen", "no"),
            ("derived_citizen", "no"),
            ("lawful_permanent_resident", "no"),
            ("visa_holder", "no"),
            ("asylum_pending", "no"),
            ("visa_overstay", "yes"),
            ("entered_without_inspection", "yes"),
            ("prior_removal", "yes"),
        ],
    )
    def test_a_status_says_whether_its_holder_is_removable(self, status, removable):
        assert {record.removable for record in files(everybody_is(status, unknown_share=0))} == {removable}

    def test_a_share_of_the_records_does_not_say(self):
        records = files(everybody_is("visa_overstay", unknown_share=0.2))

        unknown = [record for record in records if record.removable == "unknown"]
        assert len(unknown) / len(records) == pytest.approx(0.2, abs=0.03)
        assert not any(record.final_order or record.prior_removal for record in unknown)

    @pytest.mark.parametrize("status", ["naturalized_citizen", "derived_citizen"])
    def test_of_a_citizen_it_is_always_said_that_they_are_not(self, status):
        assert {record.removable for record in files(everybody_is(status, unknown_share=1))} == {"no"}

    def test_only_removable_people_have_a_final_order(self):
        records = files(RecordMixes(final_order_share_of_removable=0.4))

        removable = [record for record in records if record.removable == "yes"]
        ordered = [record for record in records if record.final_order]
        assert all(record.removable == "yes" for record in ordered)
        assert len(ordered) / len(removable) == pytest.approx(0.4, abs=0.04)

    def test_a_prior_removal_is_a_status_or_declared_of_others(self):
        assert all(record.prior_removal for record in files(everybody_is("prior_removal")))
        assert not any(record.prior_removal for record in files(everybody_is("visa_overstay")))
        some = files(everybody_is("visa_overstay", unknown_share=0, prior_removal_share_of_removable=0.3))
        assert sum(record.prior_removal for record in some) / len(some) == pytest.approx(0.3, abs=0.03)

    def test_visitors_have_no_a_number_before_proceedings(self):
        records = files(everybody_is("visa_overstay", final_order_share_of_removable=0.5))

        assert {(record.a_number is None, record.final_order) for record in records} == {(True, False), (False, True)}


class TestMixes:
    def test_a_newer_scenario_may_say_more(self):
        assert RecordMixes.model_validate({"no_conviction_share": 0.3, "a_later_lever": 1}).no_conviction_share == 0.3

    @pytest.mark.parametrize(
        "mistake",
        [
            {"no_conviction_share": 1.2},
            {"status_weights": {"martian": 1}},
            {"status_weights": {"visa_holder": -1}},
            {"status_weights": {}},
            {"conviction_weights": {"felony": 0}},
            {"years_back": 0},
        ],
    )
    def test_a_mix_that_makes_no_sense_is_refused(self, mistake):
        with pytest.raises(ValidationError):
            RecordMixes.model_validate(mistake)

    def test_every_setting_is_documented(self):
        assert all(field.description for field in RecordMixes.model_fields.values())
