"""`lumina up`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lumina_kit.home import find_home
from lumina_platform.supervisor.options import Certificate, Options, logging_of
from lumina_platform.supervisor.ports import Wanted
from lumina_platform.supervisor.settings import Settings, read
from lumina_platform.supervisor.up import up as supervise

Home = Annotated[
    Path | None, typer.Option(help="Folder that holds all state.", show_default=".lumina in a checkout, else user data")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")]
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port of the API; 0 is any free one.", show_default="4080"),
]
GatewayPort = Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the gateway.", show_default="4000")]
Config = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        envvar="LUMINA_GATEWAY_CONFIG",
        help="LiteLLM config.yaml with backends and routes.",
    ),
]
TlsCert = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Certificate chain, PEM.")]
TlsKey = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Key of the certificate, PEM.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Listen beyond this machine in clear text.")]
NextFreePorts = Annotated[
    bool, typer.Option("--next-free-ports", help="Use the next free pair of ports if these belong to something else.")
]


def up(
    home: Home = None,
    host: Host = None,
    port: Port = None,
    gateway_port: GatewayPort = None,
    config: Config = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    insecure: Insecure = False,
    next_free_ports: NextFreePorts = False,
) -> None:
    """Start Lumina and stay until Ctrl-C.

    Example: lumina up --config config.yaml --gateway-port 4001
    """
    chosen = find_home(home)
    settings = read(chosen, os.environ)
    options = Options(
        home=chosen,
        wanted=_wanted(settings, host, port, gateway_port),
        config=config,
        certificate=_certificate(tls_cert, tls_key, insecure),
        insecure=insecure,
        next_free_ports=next_free_ports,
        logging=logging_of(settings, sys.stderr.isatty()),
        gateway_processes=settings.gateway_processes,
        telemetry=settings.telemetry,
    )
    supervise(options, sys.stdout)


def _wanted(settings: Settings, host: str | None, port: int | None, gateway_port: int | None) -> Wanted:
    """The flags over the settings."""
    return Wanted(
        settings.host if host is None else host,
        settings.port if port is None else port,
        settings.gateway_port if gateway_port is None else gateway_port,
    )


def _certificate(cert: Path | None, key: Path | None, insecure: bool) -> Certificate | None:
    if (cert is None) != (key is None):
        raise typer.BadParameter("--tls-cert and --tls-key come together.")
    if cert is None or key is None:
        return None
    if insecure:
        raise typer.BadParameter("--insecure is for clear text; leave it out when there is a certificate.")
    return Certificate(cert, key)
