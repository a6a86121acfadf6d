"""Public keys as the house's logs and witnesses publish them: `GET /key`, one line."""

import httpx

from services.audit.tlog.notes import Algorithm, Verifier, key_of
from services.chassis.errors import InfrastructureError, InteropError


async def fetch_key(client: httpx.AsyncClient, url: str, algorithm: Algorithm) -> Verifier:
    """The key that whoever answers at `url` says is theirs: to be believed once, and compared from then on.

    Raises:
        InfrastructureError: nobody answers, or not with such a key.
    """
    try:
        answer = await client.get(f"{url}/key")
        answer.raise_for_status()
        return key_of(answer.text.removesuffix("\n"), algorithm)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InfrastructureError(f"no key comes from {url}/key: {error or type(error).__name__}") from error
    except InteropError as error:
        raise InfrastructureError(f"no key comes from {url}/key: {error.sentence}") from error
