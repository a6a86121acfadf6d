"""The case of the page of laws: what its address tells, what is known at each stage, and what every law answers."""

import json
import shlex

import pytest
from starlette.datastructures import QueryParams

from console.matrix.addresses import ADDRESSES
from console.matrix.case import GROUPS, PRESETS, STAGE_FACTS, USUAL, Preset, TheCase, case_of, entries, in_words
from console.matrix.layers import law_of
from console.matrix.view import BY_KIND, BY_YEAR, detail_of, grouped, lever_named, matrix_command, rows_of, sums_of
from console.matrix.words import ANSWERS, KINDS, LABELS, LEVERS, PLACES, STAGES, kind_of
from sandbox.policies.words import VERIFIED
from services.booking.domain import MILESTONES
from services.chassis.errors import InteropError
from services.chassis.policy import decide
from tests.unit.policy_files import the_vocabulary
from tests.unit.test_console_tables import POLICIES

VOCABULARY = the_vocabulary()
LAWS = [*POLICIES.values()]
TRUST_ACT = POLICIES["us-ca-trust-act-2014"]
BOOKED, CHARGED, RELEASABLE = 0, 1, 5


def case(address: str) -> TheCase:
    return case_of(QueryParams(address).multi_items(), VOCABULARY)


def test_a_case_gains_facts_as_it_goes_on() -> None:
    told = case("charge=felony&stage=0")
    assert told.at(BOOKED) == {"charge": "felony"}
    assert told.at(CHARGED) == {"charge": "felony", "charge_filed": True}
    assert told.at(RELEASABLE) == {
        "charge": "felony",
        "charge_filed": True,
        "held_to_answer": True,
        "bond_posted": True,
    }


def test_what_never_happens_in_a_case_is_true_at_no_stage() -> None:
    told = case("charge=felony&skips=bond_posted&stage=5")
    assert "bond_posted" not in told.facts
    assert told.facts["held_to_answer"] is True


def test_an_address_is_made_again_from_its_case_and_leaves_out_what_is_assumed_anyway() -> None:
    told = case("charge=none&years_since_felony=9&registry=yes&skips=held_to_answer&stage=3&law=x&sort=year")
    assert told.query() == [
        ("years_since_felony", "9"),
        ("registry", "yes"),
        ("skips", "held_to_answer"),
        ("stage", "3"),
    ]


@pytest.mark.parametrize("address", ["charge=felny", "years_since_felony=99", "stage=6", "stage=x", "skips=charge"])
def test_an_address_that_tells_no_possible_case_is_refused_in_a_sentence(address: str) -> None:
    with pytest.raises(InteropError) as refusal:
        case(address)
    assert refusal.value.status == 422
    assert "'" in refusal.value.sentence


def test_the_stages_are_those_at_which_booking_asks_again() -> None:
    assert [stage.name for stage in STAGES] == ["booked", *MILESTONES, "releasable"]


def test_the_form_offers_every_fact_that_a_law_reads_once() -> None:
    read = {name for policy in LAWS for name in policy.reads}
    offered = [entry.name for fields in entries(LAWS, VOCABULARY).values() for entry in fields]
    assert sorted(offered) == sorted(read - {*STAGE_FACTS})
    assert all(name in LABELS for name in offered)
    assert {name for names in GROUPS.values() for name in names} <= {*VOCABULARY.facts}


def test_the_offences_offered_are_those_that_a_law_names_and_any_other() -> None:
    arrest = {entry.name: entry for entry in entries(LAWS, VOCABULARY)["The arrest"]}
    values = [value for value, _ in arrest["charge_offence"].choices]
    assert {"none", "other", "0911"} <= {*values}
    assert len(values) < 80


def test_every_word_of_the_catalogue_has_its_plain_word() -> None:
    question = VOCABULARY.questions["detainer"]
    assert {lever.name for lever in LEVERS} == {*question.levers}
    assert {*ANSWERS} == {*question.answers}
    assert {policy.place for policy in LAWS} <= {*PLACES}
    assert {kind_of(policy) for policy in LAWS} <= {*KINDS}
    assert {*VERIFIED} == {*VOCABULARY.headings["verified"]}


def test_an_address_leads_to_a_page_of_which_it_is_said_what_it_is() -> None:
    assert {*ADDRESSES} <= {*POLICIES}
    assert all(address.url.startswith("https://") and address.what for address in ADDRESSES.values())


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
def test_a_case_to_begin_with_is_told_in_words_and_divides_the_laws(preset: Preset) -> None:
    told = case(preset.query)
    assert in_words(told, VOCABULARY)
    holds = sums_of(rows_of(LAWS, told.facts, BY_KIND))["hold"]
    assert sum(holds.values()) == len(LAWS)
    assert sum(count > 0 for count in holds.values()) >= 2


