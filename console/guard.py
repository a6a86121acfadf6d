"""What stands between the pages and other people's: headers that let nothing in, and short posts from here alone."""

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.http import error_body

MOST_BODY_BYTES = 512 * 1024
"""What somebody may send at once: several times the longest policy, however its letters are escaped."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""A page runs only the scripts of this process, loads nothing from elsewhere, and is shown in nobody's frame.

Nothing elsewhere learns which page led to it; within the console browsers say so, or forms would seem to be strangers'.
"""


class Guard:
    """Adds the headers, and refuses what another site's page makes a browser send."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, unless it changes something and comes from elsewhere."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] not in SAFE_METHODS and not _is_from_here(Headers(scope=scope)):
            sentence = "this came from another site's page; open the console itself and try there"
            await JSONResponse(error_body("other-site", sentence), status_code=403)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, _limited(receive), with_headers)


def _limited(receive: Receive) -> Receive:
    """Gives up on a body that is too long while it comes, before it fills the memory."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return limited


def _is_from_here(headers: Headers) -> bool:
    """Whether a page of ours sent this, or no page at all: browsers say so, other programs need not."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    return urlsplit(origin).netloc == headers.get("host")
