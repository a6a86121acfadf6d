"""A scripted matcher on a real Redis, with audit to tell its operators from others: what it then says, and keeps."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from pydantic_core import from_json, to_json
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from sandbox.audit.standing import still_standing
from sandbox.scenario import load_scenario, resolve
from services.audit import app as audit_app
from services.audit.access import auditor_token, operator_token, subject_token
from services.audit.settings import AuditSettings, token_key
from services.biometric_match.app import build
from services.biometric_match.operators import Guard
from services.biometric_match.prints import capture
from services.biometric_match.records import RecordMixes, immigration_records
from services.biometric_match.routes import routes
from services.biometric_match.script import Script
from services.biometric_match.settings import MatcherSettings
from services.booking.events import RunOpened
from services.chassis import http
from services.chassis.delivery import keys
from services.chassis.delivery.stage import Entry, Stage
from services.chassis.envelope import encode
from services.chassis.service import Service
from services.detainer.app import build as build_detainer
from services.detainer.policies import DetainerSettings
from tests.unit.test_biometric_match_handlers import submission

pytestmark = pytest.mark.anyio

RUN = "heron-2010"
SEED = 1952
ROWS, OVERLAP = 1_000, 400
ON_FILE, ON_NO_FILE = ROWS - OVERLAP + 17, 2 * ROWS
BOSTON = "ZZ0130100"
HERON, TEAL, WREN = (f"{BOSTON}/{oca}" for oca in ("HERON-41", "TEAL-42", "WREN-7"))

SUBMITTED, SEARCHED = "fingerprints.submitted.v1", "immigration.searched.v1"
IDENTIFIED, STATUS, DECIDED = "identification.returned.v1", "immigration.status.returned.v1", "detainer.decided.v1"


def run_opened() -> bytes:
    """A run of Boston's, with small galleries."""
    settings = resolve(load_scenario("boston-2008-2010"), seed=SEED)
    data = {**settings.model_dump(), "galleries": {"rows": ROWS, "overlap": OVERLAP}, "disclosures": ()}
    opened = RunOpened.model_validate(data)
    about = settings.opened_on.isoformat()
    at = submission().time
    return encode(opened, identity="opened", runid=RUN, subject=about, time=at, tcn=None, cause=None)


OPENED = run_opened()


def booked(person: int, subject: str) -> bytes:
    """A submission of somebody's prints."""
    ori, _, oca = subject.partition("/")
    prints = capture(SEED, person, subject)
    to_the_fbi = {"from": "SIB", "to": "FBI", "categories": ["biometric"], "basis": "state law", "purpose": "search"}
    about = {"ori": ori, "prints": {"codes": prints.hex_codes(), "qualities": prints.qualities}}
    event = submission(person, oca, **about).model_dump(mode="json", by_alias=True)
    data = {**event["data"], "disclosures": [to_the_fbi]}
    return to_json({**event, "subject": subject, "runid": RUN, "tcn": f"T-{oca}", "data": data})


class House:
    """The matcher and detainer, as they are wired, with audit beside them; streams are read when a test says so."""

    def __init__(self, client: Redis, redis_url: str, audit: FastAPI, token_key: bytes) -> None:
        self.client = client
        self.redis_url = redis_url
        self.key = token_key
        self._audit = audit
        self._services: list[Service] = []
        self.matcher = self.start_matcher()
        self.detainer = build_detainer(DetainerSettings(redis_url=SecretStr(redis_url)))
        self._services.append(self.detainer)

    def start_matcher(self) -> Service:
        """A process of the matcher, in the place of the one there is."""
        self.matcher = build(MatcherSettings(redis_url=SecretStr(self.redis_url)))
        self._services.append(self.matcher)
        group = self.matcher.stages[0].group
        self.api = FastAPI()
        http.install(self.api)
        guard = Guard("http://audit", transport=httpx.ASGITransport(self._audit))
        self.api.include_router(routes(Script(self.matcher.redis), guard, group.run))
        return self.matcher

    async def open(self) -> "House":
        for service in (self.matcher, self.detainer):
            for stage in service.stages:
                await self.client.xgroup_create(stage.stream, stage.group.name, id="0", mkstream=True)
        await self.client.xadd(keys.stream("run.opened.v1"), {"event": OPENED})
        for service in (self.matcher, self.detainer):
            for stage in service.stages:
                await self.work(stage)
        return self

    async def close(self) -> None:
        for service in self._services:
            await service.redis.aclose()

    async def ask(self, method: str, path: str, token: str | None = "", run: str = RUN, **body: Any) -> httpx.Response:
        """Asks the matcher, with an operator's token for Boston if no other is named."""
        token = operator_token(self.key, "the demo", (BOSTON,)) if token == "" else token
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(self.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://matcher", headers=headers) as client:
            return await client.request(method, f"/expectations{path}", params={"run": run}, json=body or None)

    async def expect(self, subject: str, **said: Any) -> dict[str, Any]:
        answer = await self.ask("PUT", f"/{subject}", **said)
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def listed(self) -> dict[str, dict[str, Any]]:
        told = (await self.ask("GET", "")).json()
        return {each["subject"]: each for each in told["expectations"]}

    async def submit(self, *bodies: bytes) -> None:
        for body in bodies:
            await self.client.xadd(keys.stream(SUBMITTED), {"event": body})

    def stage(self, service: Service, event_type: str) -> Stage[Any]:
        (found,) = [stage for stage in service.stages if stage.event_type == event_type]
        return found

    async def work(self, stage: Stage[Any]) -> None:
        """One read of a stage, handled."""
        answer = await self.client.xreadgroup(stage.group.name, "worker-1", {stage.stream: ">"})
        for _, rows in answer:
            await stage.handle([Entry(entry_id, fields) for entry_id, fields in rows])

    async def match(self) -> None:
        await self.work(self.stage(self.matcher, SUBMITTED))

    async def said(self, event_type: str) -> dict[str, dict[str, Any]]:
        """The data of the events of a type, by subject."""
        rows = await self.client.xrange(keys.stream(event_type))
        events = [from_json(fields[b"event"]) for _, fields in rows]
        assert len({event["subject"] for event in events}) == len(events), "somebody was answered twice"
        return {event["subject"]: event["data"] for event in events}


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, bytes]]:
    """Audit's interface, and the key that it alone has."""
    folder: Path = tmp_path_factory.mktemp("audit")
    service = audit_app.build(AuditSettings(state_dir=folder, redis_url=SecretStr("redis://127.0.0.1:1/0")))
    yield service.api, token_key(folder)
    for end in service.endings:
        end()


