"""/api/platform: the processes of Lumina, as an admin sees them."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from importlib.metadata import version
from platform import python_version
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from lumina_kit import ledger, logs
from lumina_kit.auth import Principal, require
from lumina_kit.errors import NotFound, Unavailable
from lumina_kit.ledger import Change
from lumina_kit.parts import PartsClient, PartStatus, SupervisorUnreachable
from lumina_kit.problems import problems
from lumina_kit.roles import Permission
from lumina_platform.control.telemetry_state import State
from lumina_platform.control.world import WorldDep

log = logs.get(__name__)
_running: set[asyncio.Task[None]] = set()  # the event loop itself keeps only weak references
router = APIRouter(tags=["platform"])

Reader = Annotated[Principal, require(Permission.SYSTEM_READ)]
Restarter = Annotated[Principal, require(Permission.SYSTEM_RESTART)]
PartName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class PartNotFound(NotFound):
    code = "part_not_found"
    title = "No such part"


class Part(BaseModel):
    """One process of Lumina. Telemetry may run, and yet be `not storing`, as on a full disk, or `not answering`.

    `pss_bytes` is its share of memory, where the system tells it.
    """

    name: str
    state: State
    pid: int | None
    restarts: int
    since: datetime
    pss_bytes: int | None

    @classmethod
    def of(cls, status: PartStatus, state: State | None = None) -> "Part":
        return cls(**{**vars(status), "state": state or status.state})


class Versions(BaseModel):
    """Of Lumina, of Python, and of what the gateway is given."""

    lumina: str
    python: str
    snapshot: str | None


class Overview(BaseModel):
    """How Lumina stands."""

    versions: Versions
    database: str = Field(description="sqlite or postgresql")
    control_url: str
    gateway_url: str
    parts: list[Part]


@router.get("/status", responses=problems(SupervisorUnreachable))
async def read_status(world: WorldDep, _who: Reader) -> Overview:
    """Every process with its state and memory, addresses and versions."""
    snapshot = world.hub.current
    return Overview(
        versions=Versions(
            lumina=version("lumina-platform"), python=python_version(), snapshot=snapshot.version if snapshot else None
        ),
        database=world.database.engine.dialect.name,
        control_url=world.governance.public_url,
        gateway_url=world.gateway_url,
        parts=[Part.of(part, await world.telemetry_state.of(part)) for part in await world.parts.status()],
    )


@router.post("/parts/{name}/restart", status_code=202, responses=problems(PartNotFound, SupervisorUnreachable))
async def restart_part(name: PartName, world: WorldDep, who: Restarter) -> Part:
    """Begin to restart one process. Its callers wait meanwhile, and are not refused."""
    part = await _named(world.parts, name)
    async with world.database.session() as session:
        await ledger.append(session, _restarted(part, who), world.now())
    _in_background(_restart(world.parts, name))
    return part


async def _named(parts: PartsClient, name: str) -> Part:
    known = {part.name: Part.of(part) for part in await parts.status()}
    if name not in known:
        raise PartNotFound(f"There is no part {name}.", next_step=f"There are {', '.join(known)}.")
    return known[name]


def _in_background(work: Coroutine[None, None, None]) -> None:
    """Outside the request: if it is the control plane that restarts, its requests must be able to end."""
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _restart(parts: PartsClient, name: str) -> None:
    try:
        await parts.restart(name)
    except Unavailable as error:
        log.error("part not restarted", part_name=name, error=error.message)


def _restarted(part: Part, who: Principal) -> Change:
    return Change(
        action="part.restarted",
        subject_kind="part",
        subject_id=part.name,
        subject_name=part.name,
        actor=who.actor,
        project_id=None,
        before={"pid": part.pid, "state": part.state},
    )
