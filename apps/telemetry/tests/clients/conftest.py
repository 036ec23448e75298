"""The Lumina that all clients send to."""

from collections.abc import Iterator

import httpx
import pytest

from apps.telemetry.tests.clients.world import Lumina, sending
from lumina_platform.cli.target import Target


@pytest.fixture(scope="session")
def lumina(running: Target) -> Iterator[Lumina]:
    with httpx.Client(base_url=running.control, headers={"Authorization": f"Bearer {running.key}"}) as api:
        yield sending(running, api)
