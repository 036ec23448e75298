"""The yardstick: the least that aiohttp can do between a client and a backend. It checks and records nothing."""

import asyncio
import json
import os
import socket

import uvloop
from aiohttp import ClientSession, TCPConnector, web


async def main() -> None:
    """Serve on the inherited socket until killed."""
    backends = json.loads(os.environ["BACKENDS"])
    listening = socket.socket(fileno=int(os.environ["LUMINA_LISTEN_FD"]))
    async with ClientSession(connector=TCPConnector(limit=0), auto_decompress=False) as session:

        async def relay(request: web.BaseRequest) -> web.StreamResponse:
            kind, _, path = request.path[1:].partition("/v1/")
            body, headers = await request.read(), {"Content-Type": "application/json"}
            async with session.post(f"{backends[kind]}/{path}", data=body, headers=headers) as got:
                if got.content_type != "text/event-stream":
                    return web.Response(status=got.status, body=await got.read(), content_type=got.content_type)
                response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await response.prepare(request)
                async for chunk in got.content.iter_any():
                    await response.write(chunk)
                return response

        await asyncio.get_running_loop().create_server(web.Server(relay, access_log=None), sock=listening)
        await asyncio.Event().wait()


uvloop.run(main())
