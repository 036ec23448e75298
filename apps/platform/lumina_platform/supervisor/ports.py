"""The public sockets: bound here, passed to the children, and open for as long as the supervisor lives."""

import errno
import ipaddress
import socket
from dataclasses import dataclass
from typing import Self

from lumina_platform.supervisor.errors import AddressRefused, PortTaken
from lumina_platform.supervisor.port_owner import owner_of

BACKLOG = 4096
PAIRS_TRIED = 50


@dataclass(frozen=True)
class Wanted:
    """Where to listen. Port 0 is any free one."""

    host: str = "127.0.0.1"
    control: int = 4080
    gateway: int = 4000


@dataclass(frozen=True)
class Sockets:
    """Both public sockets; leaving the context closes them."""

    control: socket.socket
    gateway: socket.socket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.control.close()
        self.gateway.close()


def beyond_loopback(host: str) -> bool:
    """Whether others than this machine could connect."""
    return not ipaddress.ip_address(_resolved(host)[1]).is_loopback


def listen(wanted: Wanted) -> Sockets:
    """Both sockets, listening. Raises PortTaken with the owner and the flag, or AddressRefused."""
    control = _bound(wanted.host, wanted.control, "--port")
    try:
        return Sockets(control, _bound(wanted.host, wanted.gateway, "--gateway-port"))
    except BaseException:
        control.close()
        raise


def next_free(wanted: Wanted) -> Wanted:
    """The first pair above the wanted one with both ports free. Raises PortTaken if there is none near."""
    for step in range(1, PAIRS_TRIED + 1):
        pair = Wanted(wanted.host, wanted.control + step, wanted.gateway + step)
        if _free(pair):
            return pair
    raise PortTaken(
        f"No free pair of ports above {wanted.control} and {wanted.gateway}; {PAIRS_TRIED} were tried.",
        next_step="Choose others with --port and --gateway-port.",
    )


def _free(pair: Wanted) -> bool:
    try:
        with listen(pair):
            return True
    except PortTaken:
        return False


def _bound(host: str, port: int, flag: str) -> socket.socket:
    family, address = _resolved(host)
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        bound.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        bound.close()
        raise _refusal(error, host, port, flag) from None
    return bound


def _refusal(error: OSError | OverflowError, host: str, port: int, flag: str) -> PortTaken | AddressRefused:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        owner = owner_of(port) or f"a program that cannot be seen from here (as root: `lsof -i :{port}`)"
        return PortTaken(
            f"Port {port} on {host} is taken by {owner}.", next_step=f"Stop it, or choose another port with {flag}."
        )
    if number == errno.EACCES:
        return AddressRefused(
            f"This user may not listen on port {port}.", next_step=f"Choose one above 1023 with {flag}."
        )
    return AddressRefused(f"Cannot listen on {host} port {port}: {error}.", next_step=f"Check --host and {flag}.")


def _resolved(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AddressRefused(
            f"{host!r} is not an address of this machine: {error}.", next_step="Check --host; 0.0.0.0 is every address."
        ) from None
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, str(address[0])
