"""What an operator may set about the control plane: `LUMINA_PLATFORM_<NAME>`, or the section `platform`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class PlatformSettings(Struct, frozen=True, kw_only=True):
    """Host, ports and logging are the supervisor's: it reads them by itself, before there is a control plane."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the API and its documentation.")] = 4080
    gateway_port: Annotated[int, Meta(ge=0, le=65535, description="Port of the gateway.")] = 4000
    gateway_processes: Annotated[
        int, Meta(ge=1, le=64, description="Processes of the gateway, which share its port.")
    ] = 1
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level that is logged.")
    ] = "info"
    log_format: Annotated[
        Literal["json", "console"] | None, Meta(description="Form of the log; default JSON, on a terminal console.")
    ] = None
    database_url: Annotated[
        str | None, Meta(description="Database, such as postgresql://user@host/lumina; default SQLite in the home.")
    ] = None
    apps: Annotated[tuple[str, ...], Meta(description="Apps whose routes are served; default all.")] = ()
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="Origins whose pages may read the API with a key; default none.")
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses of reverse proxies whose X-Forwarded-For and -Proto are believed; default none."),
    ] = ()
    body_bytes: Annotated[int, Meta(ge=1024, le=1 << 30, description="Bytes of a request's body at most.")] = 4_194_304
    body_seconds: Annotated[float, Meta(gt=0, le=3600, description="Seconds in which a body must have come.")] = 30
    answer_seconds: Annotated[float, Meta(gt=0, le=3600, description="Seconds until an answer begins, at most.")] = 120
    head_bytes: Annotated[int, Meta(ge=1024, le=1 << 20, description="Bytes of a request's head at most.")] = 32_768
    head_seconds: Annotated[float, Meta(gt=0, le=600, description="Seconds in which a head must have come.")] = 10
    connections: Annotated[int, Meta(ge=1, le=100_000, description="Connections at once; more are answered 503.")] = 500
