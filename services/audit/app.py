"""The wiring of audit: every stream into the ledger, and the ledger over HTTP. What a row is, is in domain.py."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from services.audit.domain import Row
from services.audit.events import WATCHED
from services.audit.ledger import Ledger, read_rows
from services.chassis.envelope import Consumed
from services.chassis.service import Service
from services.chassis.settings import ServiceSettings

LEDGER_FILE = "ledger.sqlite"
ROWS_AT_ONCE = 1_000


def build(settings: ServiceSettings | None = None) -> Service:
    """The audit service, ready to be served."""
    settings = settings or ServiceSettings()
    service = Service("audit", "Every disclosure between parties, one row each, exactly once", settings)
    ledger = Ledger(settings.state_dir / LEDGER_FILE)
    wiring = service.onlooker("audit")
    for event_type in WATCHED:
        wiring.sink(event_type, Consumed, ledger.keep)
    service.afterwards(ledger.close)
    service.api.include_router(routes(ledger))
    return service


def routes(ledger: Ledger) -> APIRouter:
    """The HTTP interface of audit."""
    router = APIRouter(tags=["ledger"])

    @router.get("/disclosures", summary="Everything that was disclosed about one booking")
    def disclosures(
        subject: Annotated[str, Query(description="the booking's reference, ORI/OCA", examples=["ZZ0010000/B-1"])],
        run: Annotated[str | None, Query(description="only this run")] = None,
    ) -> dict[str, Any]:
        rows = ledger.disclosures(subject=subject, runid=run)
        note = "In the real program the person has no such account: it is exempted from disclosure (73 FR 74637)."
        return {"subject": subject, "disclosures": [asdict(row) for row in rows], "note": note}

    @router.get("/report", summary="How often each party told each other what, in one run")
    def report(run: Annotated[str, Query()]) -> dict[str, Any]:
        names = ("from", "to", "categories", "count")
        totals = [
            dict(zip(names, (sender, recipient, categories.split(), count), strict=True))
            for sender, recipient, categories, count in ledger.totals(run)
        ]
        return {"run": run, "disclosures": totals, "notice": "Simulated. Not data about any place. Not legal advice."}

    @router.get("/ledger", summary="The whole ledger, one row a line (NDJSON): what a reconciliation reads")
    def whole_ledger() -> StreamingResponse:
        return StreamingResponse(_pages(read_rows(ledger.path)), media_type="application/x-ndjson")

    return router


def _pages(rows: Iterator[Row]) -> Iterator[str]:
    """The rows as lines, many at a time: each step of a streamed answer costs a change of threads."""
    while page := list(islice(rows, ROWS_AT_ONCE)):
        yield "".join(json.dumps(asdict(row)) + "\n" for row in page)
