"""Connections that calls share: on the web, and to unix sockets of this machine, where the embedded models listen."""

from pathlib import Path

import httpx
from openai import AsyncOpenAI

from lumina_inference.translator.target import Target


class Clients:
    """One client for what is sent on as it is, and one of OpenAI's API per socket."""

    def __init__(self) -> None:
        self.http = httpx.AsyncClient()
        self._clients: dict[Path, AsyncOpenAI] = {}

    def of_socket(self, target: Target) -> AsyncOpenAI:
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
        await self.http.aclose()
        for client in self._clients.values():
            await client.close()
