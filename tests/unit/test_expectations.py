"""The script of the matcher: what is answered in place of what was found, and who may say so."""

import asyncio
from datetime import date

import httpx
import pytest
from pydantic import ValidationError

from services.biometric_match.domain import match
from services.biometric_match.events import Galleries, RunOpened
from services.biometric_match.expectations import Expectation, check_rows, scripted
from services.biometric_match.matcher import Candidate, Searched, Unsearchable
from services.biometric_match.operators import Bearer, Guard, allowed
from services.biometric_match.relay import EVERYTHING
from services.biometric_match.run import Searches
from services.biometric_match.script import Kept, Scripted
from services.chassis.delivery.pace import Pace
from services.chassis.errors import InteropError
from tests.unit.test_biometric_match_handlers import submission

GALLERIES = Galleries(rows=1_000, overlap=400)
HERE = (Candidate(row=617, score=171, fingers=10),)
THERE = (Candidate(row=17, score=168, fingers=10),)
FOUND = Searched(iafis=[HERE], ident=[THERE])

HARBOR = "ZZ0010000"
HERON, TEAL = f"{HARBOR}/B-41", f"{HARBOR}/B-42"


def expect(**said: object) -> Expectation:
    return Expectation.model_validate(said)


def no_match() -> dict[str, object]:
    return {"answer": "no_match"}


def a_match(row: int) -> dict[str, object]:
    return {"answer": "match", "row": row}


def answered(expectation: Expectation | None, found: Searched = FOUND, galleries: Galleries = GALLERIES) -> Searched:
    return scripted(found, [expectation], galleries)


class TestWhatIsAnswered:
    def test_who_is_on_file_can_be_unknown(self):
        told = answered(expect(iafis=no_match(), ident=no_match()))

        assert (told.iafis, told.ident) == ([()], [()])

    def test_what_is_not_named_is_what_the_search_found(self):
        told = answered(expect(ident=no_match()))

        assert (told.iafis, told.ident) == ([HERE], [()])

    def test_anybody_can_be_somebody_else_with_the_score_of_a_plain_mate(self):
        told = answered(expect(ident=a_match(3)))

        assert told.iafis == [HERE]
        assert told.ident == [(Candidate(row=3, score=160, fingers=10),)]

    @pytest.mark.parametrize(
        "galleries",
        [
            GALLERIES,
            Galleries(rows=10_000_000, fpir=1e-12),
            Galleries(rows=1, fpir=0.5),
            Galleries(rows=10_000_000, fpir=1e-12, ident_fingers=2),
        ],
    )
    def test_a_forced_match_is_one_in_a_run_of_any_size(self, galleries):
        (found,) = answered(expect(ident=a_match(0)), galleries=galleries).ident

        assert match(found, galleries).row == 0

    def test_who_has_no_fingers_to_search_on_can_be_a_match_all_the_same(self):
        nobody = Searched([Unsearchable("too_few_fingers")], [Unsearchable("too_few_fingers")])

        told = answered(expect(iafis=a_match(3)), nobody)

        assert match(told.iafis[0], GALLERIES).row == 3
        assert told.ident == nobody.ident

    def test_an_error_answers_for_both_galleries(self):
        told = answered(expect(error="too_few_fingers"))

        assert told.iafis == told.ident == [Unsearchable("too_few_fingers")]

    @pytest.mark.parametrize("said", [{"ident": {"answer": "match", "row": 3}}, {"error": "too_few_fingers"}])
    def test_ident_answers_nothing_about_what_was_not_relayed(self, said):
        assert answered(expect(**said), Searched([HERE], [None])).ident == [None]

    def test_in_a_batch_nobody_gets_the_answer_of_another(self):
        batch = Searched([HERE, HERE, HERE], [THERE, THERE, THERE])

        told = scripted(batch, [None, expect(ident=no_match()), None], GALLERIES)

        assert (told.iafis, told.ident) == ([HERE, HERE, HERE], [THERE, (), THERE])

    def test_a_delay_changes_nothing_that_is_said(self):
        assert answered(expect(delay_ms=20_000)) == FOUND


