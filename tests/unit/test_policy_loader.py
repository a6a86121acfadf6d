"""Reading policies and vocabularies: what a good file means, and what a bad one is told, at which line and column."""

from datetime import date
from hashlib import sha256

import pytest

from services.chassis.errors import InteropError
from services.chassis.policy import NEVER, Kind, Policy, PolicyError, load_policy, load_vocabulary
from tests.unit.policy_files import the_vocabulary

VOCABULARY = the_vocabulary()

GOOD = """\
policy: us-zz-example-2014
title: An invented policy
question: detainer
place: US-ZZ
status: draft
in_force: {from: 2014-01-01, until: 2015-12-31}
source: Invented Code 1
verified: none
max_hold_hours: 48
clock: straight
tags: [P]
clauses:
  - clause: (a)
    text: Convicted of a felony within five years
    when:
      years_since_felony: at most 5
    then: {hold: may}
  - clause: (b)
    text: Has shown proof of status
    notwithstanding: [(a)]
    when: {lawful_status_proof: yes}
    unless: {charge: serious_felony}
    then: {hold: must_not}
otherwise:
  clause: (c)
  text: Everybody else
  then: {hold: must_not, notify: may}
"""

SMALL_VOCABULARY = """\
facts:
  charge:
    type: ordered
    values: [none, felony]
    when_missing: none
  years:
    type: number
    from: 0
    to: 5
    or_never: yes
    when_missing: never
questions:
  detainer:
    levers: [hold]
    answers: [may, silent]
    unanswered: silent
"""


def load(text: str) -> Policy:
    return load_policy(text, "example.yaml", VOCABULARY)


