"""The exhaustive check: each kind of mistake is found, at its line and column, in a sentence with an example."""

from pathlib import Path

import pytest

from sandbox.policies.check import check_policy, check_together
from sandbox.policies.files import CATALOGUE, check_paths
from services.chassis.errors import InteropError
from services.chassis.policy import Policy, decide, load_policy, load_vocabulary
from tests.unit.policy_files import POLICIES, the_vocabulary

VOCABULARY = the_vocabulary()

HEADINGS = """\
policy: us-zz-example-2014
title: An invented policy
question: detainer
place: US-ZZ
authority: state
status: enacted
in_force: {from: 2014-01-01, until: 2015-12-31}
source: Invented Code 1
verified: none
"""


def load(clauses: str, headings: str = HEADINGS, name: str = "example.yaml") -> Policy:
    return load_policy(headings + clauses, name, VOCABULARY)


def found_in(clauses: str, headings: str = HEADINGS) -> list[str]:
    return [str(found) for found in check_policy(load(clauses, headings))]


def test_the_catalogue_has_no_errors() -> None:
    checked = check_paths([CATALOGUE])
    assert [str(found) for found in checked.findings if found.severity == "error"] == []


CONFLICT = """\
clauses:
  - {clause: (a), text: Registered, when: {registry: yes}, then: {hold: must, notify: may}}
  - {clause: (b), text: A child, when: {juvenile: yes}, then: {hold: must_not, notify: may}}
"""


def test_a_conflict_names_both_clauses_the_lever_and_a_case() -> None:
    assert found_in(CONFLICT) == [
        "example.yaml:12:5: error: conflict: clauses (a) (must) and (b) (must_not) both answer 'hold', e.g. registry ="
        " yes, juvenile = yes (1 of 4 kinds of case). Add 'notwithstanding: [(a)]' to the one that prevails, naming"
        " the other."
    ]


def test_a_notwithstanding_settles_a_conflict() -> None:
    assert found_in(CONFLICT.replace("{clause: (b),", "{clause: (b), notwithstanding: [(a)],")) == []


def test_clauses_that_never_meet_do_not_conflict() -> None:
    assert found_in(CONFLICT.replace("juvenile: yes", "juvenile: yes, registry: no")) == []


def test_a_clause_whose_exception_is_as_wide_as_itself_can_never_apply() -> None:
    clauses = """\
clauses:
  - {clause: (a), text: t, when: {charge: felony}, unless: {charge: at least felony}, then: {hold: may}}
"""
    assert found_in(clauses) == [
        "example.yaml:11:5: error: clause (a) can never apply: its 'unless' holds whenever its 'when' does."
    ]


def test_a_clause_that_always_gives_way_is_unreachable() -> None:
    clauses = """\
clauses:
  - {clause: (a), text: t, when: {registry: yes}, then: {hold: may}}
  - {clause: (b), text: t, when: always, notwithstanding: [(a)], then: {hold: must_not}}
"""
    assert found_in(clauses) == [
        "example.yaml:11:5: error: clause (a) is unreachable: (b), which stands notwithstanding it, covers every case."
    ]


def test_a_clause_that_changes_no_answer_is_noted() -> None:
    clauses = """\
clauses:
  - {clause: (a), text: t, when: {charge: felony}, then: {hold: may}}
  - {clause: (b), text: t, when: {charge: at least felony}, then: {hold: may}}
"""
    assert found_in(clauses) == [
        "example.yaml:11:5: note: clause (a) changes no answer: (b) gives the same one whenever it applies."
    ]


def test_a_clause_that_displaces_another_is_needed_though_a_third_gives_the_same_answer() -> None:
    clauses = """\
clauses:
  - {clause: (a), text: t, when: {registry: yes}, then: {hold: may}}
  - {clause: (b), text: t, when: {registry: yes}, notwithstanding: [(a)], then: {hold: must}}
"""
    assert found_in(clauses + "  - {clause: (c), text: t, when: {registry: yes}, then: {hold: must}}\n") == [
        "example.yaml:11:5: error: clause (a) is unreachable: (b), which stands notwithstanding it, covers every case.",
        "example.yaml:13:5: note: clause (c) changes no answer: (b) gives the same one whenever it applies.",
    ]


def test_a_notwithstanding_that_never_matters_and_an_otherwise_that_never_answers_are_noted() -> None:
    clauses = """\
clauses:
  - {clause: (a), text: t, when: {registry: yes}, then: {hold: may}}
  - {clause: (b), text: t, when: {registry: no}, notwithstanding: [(a)], then: {hold: must_not}}
otherwise: {clause: (c), text: t, then: {hold: must}}
"""
    assert found_in(clauses) == [
        "example.yaml:12:5: note: clause (b) need not stand notwithstanding (a): they never meet on a lever.",
        "example.yaml:13:12: note: the 'otherwise' ((c)) never answers: some clause always does.",
    ]


def test_a_set_that_no_clause_uses_is_noted() -> None:
    headings = HEADINGS + 'sets:\n  crimes: ["0901"]\n'
    clauses = "clauses:\n  - {clause: (a), text: t, when: {registry: yes}, then: {hold: may}}\n"
    assert found_in(clauses, headings) == ["example.yaml:11:3: note: no clause uses the set 'crimes'."]