class TestWhatCanBeExpected:
    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ({}, "asks for nothing"),
            ({"delay_ms": 0}, "asks for nothing"),
            ({"error": "too_few_fingers", "ident": {"answer": "no_match"}}, "has no answer"),
            ({"error": "bad_weather"}, "too_few_fingers"),
            ({"ident": {"answer": "match"}}, "row"),
            ({"ident": {"answer": "match", "row": -1}}, "greater than or equal to 0"),
            ({"ident": {"answer": "no_match", "row": 3}}, "Extra inputs"),
            ({"ident": {"answer": "maybe"}}, "'match', 'no_match'"),
            ({"delay_ms": 20_001}, "less than or equal to 20000"),
            ({"delay": 5}, "Extra inputs"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, said, words):
        with pytest.raises(ValidationError, match=words):
            expect(**said)

    @pytest.mark.parametrize("kind", ["iafis", "ident"])
    def test_a_row_that_the_galleries_do_not_have_is_named_with_those_that_they_have(self, kind):
        check_rows(expect(**{kind: a_match(999)}), GALLERIES)

        with pytest.raises(InteropError, match=rf"no-such-row: .*{kind} has no row 1000; name one from 0 to 999"):
            check_rows(expect(**{kind: a_match(1_000)}), GALLERIES)


class AScript:
    """What is expected of some subjects, and what was noted as used."""

    def __init__(self, **expectations: Expectation) -> None:
        self.kept = {oca: Kept(id=f"act-{oca}", by="the demo", expectation=each) for oca, each in expectations.items()}
        self.noted: dict[str, str] = {}

    async def of(self, _, subjects):
        return [self.kept.get(subject.partition("/")[2]) for subject in subjects]

    async def note(self, _, used):
        self.noted |= used


class TestFollowing:
    RUN = RunOpened(disclosures=(), seed=1952, opened_on=date(2011, 3, 1), galleries=GALLERIES)
    AT_HAND = Searches(RUN, GALLERIES.files(RUN.seed), EVERYTHING)

    def follower(self, script: AScript) -> Scripted:
        async def examine(events, searches):
            return Searched([HERE for _ in events], [THERE for _ in events])

        return Scripted(examine, script)

    def follow(self, script: AScript, *ocas: str) -> Searched:
        events = [submission(oca=oca) for oca in ocas]
        return asyncio.run(self.follower(script).examine(events, self.AT_HAND))

    def held_back(self, script: AScript, *ocas: str) -> list[float]:
        events = [submission(oca=oca) for oca in ocas]
        return asyncio.run(self.follower(script).hold(events, self.AT_HAND))

    def test_only_the_submissions_that_the_script_names_are_answered_by_it(self):
        script = AScript(TEAL=expect(ident=no_match()))

        told = self.follow(script, "HERON", "TEAL")

        assert told.ident == [THERE, ()]
        assert script.noted == {"submission-TEAL": "act-TEAL"}

    def test_nobody_is_held_back_but_those_of_whom_the_script_says_so(self):
        script = AScript(TEAL=expect(delay_ms=250), WREN=expect(ident=no_match()))

        assert self.held_back(script, "HERON", "TEAL", "WREN") == [0.0, 0.25, 0.0]

    def test_what_is_held_back_was_not_answered_yet(self):
        script = AScript(TEAL=expect(delay_ms=250))

        self.held_back(script, "TEAL")

        assert script.noted == {}

    def test_an_answer_that_was_held_back_counts_as_scripted(self):
        script = AScript(TEAL=expect(delay_ms=250))

        assert self.follow(script, "TEAL").ident == [THERE]
        assert script.noted == {"submission-TEAL": "act-TEAL"}


