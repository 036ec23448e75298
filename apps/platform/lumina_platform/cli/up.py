"""`lumina up`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lumina_kit.home import find_home
from lumina_platform.supervisor.options import Certificate, Options, logging_of
from lumina_platform.supervisor.ports import Wanted
from lumina_platform.supervisor.up import up as supervise

Home = Annotated[
    Path | None, typer.Option(help="Folder that holds all state.", show_default=".lumina in a checkout, else user data")
]
Host = Annotated[str, typer.Option(envvar="LUMINA_PLATFORM_HOST", help="Address to listen on.")]
Port = Annotated[
    int,
    typer.Option(min=0, max=65535, envvar="LUMINA_PLATFORM_PORT", help="Port of portal and API; 0 is any free one."),
]
GatewayPort = Annotated[
    int, typer.Option(min=0, max=65535, envvar="LUMINA_PLATFORM_GATEWAY_PORT", help="Port of the gateway.")
]
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
    host: Host = "127.0.0.1",
    port: Port = 4080,
    gateway_port: GatewayPort = 4000,
    config: Config = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    insecure: Insecure = False,
    next_free_ports: NextFreePorts = False,
) -> None:
    """Start Lumina and stay until Ctrl-C.

    Example: lumina up --config config.yaml --gateway-port 4001
    """
    options = Options(
        home=find_home(home),
        wanted=Wanted(host, port, gateway_port),
        config=config,
        certificate=_certificate(tls_cert, tls_key, insecure),
        insecure=insecure,
        next_free_ports=next_free_ports,
        logging=logging_of(os.environ, sys.stderr.isatty()),
    )
    supervise(options, sys.stdout)


def _certificate(cert: Path | None, key: Path | None, insecure: bool) -> Certificate | None:
    if (cert is None) != (key is None):
        raise typer.BadParameter("--tls-cert and --tls-key come together.")
    if cert is None or key is None:
        return None
    if insecure:
        raise typer.BadParameter("--insecure is for clear text; leave it out when there is a certificate.")
    return Certificate(cert, key)
