"""`interop audit` where audit is up elsewhere: what it can do from afar, and what it says where it cannot."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from sandbox.audit import elsewhere
from sandbox.cli import main
from services.audit.domain import Reconciliation
from services.audit.watch import told

Answers = list[dict[str, Any]]
Call = Callable[..., int]


@pytest.fixture
def answers() -> Answers:
    """What `/readyz` of audit tells, one after the other; the last again and again."""
    return []


@pytest.fixture
def call(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Calls `interop audit` with these words beside an audit that is up elsewhere; tells the exit code."""

    class Audit(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.pop(0) if len(answers) > 1 else answers[0]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    def called(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["interop", "audit", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    with HTTPServer(("127.0.0.1", 0), Audit) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        monkeypatch.setenv("INTEROP_BOOKING_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("INTEROP_AUDIT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
        yield called
        server.shutdown()


def readiness(logged: int, **found: Any) -> dict[str, Any]:
    """What audit tells when it has logged that many entries and its last comparison has found something."""
    compared = told(Reconciliation(logged, matched=logged), datetime(2026, 11, 22, tzinfo=UTC))
    return {"ready": True, "log": {"size": logged}, "reconciliation": {**compared, "age_seconds": 60.0, **found}}


def test_what_audit_has_found_is_told_as_if_it_had_been_found_here(
    call: Call, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers += [readiness(1200)]

    assert call("reconcile") == 0
    assert capsys.readouterr().out == (
        "reconciled: of 1,200 entries of the log 1,200 are what events in the streams disclose, 0 rest on marks,"
        " 0 are expunged\n"
    )


def test_what_does_not_fit_is_counted_and_fails_and_is_named_where_the_log_is(
    call: Call, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers += [readiness(5, reconciled=False, matched=3, missing=2)]

    assert call("reconcile") == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == "missing: 2; 'docker compose exec audit interop audit reconcile' names them"
    assert second.startswith("NOT reconciled: of 5 entries of the log 3 are")


def test_a_comparison_of_an_earlier_log_is_not_taken_for_one_of_this(
    call: Call, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers += [{**readiness(5), "reconciliation": {}}, readiness(5, size=3, matched=3), readiness(5)]

    assert call("reconcile", "--json") == 0
    assert json.loads(capsys.readouterr().out)["matched"] == 5


def test_where_entries_keep_coming_a_comparison_that_is_newer_than_the_question_will_do(
    call: Call, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers += [readiness(5, size=3, matched=3), readiness(9, size=6, matched=6, age_seconds=0.0)]

    assert call("reconcile", "--json") == 0
    assert json.loads(capsys.readouterr().out)["matched"] == 6


def test_an_audit_that_does_not_compare_is_given_up(
    call: Call, answers: Answers, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "PATIENCE_SECONDS", 0.5)
    answers += [{**readiness(5), "reconciliation": {}}]

    assert call("reconcile") == 2
    assert capsys.readouterr().err.startswith("not-compared: audit at http://127.0.0.1:")


@pytest.mark.parametrize(
    "words",
    [["verify"], ["disclosures", "ZZ/1"], ["expunge", "ZZ/1", "--yes"], ["report"], ["token", "subject", "ZZ/1"]],
)
def test_what_needs_the_files_of_audit_says_where_they_are(
    words: list[str], call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith("no-log: the log is kept beside audit (http://127.0.0.1:")
    assert error.endswith("'docker compose exec audit interop audit ...'\n")


def test_an_audit_that_does_not_answer_is_one_sentence(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTEROP_AUDIT_URL", "http://127.0.0.1:1")

    assert call("reconcile") == 2
    assert capsys.readouterr().err.startswith("no-answer: audit at http://127.0.0.1:1 does not answer:")
