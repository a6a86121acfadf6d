"""A witness over HTTP: every status of c2sp.org/tlog-witness, what it remembers, and the log that asks it."""

import asyncio
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import httpx
import pytest
from fastapi import FastAPI

from services.audit import witnesses
from services.audit.tlog.checkpoint import parse_checkpoint
from services.audit.tlog.notes import Signer, Verifier, parse_vkey
from services.audit.tlog.witnessing import encode_request
from services.audit.witness.app import WitnessSettings, build, main
from services.audit.witnesses import Answer, Behind, Cosigned, Rejected, Unreachable
from services.chassis.errors import InfrastructureError, InteropError
from tests.foreign import c2sp
from tests.unit.log_faces import AUDIT, FORGED, HONEST, IMPOSTOR, STRANGER, Log

LAW_CLINIC = "lawclinic.example/w1"
SEED = b"the law clinic's own secret seed"
NEW_YEAR_2015 = 1_420_070_400
T = TypeVar("T")


class Client:
    """Asks a witness without a server."""

    def __init__(self, api: FastAPI) -> None:
        self.api = api

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._ask("GET", path))

    def add_checkpoint(self, body: bytes) -> httpx.Response:
        return asyncio.run(self._ask("POST", "/add-checkpoint", body))

    def show(self, log: Log, old: int, size: int) -> httpx.Response:
        return self.add_checkpoint(log.body(old, size))

    async def _ask(self, method: str, path: str, content: bytes = b"") -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.api), base_url="http://witness") as client:
            return await client.request(method, path, content=content)

    def stop(self) -> None:
        async def start_and_stop() -> None:
            async with self.api.router.lifespan_context(self.api):
                pass

        asyncio.run(start_and_stop())


Start = Callable[..., Client]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a witness; each time it is the same one, with what it has in its folder."""
    with ExitStack() as running:

        def begin(transport: httpx.AsyncBaseTransport | None = None, **changes: Any) -> Client:
            settings = {"state_dir": tmp_path / "w1", "witness_name": LAW_CLINIC, "log_key": AUDIT.vkey, **changes}
            client = Client(build(WitnessSettings(**settings), transport))
            running.callback(client.stop)
            return client

        yield begin


@pytest.fixture
def witness(start: Start) -> Client:
    """A witness that knows the log's key."""
    return start()


def key_of(witness: Client) -> Verifier:
    return parse_vkey(witness.get("/key").text.removesuffix("\n"))


def error(answer: httpx.Response) -> tuple[int, str]:
    """Status and code; the message must be one sentence that a person can read."""
    told = answer.json()["error"]
    assert told["message"]
    assert "\n" not in told["message"]
    return answer.status_code, told["code"]


# The specification, status by status


def test_200_is_a_cosignature_of_the_checkpoint_and_nothing_else(witness: Client) -> None:
    answer = witness.show(HONEST, 0, 7)

    _, note = parse_checkpoint(HONEST.note(7) + answer.content)
    assert answer.status_code == 200
    assert [name for name, _ in note.signatures] == [AUDIT.name, LAW_CLINIC]
    assert note.signed_by([key_of(witness)]).keys() == {LAW_CLINIC}


def test_200_is_the_line_that_the_specification_makes_of_the_same_key_and_time(start: Start, tmp_path: Path) -> None:
    start().stop()
    (tmp_path / "w1" / "witness.key").write_text(b64encode(SEED).decode() + "\n", encoding="ascii")
    oracle = c2sp.Signer(LAW_CLINIC, c2sp.COSIGNER, SEED)

    line = start().show(HONEST, 0, 7).text

    time = int.from_bytes(b64decode(line.split(" ")[2])[4:12], "big")
    assert line == oracle.line(HONEST.checkpoint(7).text, time)


def test_200_says_the_second_at_which_the_witness_saw_the_checkpoint(witness: Client) -> None:
    line = witness.show(HONEST, 0, 7).text

    (seen,) = witness.get("/seen").json()["seen"]
    _, note = parse_checkpoint(HONEST.note(7) + line.encode())
    time = note.signed_by([key_of(witness)])[LAW_CLINIC]
    assert time is not None
    assert seen["at"] == datetime.fromtimestamp(time, UTC).isoformat()


