"""From a submission to the federal answers: what is said, by whom, when and to whom."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from services.biometric_match.domain import removabilities, removability
from services.biometric_match.events import (
    FingerprintsSubmitted,
    Galleries,
    IdentificationReturned,
    ImmigrationSearched,
    ImmigrationStatusReturned,
    RunOpened,
)
from services.biometric_match.examiner import Examiner
from services.biometric_match.gallery import Gallery
from services.biometric_match.handlers import on_fingerprints_submitted
from services.biometric_match.matcher import Candidate, Searched, Unsearchable
from services.biometric_match.prints import capture
from services.biometric_match.records import (
    REMOVABILITIES,
    Conviction,
    ImmigrationRecord,
    RecordMixes,
    criminal_records,
    immigration_records,
)
from services.biometric_match.relay import EVERYTHING, Relay
from services.biometric_match.run import Searches
from services.biometric_match.scores import threshold
from services.chassis.envelope import Event
from tests.unit.builders import policy

SEED = 1952
ROWS = 1_000
OVERLAP = 400
IN_BOTH = ROWS - OVERLAP + 17
ON_NO_FILE = 2 * ROWS

SUBMITTED_AT = datetime(2011, 3, 4, 22, 15, tzinfo=UTC)

SHOPLIFTING = {
    "ncic": "2303",
    "literal": "SHOPLIFTING UNDER 250",
    "offense_class": "misdemeanor",
}


def run(**settings) -> RunOpened:
    return RunOpened(
        disclosures=(),
        seed=SEED,
        opened_on=date(2011, 3, 1),
        records=RecordMixes(**settings),
        galleries=Galleries(rows=ROWS, overlap=OVERLAP),
    )


RUN = run()


EXAMINER = Examiner()


def at_hand(of_run: RunOpened = RUN, relay: Relay = EVERYTHING) -> Searches:
    return Searches(of_run, of_run.galleries.files(SEED), relay)


def told(events, searches=None):
    """What is said after a search of all of them."""
    searches = searches or at_hand()
    return on_fingerprints_submitted(events, EXAMINER.examine_here(events, searches), searches)


SURE = Candidate(row=17, score=180, fingers=10)
UNSURE = Candidate(row=17, score=threshold(10, ROWS) - 1, fingers=10)


def payload(person: int = IN_BOTH, oca: str = "HERON-41", **changes) -> dict:
    prints = capture(SEED, person, f"ZZ0010000/{oca}")
    return {
        "disclosures": [],
        "tot": "CAR",
        "ori": "ZZ0010000",
        "oca": oca,
        "label": "Heron-41",
        "sex": "F",
        "birth_year": 1984,
        "place_of_birth": "CV",
        "arrested_on": "2011-03-04",
        "charge": SHOPLIFTING,
        "prints": {"codes": prints.hex_codes(), "qualities": prints.qualities},
        **changes,
    }


def submission(person: int = IN_BOTH, oca: str = "HERON-41", **changes) -> Event[FingerprintsSubmitted]:
    return Event[FingerprintsSubmitted].model_validate(
        {
            "specversion": "1.0",
            "id": f"submission-{oca}",
            "source": "LEA",
            "type": "fingerprints.submitted.v1",
            "subject": f"ZZ0010000/{oca}",
            "time": SUBMITTED_AT,
            "runid": "boston-2011",
            "tcn": f"TCN-{oca}",
            "data": payload(person, oca, **changes),
        }
    )


def with_fingers(count: int) -> dict:
    whole = capture(SEED, IN_BOTH, "ZZ0010000/HERON-41")
    codes, qualities = whole.hex_codes(), whole.qualities
    return {
        "codes": [*codes[:count], *[None] * (10 - count)],
        "qualities": [*qualities[:count], *[None] * (10 - count)],
    }


def answered(event, of_run=RUN, **found):
    """The three answers by type, each None if it was not given; after a search, or after what is said to be `found`."""
    searches = at_hand(of_run)
    lists = {kind: [each if isinstance(each, Unsearchable) else (each,)] for kind, each in found.items()}
    searched = Searched(**lists) if found else EXAMINER.examine_here([event], searches)
    (outcome,) = on_fingerprints_submitted([event], searched, searches)
    given = {type(emit.data): emit.data for emit in outcome.emits}
    assert len(given) == len(outcome.emits)
    return (
        given.get(IdentificationReturned),
        given.get(ImmigrationSearched),
        given.get(ImmigrationStatusReturned),
    )


class TestTheThreeAnswers:
    def test_a_person_on_both_files_is_identified_matched_and_researched(self):
        identification, search, status = answered(submission())

        on_rap_sheet = criminal_records(SEED, np.array([IN_BOTH]), RUN.records).record(0, RUN.opened_on)
        on_file = immigration_records(SEED, np.array([17]), RUN.records).record(0)
        assert (identification.srf, identification.ucn, identification.error) == ("I", on_rap_sheet.ucn, None)
        assert identification.convictions == status.convictions == on_rap_sheet.convictions
        assert (search.result, search.fin, search.reason) == ("match", on_file.fin, None)
        assert 95 < search.score_db <= 200
        assert (status.fin, status.a_number, status.status) == (on_file.fin, on_file.a_number, on_file.status)

    def test_a_person_on_no_file_is_told_apart_from_everybody(self):
        identification, search, status = answered(submission(ON_NO_FILE))

        assert (identification.srf, identification.ucn, identification.convictions) == ("N", None, ())
        assert (search.result, search.fin, search.score_db) == ("no_match", None, None)
        assert status is None

    def test_a_person_whom_only_ident_knows_has_a_status_and_no_convictions(self):
        identification, search, status = answered(submission(ROWS + 5))

        assert (identification.srf, search.result) == ("N", "match")
        assert status.convictions == ()

    def test_a_person_whom_only_iafis_knows_sets_off_no_query(self):
        identification, search, status = answered(submission(5))

        assert (identification.srf, search.result, status) == ("I", "no_match", None)

    def test_a_false_match_is_answered_like_any_other(self):
        _, search, status = answered(submission(ON_NO_FILE), iafis=UNSURE, ident=SURE)

        assert search.result == "match"
        assert status.fin == immigration_records(SEED, np.array([17]), RUN.records).record(0).fin

    def test_a_mate_that_scores_too_little_is_missed(self):
        identification, search, status = answered(submission(), iafis=UNSURE, ident=UNSURE)

        assert (identification.srf, search.result, status) == ("N", "no_match", None)

    def test_a_score_on_the_threshold_is_a_match(self):
        on_it = Candidate(row=17, score=threshold(10, ROWS), fingers=10)

        _, search, _ = answered(submission(), iafis=UNSURE, ident=on_it)

        assert search.result == "match"

    def test_fewer_fingers_must_agree_better_for_each_of_them(self):
        two_fingers = Candidate(row=17, score=threshold(2, ROWS), fingers=2)
        same_score_of_ten = Candidate(row=17, score=threshold(2, ROWS), fingers=10)

        _, search, _ = answered(submission(), iafis=UNSURE, ident=two_fingers)
        _, search_of_ten, _ = answered(submission(), iafis=UNSURE, ident=same_score_of_ten)

        assert (search.result, search_of_ten.result) == ("match", "no_match")

    def test_the_charge_passes_through_as_the_agency_told_it(self):
        _, _, status = answered(submission())

        assert status.charge.model_dump() == SHOPLIFTING
        assert status.booked_at == SUBMITTED_AT

    def test_local_facts_are_not_passed_on(self):
        local = {"local_offense_code": "266-30A", "stop_reason": "SHOP DETECTIVE"}
        event = submission(charge={**SHOPLIFTING, **local}, local={"group": "A", **local})

        (outcome,) = told([event])

        said = "".join(emit.data.model_dump_json() for emit in outcome.emits)
        assert not [fact for fact in (*local, *local.values(), "group") if fact in said]


class TestErrors:
    @pytest.mark.parametrize("fingers", [0, 1])
    def test_a_submission_that_cannot_be_searched_is_answered_with_the_reason(self, fingers):
        event = submission(prints=with_fingers(fingers))

        identification, search, status = answered(event)

        assert (identification.srf, identification.ucn, identification.error) == ("N", None, "too_few_fingers")
        assert (search.result, search.fin, search.reason) == ("error", None, "too_few_fingers")
        assert status is None

    def test_two_fingers_are_enough_to_be_searched(self):
        identification, search, _ = answered(submission(prints=with_fingers(2)))

        assert (identification.error, search.result) == (None, "match")

    def test_one_bad_submission_does_not_spoil_the_batch(self):
        events = [
            submission(oca="HERON-41"),
            submission(oca="WREN-7", prints=with_fingers(1)),
            submission(5, "OTTER-3"),
        ]

        outcomes = told(events)

        assert [outcome.emits[1].data.result for outcome in outcomes] == ["match", "error", "no_match"]

    def test_either_search_can_refuse_without_the_other(self):
        refused = Unsearchable("too_few_fingers")

        identification, search, status = answered(submission(), iafis=SURE, ident=refused)

        assert (identification.srf, identification.error) == ("I", None)
        assert (search.result, search.reason, status) == ("error", "too_few_fingers", None)


class TestBatches:
    @pytest.fixture
    def searched(self, monkeypatch) -> list[int]:
        """How many probes each search of a gallery had."""
        counts: list[int] = []
        search = Gallery.top

        def counting(gallery, probes, *further, **more):
            counts.append(len(probes))
            return search(gallery, probes, *further, **more)

        monkeypatch.setattr(Gallery, "top", counting)
        return counts

    def test_a_batch_is_answered_as_its_members_are(self):
        events = [submission(person, f"LYNX-{person}") for person in (0, IN_BOTH, ON_NO_FILE, ROWS + 3)]

        together = told(events)

        assert together == [told([event])[0] for event in events]

    def test_both_galleries_are_searched_once_for_the_whole_batch(self, searched):
        told([submission(oca=f"LYNX-{number}") for number in range(7)])

        assert searched == [7, 7]

    def test_what_is_not_relayed_is_not_searched_in_ident_and_dhs_does_not_hear_of_it(self, searched):
        charges = ["misdemeanor", "serious_felony", "felony", "serious_felony"]
        people = (IN_BOTH, ON_NO_FILE, IN_BOTH, IN_BOTH)
        events = [
            submission(person, f"LYNX-{number}", charge={**SHOPLIFTING, "offense_class": offense_class})
            for number, (person, offense_class) in enumerate(zip(people, charges, strict=True))
        ]

        outcomes = told(events, at_hand(relay=Relay(policy("proposal-menino-2011-sharing"))))

        assert searched == [4, 2]
        assert [[emit.data.party for emit in outcome.emits] for outcome in outcomes] == [
            ["FBI"],
            ["FBI", "FBI", "DHS", "DHS"],
            ["FBI"],
            ["FBI", "DHS", "LESC"],
        ]
        everything = told(events)
        assert [outcome.emits[0] for outcome in outcomes] == [outcome.emits[0] for outcome in everything]
        assert [outcomes[1], outcomes[3]] == [everything[1], everything[3]]

    def test_an_empty_batch_has_no_outcomes(self):
        assert told([]) == []

    def test_nothing_is_remembered_of_a_case(self):
        (outcome,) = told([submission()])

        assert outcome.case is None
        assert {emit.ordinal for emit in outcome.emits} == {0}


class TestTimes:
    def test_each_answer_takes_as_long_as_it_did(self):
        (outcome,) = told([submission()])

        waits = {emit.data.party: emit.time - SUBMITTED_AT for emit in outcome.emits}

        assert waits == {
            "FBI": timedelta(minutes=27),
            "DHS": timedelta(minutes=2),
            "LESC": timedelta(hours=4, minutes=27),
        }

    def test_the_query_waits_for_the_rap_sheet(self):
        (outcome,) = told([submission()])

        identified, searched, status = (emit.time for emit in outcome.emits)

        assert searched < identified < status


class TestRemovability:
    @staticmethod
    def on_file(status: str, removable: str) -> ImmigrationRecord:
        return ImmigrationRecord(
            fin="FIN0000000017",
            a_number="A000000017",
            status=status,
            removable=removable,
            final_order=False,
            prior_removal=False,
        )

    @staticmethod
    def convicted_of(ncic: str, *, aggravated_felony: bool) -> Conviction:
        return Conviction(
            ncic=ncic,
            offense_class="felony",
            max_years=10,
            convicted_on=date(2007, 6, 1),
            released_on=date(2009, 6, 1),
            aggravated_felony=aggravated_felony,
        )

    def test_a_permanent_resident_with_an_aggravated_felony_is_lawful_and_removable(self):
        robbery = self.convicted_of("1299", aggravated_felony=True)

        assert removability(self.on_file("lawful_permanent_resident", "no"), [robbery]) == "yes"

    def test_a_permanent_resident_with_another_conviction_is_not(self):
        vehicle_theft = self.convicted_of("2404", aggravated_felony=False)

        assert removability(self.on_file("lawful_permanent_resident", "no"), [vehicle_theft]) == "no"
        assert removability(self.on_file("lawful_permanent_resident", "no"), []) == "no"

    def test_no_conviction_makes_a_citizen_removable(self):
        robbery = self.convicted_of("1299", aggravated_felony=True)

        assert removability(self.on_file("naturalized_citizen", "no"), [robbery]) == "no"

    def test_what_the_record_does_not_say_stays_unknown(self):
        assert removability(self.on_file("asylum_pending", "unknown"), []) == "unknown"

    def test_the_columns_say_what_the_single_records_say(self):
        rows = np.arange(5_000)
        files = immigration_records(SEED, rows, RUN.records)
        rap_sheets = criminal_records(SEED, rows, RUN.records)

        together = removabilities(files, rap_sheets.aggravated_felony)

        alone = [
            removability(files.record(column), rap_sheets.record(column, RUN.opened_on).convictions)
            for column in range(len(rows))
        ]
        assert [REMOVABILITIES[index] for index in together] == alone
        assert 0 < (together != files.removable).sum() < len(rows)

    def test_the_answer_to_ice_takes_the_convictions_into_account(self):
        robbers_with_green_cards = run(
            status_weights={"lawful_permanent_resident": 1},
            no_conviction_share=0,
            conviction_weights={"serious_felony": 1},
        )

        _, _, known_to_the_fbi = answered(submission(IN_BOTH), robbers_with_green_cards)
        _, _, unknown_to_the_fbi = answered(submission(ROWS + 5, "WREN-7"), robbers_with_green_cards)

        assert known_to_the_fbi.removable == "yes"
        assert unknown_to_the_fbi.removable != "yes"


class TestDisclosures:
    def test_each_event_says_who_is_told_what(self):
        (outcome,) = told([submission()])

        disclosed = {
            emit.data.event_type: [(row.sender, row.recipient) for row in emit.data.disclosures]
            for emit in outcome.emits
        }

        assert disclosed == {
            "identification.returned.v1": [("FBI", "SIB"), ("SIB", "LEA")],
            "immigration.searched.v1": [("FBI", "DHS"), ("DHS", "FBI")],
            "immigration.status.returned.v1": [
                ("FBI", "LESC"),
                ("LESC", "ICE"),
                ("LESC", "FBI"),
                ("FBI", "SIB"),
                ("SIB", "LEA"),
            ],
        }

    def test_the_relay_hands_over_the_prints_of_people_who_do_not_match(self):
        _, search, _ = answered(submission(ON_NO_FILE))

        relay, answer = search.disclosures
        assert relay.categories == ("biometric", "biographic", "charge")
        assert answer.categories == ("match_result",)


class TestWhatIsRead:
    def test_a_submission_is_read_from_plain_json(self):
        read = FingerprintsSubmitted.model_validate_json(json.dumps(payload()))

        assert read == FingerprintsSubmitted.model_validate(payload())

    def test_a_newer_producer_may_say_more(self):
        assert FingerprintsSubmitted.model_validate(payload(palm_prints="none")).tot == "CAR"

    @pytest.mark.parametrize(
        "prints",
        [
            {"codes": ["00ff00ff00ff00ff"] * 9, "qualities": [60] * 9},
            {"codes": ["00ff00ff00ff00ff"] * 11, "qualities": [60] * 11},
            {"codes": ["00ff00ff00ff00ff"] * 10, "qualities": [60] * 9},
            {"codes": ["00ff00ff00ff00f"] * 10, "qualities": [60] * 10},
            {"codes": ["00ff00ff00ff00fg"] * 10, "qualities": [60] * 10},
            {"codes": ["00ff00ff00ff00ff\n"] * 10, "qualities": [60] * 10},
            {"codes": [255] * 10, "qualities": [60] * 10},
            {"codes": ["00ff00ff00ff00ff"] * 10, "qualities": [101] * 10},
            {"codes": ["00ff00ff00ff00ff"] * 10, "qualities": [-1] * 10},
            {"codes": ["00ff00ff00ff00ff"] * 10, "qualities": ["60"] * 10},
            {"codes": [None] * 10, "qualities": [60] * 10},
            {"codes": ["00ff00ff00ff00ff"] * 10},
        ],
    )
    def test_prints_of_another_shape_are_refused(self, prints):
        with pytest.raises(ValidationError):
            FingerprintsSubmitted.model_validate(payload(prints=prints))

    def test_only_criminal_submissions_are_answered(self):
        with pytest.raises(ValidationError):
            FingerprintsSubmitted.model_validate(payload(tot="CNA"))

    def test_codes_mean_what_they_meant_when_they_were_taken(self):
        event = submission()

        assert event.data.prints.decoded() == capture(SEED, IN_BOTH, "ZZ0010000/HERON-41")

    def test_a_run_that_says_nothing_of_galleries_gets_the_usual_ones(self):
        galleries = RunOpened(disclosures=(), seed=1, opened_on=date(2011, 3, 1)).galleries

        assert (galleries.rows, galleries.overlap, galleries.fpir) == (10_000, 5_000, 1e-5)

    def test_half_of_the_people_overlap_unless_the_run_says_otherwise(self):
        assert Galleries(rows=300).overlap == 150

    def test_no_more_people_can_overlap_than_there_are(self):
        with pytest.raises(ValidationError, match="6 people cannot be in two galleries of 5 rows"):
            Galleries(rows=5, overlap=6)
