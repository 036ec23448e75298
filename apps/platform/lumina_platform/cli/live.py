"""A table that is drawn anew until q or Ctrl-C. It imports Rich: `lumina gateway top` imports it where it prints."""

import contextlib
import select
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from lumina_kit.errors import LuminaError
from lumina_platform.cli.board import board
from lumina_platform.cli.tables import console
from lumina_platform.cli.watching import Watched

END = "q or Ctrl-C ends it."


def show_once(watched: Watched) -> None:
    """Print it as it is now."""
    out = console()
    out.print(board(watched.state(), watched.address, out.width))


def show(watched: Watched, interval: float) -> None:
    """Draw it every `interval` seconds; a gateway that does not answer is asked again."""
    out = console()
    first = board(watched.state(), watched.address, out.width)  # a refusal ends the command before the screen changes
    with contextlib.suppress(KeyboardInterrupt), _keys() as has_keys, Live(console=out, screen=True) as screen:
        screen.update(_framed(first), refresh=True)
        while not _asked_to_end(interval, has_keys=has_keys):
            screen.update(_framed(_now(watched, out)), refresh=True)


def _now(watched: Watched, out: Console) -> RenderableType:
    try:
        return board(watched.state(), watched.address, out.width)
    except LuminaError as error:
        return Text(f"{error.message} It is asked again.", "yellow")


def _framed(content: RenderableType) -> RenderableType:
    return Group(content, "", Text(END, "dim"))


@contextmanager
def _keys() -> Iterator[bool]:
    """Each key is read as it is pressed, and not echoed; false where no terminal is read from."""
    if not sys.stdin.isatty():
        yield False
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield True
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _asked_to_end(seconds: float, *, has_keys: bool) -> bool:
    """Wait for q, this long."""
    if not has_keys:
        threading.Event().wait(seconds)
        return False
    pressed, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(pressed) and sys.stdin.read(1) in ("q", "Q", "")
