"""Clients for backends that listen on a unix socket of this machine, as the embedded models do."""

from pathlib import Path

import httpx
from openai import AsyncOpenAI

from lumina_inference.translator.target import Target


class SocketClients:
    """One client of OpenAI's API per socket."""

    def __init__(self) -> None:
        self._clients: dict[Path, AsyncOpenAI] = {}

    def client(self, target: Target) -> AsyncOpenAI:
        """The client for the target's socket."""
        assert target.socket is not None
        known = self._clients.get(target.socket)
        if known is None:
            transport = httpx.AsyncHTTPTransport(uds=str(target.socket))
            known = self._clients[target.socket] = AsyncOpenAI(
                api_key=str(target.options.get("api_key") or "none"),
                base_url=str(target.options.get("api_base") or "http://socket/v1"),
                http_client=httpx.AsyncClient(transport=transport),
                max_retries=0,
            )
        return known

    async def close(self) -> None:
        """Close all of them."""
        for client in self._clients.values():
            await client.close()