def test_200_again_for_the_same_checkpoint(witness: Client) -> None:
    witness.show(HONEST, 0, 7)

    assert witness.show(HONEST, 7, 7).status_code == 200


def test_200_for_a_tree_that_goes_on_from_the_one_before(witness: Client) -> None:
    witness.show(HONEST, 0, 7)

    assert witness.show(HONEST, 7, 38).status_code == 200


def test_400_for_a_request_that_cannot_be_read(witness: Client) -> None:
    assert error(witness.add_checkpoint(b"old 07\n\n" + HONEST.note(9))) == (400, "bad-request")


def test_400_for_a_checkpoint_that_cannot_be_read(witness: Client) -> None:
    assert error(witness.add_checkpoint(b"old 0\n\nsandbox.example/audit\nseven\n")) == (400, "bad-request")


def test_400_for_an_old_size_above_the_checkpoints_own(witness: Client) -> None:
    assert error(witness.add_checkpoint(encode_request(9, (), HONEST.note(7)))) == (400, "bad-request")


def test_403_for_a_checkpoint_that_the_logs_key_has_not_signed(witness: Client) -> None:
    assert error(witness.show(replace(HONEST, signer=IMPOSTOR), 0, 7)) == (403, "not-signed")


def test_404_for_a_log_that_the_witness_does_not_watch(witness: Client) -> None:
    assert error(witness.show(replace(HONEST, signer=STRANGER), 0, 7)) == (404, "unknown-log")


def size_answer(answer: httpx.Response) -> tuple[int, str, bytes]:
    return answer.status_code, answer.headers["Content-Type"], answer.content


def test_409_tells_the_size_that_was_cosigned_last_and_nothing_else(witness: Client) -> None:
    witness.show(HONEST, 0, 7)

    assert size_answer(witness.show(HONEST, 6, 9)) == (409, "text/x.tlog.size", b"7\n")


def test_409_tells_zero_before_anything_was_cosigned(witness: Client) -> None:
    assert size_answer(witness.show(HONEST, 6, 9)) == (409, "text/x.tlog.size", b"0\n")


def test_409_for_another_tree_of_the_same_size(witness: Client) -> None:
    witness.show(HONEST, 0, 30)

    assert size_answer(witness.show(FORGED, 30, 30)) == (409, "text/x.tlog.size", b"30\n")


def test_422_for_a_proof_that_does_not_verify(witness: Client) -> None:
    witness.show(HONEST, 0, 30)

    assert error(witness.show(FORGED, 30, 38)) == (422, "inconsistent")


def test_422_for_a_proof_from_nothing(witness: Client) -> None:
    assert error(witness.add_checkpoint(encode_request(0, (bytes(32),), HONEST.note(9)))) == (422, "inconsistent")


def test_a_body_larger_than_any_request_is_not_even_read(witness: Client) -> None:
    assert error(witness.add_checkpoint(b"old 0\n" + b"A" * 64_000)) == (413, "body-too-large")


def test_what_is_refused_is_not_remembered(witness: Client) -> None:
    witness.show(replace(HONEST, signer=IMPOSTOR), 0, 7)

    assert witness.get("/seen").json() == {"seen": []}


# The memory


def test_what_it_signs_is_on_the_disk_already(witness: Client, tmp_path: Path) -> None:
    on_disk: list[tuple[int, bytes]] = []
    sign = Signer.sign

    def look_and_sign(self: Signer, text: str, *, time: int = 0) -> str:
        with closing(sqlite3.connect(tmp_path / "w1" / "witness.sqlite")) as another_process:
            on_disk.extend(another_process.execute("SELECT size, root FROM seen"))
        return sign(self, text, time=time)

    with patch.object(Signer, "sign", look_and_sign):
        witness.show(HONEST, 0, 7)

    assert on_disk == [(7, HONEST.root(7))]


def test_a_witness_that_cannot_remember_signs_nothing(witness: Client, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "w1" / "witness.sqlite")) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON seen BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")

    assert error(witness.show(HONEST, 0, 7)) == (503, "infrastructure")


def test_after_a_restart_it_still_knows_what_it_has_signed(start: Start) -> None:
    before = start()
    before.show(HONEST, 0, 30)
    before.stop()

    assert size_answer(start().show(FORGED, 0, 38)) == (409, "text/x.tlog.size", b"30\n")


