import os
import socket
import threading

import pytest

from lumina_kit.lifeline import Lifeline


def test_without_a_starter_nothing_is_watched_and_nothing_fails() -> None:
    line = Lifeline.from_environment({})

    line.ready()
    line.leaving()
    line.watch(lambda: None)

    assert line.descriptors == ()


def test_ready_and_leaving_reach_the_direct_starter_only() -> None:
    starter, child = socket.socketpair()
    grandparent, passed_on = socket.socketpair()
    grandparent.setblocking(False)

    line = Lifeline.from_environment({"LUMINA_LIFELINE_FD": f"{child.fileno()},{passed_on.fileno()}"})
    line.ready()
    line.leaving()

    assert starter.recv(64) == b"ready\nleaving\n"
    with pytest.raises(BlockingIOError):
        grandparent.recv(64)


def test_telling_a_starter_that_is_gone_does_not_fail() -> None:
    starter, child = socket.socketpair()
    starter.close()

    Lifeline((child.fileno(),)).ready()


def test_the_descriptors_do_not_leak_into_programs_that_are_started_otherwise() -> None:
    _starter, child = socket.socketpair()
    os.set_inheritable(child.fileno(), True)

    Lifeline.from_environment({"LUMINA_LIFELINE_FD": str(child.fileno())})

    assert not os.get_inheritable(child.fileno())


def test_nothing_happens_while_the_starter_lives() -> None:
    _starter, child = socket.socketpair()
    stopped = threading.Event()

    Lifeline((child.fileno(),)).watch(stopped.set)

    assert not stopped.wait(0.1)
    # The watcher stays with its socket; both go with this process.
    child.detach()
    _starter.detach()
