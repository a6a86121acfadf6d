"""`interop policies` and `interop decide`: what they print, as JSON and in words, and how they refuse."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.cli import main
from sandbox.policies.ask import OnePolicy, facts_of
from sandbox.policies.diff import differences
from sandbox.policies.words import in_words
from services.chassis.errors import InteropError
from services.chassis.policy import Value, decide
from tests.unit.policy_files import POLICIES, policy_ids, the_policy, the_vocabulary

VOCABULARY = the_vocabulary()
TRUST_ACT = "us-ca-trust-act-2014"


class Interop:
    """Calls `interop` with some words."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """The exit code, and what was printed to stdout and stderr."""
        self._monkeypatch.setattr(sys, "argv", ["interop", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *self._capsys.readouterr())

    def json(self, *words: str) -> Any:
        code, out, err = self(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)


@pytest.fixture
def interop(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Interop:
    return Interop(monkeypatch, capsys)


def test_the_list_has_every_policy_with_its_question_status_source_period_and_verification(interop: Interop) -> None:
    rows = interop.json("policies", "list")
    assert sorted(row["id"] for row in rows) == policy_ids()
    trust_act = next(row for row in rows if row["id"] == TRUST_ACT)
    assert trust_act == {
        "id": TRUST_ACT,
        "question": "detainer",
        "status": "enacted",
        "source": "Cal. Gov. Code 7282.5 (Stats. 2013, ch. 570)",
        "period": {"from": "2014-01-01", "until": "2018-01-03"},
        "verified": "summary",
        "verified_through": trust_act["verified_through"],
        "place": "US-CA",
        "authority": "state",
        "title": trust_act["title"],
    }


def test_the_list_in_words_names_everything(interop: Interop) -> None:
    code, out, _ = interop("policies", "list")
    assert code == 0
    assert [identity for identity in policy_ids() if identity not in out] == []


def test_a_policy_is_shown_in_plain_words(interop: Interop) -> None:
    code, out, _ = interop("policies", "show", TRUST_ACT)
    assert code == 0
    assert "(a)(3)" in out
    assert "  or years since listed misdemeanor: at most 5\n" in out
    assert "  then hold may\n" in out
    assert "Simulated." in out


@pytest.mark.parametrize("words", [("policies", "show"), ("policies", "diff", TRUST_ACT), ("decide", "--policy")])
def test_an_unknown_id_gets_a_suggestion(interop: Interop, words: tuple[str, ...]) -> None:
    more = ("--facts", "{}") if words[0] == "decide" else ()
    assert interop(*words, "ca-trust", *more) == (
        2,
        "",
        f"unknown-policy: no policy 'ca-trust'. Did you mean '{TRUST_ACT}'? See 'interop policies list'.\n",
    )


def test_a_check_prints_findings_and_ends_with_1_if_one_is_an_error(interop: Interop, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = (POLICIES / f"{TRUST_ACT}.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("registry: yes", "regstry: yes"), encoding="utf-8")
    code, out, err = interop("policies", "check", str(path))
    assert code == 1
    assert out.endswith(": error: unknown fact 'regstry'. Did you mean 'registry'?\n")
    assert err == "1 file: 1 error, no notes\n"


def test_a_check_of_the_catalogue_finds_no_errors(interop: Interop) -> None:
    code, _, err = interop("policies", "check")
    assert code == 0
    assert ": no errors, " in err


def test_a_case_is_decided_by_a_policy_with_its_reasons(interop: Interop) -> None:
    facts = '{"charge": "felony", "held_to_answer": "yes"}'
    told = interop.json("decide", "--policy", TRUST_ACT, "--facts", facts)
    assert told["answers"] == {
        "ask_status": "silent",
        "notify": "silent",
        "hold": "may",
        "transfer": "silent",
        "access": "silent",
    }
    assert {"policy", "max_hold_hours", "because", "set_aside", "facts_read", "assumed", "verified"} <= told.keys()
    assert told["facts_read"]["held_to_answer"] is True
    assert "held_to_answer" not in told["assumed"]


def test_beyond_the_day_through_which_it_is_verified_an_answer_says_so(interop: Interop) -> None:
    told = interop.json("decide", "--policy", TRUST_ACT, "--on", "2019-01-01", "--facts", "{}")
    assert told["verified"] == "summary; not verified for this date"


def test_a_regime_and_a_sharing_policy_have_one_answer(interop: Interop) -> None:
    told = interop.json("decide", "--policy", "ice-r2-morton-2010", "--facts", '{"removable": "yes"}')
    assert told["answer"] == "other"


def test_the_law_of_a_place_names_who_decided_and_what_was_set_aside(interop: Interop) -> None:
    words = ("decide", "--place", "US-MA-BOS", "--on", "2014-09-01", "--custodian", "police_lockup", "--facts", "{}")
    told = interop.json(*words)
    assert told["layers"]["hold"]["policy"] == "us-ma-boston-trust-2014"
    assert told["layers"]["notify"]["policy"] == "us-full-cooperation"
    code, out, _ = interop(*words)
    assert code == 0
    assert "hold       must not   by us-ma-boston-trust-2014 (city)" in out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--facts", "{}"), "bad-usage"),
        (("--policy", TRUST_ACT), "bad-usage"),
        (("--policy", TRUST_ACT, "--facts", "{}", "--facts-file", "f"), "bad-usage"),
        (("--policy", TRUST_ACT, "--place", "US", "--facts", "{}"), "bad-usage"),
        (("--policy", TRUST_ACT, "--custodian", "court", "--facts", "{}"), "bad-usage"),
        (("--place", "US-CA", "--facts", "{}"), "bad-usage"),
        (("--place", "FR", "--on", "2014-01-01", "--facts", "{}"), "unknown-place"),
        (("--place", "US-CA", "--on", "2014-01-01", "--custodian", "jail", "--facts", "{}"), "unknown-value"),
        (("--policy", TRUST_ACT, "--facts", "{"), "bad-facts"),
        (("--policy", TRUST_ACT, "--facts", "[]"), "bad-facts"),
        (("--policy", TRUST_ACT, "--facts", '{"chrge": "felony"}'), "unknown-fact"),
        (("--policy", TRUST_ACT, "--facts", '{"custodian": "jail"}'), "unknown-value"),
        (("--policy", TRUST_ACT, "--facts-file", "nowhere.ndjson"), "no-such-file"),
        (("--policy", "nowhere.yaml", "--facts", "{}"), "unknown-policy"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence_with_a_code(interop: Interop, words: tuple[str, ...], code: str) -> None:
    exit_code, out, err = interop("decide", *words)
    assert (exit_code, out) == (2, "")
    assert err.startswith(f"{code}: ")


def test_a_bad_line_of_a_file_is_told_with_its_number_and_the_rest_go_on(interop: Interop, tmp_path: Path) -> None:
    path = tmp_path / "facts.ndjson"
    path.write_text('{"charge": "felony"}\n{"chrge": 1}\n\n{"registry":true}\nnonsense\n', encoding="utf-8")
    code, _, err = interop("decide", "--policy", TRUST_ACT, "--facts-file", str(path))
    assert code == 2
    assert [line.partition(": ")[0] for line in err.splitlines()] == ["facts.ndjson:2", "facts.ndjson:5"]
    assert "unknown-fact: unknown fact 'chrge'. Did you mean 'charge'?" in err


def test_the_good_lines_of_a_file_are_answered_in_their_order_one_object_a_line(
    interop: Interop, tmp_path: Path
) -> None:
    path = tmp_path / "facts.ndjson"
    path.write_text('{"years_since_felony": 1}\n{"registry": 1}\n{"registry":true}', encoding="utf-8")
    code, out, err = interop("decide", "--policy", TRUST_ACT, "--facts-file", str(path), "--json")
    assert code == 2
    assert err == "facts.ndjson:2: unknown-value: 'registry' cannot be 1. Allowed: no, yes.\n"
    told = [json.loads(line) for line in out.splitlines()]
    assert [answer["because"][0][:6] for answer in told] == ["(a)(2)", "(a)(4)"]


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b'{"charge": "felony", "years_since_felony": 7, "registry": true}\n',
        b'{"charge":"felony","years_since_felony":7,"registry":"yes"}\r\n',
        b'{ "charge" : "felony" }',
        b'{"charge": "felony","registry": true}',
        b'{"registry": false, "custodian": "court", "final_order": null}',
        b'{"charge": "felony", "charge": "none"}',
        b'{"registry": true, "registry": false}',
    ],
)
def test_a_line_is_answered_alike_in_whichever_form_it_is_written(line: bytes) -> None:
    asked = OnePolicy(the_policy(TRUST_ACT, VOCABULARY))
    for _ in ("while its form is new", "when it is known"):
        assert json.loads(asked.line(line)) == asked.record(facts_of(line))


@pytest.mark.parametrize("line", [b'"charge": "felony"', b'["charge": "felony"]', b'{"registry": 1}', b'{"charge": 1}'])
def test_a_line_that_is_no_case_is_refused_however_much_it_looks_like_one(line: bytes) -> None:
    asked = OnePolicy(the_policy(TRUST_ACT, VOCABULARY))
    for _ in ("while its form is new", "when it is known"):
        with pytest.raises(InteropError):
            asked.line(line)


def test_a_line_that_gives_every_fact_and_one_that_is_asked_of_a_policy_without_facts_are_whole() -> None:
    policy = the_policy(TRUST_ACT, VOCABULARY)
    line = json.dumps({name: VOCABULARY.facts[name].when_missing for name in policy.reads}).encode()
    assert json.loads(OnePolicy(policy).line(line))["assumed"] == {}
    always = OnePolicy(the_policy("us-full-cooperation", VOCABULARY))
    assert json.loads(always.line(line))["facts_read"] == {}


def test_a_difference_is_told_in_boxes_of_facts(interop: Interop) -> None:
    told = interop.json("policies", "diff", "us-full-cooperation", "us-ma-boston-trust-2014")
    boxes = [(row["lever"], row["before"], row["after"], row["words"]) for row in told["differences"]]
    assert ("hold", "may", "must_not", "federal_felony_warrant = no") in boxes
    assert ("notify", "may", "silent", "always") in boxes


def test_the_boxes_of_a_difference_are_exactly_the_cases_that_differ() -> None:
    first, second = (the_policy(name, VOCABULARY) for name in ("ice-r1-levels-2008", "ice-r2-morton-2010"))
    boxes = differences(first, second)
    for case in some_cases(400):
        before, after = (decide(policy, case).answer for policy in (first, second))
        told = {(box.before, box.after) for box in boxes if all(case[name] in box.when[name] for name in box.when)}
        assert told == ({(before, after)} if before != after else set())


def some_cases(count: int) -> list[dict[str, Value]]:
    """Cases that go through every value of every fact, each fact at a pace of its own."""
    facts = [fact for fact in VOCABULARY.facts.values() if fact.name != "removable"]
    return [
        {"removable": "yes"}
        | {
            fact.name: fact.domain[(case * (2 * place + 1) + case // 7) % min(len(fact.domain), 4)]
            for place, fact in enumerate(facts)
        }
        for case in range(count)
    ]


def test_policies_on_different_questions_cannot_be_compared(interop: Interop) -> None:
    code, _, err = interop("policies", "diff", TRUST_ACT, "ice-r0-all")
    assert code == 2
    assert err.startswith("different-questions: ")


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("charge", {"felony", "serious_felony"}, "charge at least felony"),
        ("charge", {"none", "infraction"}, "charge at most infraction"),
        ("charge", {"infraction", "misdemeanor", "felony"}, "charge between infraction and felony"),
        ("charge", {"none", "felony"}, "charge = none or felony"),
        ("registry", {True}, "registry = yes"),
        ("custodian", {"court", "county_jail", "state_prison"}, "custodian not police_lockup"),
        ("years_since_felony", set(range(81)), "years_since_felony not never"),
        ("years_since_felony", {*range(6, 81), "never"}, "years_since_felony at least 6 or never"),
        ("years_since_felony", {0, 1, 2, 7}, "years_since_felony at most 2 or = 7"),
    ],
)
def test_values_are_told_in_the_words_of_the_tests(name: str, values: set[Value], words: str) -> None:
    assert in_words(VOCABULARY.facts[name], values) == words


def test_a_policy_is_told_as_cedar_text(interop: Interop) -> None:
    code, out, _ = interop("policies", "cedar", TRUST_ACT)
    assert code == 0
    assert 'permit (principal, action == Action::"hold:must_not", resource)' in out