def test_after_a_restart_it_signs_with_the_same_key(start: Start) -> None:
    before = start()
    key = before.get("/key").text
    before.stop()

    assert start().get("/key").text == key


def test_a_witness_that_has_lost_its_memory_does_not_start(start: Start, tmp_path: Path) -> None:
    start().stop()
    for file in (tmp_path / "w1").glob("witness.sqlite*"):
        file.unlink()

    with pytest.raises(InteropError, match="memory-lost"):
        start()


def test_what_it_has_seen_is_public(witness: Client) -> None:
    witness.show(HONEST, 0, 7)

    (seen,) = witness.get("/seen").json()["seen"]
    assert seen.pop("at").endswith("+00:00")
    assert seen == {
        "origin": "sandbox.example/audit",
        "size": 7,
        "root": b64encode(HONEST.root(7)).decode(),
        "log_key": AUDIT.vkey,
    }


def test_a_log_that_shows_two_faces_leaves_both_behind_as_evidence(witness: Client) -> None:
    witness.show(HONEST, 0, 30)
    witness.show(FORGED, 30, 30)

    (evidence,) = witness.get("/evidence").json()["evidence"]
    assert evidence.pop("at").endswith("+00:00")
    assert evidence == {
        "origin": "sandbox.example/audit",
        "code": "forked",
        "size": 30,
        "root": b64encode(FORGED.root(30)).decode(),
        "refused": FORGED.note(30).decode(),
        "cosigned": HONEST.note(30).decode(),
    }


def test_what_the_log_never_signed_is_no_evidence(witness: Client) -> None:
    witness.show(HONEST, 0, 30)
    witness.show(replace(FORGED, signer=IMPOSTOR), 30, 30)

    assert witness.get("/evidence").json() == {"evidence": []}


# Getting to know the log


