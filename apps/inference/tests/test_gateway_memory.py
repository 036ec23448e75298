import asyncio
import threading

from lumina_inference.gateway.memory import Trimmer, heap_trim


async def test_heap_is_trimmed_once_after_many_large_bodies_and_off_the_loop() -> None:
    trimmed: list[int] = []
    done = threading.Event()

    def trim() -> None:
        trimmed.append(threading.get_ident())
        done.set()

    trimmer = Trimmer(trim, seconds=0)
    for _ in range(5):
        trimmer.released(2_000_000)
    assert await asyncio.to_thread(done.wait, 10)

    assert len(trimmed) == 1
    assert trimmed[0] != threading.get_ident()


async def test_small_bodies_and_another_c_library_change_nothing() -> None:
    def fail() -> None:
        raise AssertionError("nothing to trim")

    Trimmer(fail, seconds=0).released(1_000)
    Trimmer(None, seconds=0).released(2_000_000)
    await asyncio.sleep(0)


def test_what_trims_the_heap_can_be_called_where_there_is_one() -> None:
    trim = heap_trim()

    assert trim is None or trim() in {0, 1}
