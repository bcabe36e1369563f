"""Asking a server on this machine which models it has, with the standard library: most often there is no server.

An HTTP library takes time and memory to import; finding out that nobody listens should cost nothing.
"""

import asyncio
import json
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from core.errors import ProviderDown
from core.exchange import Model
from providers.chat import listing
from providers.faults import refusal

_MAX_BYTES = 1024 * 1024


async def models_at(base_url: str, key: str, within_s: float) -> tuple[Model, ...]:
    """The models of a server on this machine, in its order; those that cannot chat are left out.

    Raises:
        ProviderError: Nobody listens there, or nobody who speaks the protocol.
    """
    try:
        status, body = await asyncio.to_thread(_get, base_url, key, within_s)
        if status != HTTPStatus.OK:
            raise refusal(status, body)
        return listing.parse(json.loads(body), "self")
    except (OSError, HTTPException, ValueError, RecursionError) as wrong:
        raise ProviderDown(f"{base_url}/models: {wrong}") from wrong


def _get(base_url: str, key: str, within_s: float) -> tuple[int, str]:
    """The status and the text of the list; no proxy is asked and no redirect is followed."""
    address = urlsplit(base_url)
    connection = HTTPConnection(address.hostname or "", address.port or 80, timeout=within_s)
    try:
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        connection.request("GET", f"{address.path}/models", headers=headers)
        response = connection.getresponse()
        return response.status, response.read(_MAX_BYTES).decode()
    finally:
        connection.close()
