"""Decisions: which clauses speak, which give way, what is assumed, and what is refused."""

import pytest
from hypothesis import given, strategies

from services.chassis.errors import InteropError
from services.chassis.policy import Decision, Policy, PolicyError, Value, decide, load_policy
from services.chassis.policy.decide import hear
from tests.unit.builders import fifty_times
from tests.unit.policy_files import policy_ids, the_policy, the_vocabulary

VOCABULARY = the_vocabulary()
CALIFORNIA = the_policy("us-ca-trust-act-2014", VOCABULARY)
MORTON = the_policy("ice-r2-morton-2010", VOCABULARY)

HEADINGS = """\
policy: us-zz-example-2014
title: An invented policy
question: detainer
place: US-ZZ
status: draft
in_force: {from: 2014-01-01}
source: Invented Code 1
verified: none
max_hold_hours: 24
clock: straight
"""


def policy_of(clauses: str) -> Policy:
    return load_policy(HEADINGS + clauses, "example.yaml", VOCABULARY)


TEXAN = policy_of("""\
clauses:
  - clause: (a)
    text: Shall comply with every detainer
    when: always
    then: {hold: must, notify: must}
  - clause: (b)
    text: Need not hold who has shown proof of status
    source: Invented Code 2
    notwithstanding: [(a)]
    when: {lawful_status_proof: yes}
    then: {hold: may}
""")


def clauses_that_decided(decision: Decision) -> list[str]:
    return [reason.clause for reason in decision.because]


def test_clauses_that_agree_are_all_given_as_reasons() -> None:
    decision = decide(CALIFORNIA, {"years_since_felony": 3, "registry": True})
    assert decision.answers["hold"] == "may"
    assert clauses_that_decided(decision) == ["(a)(2)", "(a)(4)"]


def test_a_lever_on_which_no_clause_speaks_is_silent() -> None:
    decision = decide(CALIFORNIA, {})
    assert decision.answers["notify"] == "silent"
    assert decision.answers["transfer"] == "silent"


def test_the_otherwise_answers_only_the_levers_on_which_no_clause_speaks() -> None:
    policy = policy_of("""\
clauses:
  - clause: (a)
    text: Registered
    when: {registry: yes}
    then: {hold: may}
otherwise:
  clause: (b)
  text: Everybody else
  then: {hold: must_not, notify: must_not}
""")
    decision = decide(policy, {"registry": "yes"})
    assert decision.answers["hold"] == "may"
    assert decision.answers["notify"] == "must_not"
    assert clauses_that_decided(decision) == ["(a)", "(b)"]


def test_a_clause_gives_way_on_the_levers_that_the_prevailing_clause_answers_and_stands_on_the_others() -> None:
    decision = decide(TEXAN, {"lawful_status_proof": True})
    assert decision.answers["hold"] == "may"
    assert decision.answers["notify"] == "must"
    assert [(reason.clause, reason.levers) for reason in decision.because] == [("(a)", ("notify",)), ("(b)", ("hold",))]
    assert [(clause.clause, clause.by, clause.levers) for clause in decision.set_aside] == [("(a)", "(b)", ("hold",))]


def test_a_reason_quotes_the_clause_with_its_own_citation_or_that_of_the_policy() -> None:
    reasons = [str(reason) for reason in decide(TEXAN, {"lawful_status_proof": True}).because]
    assert reasons == [
        "(a) Shall comply with every detainer [Invented Code 1]",
        "(b) Need not hold who has shown proof of status [Invented Code 2]",
    ]


def test_clauses_that_disagree_without_a_notwithstanding_are_a_conflict_that_names_both() -> None:
    policy = policy_of("""\
clauses:
  - {clause: (a), text: Registered, when: {registry: yes}, then: {hold: must}}
  - {clause: (b), text: A child, when: {juvenile: yes}, then: {hold: must_not}}
""")
    with pytest.raises(InteropError) as caught:
        decide(policy, {"registry": True, "juvenile": True})
    assert caught.value.code == "policy-conflict"
    assert caught.value.sentence == (
        "in us-zz-example-2014, clauses (a) (must) and (b) (must_not) both answer 'hold' when registry = yes,"
        " juvenile = yes. Add 'notwithstanding: [(a)]' to the one that prevails, naming the other."
    )
    assert decide(policy, {"juvenile": True}).answers["hold"] == "must_not"


