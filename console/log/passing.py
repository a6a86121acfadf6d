"""Files of the log passed on to the browser as they are: byte by byte, of known sizes, and no others."""

from collections.abc import AsyncIterator, Mapping

import httpx

from console.house import House, answered
from services.audit.tlog.merkle import HASH_BYTES
from services.audit.tlog.tiles import LARGEST_ENTRY, parse_path
from services.chassis.errors import InfrastructureError, InteropError

NOTE_LIMIT = 64 * 1024
"""Bytes of a checkpoint, a key or a policy: a hundred times what two witnesses make of them."""

FILES: Mapping[str, int] = {"checkpoint": NOTE_LIMIT, "key": NOTE_LIMIT, "policy": NOTE_LIMIT}
"""The files of a log beside its tiles, and how many bytes each may have."""

_LENGTH_BYTES = 2


def limit_of(path: str) -> int | None:
    """How many bytes a file of the log may have; None for a path that names none."""
    tile = parse_path(path)
    if tile is None:
        return FILES.get(path)
    return tile.width * (HASH_BYTES if tile.level is not None else _LENGTH_BYTES + LARGEST_ENTRY)


async def passed(house: House, path: str) -> httpx.Response:
    """What audit answers for a file of the log, read no further than it may be long.

    Args:
        house: where audit answers.
        path: below the log's prefix, such as `tile/0/000.p/7`.

    Raises:
        InteropError: `no-such-tile`; `file-too-large`; what audit says is wrong.
        InfrastructureError: audit is out of reach.
    """
    limit = limit_of(path)
    if limit is None:
        raise InteropError("no-such-tile", f"no file of a log is called '{path}'", status=404)
    try:
        async with house.client.stream("GET", f"{house.settings.audit_url}/{path}") as answer:
            content = await _read(answer.aiter_bytes(), limit, path)
    except httpx.HTTPError as error:
        raise InfrastructureError(f"audit is out of reach ({type(error).__name__}); is it up?") from error
    whole = httpx.Response(answer.status_code, headers=_kept(answer.headers), content=content, request=answer.request)
    if not whole.is_success:
        answered(whole)
    return whole


async def _read(chunks: AsyncIterator[bytes], limit: int, path: str) -> bytes:
    content = b""
    async for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise InteropError(
                "file-too-large", f"'{path}' has more than the {limit} bytes that it can have", status=502
            )
    return content


def _kept(headers: httpx.Headers) -> dict[str, str]:
    return {name: headers[name] for name in ("content-type", "cache-control") if name in headers}