def a_log(*keys: str, asked: list[str] | None = None) -> httpx.MockTransport:
    """A log that tells one key after the other; the last one from then on."""
    left = list(keys)

    def tell(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(str(request.url))
        return httpx.Response(200, text=left[0] + "\n" if len(left) == 1 else left.pop(0) + "\n")

    return httpx.MockTransport(tell)


URL = "http://audit:8000/"


def test_a_witness_asks_the_log_for_its_key_and_believes_it(start: Start) -> None:
    witness = start(a_log(AUDIT.vkey), log_key=None, log_url=URL)

    assert witness.show(HONEST, 0, 7).status_code == 200


def test_the_log_is_asked_for_its_key_once(start: Start) -> None:
    asked: list[str] = []
    witness = start(a_log(AUDIT.vkey, asked=asked), log_key=None, log_url=URL)

    for _ in range(3):
        witness.show(HONEST, 0, 7)

    assert asked == ["http://audit:8000/key"]


def test_requests_that_come_together_ask_for_the_key_once(start: Start) -> None:
    asked: list[str] = []

    async def tell(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        await asyncio.sleep(0.01)
        return httpx.Response(200, text=AUDIT.vkey + "\n")

    witness = start(httpx.MockTransport(tell), log_key=None, log_url=URL)

    async def together() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(witness.api), base_url="http://w1") as client:
            body = HONEST.body(0, 7)
            await asyncio.gather(*(client.post("/add-checkpoint", content=body) for _ in range(3)))

    asyncio.run(together())

    assert asked == ["http://audit:8000/key"]


def test_a_log_that_comes_back_with_another_key_is_refused_for_ever(start: Start) -> None:
    before = start(a_log(AUDIT.vkey), log_key=None, log_url=URL)
    before.show(HONEST, 0, 7)
    before.stop()

    witness = start(a_log(IMPOSTOR.vkey), log_key=None, log_url=URL)

    assert error(witness.show(replace(HONEST, signer=IMPOSTOR), 7, 9)) == (403, "not-signed")


def test_a_key_in_the_settings_is_not_asked_for(start: Start) -> None:
    asked: list[str] = []
    witness = start(a_log(IMPOSTOR.vkey, asked=asked), log_key=AUDIT.vkey, log_url=URL)

    witness.show(HONEST, 0, 7)

    assert asked == []


def test_other_settings_than_the_key_it_has_known_do_not_start(start: Start) -> None:
    start().stop()

    with pytest.raises(InteropError, match="other-key"):
        start(log_key=IMPOSTOR.vkey)


def test_a_witness_that_was_told_of_no_log_knows_none(start: Start) -> None:
    assert error(start(log_key=None).show(HONEST, 0, 7)) == (404, "unknown-log")


@pytest.mark.parametrize(
    "told",
    [
        pytest.param("no key at all", id="something else"),
        pytest.param(c2sp.Signer(LAW_CLINIC, c2sp.COSIGNER, SEED).vkey, id="the key of a witness"),
    ],
)
def test_a_log_that_tells_no_key_of_a_log_can_be_asked_again_later(start: Start, told: str) -> None:
    witness = start(a_log(told, AUDIT.vkey), log_key=None, log_url=URL)

    assert [witness.show(HONEST, 0, 7).status_code for _ in range(2)] == [503, 200]


def nobody(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def test_a_witness_is_ready_whether_or_not_the_log_is_up(start: Start) -> None:
    witness = start(httpx.MockTransport(nobody), log_key=None, log_url=URL)

    assert witness.show(HONEST, 0, 7).status_code == 503
    assert witness.get("/readyz").json() == {"ready": True, "problems": []}


def test_a_witness_whose_memory_is_out_of_reach_is_alive_and_not_ready(witness: Client) -> None:
    witness.stop()

    assert (witness.get("/healthz").status_code, witness.get("/readyz").status_code) == (200, 503)


# Its start


def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **environment: str) -> tuple[Any, str]:
    """The exit code of a witness with such settings, and the one line that it leaves."""
    for name, value in environment.items():
        monkeypatch.setenv(f"INTEROP_{name}", value)
    with pytest.raises(SystemExit) as caught:
        main()
    (line,) = capsys.readouterr().err.splitlines()
    return caught.value.code, line


@pytest.mark.parametrize(
    ("name", "value", "begins"),
    [
        ("PORT", "http", "bad-settings: INTEROP_PORT: "),
        ("LOG_LEVEL", "LOUD", "bad-settings: INTEROP_LOG_LEVEL: "),
        ("LOG_URL", "audit:8000", "bad-settings: INTEROP_LOG_URL: "),
        ("WITNESS_NAME", "the law clinic", "bad-settings: INTEROP_WITNESS_NAME: "),
        ("WITNESS_NAME", "law+clinic", "bad-settings: INTEROP_WITNESS_NAME: "),
        ("LOG_KEY", "sandbox.example/audit", "bad-key: "),
    ],
)
def test_settings_that_cannot_be_used_are_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    value: str,
    begins: str,
) -> None:
    exit_code, line = ended(monkeypatch, capsys, STATE_DIR=str(tmp_path), **{name: value})

    assert (exit_code, line[: len(begins)]) == (2, begins)


def test_a_key_that_cannot_be_read_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], start: Start, tmp_path: Path
) -> None:
    start().stop()
    (tmp_path / "w1" / "witness.key").write_text("coffee", encoding="ascii")

    exit_code, line = ended(monkeypatch, capsys, STATE_DIR=str(tmp_path / "w1"))

    assert (exit_code, line.partition(":")[0]) == (2, "bad-key-file")


# The log that asks


def asked(witness: witnesses.Witness, ask: Callable[[witnesses.Witness], Awaitable[T]]) -> T:
    async def once() -> T:
        try:
            return await ask(witness)
        finally:
            await witness.aclose()

    return asyncio.run(once())


def ask(transport: httpx.AsyncBaseTransport, key: Verifier | None, log: Log, old: int, size: int) -> Answer:
    """What the log makes of a witness's answer."""
    witness = witnesses.Witness("http://w1/", key, transport=transport)
    return asked(witness, lambda it: it.add_checkpoint(old, log.proof(old, size), log.note(size)))


def ask_of(witness: Client, log: Log, old: int, size: int) -> Answer:
    return ask(httpx.ASGITransport(witness.api), None, log, old, size)


def test_the_log_gets_a_line_that_it_can_put_below_its_checkpoint(witness: Client) -> None:
    answer = ask_of(witness, HONEST, 0, 7)

    assert isinstance(answer, Cosigned)
    _, note = parse_checkpoint(HONEST.note(7) + answer.line.encode())
    assert note.signed_by([key_of(witness)]).keys() == {LAW_CLINIC}


