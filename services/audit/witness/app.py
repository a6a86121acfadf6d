"""The wiring of a witness: `add-checkpoint` and what it remembers, over HTTP. What it decides is in domain.py."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request as HttpRequest
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.concurrency import run_in_threadpool

from services.audit import keys
from services.audit.public_keys import fetch_key
from services.audit.tlog.notes import Algorithm, Signer, key_of, to_base64
from services.audit.tlog.witnessing import BODY_LIMIT, LINES_TYPE, PATH, SIZE_TYPE, Request, parse_request
from services.audit.witness.domain import Refuse, open_checkpoint
from services.audit.witness.memory import Evidence, Memory, Seen
from services.chassis import http
from services.chassis.errors import InfrastructureError, InteropError

KEY_FILE = "witness.key"
MEMORY_FILE = "witness.sqlite"
LOG_PATIENCE_SECONDS = 3.0
"""How long the log may take to tell its key."""

GRACEFUL_SECONDS = 5


class WitnessSettings(BaseSettings):
    """What a witness needs to know. It has no Redis: it meets the log over HTTP and nobody else."""

    model_config = SettingsConfigDict(env_prefix="INTEROP_", frozen=True)

    host: str = Field(default="127.0.0.1", description="The address that the HTTP interface binds to.")
    port: int = Field(default=0, ge=0, le=65535, description="The port of the HTTP interface; 0 takes a free one.")
    state_dir: Path = Field(
        default=Path(".interop/witness"), description="Where a witness keeps its key and its memory; one for each."
    )
    log_level: str = Field(
        default="WARNING",
        pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$",
        description="The lowest level of log lines written to stderr.",
    )
    witness_name: str = Field(
        default="lawclinic.example/w1",
        pattern=r"^[^\s+]+$",
        description="The name under which it signs: an address without 'https://', with neither spaces nor '+'.",
    )
    log_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where the log answers, whose key is fetched at the first request if none is known yet.",
    )
    log_key: str | None = Field(
        default=None, description="The log's public key ('name+id+key'), so that it need not be fetched."
    )


class Witness:
    """Answers requests: who signs, what is remembered, and where the log tells its key."""

    def __init__(
        self, signer: Signer, memory: Memory, log_url: str | None, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self.signer = signer
        self.memory = memory
        self._log_url = log_url
        self._transport = transport
        self._introduction = asyncio.Lock()

    async def add_checkpoint(self, body: bytes) -> str | Refuse:
        """A cosignature's line, or why there is none.

        Raises:
            InteropError: what `parse_request` and `open_checkpoint` raise.
            InfrastructureError: the log's key is not known yet and cannot be had, or nothing can be remembered.
        """
        request = parse_request(body)
        await self._know_the_log()
        return await run_in_threadpool(self._answer, request)

    async def _know_the_log(self) -> None:
        """Asks the log for its key, once in the life of the witness, and believes it: trust on first use.

        That is a simplification. Whoever answers in the log's place at that moment is believed for ever. Real
        witnesses are given the keys of their logs by people, who got them another way (INTEROP_LOG_KEY does that).
        """
        async with self._introduction:
            known = await run_in_threadpool(self.memory.pinned)
            if known or self._log_url is None:
                return
            async with httpx.AsyncClient(
                transport=self._transport, timeout=LOG_PATIENCE_SECONDS, trust_env=False
            ) as client:
                log = await fetch_key(client, self._log_url.rstrip("/"), Algorithm.ED25519)
            await run_in_threadpool(self.memory.pin, log)

    def _answer(self, request: Request) -> str | Refuse:
        checkpoint = open_checkpoint(request.note, self.memory.pinned())
        considered = self.memory.consider(request, checkpoint)
        if isinstance(considered, Refuse):
            return considered
        return self.signer.sign(checkpoint.text, time=considered.at)


def build(settings: WitnessSettings | None = None, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """A witness, ready to be served.

    Args:
        settings: its settings; those of the environment, if none are given.
        transport: how it reaches the log; over the network, if none is given.

    Raises:
        InteropError: `bad-key`, `bad-key-file`, `memory-lost`, `other-key`: it cannot be started like this.
    """
    settings = settings or WitnessSettings()
    key_file = settings.state_dir / KEY_FILE
    # The memory comes first: a key without a memory is then always a memory that was lost.
    memory = Memory(settings.state_dir / MEMORY_FILE, new=not key_file.exists())
    try:
        if settings.log_key is not None:
            memory.pin(key_of(settings.log_key, Algorithm.ED25519))
        signer = keys.signer(key_file, settings.witness_name, Algorithm.COSIGNATURE_V1)
    except InteropError:
        memory.close()
        raise
    return _api(Witness(signer, memory, settings.log_url, transport))


def _api(witness: Witness) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        witness.memory.close()

    name = witness.signer.name
    api = FastAPI(
        title=f"Interop Sandbox: witness {name}",
        summary="Cosigns the checkpoints of a log that goes on from what it has shown before",
        version="1",
        lifespan=lifespan,
    )
    http.install(api, body_limit=BODY_LIMIT, instead="a request has a proof and a checkpoint, and no more than that")
    _add_protocol(api, witness)
    _add_memory(api, witness)
    _add_health(api, witness)
    return api


def _add_protocol(api: FastAPI, witness: Witness) -> None:
    body = {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}

    @api.post(
        PATH,
        tags=["witness"],
        summary="Asks for a cosignature (c2sp.org/tlog-witness)",
        response_class=PlainTextResponse,
        openapi_extra={"requestBody": body},
    )
    async def add_checkpoint(request: HttpRequest) -> Response:
        answer = await witness.add_checkpoint(await request.body())
        if isinstance(answer, str):
            return Response(answer, headers={"Content-Type": LINES_TYPE})
        if answer.status == HTTPStatus.CONFLICT:
            # As a header, because Starlette adds a charset to every media type of text.
            return Response(f"{answer.size}\n", status_code=answer.status, headers={"Content-Type": SIZE_TYPE})
        return JSONResponse(http.error_body(answer.code, answer.sentence), status_code=answer.status)

    @api.get("/key", tags=["witness"], summary="The witness's public key", response_class=PlainTextResponse)
    async def key() -> PlainTextResponse:
        return PlainTextResponse(witness.signer.verifier.vkey + "\n")


def _add_memory(api: FastAPI, witness: Witness) -> None:
    @api.get("/seen", tags=["memory"], summary="The last checkpoint of each log that was cosigned, and the log's key")
    def seen() -> dict[str, Any]:
        logs = witness.memory.pinned()
        return {"seen": [_seen_record(each, logs[each.origin].vkey) for each in witness.memory.seen()]}

    @api.get("/evidence", tags=["memory"], summary="Checkpoints that may prove that a log misbehaves")
    def evidence() -> dict[str, Any]:
        return {"evidence": [_evidence_record(each) for each in witness.memory.evidence()]}


def _add_health(api: FastAPI, witness: Witness) -> None:
    @api.get("/healthz", tags=["health"], summary="The process is alive")
    async def healthz() -> dict[str, str]:
        return {"service": "witness", "status": "alive"}

    @api.get("/readyz", tags=["health"], summary="Key and memory can be used, whether or not the log is up")
    def readyz() -> JSONResponse:
        try:
            witness.memory.seen()
        except InfrastructureError as outage:
            return JSONResponse({"ready": False, "problems": [outage.sentence]}, status_code=503)
        return JSONResponse({"ready": True, "problems": []})


def _seen_record(seen: Seen, log_key: str) -> dict[str, Any]:
    return {
        "origin": seen.origin,
        "size": seen.size,
        "root": to_base64(seen.root),
        "at": _written(seen.at),
        "log_key": log_key,
    }


def _evidence_record(evidence: Evidence) -> dict[str, Any]:
    return {
        "origin": evidence.origin,
        "code": evidence.code,
        "size": evidence.size,
        "root": to_base64(evidence.root),
        "at": _written(evidence.at),
        "refused": evidence.note.decode(),
        "cosigned": evidence.cosigned.decode() if evidence.cosigned is not None else None,
    }


def _written(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def main() -> None:
    """The entry point. Settings that cannot be used are one sentence and exit code 2."""
    try:
        settings = WitnessSettings()
        api = build(settings)
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"INTEROP_{str(first['loc'][0]).upper()}"
        sys.stderr.write(f"bad-settings: {variable}: {first['msg']}\n")
        sys.exit(2)
    except InteropError as error:
        sys.stderr.write(f"{error.code}: {error.sentence}\n")
        sys.exit(2)
    sys.exit(_serve(api, settings))


def _serve(api: FastAPI, settings: WitnessSettings) -> int:
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        api,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level.lower(),
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 1
