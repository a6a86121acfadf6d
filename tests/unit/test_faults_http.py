"""The fault switches over HTTP: absent unless wanted, deaf to web pages, and one sentence for whatever they refuse."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from redis.asyncio import Redis

from sandbox.house import faults
from services.biometric_match.app import PUBLISHES, build
from services.biometric_match.settings import MatcherSettings
from services.chassis import http
from services.chassis.delivery.pace import Pace
from services.chassis.faults import Faults, routes
from services.chassis.service import Service

NOWHERE = "redis://127.0.0.1:1/0"
POSTS = {
    "/faults/pause": {},
    "/faults/resume": {},
    "/faults/slow": {"milliseconds": 250},
    "/faults/exit": {},
    "/faults/twice": {"entries": 50},
    "/faults/poison": {"kind": "garbage"},
}


@pytest.fixture
def pace() -> Pace:
    return Pace()


@pytest.fixture
def ends() -> list[int]:
    """The exit codes with which the process would have ended."""
    return []


@pytest.fixture
def api(pace: Pace, ends: list[int]) -> FastAPI:
    api = FastAPI()
    http.install(api)
    api.include_router(routes(Faults("biometric_match", Redis.from_url(NOWHERE), pace, [], PUBLISHES), ends.append))
    return api


def ask(api: FastAPI, method: str, path: str, **request: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://matcher:8000") as client:
            return await client.request(method, path, **request)

    return asyncio.run(asked())


def refused(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def the_matcher(folder: Path) -> Service:
    return build(MatcherSettings(redis_url=SecretStr(NOWHERE), state_dir=folder))


def test_without_the_setting_there_are_no_switches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SANDBOX_FAULTS", raising=False)
    matcher = the_matcher(tmp_path)

    assert ask(matcher.api, "GET", "/faults").status_code == 404
    assert {ask(matcher.api, "POST", path, json=body).status_code for path, body in POSTS.items()} == {404}


def test_with_it_a_service_tells_how_its_switches_stand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SANDBOX_FAULTS", "1")

    assert ask(the_matcher(tmp_path).api, "GET", "/faults").json() == {
        "service": "biometric_match",
        "paused": False,
        "slow_ms": 0,
        "publishes": [
            "identification.returned.v1",
            "arrest.enrolled.v1",
            "immigration.searched.v1",
            "encounter.enrolled.v1",
            "immigration.status.returned.v1",
        ],
        "reads": ["run.opened.v1", "fingerprints.submitted.v1"],
    }


def test_the_switches_of_a_service_move_the_pace_of_every_stage_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SANDBOX_FAULTS", "1")
    matcher = the_matcher(tmp_path)

    ask(matcher.api, "POST", "/faults/slow", json={"milliseconds": 250})

    assert {stage.pace.slow_ms for stage in matcher.stages} == {250}


def test_paused_slowed_down_and_back_again(api: FastAPI, pace: Pace) -> None:
    assert ask(api, "POST", "/faults/pause", json={}).json()["paused"] is True
    assert pace.paused
    assert ask(api, "POST", "/faults/slow", json={"milliseconds": 40}).json()["slow_ms"] == 40
    assert ask(api, "POST", "/faults/resume").json() == ask(api, "GET", "/faults").json()
    assert (pace.paused, pace.slow_ms) == (False, 40)


def test_the_process_ends_with_an_error_after_it_has_answered(api: FastAPI, ends: list[int]) -> None:
    assert ask(api, "POST", "/faults/exit", json={}).json() == {"service": "biometric_match", "exit_code": 1}
    assert ends == [1]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://matcher:8000"},  # a name that was made to point here would look like this
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_what_a_web_page_sends_is_refused(
    api: FastAPI, pace: Pace, ends: list[int], path: str, headers: dict[str, str]
) -> None:
    assert refused(ask(api, "POST", path, json=POSTS[path], headers=headers)) == (403, "other-site")
    assert (pace.paused, pace.slow_ms, ends) == (False, 0, [])


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_that_is_not_json_is_refused(api: FastAPI, path: str, kind: str) -> None:
    response = ask(api, "POST", path, content=b"{}", headers={"Content-Type": kind})
    assert refused(response) == (415, "not-json")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults/slow", {"milliseconds": -1}),
        ("/faults/slow", {"milliseconds": 5_001}),
        ("/faults/slow", {"milliseconds": "250"}),
        ("/faults/slow", {"milliseconds": True}),
        ("/faults/slow", {}),
        ("/faults/slow", {"milliseconds": 1, "seconds": 1}),
        ("/faults/slow", None),
        ("/faults/twice", {"entries": 0}),
        ("/faults/twice", {"entries": 501}),
        ("/faults/poison", {"kind": "arsenic"}),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(api: FastAPI, pace: Pace, path: str, body: Any) -> None:
    assert refused(ask(api, "POST", path, json=body)) == (422, "bad-request")
    assert pace.slow_ms == 0


@pytest.mark.parametrize("path", ["/faults/pause", "/faults/slow", "/faults/exit"])
def test_every_fault_is_in_the_log(api: FastAPI, caplog: pytest.LogCaptureFixture, path: str) -> None:
    ask(api, "POST", path, json=POSTS[path])

    (record,) = [each for each in caplog.records if each.name == "services.chassis.faults"]
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("fault: biometric_match ")


@pytest.mark.parametrize(
    ("console", "wanted", "told"),
    [(True, None, {"SANDBOX_FAULTS": "1"}), (True, "0", {"SANDBOX_FAULTS": "0"}), (False, None, {})],
    ids=["beside a console", "unless somebody says otherwise", "not where there is none"],
)
def test_services_can_be_broken_on_purpose(
    monkeypatch: pytest.MonkeyPatch, console: bool, wanted: str | None, told: dict[str, str]
) -> None:
    monkeypatch.delenv("SANDBOX_FAULTS", raising=False)
    if wanted is not None:
        monkeypatch.setenv("SANDBOX_FAULTS", wanted)

    assert faults(console=console) == told
