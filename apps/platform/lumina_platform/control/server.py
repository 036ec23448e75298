"""The control plane's two servers in one event loop: the public socket, and the internal one."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from lumina_kit.errors import Invalid
from lumina_kit.lifeline import Lifeline
from lumina_platform.control.app import create_app
from lumina_platform.control.contentdesk import ContentDesk
from lumina_platform.control.environment import Environment
from lumina_platform.control.keydesk import KeyDesk
from lumina_platform.control.protocol import bounded
from lumina_platform.control.running import running
from lumina_platform.control.world import World
from lumina_platform.internal import SOCKET_NAME, InternalApp

GRACE_SECONDS = 1
KEEP_ALIVE_SECONDS = 15


class NoSocket(Invalid):
    code = "no_socket"
    title = "Not started by the supervisor"


class Server(uvicorn.Server):
    """uvicorn's server without its own signal handlers: one `stop` ends both."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(environment: Environment, world: World, lifeline: Lifeline) -> None:
    """Serve until a signal comes or the supervisor is gone. Raises NoSocket."""
    stop = asyncio.Event()
    _stop_on(stop, lifeline)
    public, internal = _public(environment, world), _internal(environment, world)
    async with asyncio.TaskGroup() as tasks:
        serving = [tasks.create_task(public.serve([_listening(environment)])), tasks.create_task(internal.serve())]
        async with running(world):
            lifeline.ready()
            await stop.wait()
            await world.hub.close()
            public.should_exit = internal.should_exit = True
            await asyncio.wait(serving)


def _stop_on(stop: asyncio.Event, lifeline: Lifeline) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def cut() -> None:
        loop.call_soon_threadsafe(stop.set)

    lifeline.watch(cut)


def _public(environment: Environment, world: World) -> Server:
    settings = world.settings
    return Server(
        uvicorn.Config(
            create_app(world),
            http=bounded(settings.head_bytes, settings.head_seconds),
            ssl_certfile=environment.tls_cert,
            ssl_keyfile=environment.tls_key,
            limit_concurrency=settings.connections,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            **_common(),
        )
    )


def _internal(environment: Environment, world: World) -> Server:
    run_dir = environment.run_dir or world.home.run_dir
    return Server(
        uvicorn.Config(
            InternalApp(world.hub, KeyDesk(world.governance, world.inference), ContentDesk(world.contents)),
            uds=str(run_dir / SOCKET_NAME),
            **_common(),
        )
    )


def _common() -> dict[str, Any]:
    return {
        "lifespan": "off",
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": GRACE_SECONDS,
    }


def _listening(environment: Environment) -> socket.socket:
    if environment.listen_fd is None:
        raise NoSocket("LUMINA_LISTEN_FD is not set.", next_step="Start Lumina with `lumina up`.")
    return socket.socket(fileno=environment.listen_fd)
