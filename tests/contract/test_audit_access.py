"""Who may read what: every role on every route of audit. A route without a rule here fails."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from pydantic import SecretStr

from services.audit import app as audit
from services.audit.access import auditor_token, operator_token, subject_token
from services.audit.publisher import POLICY
from services.audit.settings import AuditSettings, token_key
from services.audit.tlog.policy import Policy
from services.chassis.errors import InteropError
from services.chassis.service import Service, _add_health_routes
from tests.unit.ledgers import arriving, head_of, notice, open_ledger, submission

HERON, TEAL = "ZZ0010000/B-41", "ZZ0010000/B-42"
HARBOR, HILL = "ZZ0010000", "ZZ0020000"
ANOTHER_KEY = b"a key that audit has never made."

PUBLIC = {
    "GET /checkpoint": "/checkpoint",
    "GET /tile/{path:path}": "/tile/entries/000.p/4",
    "GET /key": "/key",
    "GET /policy": "/policy",
    "GET /report": "/report",
    "GET /healthz": "/healthz",
    "GET /readyz": "/readyz",
    "GET /docs": "/docs",
    "GET /docs/oauth2-redirect": "/docs/oauth2-redirect",
    "GET /redoc": "/redoc",
    "GET /openapi.json": "/openapi.json",
}
"""What anybody may read, with an address of each."""

DISCLOSURES, EXPUNGE = "GET /disclosures", "POST /expunge"
PRIVATE = {DISCLOSURES: f"/disclosures?subject={HERON}", EXPUNGE: f"/expunge?subject={HERON}"}
"""What needs a token that is for Heron-41."""

TOKEN = "GET /token"
ANY_TOKEN = {TOKEN: "/token"}
"""What needs a token, whoever's it is."""

LET_IN, WHO, NOT_YOURS = "let in", 401, 403


class NoStreams:
    """A Redis in which nothing is left to remove."""

    @classmethod
    def from_url(cls, *_: object, **__: object) -> "NoStreams":
        return cls()

    def xinfo_groups(self, _: str) -> list[Any]:
        return []

    def xdel(self, *_: str) -> int:
        return 0


class Audit:
    """The service's interface, without a server."""

    def __init__(self, service: Service, key: bytes) -> None:
        self.service = service
        self.key = key

    def ask(self, method: str, path: str, token: str | None = None, scheme: str = "Bearer") -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.service.api)
            headers = {} if token is None else {"Authorization": f"{scheme} {token}".strip()}
            async with httpx.AsyncClient(transport=transport, base_url="http://audit") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(once())

    def routes(self) -> set[str]:
        found = _all_of(self.service.api.routes)
        return {f"{method} {route.path}" for route in found for method in route.methods - {"HEAD"}}


