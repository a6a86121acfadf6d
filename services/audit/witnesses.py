"""The log's side of witnessing (c2sp.org/tlog-witness): asks witnesses over HTTP, and believes none of their answers.

A cosignature is taken only when it verifies with the key that is pinned for the witness.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from services.audit.public_keys import fetch_key
from services.audit.tlog.notes import Algorithm, Note, Verifier, parse_note, parse_signature
from services.audit.tlog.witnessing import LINES_TYPE, PATH, encode_request, parse_size
from services.chassis.errors import InfrastructureError, InteropError

PATIENCE_SECONDS = 4.0
"""How long a witness may take to answer, from the first byte of the question to the last of the answer."""

_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The witness has cosigned: its signature line, with the newline at its end, verified."""

    line: str


@dataclass(frozen=True, slots=True)
class Behind:
    """The witness has cosigned `size` entries last (409): ask again with a proof from there.

    When that is the size of the checkpoint itself, and the size it was asked from, the witness has seen another tree
    of that size: the log has forked, and no other question will help.
    """

    size: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """The witness will not cosign this, or what it sent is no cosignature: somebody has to look into it."""

    status: int
    why: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The witness cannot answer now: the same question may be asked again later."""

    why: str


Answer = Cosigned | Behind | Rejected | Unreachable


class Witness:
    """One witness, by its address. Keeps its connection open; close it with `aclose`."""

    def __init__(
        self, url: str, key: Verifier | None = None, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Names a witness.

        Args:
            url: its submission prefix.
            key: its key, if it is known; else the one that it tells when first asked.
            transport: how it is reached; over the network, if none is given.
        """
        self.url = url.rstrip("/")
        self._key = key
        self._client = httpx.AsyncClient(transport=transport, timeout=PATIENCE_SECONDS, trust_env=False)

    async def key(self) -> Verifier:
        """The key that is pinned for this witness: the one it was made with, else the first that the witness told.

        Raises:
            InfrastructureError: it is not known yet, and the witness does not tell it.
        """
        if self._key is None:
            self._key = await fetch_key(self._client, self.url, Algorithm.COSIGNATURE_V1)
        return self._key

    async def add_checkpoint(self, old: int, proof: Sequence[bytes], note: bytes) -> Answer:
        """Asks for a cosignature; never raises because of what the witness does or fails to do.

        Args:
            old: the size that the witness is thought to have cosigned last.
            proof: the consistency proof from there to the checkpoint.
            note: the checkpoint with the log's signature.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                key = await self.key()
                response = await self._client.post(
                    self.url + PATH,
                    content=encode_request(old, proof, note),
                    headers={"Content-Type": LINES_TYPE},
                )
        except TimeoutError:
            return Unreachable(f"{self.url} does not answer within {PATIENCE_SECONDS:.0f} s")
        except InfrastructureError as error:
            return Unreachable(error.sentence)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unreachable(f"{self.url} does not answer: {error or type(error).__name__}")
        return _answer(response, key, note)

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._client.aclose()


def _answer(response: httpx.Response, key: Verifier, note: bytes) -> Answer:
    status = response.status_code
    if status == HTTPStatus.OK:
        line = _cosignature(response.content, key, note)
        return Cosigned(line) if line is not None else Rejected(status, f"there is no cosignature of {key.name} in it")
    size = parse_size(response.content) if status == HTTPStatus.CONFLICT else None
    if size is not None:
        return Behind(size)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unreachable(_reason(response))
    return Rejected(status, _reason(response))


def _cosignature(body: bytes, key: Verifier, note: bytes) -> str | None:
    """The line in an answer that is a cosignature by `key`; what unknown keys have signed is passed over."""
    text = parse_note(note).text
    for line in body.decode(errors="replace").split("\n")[:-1]:
        try:
            if Note(text, (parse_signature(line),)).signed_by([key]):
                return line + "\n"
        except InteropError:
            return None
    return None


def _reason(response: httpx.Response) -> str:
    try:
        told: Any = response.json()
        return str(told["error"]["message"])[:_LONGEST_REASON]
    except (ValueError, KeyError, TypeError):
        return response.text[:_LONGEST_REASON].strip() or response.reason_phrase
