"""What Lumina's processes log is stored once, through full files, restarts and floods."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.telemetry.tests.store_world import NOON, World, open_world
from lumina_telemetry.journal import Follower
from lumina_telemetry.journal.reader import READ_BYTES


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "lumina.log"


Following = Callable[[], Follower]


@pytest.fixture
def following(world: World, log: Path) -> Iterator[Following]:
    """Starts a follower, after the end of the one before."""
    started: list[Follower] = []

    def start() -> Follower:
        close()
        kept = world.file.with_name("journal.json")
        started.append(Follower(log, kept, world.pending, world.settings, world.measures, now_ns=lambda: NOON))
        return started[-1]

    def close() -> None:
        for each in started:
            each.close()

    yield start
    close()


def line(event: str, **fields: object) -> str:
    told = {"timestamp": "2026-01-02T03:04:05.000006Z", "level": "info", "part": "control", "event": event, **fields}
    return json.dumps(told) + "\n"


def write(log: Path, *lines: str) -> None:
    with log.open("a") as file:
        file.writelines(lines)


def overwrite(log: Path, *lines: str) -> None:
    log.write_text("".join(lines))


def renamed(log: Path) -> None:
    """As the supervisor does when the file is full."""
    for number in range(4, 0, -1):
        before = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if before.exists():
            before.replace(log.with_name(f"{log.name}.{number}"))


async def followed(world: World, follower: Follower) -> list[str]:
    """All that is stored once the follower has caught up."""
    while await follower.step():
        pass
    await world.pending.flush()
    while await follower.step():
        pass
    return [row[0] for row in await world.rows("SELECT body FROM logs ORDER BY rowid")]


async def one(world: World, log: Path, following: Following, text: str) -> dict[str, Any]:
    """The record that one line becomes."""
    write(log, text)
    await followed(world, following())
    names = "time_ns, severity, service, scope, body, ours, project, trace_lo, span_id, attributes"
    [row] = await world.rows(f"SELECT {names} FROM logs")
    return dict(zip(names.split(", "), row, strict=True))


async def test_a_line_becomes_a_record_with_its_part_as_the_service(
    world: World, log: Path, following: Following
) -> None:
    text = line("went wrong", level="error", module="a.b", path="/x", n=3, trace_id=f"{7:032x}", span_id=f"{8:016x}")

    record = await one(world, log, following, text)

    assert record == {
        "time_ns": 1_767_323_045_000_006_000, "severity": 17, "service": "lumina-control", "scope": "a.b",
        "body": "went wrong", "ours": True, "project": None, "trace_lo": 7, "span_id": 8,
        "attributes": '{"path":"/x","n":3}',
    }  # fmt: skip


@pytest.mark.parametrize("text", ["Traceback\n", '{"torn\n', "[1]\n", '{"timestamp": "soon", "event": {"a": 1}}\n'])
async def test_a_line_of_any_kind_is_kept_as_text_with_the_time_of_now(
    world: World, log: Path, following: Following, text: str
) -> None:
    record = await one(world, log, following, text)

    assert record["time_ns"] == NOON
    assert record["body"] in (text.rstrip(), '{"a":1}')


async def test_a_clock_that_is_ahead_does_not_date_a_record_into_the_future(
    world: World, log: Path, following: Following
) -> None:
    record = await one(world, log, following, line("later", timestamp="2099-01-01T00:00:00Z"))

    assert record["time_ns"] == NOON


async def test_the_traceback_of_an_error_is_an_attribute(world: World, log: Path, following: Following) -> None:
    record = await one(world, log, following, line("bad", exception="Traceback:\nValueError"))

    assert json.loads(record["attributes"]) == {"exception.stacktrace": "Traceback:\nValueError"}


async def test_requests_of_the_gateway_are_left_to_their_spans(world: World, log: Path, following: Following) -> None:
    write(log, '{"part":"gateway","module":"gateway.access","event":"request"}\n', line("other"))

    assert await followed(world, following()) == ["other"]


async def test_what_is_written_while_a_file_is_put_aside_comes_in_order(
    world: World, log: Path, following: Following
) -> None:
    follows = following()
    write(log, line("1"))
    await followed(world, follows)

    write(log, line("2"))
    renamed(log)
    write(log, line("3"))
    renamed(log)
    write(log, line("4"))

    assert await followed(world, follows) == ["1", "2", "3", "4"]


async def test_a_restart_goes_on_where_the_last_one_had_stored_also_in_an_older_file(
    world: World, log: Path, following: Following
) -> None:
    write(log, line("1"), line("2"))
    await followed(world, following())
    write(log, line("3"))
    renamed(log)
    write(log, line("4"))

    assert await followed(world, following()) == ["1", "2", "3", "4"]


async def test_what_was_read_but_not_stored_is_read_again_after_a_restart(
    world: World, log: Path, following: Following
) -> None:
    write(log, line("1"))
    await followed(world, following())
    write(log, line("2"))
    await following().step()

    await world.reopen()

    assert await followed(world, following()) == ["1", "2"]


async def test_what_is_flushed_after_the_end_is_not_read_again(world: World, log: Path, following: Following) -> None:
    write(log, line("1"))
    ended = following()
    await ended.step()
    ended.close()
    await world.pending.flush()

    assert await followed(world, following()) == ["1"]


async def test_another_file_under_the_same_number_is_not_taken_for_ours(
    world: World, log: Path, following: Following
) -> None:
    write(log, line("1"), line("2"))
    await followed(world, following())
    overwrite(log, line("3"), line("4"), line("5"))

    assert await followed(world, following()) == ["1", "2", "3", "4", "5"]


async def test_an_emptied_file_is_read_from_its_beginning(world: World, log: Path, following: Following) -> None:
    follows = following()
    write(log, line("1"), line("2"))
    await followed(world, follows)

    overwrite(log, line("3"))

    assert await followed(world, follows) == ["1", "2", "3"]


async def test_a_line_that_is_not_finished_waits_for_its_end(world: World, log: Path, following: Following) -> None:
    follows = following()
    whole = line("whole")
    write(log, whole[:20])
    assert await followed(world, follows) == []

    write(log, whole[20:])

    assert await followed(world, follows) == ["whole"]


async def test_a_line_without_end_is_cut_and_the_rest_goes_on(world: World, log: Path, following: Following) -> None:
    write(log, "x" * (READ_BYTES + 10) + "\n", line("after"))

    bodies = await followed(world, following())

    assert [len(body) for body in bodies] == [world.settings.log_chars, 10, len("after")]


async def test_a_flood_is_bounded_and_what_is_left_out_is_counted(
    world: World, log: Path, following: Following
) -> None:
    write(log, *[line(str(number)) for number in range(15_000)])

    bodies = await followed(world, following())

    lost = world.count("dropped", signal="logs", reason="journal_rate")
    assert 10_000 <= len(bodies) < 15_000
    assert lost == 15_000 - len(bodies)


async def test_a_missing_log_is_waited_for(world: World, log: Path, following: Following) -> None:
    follows = following()
    assert await followed(world, follows) == []

    write(log, line("first"))

    assert await followed(world, follows) == ["first"]