@pytest.fixture
async def house(client: Redis, redis_url: str, audit: tuple[FastAPI, bytes]) -> AsyncIterator[House]:
    opened = await House(client, redis_url, *audit).open()
    yield opened
    await opened.close()


# What the matcher then says


async def test_a_person_on_file_can_be_known_to_nobody(house: House) -> None:
    await house.expect(HERON, iafis={"answer": "no_match"}, ident={"answer": "no_match"})
    await house.submit(booked(ON_FILE, HERON), booked(ON_FILE, TEAL))

    await house.match()

    identified, searched = await house.said(IDENTIFIED), await house.said(SEARCHED)
    assert (identified[HERON]["srf"], searched[HERON]["result"]) == ("N", "no_match")
    assert (identified[TEAL]["srf"], searched[TEAL]["result"]) == ("I", "match")
    assert (await house.said(STATUS)).keys() == {TEAL}


async def test_a_forced_match_with_a_removable_record_leads_to_a_detainer(house: House) -> None:
    mixes = RecordMixes.model_validate(from_json(OPENED)["data"]["records"])
    on_file = immigration_records(SEED, np.arange(ROWS), mixes)
    rows = [row for row in range(ROWS) if on_file.record(row).removable == "yes"]
    await house.expect(HERON, ident={"answer": "match", "row": rows[0]})
    await house.submit(booked(ON_NO_FILE, HERON), booked(ON_NO_FILE, TEAL))

    await house.match()
    await house.work(house.stage(house.detainer, STATUS))

    searched, decided = await house.said(SEARCHED), await house.said(DECIDED)
    assert searched[HERON]["fin"] == on_file.record(rows[0]).fin
    assert searched[TEAL]["result"] == "no_match"
    assert decided.keys() == {HERON}
    assert decided[HERON]["action"] == "lodged"


async def test_a_submission_can_be_refused_though_its_prints_are_good(house: House) -> None:
    await house.expect(HERON, error="too_few_fingers")
    await house.submit(booked(ON_FILE, HERON))

    await house.match()

    assert (await house.said(IDENTIFIED))[HERON]["error"] == "too_few_fingers"
    assert (await house.said(SEARCHED))[HERON]["result"] == "error"


async def test_a_held_back_answer_holds_up_nobody_else_and_is_given_when_the_process_is_to_end(house: House) -> None:
    stage = house.stage(house.matcher, SUBMITTED)
    await house.expect(HERON, delay_ms=20_000)

    await house.submit(booked(ON_FILE, HERON), booked(ON_NO_FILE, TEAL))
    await house.match()
    await house.submit(booked(ON_FILE, WREN))
    await house.match()

    assert (await house.said(SEARCHED)).keys() == {TEAL, WREN}
    assert len(stage.leased) == 1, "its lease is kept"
    assert (await house.listed())[HERON]["used"] == 0

    house.matcher.pace.free()
    await stage.finish(30)
    assert (await house.said(SEARCHED))[HERON]["result"] == "match"
    assert (await house.listed())[HERON]["used"] == 1


async def test_what_is_handled_before_it_was_expected_is_found_by_the_search(house: House) -> None:
    await house.submit(booked(ON_FILE, HERON))
    await house.match()

    await house.expect(HERON, ident={"answer": "no_match"})
    await house.submit(booked(ON_FILE, HERON))  # a duplicate, which changes nothing
    await house.match()

    assert (await house.said(SEARCHED))[HERON]["result"] == "match"