def _all_of(routes: Any) -> Iterator[Any]:
    """Routes, and those of routers that were included."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from _all_of(included.routes)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Audit]:
    """Audit, which has logged and published what was told about Heron-41 and Teal-42."""
    ledger = open_ledger(tmp_path)
    ledger.keep(arriving(submission(), notice(), notice("B-42")))
    ledger.log.publish(head_of(ledger))
    ledger.log.note(POLICY, Policy(ledger.log.signer.verifier).text)
    ledger.close()
    monkeypatch.setattr(audit, "Redis", NoStreams)
    built = audit.build(AuditSettings(state_dir=tmp_path, redis_url=SecretStr("redis://127.0.0.1:1/0")))
    _add_health_routes(built.api, "audit", built._health)
    yield Audit(built, token_key(tmp_path))
    for close in built.endings:
        close()


def test_there_is_a_rule_for_every_route(service: Audit) -> None:
    assert service.routes() == PUBLIC.keys() | PRIVATE.keys() | ANY_TOKEN.keys()


# The roles


def nobody(_: bytes) -> str | None:
    return None


def the_subject(key: bytes) -> str:
    return subject_token(key, HERON)


def another_subject(key: bytes) -> str:
    return subject_token(key, TEAL)


def a_subject_whose_reference_is_the_beginning_of_it(key: bytes) -> str:
    return subject_token(key, HARBOR)


def an_auditor_named_for_the_record(key: bytes) -> str:
    return auditor_token(key, "the county's counsel", (TEAL, HERON))


def an_auditor_named_for_another_record(key: bytes) -> str:
    return auditor_token(key, "the county's counsel", (TEAL,))


def an_auditor_named_for_the_agency(key: bytes) -> str:
    return auditor_token(key, "the harbor's inspector", (HARBOR,))


def an_auditor_named_for_another_agency(key: bytes) -> str:
    return auditor_token(key, "the hill's inspector", (HILL, "ZZ001000"))


def an_operator_named_for_the_record(key: bytes) -> str:
    return operator_token(key, "the demo", (HERON,))


def an_operator_named_for_the_agency(key: bytes) -> str:
    return operator_token(key, "the demo", (HARBOR,))


def an_expired_token(key: bytes) -> str:
    return subject_token(key, HERON, valid_seconds=-1)


def a_token_signed_with_another_key(_: bytes) -> str:
    return subject_token(ANOTHER_KEY, HERON)


def a_forged_token(key: bytes) -> str:
    header, _, signature = subject_token(key, TEAL).split(".")
    return f"{header}.{encoded(claims())}.{signature}"


def a_token_that_says_it_needs_no_signature(_: bytes) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims())}."


def a_token_for_another_service(key: bytes) -> str:
    return jwt.encode(claims(aud="pelican.example"), key, algorithm="HS256")


def a_token_without_an_end(key: bytes) -> str:
    return jwt.encode({name: value for name, value in claims().items() if name != "exp"}, key, algorithm="HS256")


def a_token_signed_in_another_way(key: bytes) -> str:
    return jwt.encode(claims(), key * 2, algorithm="HS512")


def no_token_at_all(_: bytes) -> str:
    return "let me in"


def claims(**changes: Any) -> dict[str, Any]:
    usual = {"aud": "interop-sandbox-audit", "sub": HERON, "role": "subject", "for": [HERON], "exp": 4_000_000_000}
    return {**usual, **changes}


def encoded(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


ROLES: dict[Callable[[bytes], str | None], tuple[object, object]] = {
    nobody: (WHO, WHO),
    the_subject: (LET_IN, LET_IN),
    another_subject: (NOT_YOURS, NOT_YOURS),
    a_subject_whose_reference_is_the_beginning_of_it: (NOT_YOURS, NOT_YOURS),
    an_auditor_named_for_the_record: (LET_IN, NOT_YOURS),
    an_auditor_named_for_another_record: (NOT_YOURS, NOT_YOURS),
    an_auditor_named_for_the_agency: (LET_IN, NOT_YOURS),
    an_auditor_named_for_another_agency: (NOT_YOURS, NOT_YOURS),
    an_operator_named_for_the_record: (NOT_YOURS, NOT_YOURS),
    an_operator_named_for_the_agency: (NOT_YOURS, NOT_YOURS),
    an_expired_token: (WHO, WHO),
    a_token_signed_with_another_key: (WHO, WHO),
    a_forged_token: (WHO, WHO),
    a_token_that_says_it_needs_no_signature: (WHO, WHO),
    a_token_for_another_service: (WHO, WHO),
    a_token_without_an_end: (WHO, WHO),
    a_token_signed_in_another_way: (WHO, WHO),
    no_token_at_all: (WHO, WHO),
}
"""What each role meets at the disclosures about Heron-41, and when it asks for their expunction. Whose token it is,
audit tells of every token that is one."""


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.__name__)
def test_every_role_meets_its_rule_on_every_route(service: Audit, role: Callable[[bytes], str | None]) -> None:
    token = role(service.key)
    met = {
        route: what_is_met(service.ask(route.partition(" ")[0], path, token))
        for route, path in {**PUBLIC, **PRIVATE, **ANY_TOKEN}.items()
    }

    disclosures, expunge = ROLES[role]
    whose = WHO if disclosures == WHO else LET_IN
    assert met == {**dict.fromkeys(PUBLIC, LET_IN), DISCLOSURES: disclosures, EXPUNGE: expunge, TOKEN: whose}


def what_is_met(answer: httpx.Response) -> object:
    """Whether somebody is let in; nothing was counted here, and there is no Redis, so two routes have little to say."""
    if answer.status_code in {WHO, NOT_YOURS}:
        assert answer.json()["error"]["message"]
        return answer.status_code
    unavailable = {"/report": 404, "/readyz": 503}.get(answer.request.url.path, 200)
    assert answer.status_code == unavailable, answer.text
    return LET_IN


# What they get


def test_a_subject_gets_what_is_about_them_and_nothing_about_others(service: Audit) -> None:
    told = service.ask("GET", f"/disclosures?subject={HERON}", the_subject(service.key)).json()

    assert {row["record"]["subject"] for row in told["disclosures"]} == {HERON}
    assert len(told["disclosures"]) == 3


def test_whoever_asks_for_others_does_not_learn_whether_they_are_known(service: Audit) -> None:
    known, unknown = (
        service.ask("GET", f"/disclosures?subject={subject}", the_subject(service.key)).json()["error"]["code"]
        for subject in (TEAL, "ZZ0010000/B-404")
    )

    assert known == unknown == "not-yours"


def test_what_an_expunged_person_reads_of_themselves_is_nothing(service: Audit) -> None:
    token = the_subject(service.key)
    service.ask("POST", f"/expunge?subject={HERON}", token)

    assert service.ask("GET", f"/disclosures?subject={HERON}", token).json()["disclosures"] == []


def test_expunging_a_second_time_is_a_sentence(service: Audit) -> None:
    token = the_subject(service.key)
    _, again = (service.ask("POST", f"/expunge?subject={HERON}", token) for _ in range(2))

    assert (again.status_code, again.json()["error"]["code"]) == (404, "unknown-subject")


@pytest.mark.parametrize(
    "path", ["/tile/entries/000.p/5", "/tile/entries/000", "/tile/0/001", "/tile/../vault.sqlite", "/tile/entries/x"]
)
def test_the_public_reads_no_tile_that_is_not_published(service: Audit, path: str) -> None:
    assert service.ask("GET", path).status_code == 404


def test_a_token_without_its_scheme_is_none(service: Audit) -> None:
    answer = service.ask("GET", f"/disclosures?subject={HERON}", the_subject(service.key), scheme="")

    assert answer.json()["error"]["code"] == "no-token"


def test_a_token_says_whose_it_is_and_no_more(service: Audit) -> None:
    told = service.ask("GET", "/token", an_operator_named_for_the_agency(service.key)).json()

    assert told == {"role": "operator", "name": "the demo", "records": [HARBOR]}


@pytest.mark.parametrize("token_of", [auditor_token, operator_token])
def test_nobody_is_named_for_nothing(token_of: Callable[..., str]) -> None:
    with pytest.raises(InteropError, match="no-records"):
        token_of(ANOTHER_KEY, "the county's counsel", ())
