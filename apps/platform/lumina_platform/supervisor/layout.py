"""Which processes Lumina has, and what each is told."""

import os
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from lumina_platform.supervisor.endpoints import Endpoints
from lumina_platform.supervisor.options import Options, inherited_public_url
from lumina_platform.supervisor.plan import Plan
from lumina_platform.supervisor.ports import Sockets


def endpoints(options: Options, sockets: Sockets, run_dir: Path) -> Endpoints:
    """Where both planes can be reached from this machine."""
    return Endpoints(
        pid=os.getpid(),
        control=f"{options.scheme}://{_reachable(options, sockets.control)}",
        gateway=f"{options.scheme}://{_reachable(options, sockets.gateway)}",
        run_dir=str(run_dir),
        certificate=str(options.certificate.file.absolute()) if options.certificate else None,
    )


def plans(options: Options, sockets: Sockets, where: Endpoints) -> list[Plan]:
    """The processes in the order in which they start."""
    told = _environment(options, where)
    return [
        Plan("control", "lumina_platform.control", told, sockets.control),
        *([Plan("telemetry", "lumina_telemetry.process", told, observer=True)] if options.telemetry else []),
        *_gateways(options.gateway_processes, told, sockets.gateway),
        Plan("embedded", "lumina_inference.embedded", told, on_demand=True, start_seconds=60),
        Plan("translator", "lumina_inference.translator", told, on_demand=True, start_seconds=60),
    ]


def _gateways(number: int, told: Mapping[str, str], listen: socket.socket) -> list[Plan]:
    """All on the same socket: whichever is free takes the next connection, and each knows the others by name."""
    names = ["gateway", *(f"gateway-{count}" for count in range(2, number + 1))]
    return [
        Plan(
            name,
            "lumina_inference.gateway",
            {**told, "LUMINA_GATEWAY_INSTANCE": name, "LUMINA_GATEWAY_SIBLINGS": _others(names, name)},
            listen,
        )
        for name in names
    ]


def _others(names: list[str], name: str) -> str:
    return ",".join(each for each in names if each != name)


def _environment(options: Options, where: Endpoints) -> dict[str, str]:
    told = {
        "LUMINA_HOME": str(options.home.path),
        "LUMINA_RUN_DIR": where.run_dir,
        "LUMINA_PUBLIC_URL": inherited_public_url() or where.control,
        "LUMINA_GATEWAY_URL": where.gateway,
        "LUMINA_LOG_LEVEL": options.logging.level,
        "LUMINA_LOG_FORMAT": "json",  # the journal makes of it what people read
    }
    if options.telemetry:
        told["LUMINA_TELEMETRY_SOCKET"] = str(Path(where.run_dir) / "telemetry.sock")
    if options.config:
        told["LUMINA_GATEWAY_CONFIG"] = str(options.config.absolute())
    if options.certificate:
        told["LUMINA_TLS_CERT"] = str(options.certificate.file.absolute())
        told["LUMINA_TLS_KEY"] = str(options.certificate.key.absolute())
    return told


def _reachable(options: Options, bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = "127.0.0.1" if bound.family is socket.AF_INET else "::1"
    elif options.certificate:
        host = options.wanted.host  # the name that the certificate is for
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