def test_who_is_held_back_is_let_go_when_the_process_is_to_end() -> None:
    async def held_back() -> bool:
        pace = Pace()
        waiting = asyncio.create_task(pace.linger(3_600))
        await asyncio.sleep(0)
        pace.slow_down(5)
        pace.slow_down(0)
        await asyncio.sleep(0)
        waited = not waiting.done()
        pace.free()
        await waiting
        await pace.linger(3_600)
        return waited

    assert asyncio.run(held_back())


# Who may say so


def asked(answer: httpx.Response | Exception, header: str | None = "Bearer t0ken", url: str | None = "http://audit/"):
    """Whom the guard takes somebody for, if audit answers so; and what audit was asked."""
    questions: list[httpx.Request] = []

    def audit(request: httpx.Request) -> httpx.Response:
        questions.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    bearer = asyncio.run(Guard(url, transport=httpx.MockTransport(audit)).operator(header))
    return bearer, questions


def holder(role: str = "operator", *records: str) -> httpx.Response:
    return httpx.Response(200, json={"role": role, "name": "the demo", "records": records or [HARBOR]})


def test_audit_is_asked_whose_token_it_is_and_nothing_else() -> None:
    bearer, (question,) = asked(holder())

    assert bearer == Bearer(role="operator", name="the demo", records=(HARBOR,))
    assert (str(question.url), question.headers["authorization"]) == ("http://audit/token", "Bearer t0ken")


def test_who_sends_no_token_is_refused_in_audits_words() -> None:
    refusal = httpx.Response(401, json={"error": {"code": "no-token", "message": "send 'Authorization: ...'"}})

    with pytest.raises(InteropError, match="no-token: send 'Authorization") as refused:
        asked(refusal, header=None)
    assert refused.value.status == 401


@pytest.mark.parametrize("role", ["subject", "auditor"])
def test_who_may_only_read_scripts_nothing(role: str) -> None:
    with pytest.raises(InteropError, match=f"not-operator: the token of {role} 'the demo'") as refused:
        asked(holder(role))
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.ConnectError("refused"), "out of reach .* start it"),
        (httpx.ReadTimeout("slow"), "out of reach .* start it"),
        (httpx.Response(500), "was answered 500"),
        (httpx.Response(404), "was answered 404"),
        (httpx.Response(200, text="<html>"), "something else than audit"),
        (httpx.Response(401, text="who?"), "something else than audit"),
        (httpx.Response(200, json={"role": "operator"}), "something else than audit"),
    ],
)
def test_without_audit_nobody_is_let_in(answer: httpx.Response | Exception, words: str) -> None:
    with pytest.raises(InteropError, match=words) as refused:
        asked(answer)
    assert refused.value.status == 503


def test_a_matcher_that_does_not_know_audit_says_what_to_set() -> None:
    with pytest.raises(InteropError, match=r"no-audit: .* set INTEROP_AUDIT_URL") as refused:
        asked(holder(), url=None)
    assert refused.value.status == 503


def test_a_header_that_is_no_text_reaches_audit_as_it_came() -> None:
    _, (question,) = asked(holder(), header="Bearer \xe9")

    assert (b"Authorization", b"Bearer \xe9") in question.headers.raw


@pytest.mark.parametrize(
    ("records", "may"),
    [
        ((HERON,), True),
        ((HARBOR,), True),
        ((TEAL, HERON), True),
        ((TEAL,), False),
        (("ZZ001000",), False),
        (("ZZ0020000",), False),
        ((f"{HERON}1",), False),
    ],
)
def test_an_operator_scripts_the_bookings_and_the_agencies_they_are_named_for(
    records: tuple[str, ...], may: bool
) -> None:
    bearer = Bearer(role="operator", name="the demo", records=records)

    assert bearer.may_script(HERON) is may
    if not may:
        with pytest.raises(InteropError, match="not-yours"):
            allowed(bearer, HERON)