def mistakes_of(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_policy_is_read_with_its_headings_its_clauses_and_the_facts_that_it_reads() -> None:
    policy = load(GOOD)
    assert policy.id == "us-zz-example-2014"
    assert (policy.since, policy.until) == (date(2014, 1, 1), date(2015, 12, 31))
    assert (policy.max_hold_hours, policy.clock) == (48, "straight")
    assert [clause.id for clause in policy.clauses] == ["(a)", "(b)"]
    assert policy.clauses[1].notwithstanding == {"(a)"}
    assert policy.clauses[0].citation == "Invented Code 1"
    assert policy.reads == ("years_since_felony", "lawful_status_proof", "charge")
    assert policy.sha256 == sha256(GOOD.encode()).hexdigest()


def test_a_policy_is_in_force_on_its_first_and_on_its_last_day_and_not_beyond() -> None:
    policy = load(GOOD)
    assert policy.is_in_force(date(2014, 1, 1))
    assert policy.is_in_force(date(2015, 12, 31))
    assert not policy.is_in_force(date(2013, 12, 31))
    assert not policy.is_in_force(date(2016, 1, 1))


def test_a_policy_without_an_end_stays_in_force() -> None:
    policy = load(GOOD.replace(", until: 2015-12-31", ""))
    assert policy.is_in_force(date(2099, 1, 1))


@pytest.mark.parametrize(
    ("good", "broken", "mistake"),
    [
        pytest.param(
            "years_since_felony: at",
            "years_since_felny: at",
            "16:7: error: unknown fact 'years_since_felny'. Did you mean 'years_since_felony'?",
            id="an unknown fact",
        ),
        pytest.param(
            "lawful_status_proof: yes",
            "shoe_size: 44",
            "21:12: error: unknown fact 'shoe_size'. vocabulary.yaml lists the facts.",
            id="an unknown fact like no other",
        ),
        pytest.param(
            "charge: serious_felony",
            "charge: felny",
            "22:22: error: 'felny' is not a value of 'charge'. Allowed: none, infraction, misdemeanor, felony,"
            " serious_felony. Did you mean 'felony'?",
            id="an unknown value",
        ),
        pytest.param(
            "at most 5",
            "at most five",
            "16:27: error: 'years_since_felony' is a number (0 to 80 or never), but found 'five'.",
            id="a word for a number",
        ),
        pytest.param(
            "at most 5",
            "at most 99",
            "16:27: error: '99' is outside the range of 'years_since_felony': 0 to 80 or never.",
            id="a number out of range",
        ),
        pytest.param(
            "at most 5",
            "at most never",
            "16:27: error: 'never' is no number, so 'at most never' says nothing; write 'never' or 'not never'.",
            id="a comparison with never",
        ),
        pytest.param(
            "at most 5",
            "between 9 and 3",
            "16:27: error: no value of 'years_since_felony' is 'between 9 and 3', so the clause could never apply.",
            id="a test that nothing passes",
        ),
        pytest.param(
            "at most 5",
            "between 3",
            "16:27: error: 'between 3' is no test: write 'between a and b'.",
            id="half a range",
        ),
        pytest.param(
            "charge: serious_felony",
            "charge: not felony or misdemeanor",
            "22:22: error: 'not felony or misdemeanor' can be read in two ways: list the values that pass instead.",
            id="an ambiguous not",
        ),
        pytest.param(
            "lawful_status_proof: yes",
            "lawful_status_proof: at least yes",
            "21:33: error: the values of 'lawful_status_proof' have no order, so 'at least' says nothing about them.",
            id="an order where there is none",
        ),
        pytest.param(
            "lawful_status_proof: yes",
            "lawful_status_proof: true",
            "21:33: error: 'true' is not a value of 'lawful_status_proof'. Allowed: no, yes.",
            id="a boolean of another language",
        ),
        pytest.param(
            "when: {lawful_status_proof: yes}",
            "when: alway",
            "21:11: error: 'alway' is no condition: write 'always', 'fact: test' lines, or a list of them.",
            id="a condition that is a word",
        ),
        pytest.param(
            "when: {lawful_status_proof: yes}",
            "when: {}",
            "21:11: error: a condition needs at least one 'fact: test' line.",
            id="an empty condition",
        ),
        pytest.param(
            "when: {lawful_status_proof: yes}",
            "when: []",
            "21:11: error: the list of conditions is empty.",
            id="an empty list of conditions",
        ),
        pytest.param(
            "when: {lawful_status_proof: yes}",
            "when: {lawful_status_proof: }",
            "21:12: error: the test of 'lawful_status_proof' is empty.",
            id="an empty test",
        ),
        pytest.param(
            "then: {hold: may}",
            "then: {hodl: may}",
            "17:12: error: unknown lever 'hodl'. Did you mean 'hold'?",
            id="an unknown lever",
        ),
        pytest.param(
            "then: {hold: may}",
            "then: {hold: mustnt}",
            "17:18: error: 'mustnt' is not a value of 'hold'. Allowed: must, may, must_not, silent."
            " Did you mean 'must_not'?",
            id="an unknown answer",
        ),
        pytest.param(
            "then: {hold: may}",
            "then: {}",
            "17:11: error: 'then' answers no lever, so the clause says nothing.",
            id="an answer on no lever",
        ),
        pytest.param(
            "then: {hold: may}",
            "then: may",
            "17:11: error: the question 'detainer' is answered per lever, as in 'then: {ask_status: ...}'.",
            id="one answer for all levers",
        ),
        pytest.param(
            "title: An",
            "titel: An",
            "2:1: error: unknown key 'titel'. Did you mean 'title'?",
            id="an unknown key",
        ),
        pytest.param(
            "question: detainer",
            "question: detainers",
            "3:11: error: unknown question 'detainers'. Did you mean 'detainer'?",
            id="an unknown question",
        ),
        pytest.param(
            "status: draft",
            "status: enacte",
            "5:9: error: 'enacte' is not a value of 'status'. Allowed: enacted, draft, proposal, counterfactual."
            " Did you mean 'enacted'?",
            id="an unknown status",
        ),
        pytest.param(
            "tags: [P]",
            "tags: [P, X]",
            "11:11: error: 'X' is not a value of 'tags'. Allowed: C, R, K, 2nd, B, P.",
            id="an unknown evidence tag",
        ),
        pytest.param(
            "from: 2014-01-01",
            "from: 2014-13-01",
            "6:18: error: 'from': there is no day '2014-13-01' (month must be in 1..12).",
            id="a day that does not exist",
        ),
        pytest.param(
            "from: 2014-01-01",
            "from: 1 January 2014",
            "6:18: error: 'from' must be a date like 2014-01-31, but found '1 January 2014'.",
            id="a date in another form",
        ),
        pytest.param(
            "until: 2015-12-31",
            "until: 2013-12-31",
            "6:37: error: 'until' (2013-12-31) lies before 'from' (2014-01-01).",
            id="an end before the beginning",
        ),
        pytest.param(
            "max_hold_hours: 48",
            "max_hold_hours: two days",
            "9:17: error: 'max_hold_hours' must be a whole number, but found 'two days'.",
            id="hours in words",
        ),
        pytest.param(
            "max_hold_hours: 48",
            "max_hold_hours: 0",
            "9:17: error: 'max_hold_hours' must be at least 1; a policy that allows no hold says so in a clause.",
            id="a hold of no hours",
        ),
        pytest.param(
            "verified: none",
            "verified: none\nverified: text",
            "9:1: error: duplicate key 'verified': it is already given in line 8.",
            id="a key given twice",
        ),
        pytest.param(
            "policy: us-zz-example-2014",
            "policy: US ZZ",
            "1:9: error: 'US ZZ' cannot be a policy's id: use small letters, digits and single '-'.",
            id="an id that cannot be one",
        ),
        pytest.param(
            "clause: (b)",
            "clause: (a)",
            "18:13: error: duplicate clause '(a)': it is already given in line 13.",
            id="a clause given twice",
        ),
        pytest.param(
            "notwithstanding: [(a)]",
            "notwithstanding: [(a)(1)]",
            "20:23: error: unknown clause '(a)(1)'. Did you mean '(a)'?",
            id="an unknown clause",
        ),
        pytest.param(
            "text: Convicted of a felony within five years",
            "text: Convicted of a felony within five years\n    notwithstanding: [(b)]",
            "15:23: error: clauses (a), (b) stand notwithstanding each other in a circle.",
            id="two clauses that give way to each other",
        ),
        pytest.param(
            "text: Has shown proof of status",
            "text:",
            "19:5: error: 'text' is empty.",
            id="an empty text",
        ),
        pytest.param(
            "text: Has shown proof of status",
            "text: [a, b]",
            "19:11: error: 'text' must be a single value, not a list.",
            id="a list for a text",
        ),
        pytest.param(
            "source: Invented Code 1\n",
            "",
            "1:1: error: the policy has no 'source'.",
            id="a missing heading",
        ),
        pytest.param(
            "    then: {hold: must_not}\notherwise",
            "otherwise",
            "18:5: error: the clause has no 'then'.",
            id="a clause without an answer",
        ),
        pytest.param(
            "title: An invented policy",
            f"title: {'[' * 9_000}",
            "2:23: error: lists and maps may stand in each other 16 deep.",
            id="a text that would take seconds to read",
        ),
        pytest.param(
            "title: An invented policy",
            "title: An invented: policy",
            "2:19: error: not valid YAML: mapping values are not allowed here.",
            id="a text that is not YAML",
        ),
        pytest.param(
            "title: An invented policy",
            "title: &name An invented policy\nnote: *name",
            "2:8: error: anchors and aliases (& and *) are not part of the format; write it out.",
            id="an alias",
        ),
        pytest.param(
            GOOD,
            "",
            "1:1: error: the file is empty.",
            id="an empty file",
        ),
        pytest.param(
            GOOD,
            "- policy: us-zz-example-2014",
            "1:1: error: the policy must be a map of 'key: value' lines.",
            id="a list for a policy",
        ),
    ],
)
def test_a_mistake_is_told_by_line_column_and_sentence(good: str, broken: str, mistake: str) -> None:
    assert good in GOOD
    assert f"example.yaml:{mistake}" in mistakes_of(GOOD.replace(good, broken, 1))


def test_all_mistakes_of_a_file_are_told_at_once_and_in_their_order() -> None:
    broken = GOOD.replace("draft", "drat").replace("at most 5", "at most five").replace("notify", "notfy")
    assert [line.split(": error: ")[0] for line in mistakes_of(broken)] == [
        "example.yaml:5:9",
        "example.yaml:16:27",
        "example.yaml:27:26",
    ]


def test_a_file_with_an_unknown_question_is_still_read_to_its_end() -> None:
    broken = GOOD.replace("question: detainer", "question: bail").replace("charge:", "chrge:")
    assert mistakes_of(broken) == [
        "example.yaml:3:11: error: unknown question 'bail'. Questions: sharing, detainer, ice_priority.",
        "example.yaml:22:14: error: unknown fact 'chrge'. Did you mean 'charge'?",
    ]


def test_the_error_carries_a_stable_code_and_every_mistake_in_its_text() -> None:
    with pytest.raises(InteropError) as caught:
        load(GOOD.replace("draft", "drat"))
    assert caught.value.code == "bad-policy"
    assert "example.yaml:5:9: error: 'drat'" in caught.value.sentence


REGIME = GOOD[: GOOD.index("clauses:")].replace("detainer", "ice_priority")


def test_a_regime_that_leaves_a_case_out_is_refused_with_an_example() -> None:
    regime = REGIME + "clauses:\n  - {clause: all, text: Removable, when: {removable: yes}, then: other}\n"
    assert mistakes_of(regime) == [
        "example.yaml:1:1: error: gap: no clause applies, e.g. removable = no (1 of 2 kinds of case). The"
        " question 'ice_priority' needs an answer in every case: add a clause or an 'otherwise'."
    ]


def test_a_regime_whose_clauses_cover_every_case_needs_no_otherwise() -> None:
    regime = REGIME + (
        "clauses:\n"
        "  - {clause: all, text: Removable, when: {removable: yes}, then: other}\n"
        "  - {clause: rest, text: Not removable, when: {removable: not yes}, then: no_action}\n"
    )
    assert load(regime).otherwise is None


def test_a_clause_and_a_heading_know_where_they_stand() -> None:
    policy = load(GOOD)
    assert [clause.place for clause in policy.clauses] == [(13, 5), (18, 5)]
    assert (policy.file, policy.place_of("in_force"), policy.place_of("note")) == ("example.yaml", (6, 11), (1, 1))


def test_a_regime_has_one_answer_and_no_levers() -> None:
    regime = REGIME + "clauses:\n  - {clause: all, text: Removable, when: always, then: {hold: may}}\n"
    regime += "otherwise: {clause: none, text: Nobody, then: no_action}\n"
    assert mistakes_of(regime) == [
        "example.yaml:13:56: error: the question 'ice_priority' has one answer, not one per lever."
    ]


def test_a_very_deep_text_is_refused_like_any_other_that_is_not_yaml() -> None:
    assert mistakes_of("[" * 1000)[0].startswith("example.yaml:1:")


@pytest.mark.parametrize(
    ("words", "passing"),
    [
        ("felony", {"felony"}),
        ("infraction or felony", {"infraction", "felony"}),
        ("not none", {"infraction", "misdemeanor", "felony", "serious_felony"}),
        ("at least felony", {"felony", "serious_felony"}),
        ("at most infraction", {"none", "infraction"}),
        ("more than felony", {"serious_felony"}),
        ("less than misdemeanor", {"none", "infraction"}),
        ("between infraction and felony", {"infraction", "misdemeanor", "felony"}),
    ],
)
def test_a_test_on_an_ordered_fact_passes_the_values_that_it_says(words: str, passing: set[str]) -> None:
    policy = load(GOOD.replace("charge: serious_felony", f"charge: {words}"))
    assert policy.clauses[1].unless.alternatives[0][0].allowed == passing


@pytest.mark.parametrize("words", ["at most 80", "at least 0", "more than 0", "less than 80", "between 0 and 80"])
def test_no_comparison_is_true_of_never(words: str) -> None:
    policy = load(GOOD.replace("at most 5", words))
    assert NEVER not in policy.clauses[0].when.alternatives[0][0].allowed


def test_never_is_a_value_that_can_be_asked_for_and_excluded() -> None:
    never = load(GOOD.replace("at most 5", "never")).clauses[0].when.alternatives[0][0]
    ever = load(GOOD.replace("at most 5", "not never")).clauses[0].when.alternatives[0][0]
    assert never.allowed == {NEVER}
    assert ever.allowed == set(range(81))


def test_a_vocabulary_declares_finite_domains_and_what_is_assumed() -> None:
    vocabulary = load_vocabulary(SMALL_VOCABULARY, "words.yaml")
    assert vocabulary.facts["charge"].kind is Kind.ORDERED
    assert vocabulary.facts["years"].domain == (0, 1, 2, 3, 4, 5, NEVER)
    assert vocabulary.facts["years"].when_missing == NEVER
    assert vocabulary.questions["detainer"].levers == ("hold",)


@pytest.mark.parametrize(
    ("good", "broken", "mistake"),
    [
        ("type: ordered", "type: orderd", "3:11: error: 'orderd' is not a value of 'type'. Allowed: ordered, list,"),
        ("when_missing: none", "when_missing: nothing", "5:19: error: 'nothing' is not a value of 'charge'."),
        ("    when_missing: none\n", "", "3:5: error: fact 'charge' has no 'when_missing'."),
        ("    values: [none, felony]\n", "", "3:5: error: fact 'charge' has no 'values'."),
        ("values: [none, felony]", "values: []", "4:13: error: 'values' must be a list with at least one entry."),
        ("[none, felony]", "[none, none]", "4:20: error: 'none' stands twice in 'values'."),
        ("[none, felony]", "[none, at least]", "4:20: error: 'at least' cannot be a name:"),
        ("[none, felony]", "[none, not]", "4:20: error: 'not' cannot be a name:"),
        ("to: 5", "to: -5", "9:9: error: 'to' must be a whole number, but found '-5'."),
        ("from: 0", "from: 7", "9:9: error: 'to' must be at least 'from' (7)"),
        ("    to: 5\n", "", "7:5: error: fact 'years' has no 'to'."),
        ("unanswered: silent", "unanswered: quiet", "16:17: error: 'quiet' is not a value of 'unanswered'."),
        ("    answers: [may, silent]\n", "", "14:5: error: question 'detainer' has no 'answers'."),
    ],
)
def test_a_mistake_in_a_vocabulary_is_told_by_line_column_and_sentence(good: str, broken: str, mistake: str) -> None:
    assert good in SMALL_VOCABULARY
    with pytest.raises(PolicyError) as caught:
        load_vocabulary(SMALL_VOCABULARY.replace(good, broken, 1), "words.yaml")
    assert any(str(found).startswith(f"words.yaml:{mistake}") for found in caught.value.mistakes), str(caught.value)