def test_the_log_is_told_what_the_witness_has_cosigned_last(witness: Client) -> None:
    witness.show(HONEST, 0, 7)

    assert ask_of(witness, HONEST, 0, 9) == Behind(7)


def test_a_forked_log_is_told_the_size_that_it_asked_about(witness: Client) -> None:
    witness.show(HONEST, 0, 30)

    assert ask_of(witness, FORGED, 30, 30) == Behind(30)


def test_the_log_is_told_why_it_is_rejected(witness: Client) -> None:
    witness.show(HONEST, 0, 30)

    answer = ask_of(witness, FORGED, 30, 38)

    sentence = "the tree of 38 entries does not begin with the tree of 30 that was seen before"
    assert answer == Rejected(422, sentence)


def test_a_witness_tells_its_key(witness: Client) -> None:
    there = witnesses.Witness("http://w1", transport=httpx.ASGITransport(witness.api))

    assert asked(there, lambda it: it.key()) == key_of(witness)


def test_a_witness_that_tells_no_key_is_an_outage() -> None:
    there = witnesses.Witness("http://w1", transport=httpx.MockTransport(lambda _: httpx.Response(200, text="hello")))

    with pytest.raises(InfrastructureError, match="no key comes from http://w1/key"):
        asked(there, lambda it: it.key())


CLINIC = c2sp.Signer(LAW_CLINIC, c2sp.COSIGNER, SEED)
THIEF = c2sp.Signer(LAW_CLINIC, c2sp.COSIGNER, b"a thief who knows only the name.")
AUDITOR = c2sp.Signer("stateauditor.example/w1", c2sp.COSIGNER, b"the state auditor's secret seed.")


def answer_to(status: int, content: str, **headers: str) -> Answer:
    """What the log makes of an answer to its checkpoint of 7 entries, of a witness whose key it has pinned."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=content, headers=headers))
    return ask(transport, parse_vkey(CLINIC.vkey), HONEST, 0, 7)


def line(signer: c2sp.Signer, size: int = 7) -> str:
    return signer.line(HONEST.checkpoint(size).text, NEW_YEAR_2015)


def test_of_several_lines_the_one_by_the_witnesss_key_is_taken() -> None:
    assert answer_to(200, line(AUDITOR) + line(THIEF) + line(CLINIC)) == Cosigned(line(CLINIC))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(line(AUDITOR), id="another witness's"),
        pytest.param(line(THIEF), id="one by another key of the same name"),
        pytest.param(line(CLINIC, size=8), id="one of another checkpoint"),
        pytest.param(line(CLINIC)[:-1], id="one cut off"),
        pytest.param("", id="none"),
        pytest.param("<html>Welcome to the law clinic</html>\n", id="a web page"),
    ],
)
def test_what_is_no_cosignature_by_the_witness_is_rejected(content: str) -> None:
    assert answer_to(200, content) == Rejected(200, f"there is no cosignature of {LAW_CLINIC} in it")


def test_a_conflict_without_a_size_is_rejected() -> None:
    assert answer_to(409, "edit conflict") == Rejected(409, "edit conflict")


def test_a_redirection_is_not_followed() -> None:
    assert answer_to(302, "", Location="http://elsewhere/") == Rejected(302, "Found")


def test_a_witness_with_troubles_of_its_own_may_be_asked_again() -> None:
    assert answer_to(502, "bad gateway") == Unreachable("bad gateway")


def test_a_witness_that_is_down_may_be_asked_again() -> None:
    answer = ask(httpx.MockTransport(nobody), parse_vkey(CLINIC.vkey), HONEST, 0, 7)

    assert answer == Unreachable("http://w1 does not answer: connection refused")


def test_a_witness_whose_key_cannot_be_had_may_be_asked_again() -> None:
    answer = ask(httpx.MockTransport(nobody), None, HONEST, 0, 7)

    assert answer == Unreachable("no key comes from http://w1/key: connection refused")


def test_a_witness_that_never_finishes_its_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "PATIENCE_SECONDS", 0.05)

    async def ponder(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    answer = ask(httpx.MockTransport(ponder), parse_vkey(CLINIC.vkey), HONEST, 0, 7)

    assert answer == Unreachable("http://w1 does not answer within 0 s")