def test_a_fact_that_nobody_gave_takes_the_mildest_value_and_is_listed_as_assumed() -> None:
    decision = decide(MORTON, {"removable": "yes", "crimes_over_one_year": 1})
    assert decision.answer == "level_2"
    assert decision.facts_read["crimes_over_one_year"] == 1
    assert "crimes_over_one_year" not in decision.assumed
    assert decision.assumed["federal_aggravated_felony"] is False
    assert decision.facts_read["federal_aggravated_felony"] is False


def test_none_counts_as_a_fact_that_nobody_gave() -> None:
    assert decide(MORTON, {"removable": "yes", "final_order": None}).assumed["final_order"] is False


def test_yes_and_no_may_be_booleans_or_words() -> None:
    for yes in (True, "yes"):
        decision = decide(CALIFORNIA, {"registry": yes})
        assert decision.answers["hold"] == "may"
        assert decision.facts_read["registry"] is True


def test_facts_that_the_policy_does_not_read_are_left_out_of_the_decision() -> None:
    assert "custodian" not in decide(CALIFORNIA, {"custodian": "court"}).facts_read


@pytest.mark.parametrize(
    ("facts", "code", "sentence"),
    [
        (
            {"regstry": True},
            "unknown-fact",
            "unknown fact 'regstry'. Did you mean 'registry'?",
        ),
        (
            {"charge": "felny"},
            "unknown-value",
            "'felny' is not a value of 'charge'. Allowed: none, infraction, misdemeanor, felony, serious_felony."
            " Did you mean 'felony'?",
        ),
        (
            {"years_since_felony": 81},
            "unknown-value",
            "'81' is outside the range of 'years_since_felony': 0 to 80 or never.",
        ),
        (
            {"years_since_felony": "5"},
            "unknown-value",
            "'years_since_felony' cannot be '5'. Allowed: 0 to 80 or never.",
        ),
        (
            {"years_since_felony": True},
            "unknown-value",
            "'years_since_felony' cannot be True. Allowed: 0 to 80 or never.",
        ),
        (
            {"registry": 1},
            "unknown-value",
            "'registry' cannot be 1. Allowed: no, yes.",
        ),
        (
            {"registry": ["yes"]},
            "unknown-value",
            "'registry' cannot be ['yes']. Allowed: no, yes.",
        ),
    ],
)
def test_an_unknown_fact_or_value_is_refused_with_a_sentence(
    facts: dict[str, object], code: str, sentence: str
) -> None:
    with pytest.raises(InteropError) as caught:
        decide(CALIFORNIA, facts)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.sentence) == (code, sentence)


def test_a_one_is_refused_as_a_yes_even_after_a_yes_was_decided() -> None:
    decide(CALIFORNIA, {"registry": True})
    with pytest.raises(InteropError, match="cannot be 1"):
        decide(CALIFORNIA, {"registry": 1})


def test_values_of_facts_that_the_policy_does_not_read_are_checked_by_the_vocabulary_alone() -> None:
    assert decide(CALIFORNIA, {"custodian": "county_jails"}).answers["hold"] == "must_not"
    with pytest.raises(InteropError, match=r"'county_jails' is not .* Did you mean 'county_jail'\?"):
        VOCABULARY.canonical({"custodian": "county_jails"})


def test_cases_that_the_policy_cannot_tell_apart_share_one_verdict_and_keep_their_own_facts() -> None:
    first = decide(CALIFORNIA, {"years_since_listed_misdemeanor": 1, "custodian": "court"})
    second = decide(CALIFORNIA, {"years_since_listed_misdemeanor": 2})
    assert first.verdict is second.verdict
    assert first.facts_read["years_since_listed_misdemeanor"] == 1
    assert second.facts_read["years_since_listed_misdemeanor"] == 2


def test_a_case_with_a_fact_left_out_is_decided_like_one_that_says_what_is_assumed() -> None:
    whole = decide(CALIFORNIA, {name: VOCABULARY.facts[name].when_missing for name in CALIFORNIA.reads})
    for name in CALIFORNIA.reads:
        partial = decide(CALIFORNIA, {other: value for other, value in whole.facts_read.items() if other != name})
        assert (partial.verdict, partial.facts_read) == (whole.verdict, whole.facts_read)
        assert list(partial.assumed) == [name]


def test_a_verdict_that_is_shared_cannot_be_changed() -> None:
    decision = decide(CALIFORNIA, {})
    with pytest.raises(TypeError):
        decision.answers["hold"] = "must"  # type: ignore[index]


def test_a_decision_names_its_policy_its_text_its_hours_and_its_clock() -> None:
    decision = decide(TEXAN, {})
    assert (decision.policy, decision.sha256) == ("us-zz-example-2014", TEXAN.sha256)
    assert (decision.max_hold_hours, decision.clock) == (24, "straight")


