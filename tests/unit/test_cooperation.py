"""The agency's side: what its policy says of each lever, what it makes of that, and what ICE hears of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from services.chassis.chance import chance
from services.chassis.errors import InteropError
from services.chassis.policy import Decision
from services.detainer import cooperation, handlers
from services.detainer.cooperation import Practice
from services.detainer.events import CooperationDecided
from tests.unit.builders import (
    FRIDAY_5PM,
    HERON_41,
    LEVERS,
    LODGED_AT,
    a_practice,
    a_stage,
    an_event,
)

FULL = "us-full-cooperation"
COOK = "us-il-cook-2011"
TRUST_ACT = "us-ca-trust-act-2014"

PEOPLE = [f"ZZ0010000/B-{number}" for number in range(2_000)]


def answered(**answers: str) -> Decision:
    """A decision that answers these levers; the others are silent."""
    decision = cooperation.answer({}, a_practice())
    verdict = replace(decision.verdict, answers={**dict.fromkeys(LEVERS, "silent"), **answers})
    return replace(decision, verdict=verdict)


def exercised(practice: Practice, subject: str = HERON_41.subject, **answers: str) -> Mapping[str, bool]:
    return cooperation.exercise(answered(**answers), practice, subject)


def decided(practice: Practice | None = None, **stage: Any) -> CooperationDecided:
    event = an_event(a_stage(**stage), LODGED_AT)
    (emit,) = handlers.on_custody_stage(event, None, practice or a_practice()).emits
    return emit.data


# What the policies say


@pytest.mark.parametrize(
    ("policy", "facts", "answers"),
    [
        pytest.param(
            FULL,
            {"charge": "infraction"},
            {"ask_status": "silent", "notify": "may", "hold": "may", "transfer": "may", "access": "may"},
            id="full cooperation asks nothing about the person",
        ),
        pytest.param(
            COOK,
            {"charge": "serious_felony"},
            {
                "ask_status": "silent",
                "notify": "must_not",
                "hold": "must_not",
                "transfer": "must_not",
                "access": "must_not",
            },
            id="Cook declines whatever the crime",
        ),
        pytest.param(
            COOK,
            {"written_reimbursement_agreement": True},
            {"ask_status": "silent", "notify": "must_not", "hold": "may", "transfer": "may", "access": "must_not"},
            id="Cook may hold once somebody pays",
        ),
        pytest.param(
            TRUST_ACT,
            {"charge": "felony"},
            {
                "ask_status": "silent",
                "notify": "silent",
                "hold": "must_not",
                "transfer": "silent",
                "access": "silent",
            },
            id="California forbids the hold on a mere charge",
        ),
        pytest.param(
            TRUST_ACT,
            {"charge": "felony", "held_to_answer": True},
            {"ask_status": "silent", "notify": "silent", "hold": "may", "transfer": "silent", "access": "silent"},
            id="California permits it once a magistrate found probable cause",
        ),
    ],
)
def test_each_policy_answers_every_lever(policy: str, facts: Mapping[str, Any], answers: Mapping[str, str]) -> None:
    assert dict(cooperation.answer(facts, a_practice(policy)).answers) == answers


def test_a_fact_that_no_policy_knows_is_refused_by_name() -> None:
    with pytest.raises(InteropError, match="unknown fact 'shoe_size'"):
        cooperation.answer({"shoe_size": 44}, a_practice())


# What the agency makes of it


@pytest.mark.parametrize("lever", LEVERS)
def test_must_binds_an_agency_that_would_never(lever: str) -> None:
    reluctant = a_practice(discretion=0, silence=False)
    assert exercised(reluctant, **{lever: "must"})[lever] is True


@pytest.mark.parametrize("lever", LEVERS)
def test_must_not_binds_an_agency_that_always_would(lever: str) -> None:
    eager = a_practice(discretion=1, silence=True)
    assert exercised(eager, **{lever: "must_not"})[lever] is False


@pytest.mark.parametrize("default", [True, False])
def test_where_the_policy_is_silent_the_scenario_says_what_happens(default: bool) -> None:
    practice = a_practice(discretion=0.5, silence=default)
    assert set(exercised(practice).values()) == {default}


@pytest.mark.parametrize("lever", LEVERS)
def test_silence_has_a_default_for_each_lever(lever: str) -> None:
    practice = replace(a_practice(), silence={name: name == lever for name in LEVERS})
    assert [name for name, used in exercised(practice).items() if used] == [lever]


@pytest.mark.parametrize(("rate", "used"), [(0.0, False), (1.0, True)])
def test_what_the_agency_may_do_it_does_as_often_as_the_scenario_says(rate: float, used: bool) -> None:
    assert exercised(a_practice(discretion=rate), hold="may")["hold"] is used


def test_discretion_is_a_share_of_the_bookings() -> None:
    practice = a_practice(discretion=0.85)
    held = sum(exercised(practice, subject, hold="may")["hold"] for subject in PEOPLE)

    assert held / len(PEOPLE) == pytest.approx(0.85, abs=0.03)


def test_discretion_is_one_draw_a_lever_and_booking() -> None:
    practice = a_practice(discretion=0.5)

    for subject in PEOPLE[:200]:
        used = exercised(practice, subject, hold="may", notify="may")
        assert used["hold"] == (chance(practice.seed, "discretion.hold", subject) < 0.5)
        assert used["notify"] == (chance(practice.seed, "discretion.notify", subject) < 0.5)


def test_the_agency_does_not_change_its_mind_between_two_stages() -> None:
    practice = a_practice(discretion=0.5)
    early, late = decided(practice, stage="charged", sequence=1), decided(practice, stage="disposed", sequence=3)

    assert early.exercised == late.exercised


def test_whether_it_holds_says_nothing_about_whether_it_notifies() -> None:
    practice = a_practice(discretion=0.5)
    used = [exercised(practice, subject, hold="may", notify="may") for subject in PEOPLE]

    both = sum(row["hold"] and row["notify"] for row in used) / len(PEOPLE)
    assert both == pytest.approx(0.25, abs=0.03)


# What ICE hears


@pytest.mark.parametrize("stage", ["detainer_on_file", "charged", "held_to_answer", "bond_posted", "disposed"])
def test_notice_is_given_at_any_stage_before_the_release(stage: str) -> None:
    assert cooperation.tells_ice(a_stage(stage), {"notify": True, "hold": False})
    assert not cooperation.tells_ice(a_stage(stage), {"notify": False, "hold": True})


@pytest.mark.parametrize("notify", [True, False])
def test_at_the_release_ice_hears_of_a_hold_and_of_nothing_else(notify: bool) -> None:
    assert cooperation.tells_ice(a_stage("releasable"), {"notify": notify, "hold": True})
    assert not cooperation.tells_ice(a_stage("releasable"), {"notify": notify, "hold": False})


def test_once_the_hold_has_begun_there_is_nothing_more_to_tell() -> None:
    assert not cooperation.tells_ice(a_stage("hold_started"), {"notify": True, "hold": True})


def test_a_notice_carries_the_release_and_the_place_to_ice() -> None:
    notice = decided(stage="charged")

    assert notice.told
    assert notice.release_expected_at == FRIDAY_5PM
    assert notice.custody_location == "ZZ0010000"
    assert [(row.recipient, row.categories) for row in notice.disclosures] == [
        ("ICE", ("release_date", "custody_location", "cooperation"))
    ]


def test_who_is_not_told_gets_neither_date_nor_place() -> None:
    silent = decided(a_practice(discretion=0), stage="charged")

    assert not silent.told
    assert (silent.release_expected_at, silent.custody_location, silent.disclosures) == (None, None, ())


def test_a_decision_names_the_stage_it_was_made_at_and_the_terms_of_the_hold() -> None:
    decision = decided(stage="disposed", sequence=3)

    assert (decision.as_of, decision.sequence) == ("disposed", 3)
    assert (decision.max_hold_hours, decision.hold_clock) == (48, "excluding_weekends_and_holidays")


def test_a_decision_rests_on_clauses_of_a_pinned_text_and_names_what_it_assumed() -> None:
    practice = a_practice(TRUST_ACT)
    basis = decided(practice, facts={"charge": "felony", "held_to_answer": True}).basis

    assert (basis.policy, basis.sha256) == (TRUST_ACT, practice.policy.sha256)
    assert [ground.clause for ground in basis.because] == ["(a)(5)"]
    assert "registry" in basis.assumed
    assert "held_to_answer" not in basis.assumed


def test_every_stage_has_a_decision_of_its_own() -> None:
    event = an_event(a_stage("disposed", 3), LODGED_AT)
    (emit,) = handlers.on_custody_stage(event, None, a_practice()).emits

    assert (emit.ordinal, emit.time) == (3, LODGED_AT)


def test_a_stage_without_facts_is_not_one_to_decide_at() -> None:
    event = an_event(a_stage("transferred", 4, facts=None))
    assert handlers.on_custody_stage(event, None, a_practice()).emits == ()
