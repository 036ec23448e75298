import os
import socket
import sys
from pathlib import Path

import pytest

from lumina_platform.supervisor import ports
from lumina_platform.supervisor.errors import AddressRefused, PortTaken
from lumina_platform.supervisor.memory import pss_bytes
from lumina_platform.supervisor.port_owner import owner_of
from lumina_platform.supervisor.ports import Wanted

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.mark.parametrize(
    ("host", "beyond"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("127.9.9.9", False), ("0.0.0.0", True), ("::", True)],
)
def test_only_loopback_stays_on_this_machine(host: str, beyond: bool) -> None:
    assert ports.beyond_loopback(host) is beyond


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Wanted("nowhere.invalid"), "'nowhere.invalid' is not an address of this machine"),
        (Wanted("192.0.2.1", 0, 0), "Cannot listen on 192.0.2.1 port 0"),
    ],
)
def test_an_address_that_is_not_ours_is_refused_with_the_flag(wanted: Wanted, reason: str) -> None:
    with pytest.raises(AddressRefused, match=reason) as caught:
        ports.listen(wanted)

    assert "--host" in (caught.value.next_step or "")


def test_a_taken_gateway_port_leaves_the_other_one_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        wanted = Wanted("127.0.0.1", free.getsockname()[1], taken.getsockname()[1])
        free.close()

        with pytest.raises(PortTaken, match=f"Port {wanted.gateway} on 127.0.0.1 is taken by"):
            ports.listen(wanted)

        socket.create_server(("127.0.0.1", wanted.control)).close()


def test_both_ports_the_same_is_a_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]

    with pytest.raises(PortTaken) as caught:
        ports.listen(Wanted("127.0.0.1", port, port))

    assert "--gateway-port" in (caught.value.next_step or "")


@linux
def test_the_owner_of_a_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        owner = owner_of(taken.getsockname()[1]) or ""

    assert f"(process {os.getpid()}: " in owner


def test_a_port_that_nobody_has_has_no_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert owner_of(port) is None


@linux
def test_the_memory_of_a_process_is_known() -> None:
    assert (pss_bytes(os.getpid()) or 0) > 1_000_000


def test_where_the_system_does_not_tell_memory_is_unknown_and_not_zero(tmp_path: Path) -> None:
    assert pss_bytes(os.getpid(), proc=tmp_path) is None
