"""What the supervisor tells the control plane, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

from lumina_kit.home import Home, find_home
from lumina_kit.logs import Format, Level


@dataclass(frozen=True)
class Environment:
    """`listen_fd` is the public socket, bound and listening. Without a supervisor it and `run_dir` are None."""

    home: Home
    listen_fd: int | None
    run_dir: Path | None
    public_url: str
    gateway_url: str
    gateway_config: Path | None
    tls_cert: str | None
    tls_key: str | None
    log_level: Level
    log_format: Format

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """From the variables of the child contract."""
        run_dir, listen_fd = environ.get("LUMINA_RUN_DIR"), environ.get("LUMINA_LISTEN_FD")
        config = environ.get("LUMINA_GATEWAY_CONFIG")
        return cls(
            home=find_home(),
            listen_fd=int(listen_fd) if listen_fd else None,
            run_dir=Path(run_dir) if run_dir else None,
            public_url=environ.get("LUMINA_PUBLIC_URL", "http://127.0.0.1:4080"),
            gateway_url=environ.get("LUMINA_GATEWAY_URL", "http://127.0.0.1:4000"),
            gateway_config=Path(config) if config else None,
            tls_cert=environ.get("LUMINA_TLS_CERT"),
            tls_key=environ.get("LUMINA_TLS_KEY"),
            log_level=cast(Level, environ.get("LUMINA_LOG_LEVEL", "info")),
            log_format=cast(Format, environ.get("LUMINA_LOG_FORMAT", "console")),
        )