def test_the_usual_case_is_that_of_the_lesson() -> None:
    assert case(USUAL).facts == {
        "charge": "felony",
        "charge_filed": True,
        "years_since_felony": 9,
        "admin_paper": "I-200",
        "request_form": "I-247A",
        "request_states_probable_cause": True,
    }


def test_rows_stand_by_kind_or_by_year_or_by_one_answer() -> None:
    facts = case(USUAL).facts
    headings = [heading for heading, _ in grouped(rows_of(LAWS, facts, BY_KIND), BY_KIND)]
    assert headings[0] == "State law"
    assert len(headings) == len({*headings})
    years = [row.since for row in rows_of(LAWS, facts, BY_YEAR)]
    assert years == sorted(years)
    holds = [row.cells[2].answer for row in rows_of(LAWS, facts, "hold")]
    assert holds == sorted(holds, key=[*ANSWERS].index)
    with pytest.raises(InteropError, match="unknown-order"):
        rows_of(LAWS, facts, "size")


def test_an_answer_comes_with_its_clause_its_source_and_what_was_read() -> None:
    detail = detail_of(TRUST_ACT, lever_named("hold"), case(USUAL))
    assert (detail.answer, detail.binds_now) == ("may", False)
    assert [clause.id for clause in detail.clauses] == ["(a)(2)"]
    assert detail.clauses[0].source.startswith("Cal. Gov. Code 7282.5")
    assert "48 hours" in detail.hours
    read = {fact.label: (fact.value, fact.assumed) for fact in detail.read}
    assert read[LABELS["years_since_felony"]] == ("9", False)
    assert read[LABELS["registry"]] == ("no", True)


def test_a_clause_that_gave_way_is_named_with_the_one_that_it_gave_way_to() -> None:
    detail = detail_of(POLICIES["us-tx-sb4-2017"], lever_named("hold"), case("lawful_status_proof=yes"))
    assert [(clause.id, clause.by) for clause in detail.set_aside] == [("(a)(1)", "(b)")]


def test_an_unverified_clause_says_so() -> None:
    detail = detail_of(POLICIES["us-ca-sb54-2018"], lever_named("access"), case(USUAL))
    assert [clause.is_unverified for clause in detail.clauses] == [True]


def test_the_answers_over_the_stages_last_as_long_as_nothing_changes_them() -> None:
    told = case("charge=felony&stage=0")
    strip = dict(zip([lever.name for lever in LEVERS], detail_of(TRUST_ACT, LEVERS[0], told).stages, strict=True))
    assert strip["hold"] == (("must_not", 2), ("may", 4))
    assert strip["notify"] == (("silent", 6),)


def test_a_command_gives_the_same_case_to_the_same_law() -> None:
    told = case(USUAL)
    words = shlex.split(detail_of(TRUST_ACT, lever_named("hold"), told).command)
    assert words[:4] == ["interop", "decide", "--policy", TRUST_ACT.id]
    assert decide(TRUST_ACT, json.loads(words[-1])).answers == decide(TRUST_ACT, told.facts).answers
    assert json.loads(shlex.split(matrix_command(told.facts))[-1]) == told.facts


def test_a_law_says_whom_it_binds_and_that_a_prison_is_not_among_them() -> None:
    jail = detail_of(POLICIES["us-ca-sb54-2018"], lever_named("hold"), case("stage=0"))
    prison = detail_of(POLICIES["us-ca-sb54-2018"], lever_named("hold"), case("custodian=state_prison&stage=0"))
    assert jail.binds == ("a police lock-up", "the county jail (the sheriff)")
    assert (jail.is_bound, prison.is_bound) == (True, False)


def test_a_state_court_overrules_what_a_city_leaves_open_and_the_command_says_the_same() -> None:
    law = law_of(LAWS, VOCABULARY, "US-MA-BOS", "2018-06-01", case("custodian=police_lockup&stage=0").facts)
    hold = next(each for each in law.settled if each.lever.name == "hold")
    assert law.layers[0].startswith("Lunn v. Commonwealth")
    assert (hold.answer, hold.by) == ("must_not", law.layers[0])
    assert law.command.startswith("interop decide --place US-MA-BOS --on 2018-06-01 --facts ")


def test_where_no_law_binds_who_holds_the_person_the_page_says_so() -> None:
    law = law_of(LAWS, VOCABULARY, "US-CA-SF", "2018-06-01", case("custodian=state_prison&stage=0").facts)
    assert (law.layers, law.settled) == ((), ())
    assert law.refusal == "No law of the catalogue binds who holds the person there on that day."


@pytest.mark.parametrize(
    ("place", "day", "code"), [("US-MA-BOS", "June", "bad-day"), ("XX", "2018-06-01", "unknown-place")]
)
def test_the_law_of_no_place_or_no_day_is_refused(place: str, day: str, code: str) -> None:
    with pytest.raises(InteropError) as refusal:
        law_of(LAWS, VOCABULARY, place, day, {})
    assert refusal.value.code == code
