"""What every HTTP interface of the house shares: errors as one sentence with a stable code, and a limit on bodies."""

from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.errors import InteropError

BODY_LIMIT = 1_000_000
"""Bytes; a booking has about one thousand, a run with its policy texts some ten thousand."""

RETRY_AFTER_SECONDS = 5


def install(
    api: FastAPI, *, body_limit: int = BODY_LIMIT, instead: str = "send bookings in bulk to /bookings:batch"
) -> None:
    """Makes `api` answer errors the way of the house, and refuse larger bodies, saying what to do instead."""
    api.add_middleware(BodyLimit, limit=body_limit, instead=instead)
    api.add_exception_handler(InteropError, _interop_error)
    api.add_exception_handler(RequestValidationError, _bad_request)


def error_body(code: str, sentence: str) -> dict[str, Any]:
    """The body of every error answer."""
    return {"error": {"code": code, "message": sentence}}


async def _interop_error(_: Request, error: Exception) -> JSONResponse:
    refusal = cast(InteropError, error)
    busy = refusal.status == HTTPStatus.SERVICE_UNAVAILABLE
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if busy else None
    return JSONResponse(error_body(refusal.code, refusal.sentence), status_code=refusal.status, headers=headers)


async def _bad_request(_: Request, error: Exception) -> JSONResponse:
    mistakes = cast(RequestValidationError, error).errors()
    return JSONResponse(error_body("bad-request", sentence_of(list(mistakes))), status_code=422)


def sentence_of(errors: list[Any]) -> str:
    """The mistakes that a validation found, as one sentence: the first in words, the others counted."""
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
    words = first["msg"].removeprefix("Value error, ")
    more = len(errors) - 1
    return f"{place}: {words}" + (f" (and {more} more)" if more else "")


class TwoWayStream(Response):
    """An answer that is streamed while the request's body is still being read.

    Starlette's own streaming response listens for a disconnect at the same time, and would eat the body.
    """

    def __init__(self, chunks: AsyncIterator[bytes], media_type: str) -> None:
        super().__init__(media_type=media_type)
        self.chunks = chunks
        self.content_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        """Sends the chunks as they come; a client that goes away in the middle ends it."""
        headers = [(b"content-type", self.content_type.encode())]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        try:
            async for chunk in self.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except ClientDisconnect:
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class BodyLimit:
    """Refuses a body that is too large before it fills the memory. Streamed batches are limited a line at a time."""

    def __init__(self, app: ASGIApp, limit: int, instead: str) -> None:
        self.app = app
        self.limit = limit
        self.instead = instead

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, unless its body grows beyond the limit."""
        if scope["type"] != "http" or scope["path"].endswith(":batch"):
            await self.app(scope, receive, send)
            return
        body = await _collect(receive, self.limit)
        if body is None:
            sentence = f"the body is larger than {self.limit} bytes; {self.instead}"
            response = JSONResponse(error_body("body-too-large", sentence), status_code=413)
            await response(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)


async def _collect(receive: Receive, limit: int) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        body += cast(bytes, message.get("body", b""))
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return body


def _replay(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