def test_dates_and_headings_that_do_not_fit_each_other_are_errors() -> None:
    headings = HEADINGS.replace("authority: state\n", "") + "verified_through: 2013-12-31\n"
    clauses = "clauses:\n  - {clause: (a), text: t, when: {registry: yes}, then: {hold: may}}\n"
    assert found_in(clauses, headings) == [
        "example.yaml:9:19: error: verified through 2013-12-31, which lies before 'from' (2014-01-01).",
        "example.yaml:5:9: error: an enacted policy needs an 'authority', which gives it its rank among the others.",
    ]


def enacted(name: str, since: str, until: str | None, binds: str = "") -> Policy:
    period = f"{{from: {since}}}" if until is None else f"{{from: {since}, until: {until}}}"
    headings = HEADINGS.replace("{from: 2014-01-01, until: 2015-12-31}", period).replace("us-zz-example-2014", name)
    return load("clauses:\n  - {clause: (a), text: t, when: always, then: {hold: may}}\n", headings + binds, name)


def test_periods_that_overlap_are_an_error_and_holes_between_them_a_note() -> None:
    first = enacted("first", "2011-01-01", "2012-12-31")
    second = enacted("second", "2012-12-31", "2013-12-31")
    third = enacted("third", "2014-02-01", None)
    assert [str(found) for found in check_together([third, second, first])] == [
        "second:7:11: error: in force from 2012-12-31, while first in first is still in force until 2012-12-31.",
        "third:7:11: note: nothing of this place and authority is in force from 2014-01-01 to 2014-01-31, after second"
        " in second.",
    ]


def test_policies_that_bind_different_custodians_may_be_in_force_together() -> None:
    jail = enacted("jail", "2011-01-01", None, "binds: [county_jail]\n")
    court = enacted("court", "2012-01-01", None, "binds: [court]\n")
    assert check_together([jail, court]) == []


def facts(count: int) -> str:
    return "".join(f"  f{number}: {{type: yes_no, when_missing: no}}\n" for number in range(count))


QUESTION = "questions:\n  detainer: {levers: [hold, notify], answers: [may, must_not, silent], unanswered: silent}\n"


def test_thirty_facts_in_one_clause_are_no_problem_because_few_situations_occur() -> None:
    vocabulary = load_vocabulary(f"facts:\n{facts(30)}{QUESTION}", "words.yaml")
    tests = ", ".join(f"f{number}: yes" for number in range(30))
    alternatives = ", ".join(f"{{f{number}: no}}" for number in range(30))
    clauses = f"""\
clauses:
  - {{clause: (a), text: t, when: {{{tests}}}, then: {{hold: may}}}}
  - {{clause: (b), text: t, when: [{alternatives}], then: {{hold: must_not}}}}
"""
    policy = load_policy(HEADINGS + clauses, "large.yaml", vocabulary)
    assert policy.table.cells == 2**30
    assert check_policy(policy) == []


def test_a_table_that_is_too_large_is_refused_on_its_lever_with_what_to_do() -> None:
    vocabulary = load_vocabulary(f"facts:\n{facts(20)}{QUESTION}", "words.yaml")
    clauses = "clauses:\n" + "".join(
        f"  - {{clause: c{number}, text: t, when: {{f{number}: yes}}, then: {{hold: may}}}}\n" for number in range(20)
    )
    found = check_policy(load_policy(HEADINGS + clauses, "large.yaml", vocabulary))
    assert [str(each) for each in found] == [
        "large.yaml:1:1: error: 'hold' cannot be checked: there are more than 200,000 ways in which the clauses can"
        " apply together, too many to go through them all; let fewer facts decide, or join clauses that say the same."
    ]


def test_several_files_are_checked_at_once_and_told_in_order(tmp_path: Path) -> None:
    good = (POLICIES / "us-ca-trust-act-2014.yaml").read_text(encoding="utf-8")
    for name, text in {
        "b.yaml": good.replace("registry: yes", "regstry: yes"),
        "a.yaml": good,
        "c.yaml": "title: [",
        "a.cases.yaml": "policy: a",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "d.yaml").write_bytes(b"policy: \xff")

    checked = check_paths([tmp_path / "c.yaml", tmp_path])

    lines = [str(found).removeprefix(f"{tmp_path}/") for found in checked.findings]
    assert checked.files == checked.errors + 1 == 4
    assert lines[0].startswith("b.yaml:")
    assert lines[0].endswith("unknown fact 'regstry'. Did you mean 'registry'?")
    assert lines[1].startswith("c.yaml:1:")
    assert lines[2] == "d.yaml:1:1: error: the file is no text in UTF-8."


def test_two_files_cannot_have_one_id(tmp_path: Path) -> None:
    text = HEADINGS.replace("enacted", "draft") + CONFLICT.replace("{hold: must,", "{hold: must_not,")
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    findings = check_paths([tmp_path]).findings
    assert [str(found).removeprefix(f"{tmp_path}/") for found in findings] == [
        f"b.yaml:1:9: error: 'us-zz-example-2014' is already the id of the policy in {tmp_path}/a.yaml."
    ]


def test_a_path_that_is_no_policy_is_refused(tmp_path: Path) -> None:
    for path, code in (
        (tmp_path / "missing.yaml", "no-such-file"),
        (tmp_path, "no-policies"),
        (POLICIES / "vocabulary.yaml", "no-policies"),
    ):
        with pytest.raises(InteropError) as caught:
            check_paths([path])
        assert caught.value.code == code


def test_what_the_check_calls_a_conflict_is_one_when_such_a_case_is_decided() -> None:
    with pytest.raises(InteropError, match="policy-conflict"):
        decide(load(CONFLICT), {"registry": True, "juvenile": True})