def test_only_a_question_without_levers_has_a_single_answer() -> None:
    assert decide(MORTON, {}).answer == "no_action"
    with pytest.raises(ValueError, match="per lever"):
        assert decide(CALIFORNIA, {}).answer


def test_the_record_of_a_decision_is_plain_data_that_says_what_was_read_and_assumed() -> None:
    assert decide(TEXAN, {"lawful_status_proof": True}).as_record() == {
        "policy": "us-zz-example-2014",
        "answers": {"ask_status": "silent", "notify": "must", "hold": "may", "transfer": "silent", "access": "silent"},
        "max_hold_hours": 24,
        "clock": "straight",
        "because": [
            "(a) Shall comply with every detainer [Invented Code 1]",
            "(b) Need not hold who has shown proof of status [Invented Code 2]",
        ],
        "set_aside": ["(a) Shall comply with every detainer (notwithstanding: (b))"],
        "facts_read": {"lawful_status_proof": True},
        "assumed": {},
        "verified": "none",
        "sha256": TEXAN.sha256,
    }


def test_the_record_of_a_regimes_decision_has_one_answer() -> None:
    record = decide(MORTON, {"removable": "yes", "final_order": True}).as_record()
    assert record["answer"] == "priority_3"
    assert "answers" not in record
    assert record["because"] == [
        "Priority 3 A fugitive from an order of removal, or back after a removal"
        " [ICE, Civil Immigration Enforcement Priorities, 30 June 2010, reissued 2 March 2011]"
    ]


SETS = """
policy: example-named
title: Named offences
question: detainer
place: US
status: draft
in_force: {from: 2013-08-01}
source: an example
verified: none
sets:
  two_named_crimes: ["0901", "1201"]
clauses:
  - clause: named
    text: Charged with one of two offences that the file names
    when: {charge_offence: in two_named_crimes}
    then: {hold: may}
otherwise: {clause: rest, text: Nobody else is held, then: {hold: must_not}}
"""


@pytest.mark.parametrize(
    ("code", "hold"), [("0901", "may"), ("1201", "may"), ("2303", "must_not"), ("other", "must_not")]
)
def test_offences_are_a_list_in_the_file_and_no_flag_in_the_data(code: str, hold: str) -> None:
    policy = load_policy(SETS, "example-named.yaml", the_vocabulary())

    assert decide(policy, {"charge_offence": code}).answers["hold"] == hold


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("in two_named_crime", "15:28: error: unknown set 'two_named_crime'. Did you mean 'two_named_crimes'?"),
        ("in two_named_crimes or 0901", "15:28: error: unknown set 'two_named_crimes or 0901'."),
    ],
)
def test_a_set_that_the_file_does_not_have_is_a_mistake(wrong: str, sentence: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(SETS.replace("in two_named_crimes", wrong), "example-named.yaml", the_vocabulary())

    assert sentence in str(caught.value)


def test_a_set_with_a_code_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(
        PolicyError, match=r"'9911' is not a value of 'charge_offence'\. Allowed: none, other, \.\.\. 8102"
    ):
        load_policy(SETS.replace("1201", "9911"), "example-named.yaml", the_vocabulary())


@pytest.mark.parametrize("identity", policy_ids())
def test_a_decision_by_the_table_is_the_one_that_its_clauses_give_when_they_are_read_one_by_one(identity: str) -> None:
    policy = the_policy(identity, VOCABULARY)
    values = {name: strategies.sampled_from(VOCABULARY.facts[name].domain) for name in policy.reads}

    @fifty_times
    @given(facts=strategies.fixed_dictionaries({}, optional=values))
    def decided_alike(facts: dict[str, Value]) -> None:
        known = {name: facts.get(name, VOCABULARY.facts[name].when_missing) for name in policy.reads}
        applying = [clause for clause in policy.clauses if clause.applies(known)]
        decision = decide(policy, facts)
        for lever in policy.question.levers:
            standing = list(hear(applying, lever).standing)
            if not standing and policy.otherwise is not None and lever in policy.otherwise.then:
                standing = [policy.otherwise]
            said = {clause.then[lever] for clause in standing} or {policy.question.unanswered}
            assert {decision.answers[lever]} == said
            assert [each.clause for each in decision.because if lever in each.levers] == [
                clause.id for clause in standing
            ]
        assert decision.facts_read == known
        assert set(decision.assumed) == set(policy.reads) - facts.keys()

    decided_alike()
