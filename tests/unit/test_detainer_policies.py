"""The policies over HTTP: listing them, reading one, asking one or the law of a place, and editing while it is up."""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import given, settings

from services.chassis import http
from services.chassis.policy import PolicyFolder
from services.detainer.policies import routes
from tests.unit.policy_files import POLICIES

TRUST_ACT = "us-ca-trust-act-2014"
REGISTERED = {"facts": {"registry": True}, "policy": TRUST_ACT}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("vocabulary", TRUST_ACT, "us-full-cooperation"):
        text = (POLICIES / f"{name}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def api(folder: Path) -> FastAPI:
    served = FastAPI()
    http.install(served)
    served.include_router(routes(PolicyFolder(folder)))
    return served


class Client:
    """Asks an interface without a server."""

    def __init__(self, served: FastAPI) -> None:
        self._served = served

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._ask("GET", path))

    def post(self, path: str, body: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, json=body))

    async def _ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._served), base_url="http://here") as client:
            return await client.request(method, path, **content)


@pytest.fixture
def client(home: Path) -> Client:
    return Client(api(home))


def test_the_list_has_every_policy_with_its_period_and_how_well_it_is_verified(client: Client) -> None:
    told = client.get("/policies").json()
    assert [row["id"] for row in told["policies"]] == [TRUST_ACT, "us-full-cooperation"]
    assert told["policies"][0]["period"] == {"from": "2014-01-01", "until": "2018-01-03"}
    assert told["policies"][0]["verified"] == "summary"
    assert told["mistakes"] == []


def test_one_policy_is_told_with_its_clauses_in_their_own_words(client: Client) -> None:
    told = client.get(f"/policies/{TRUST_ACT}").json()
    registered = next(clause for clause in told["clauses"] if clause["clause"] == "(a)(4)")
    assert registered["when"] == [{"registry": "yes"}]
    assert told["otherwise"]["then"] == {"hold": "must_not"}


def test_an_unknown_policy_is_not_found_and_gets_a_suggestion(client: Client) -> None:
    answer = client.get("/policies/ca-trust")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown-policy"
    assert f"Did you mean '{TRUST_ACT}'?" in answer.json()["error"]["message"]


def test_a_case_is_decided_by_one_policy(client: Client) -> None:
    told = client.post("/decide", body=REGISTERED).json()
    assert told["answers"]["hold"] == "may"
    assert told["because"][0].startswith("(a)(4)")
    assert told["verified"] == "summary"
    later = client.post("/decide", body={**REGISTERED, "on": "2025-01-01"}).json()
    assert later["verified"] == "summary; not verified for this date"


def test_a_case_is_decided_by_the_law_of_a_place_on_a_day(client: Client) -> None:
    told = client.post("/decide", body={"place": "US-CA-LA", "on": "2014-06-01", "facts": {}}).json()
    assert told["answers"] == {
        "ask_status": "silent",
        "notify": "may",
        "hold": "must_not",
        "transfer": "may",
        "access": "may",
    }
    assert told["layers"]["hold"]["policy"] == TRUST_ACT
    assert told["layers"]["hold"]["displaced"] == [
        {"policy": "us-full-cooperation", "authority": "agency", "answer": "may"}
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"facts": {}}, 422, "bad-request"),
        ({"facts": {}, "place": "US-CA"}, 422, "bad-request"),
        ({"facts": {}, "policy": TRUST_ACT, "place": "US-CA", "on": "2014-06-01"}, 422, "bad-request"),
        ({"facts": {"regstry": True}, "policy": TRUST_ACT}, 422, "unknown-fact"),
        ({"facts": {"custodian": "jail"}, "policy": TRUST_ACT}, 422, "unknown-value"),
        ({"facts": {}, "place": "US-CA", "on": "2014-06-01", "custodian": "jail"}, 422, "unknown-value"),
        ({"facts": {}, "place": "FR", "on": "2014-06-01"}, 404, "unknown-place"),
        ({"facts": {}, "place": "US-CA", "on": "1990-06-01"}, 404, "no-policy"),
    ],
)
def test_a_question_that_cannot_be_answered_is_one_sentence_with_a_code(
    client: Client, body: dict[str, object], status: int, code: str
) -> None:
    answer = client.post("/decide", body=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_an_edited_file_counts_at_once_and_a_broken_one_leaves_the_last_good_one(client: Client, home: Path) -> None:
    path = home / f"{TRUST_ACT}.yaml"
    text = path.read_text(encoding="utf-8")

    def save(edited: str, tick: int) -> None:
        path.write_text(edited, encoding="utf-8")
        os.utime(path, ns=(tick, tick))

    assert client.post("/decide", body=REGISTERED).json()["answers"]["hold"] == "may"
    save(text.replace("registry: yes", "registry: no"), 1)
    changed = client.post("/decide", body=REGISTERED).json()
    assert changed["answers"]["hold"] == "must_not"
    save(text.replace("registry: yes", "regstry: yes"), 2)
    assert client.post("/decide", body=REGISTERED).json() == changed
    assert "Did you mean 'registry'?" in client.get("/policies").json()["mistakes"][0]


def test_whatever_is_sent_nothing_breaks() -> None:
    served = api(POLICIES)
    client = Client(served)
    schema = schemathesis.openapi.from_dict(served.openapi())

    @settings(max_examples=40)
    @given(case=schema["/decide"]["POST"].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        assert client.post("/decide", case.body).status_code < 500

    ask()
