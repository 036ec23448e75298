"""What several modules of tests share, because it takes seconds to start."""

from collections.abc import Iterator

import pytest

from apps.inference.tests.translator_world import Running, running


@pytest.fixture(scope="session")
def translator() -> Iterator[Running]:
    """A translator with small bounds."""
    with running(translator_calls="4", translator_body_bytes="300000") as process:
        yield process
