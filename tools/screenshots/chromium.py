"""Chromium by its DevTools protocol over two pipes: no driver, no port, standard library only."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip
WAIT_SECONDS = 30


class PageBroken(Exception):
    """A page did not show what was waited for."""


def program() -> str | None:
    """The path of a Chromium, if there is one."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One tab. `headers` go with each request, such as a credential."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, os.fdopen(receive, "rb")
        self._numbers = itertools.count(1)
        self._buffer = b""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Network", "Page", "Runtime"):
            self._in_tab(f"{domain}.enable")

    def headers(self, headers: dict[str, str]) -> None:
        self._in_tab("Network.setExtraHTTPHeaders", headers=headers)

    def size(self, width: int, height: int) -> None:
        """In CSS pixels; a narrow one is a phone."""
        self._in_tab(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def show(self, address: str, selector: str) -> None:
        """Open the page and wait until something matches the CSS selector. Raises PageBroken."""
        self._in_tab("Page.navigate", url=address)
        asked = f"!!document.querySelector({json.dumps(selector)})"
        deadline = time.monotonic() + WAIT_SECONDS
        while not self._value(asked):
            if time.monotonic() > deadline:
                raise PageBroken(f"{address} shows no `{selector}`: {self._value('document.body.innerText')!r:.300}")
            time.sleep(0.1)

    def picture(self) -> bytes:
        """PNG of what is visible."""
        return base64.b64decode(self._in_tab("Page.captureScreenshot", format="png")["data"])

    def _value(self, expression: str) -> Any:
        answer = self._in_tab("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    def _in_tab(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._call(method, self._session, **parameters)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                if "error" in answer:
                    raise PageBroken(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = os.read(self._receive.fileno(), 1 << 16)
            if not more:
                raise PageBroken("Chromium has gone.")
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    """A Chromium with an empty profile, which ends with the block."""
    commands, answers = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="lumina-chromium-", ignore_cleanup_errors=True) as profile:
        # it reads its commands from descriptor 3 and answers on 4
        shell = f'exec 3<&{commands[0]} 4>&{answers[1]}; exec "$0" "$@"'
        argv = ["sh", "-c", shell, path, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(argv, pass_fds=(commands[0], answers[1]), stderr=subprocess.DEVNULL)
        os.close(commands[0])
        os.close(answers[1])
        try:
            yield Browser(commands[1], answers[0])
        finally:
            process.terminate()
            process.wait(10)
            os.close(commands[1])
