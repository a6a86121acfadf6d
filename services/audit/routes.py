"""The HTTP interface of audit: the log as files that anybody may read, and records for whom they are about.

| who | may read |
|---|---|
| anybody | the checkpoint, the tiles and entries it covers, keys, the report |
| a subject | what was disclosed about themselves; and have it expunged |
| an auditor | the records that they are named for |
| anybody with a token | whose it is: services ask that way who came to them |
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import PlainTextResponse

from services.audit.access import Bearer, allowed, bearer_of
from services.audit.disclosure import EXEMPT, told
from services.audit.expunge import Expunger
from services.audit.ledger import LedgerReader
from services.audit.log import Published, StoredLog
from services.audit.report.projection import Readings
from services.audit.report.published import published_report
from services.audit.tlog.policy import Policy
from services.audit.tlog.tiles import parse_path
from services.chassis.errors import InteropError

FOR_EVER = "public, max-age=31536000, immutable"
A_MOMENT = "public, max-age=1"
NOTICE = "Simulated. Not data about any place. Not legal advice."


def log_routes(log: StoredLog, policy: Callable[[], Policy | None]) -> APIRouter:
    """The log as the files of c2sp.org/tlog-tiles."""
    router = APIRouter(tags=["log"])

    @router.get("/checkpoint", summary="The newest checkpoint, with its cosignatures", response_class=PlainTextResponse)
    def checkpoint() -> Response:
        note = _published(log).note
        return Response(note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": A_MOMENT})

    @router.get("/tile/{path:path}", summary="A tile of hashes, or a bundle of entries")
    def tile(path: str) -> Response:
        # A tile never changes, and neither does one that is not full: what grows gets another name.
        content = log.read_file(f"tile/{path}", _published(log)) if parse_path(f"tile/{path}") else None
        if content is None:
            raise InteropError("no-such-tile", f"the published log has no 'tile/{path}'", status=404)
        return Response(content, media_type="application/octet-stream", headers={"Cache-Control": FOR_EVER})

    @router.get("/key", summary="The log's public key", response_class=PlainTextResponse)
    def key() -> str:
        return f"{log.about()['key']}\n"

    @router.get(
        "/policy", summary="Whose signatures to demand (c2sp.org/tlog-policy)", response_class=PlainTextResponse
    )
    def keys() -> str:
        known = policy()
        if known is None:
            raise _unpublished()
        return known.text

    return router


def report_routes(readings: Readings, log: StoredLog, reconciliation: Callable[[], dict[str, Any]]) -> APIRouter:
    """The transparency report: numbers that are rounded or withheld, for anybody."""
    router = APIRouter(tags=["report"])

    @router.get("/report", summary="What was asked, done and shared in one run, after D.C.'s yearly report")
    def report(
        run: Annotated[str | None, Query(description="the run; the one that was opened last, if none is given")] = None,
        protect: Annotated[
            Literal["round", "suppress"], Query(description="how small numbers are protected")
        ] = "round",
    ) -> dict[str, Any]:
        newest = log.published()
        checkpoint = newest.told() if newest else None
        return published_report(
            readings, run=run, protect=protect, checkpoint=checkpoint, reconciliation=reconciliation()
        )

    return router


def record_routes(ledger: LedgerReader, expunger: Expunger, token_key: bytes, after: Callable[[], None]) -> APIRouter:
    """The records, for whom they are about and for auditors who are named for them.

    Args:
        ledger: what is kept.
        expunger: makes a subject's records unreadable.
        token_key: what tokens are signed with.
        after: called when somebody was expunged.
    """
    router = APIRouter(tags=["records"])

    def bearer(authorization: Annotated[str | None, Header()] = None) -> Bearer:
        return bearer_of(token_key, authorization)

    who = Annotated[Bearer, Depends(bearer)]
    whom = Annotated[str, Query(description="the booking's reference, ORI/OCA", examples=["ZZ0010000/B-1"])]

    @router.get("/token", summary="Whose token this is, for services that it was handed to (cf. RFC 7662)")
    def token(holder: who) -> dict[str, Any]:
        return asdict(holder)

    @router.get("/disclosures", summary="Everything that was disclosed about one booking, with proofs")
    def disclosures(
        subject: whom, reader: who, run: Annotated[str | None, Query(description="only this run")] = None
    ) -> dict[str, Any]:
        allowed(reader, subject)
        newest = ledger.log.published()
        rows = [told(ledger, each, newest) for each in ledger.disclosures(subject, run)]
        return {"subject": subject, "disclosures": rows, "note": EXEMPT, "notice": NOTICE}

    @router.post("/expunge", summary="Make everything that is kept about oneself unreadable, for good")
    def expunge(subject: whom, reader: who) -> dict[str, Any]:
        if reader.role != "subject":
            raise InteropError("not-yours", "only the subject's own token expunges their records", status=403)
        allowed(reader, subject)
        done = expunger.expunge(subject)
        after()
        return asdict(done)

    return router


def _published(log: StoredLog) -> Published:
    newest = log.published()
    if newest is None:
        raise _unpublished()
    return newest


def _unpublished() -> InteropError:
    return InteropError(
        "not-published", "no checkpoint was published yet: the witnesses have still to cosign one", status=404
    )