# What is kept


async def test_the_script_is_followed_by_the_process_that_comes_after_a_restart(house: House) -> None:
    await house.expect(HERON, ident={"answer": "match", "row": 3})
    house.start_matcher()
    await house.submit(booked(ON_NO_FILE, HERON))

    await house.match()

    assert (await house.said(SEARCHED))[HERON]["result"] == "match"
    assert (await house.listed())[HERON]["ident"] == {"answer": "match", "row": 3}


async def test_the_list_tells_what_is_expected_by_whom_and_what_was_answered_so(house: House) -> None:
    await house.expect(HERON, ident={"answer": "no_match"})
    await house.expect(TEAL, error="too_few_fingers")
    await house.submit(booked(ON_FILE, HERON), booked(ON_FILE, WREN))
    await house.match()

    assert (await house.ask("GET", "")).json() == {
        "run": RUN,
        "expectations": [
            {
                "subject": HERON,
                "iafis": None,
                "ident": {"answer": "no_match"},
                "error": None,
                "delay_ms": 0,
                "by": "the demo",
                "used": 1,
            },
            {
                "subject": TEAL,
                "iafis": None,
                "ident": None,
                "error": "too_few_fingers",
                "delay_ms": 0,
                "by": "the demo",
                "used": 0,
            },
        ],
        "answered": 1,
    }


async def test_what_is_expected_instead_has_not_been_used_yet(house: House) -> None:
    await house.expect(HERON, ident={"answer": "no_match"})
    await house.submit(booked(ON_FILE, HERON))
    await house.match()

    again = await house.ask("PUT", f"/{HERON}", error="too_few_fingers")

    assert (again.status_code, again.json()["used"]) == (200, 0)
    assert (await house.ask("GET", "")).json()["answered"] == 1, "that one was scripted does not go away"


async def test_what_is_taken_back_is_left_to_the_search(house: House) -> None:
    await house.expect(HERON, ident={"answer": "no_match"})
    taken = await house.ask("DELETE", f"/{HERON}")
    await house.submit(booked(ON_FILE, HERON))
    await house.match()

    assert (taken.status_code, taken.json()["ident"]) == (200, {"answer": "no_match"})
    assert (await house.said(SEARCHED))[HERON]["result"] == "match"
    assert refused(await house.ask("DELETE", f"/{HERON}")) == (404, "no-expectation")


def test_who_is_expunged_is_told_that_the_matcher_is_told_about_them(redis: SyncRedis) -> None:
    redis.hset(keys.expectations(RUN), HERON, "{}")
    expunged = {"owed": [], "cases": [[RUN, "T-HERON-41"]], "counted": 0}

    about_heron, about_teal = (
        {row["where"] for row in still_standing(redis, {**expunged, "subject": subject})} for subject in (HERON, TEAL)
    )

    assert about_heron - about_teal == {keys.expectations(RUN)}


# Who is refused, and what


def refused(answer: httpx.Response) -> tuple[int, str]:
    told = answer.json()["error"]
    assert told["message"]
    return answer.status_code, told["code"]


async def test_nobody_but_an_operator_who_is_named_for_the_booking_scripts_it(house: House) -> None:
    tokens = {
        None: (401, "no-token"),
        "let me in": (401, "bad-token"),
        operator_token(b"a key that audit has never made.", "the demo", (BOSTON,)): (401, "bad-token"),
        operator_token(house.key, "the demo", (BOSTON,), valid_seconds=-1): (401, "bad-token"),
        subject_token(house.key, HERON): (403, "not-operator"),
        auditor_token(house.key, "the county's counsel", (BOSTON,)): (403, "not-operator"),
        operator_token(house.key, "the demo", (TEAL,)): (403, "not-yours"),
    }

    for token, expected in tokens.items():
        assert refused(await house.ask("PUT", f"/{HERON}", token, error="too_few_fingers")) == expected
        assert refused(await house.ask("DELETE", f"/{HERON}", token)) == expected
    assert await house.listed() == {}


async def test_an_operator_sees_what_they_are_named_for_and_nothing_else(house: House) -> None:
    await house.expect(HERON, error="too_few_fingers")
    await house.expect(TEAL, error="too_few_fingers")

    seen = await house.ask("GET", "", operator_token(house.key, "Teal's test", (TEAL,)))

    assert [each["subject"] for each in seen.json()["expectations"]] == [TEAL]


async def test_a_run_that_nobody_opened_and_a_row_that_there_is_not_are_named(house: House) -> None:
    for method, path in (("GET", ""), ("PUT", f"/{HERON}"), ("DELETE", f"/{HERON}")):
        answer = await house.ask(method, path, run="dunlin-2010", **({"delay_ms": 5} if method == "PUT" else {}))
        assert refused(answer) == (404, "unknown-run")

    beyond = await house.ask("PUT", f"/{HERON}", ident={"answer": "match", "row": ROWS})
    assert refused(beyond) == (422, "no-such-row")
    assert f"0 to {ROWS - 1}" in beyond.json()["error"]["message"]
