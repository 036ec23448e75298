"""A model server that repeats what it was asked in all that it says, and a receiver of exports."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

SLOW_SECONDS = 0.2
MODES = ("echo", "refuse", "fail", "limited", "nonsense", "failed-in-200", "slow", "cut", "failed-in-stream", "gone")
_STATUSES = {"refuse": 400, "fail": 500, "limited": 429}
_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


class _Repeating(BaseHTTPRequestHandler):
    """What to do is in the model's name. Every word of the answer is from the request, its headers too."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0)).decode(errors="replace")
        asked = json.loads(raw)
        mode, stream = str(asked.get("model", "")).rpartition("/")[2], bool(asked.get("stream"))
        if mode == "gone":
            self.close_connection = True
        elif mode == "slow":
            time.sleep(SLOW_SECONDS * 3)
        elif mode in _STATUSES:
            self._whole({"error": _error(raw)}, raw, status=_STATUSES[mode])
        elif mode == "nonsense":
            self._send(f"<html>{raw}</html>".encode(), raw, "text/html")
        elif mode == "failed-in-200":
            self._whole({"error": _error(raw)}, raw)
        elif stream:
            self._events(mode, raw)
        else:
            self._whole(_answer(self.path, raw), raw, cut=mode == "cut")

    def _whole(self, body: dict[str, Any], raw: str, *, status: int = 200, cut: bool = False) -> None:
        self._send(json.dumps(body).encode(), raw, "application/json", status, cut=cut)

    def _send(self, body: bytes, raw: str, media: str, status: int = 200, *, cut: bool = False) -> None:
        self._head(raw, media, status, {"content-length": str(len(body))})
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    def _head(self, raw: str, media: str, status: int, more: dict[str, str]) -> None:
        said = raw.encode("ascii", "ignore").decode()[:500]
        self.send_response(status)
        for name, value in {"content-type": media, "x-request-id": said, "openai-version": said, **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def _events(self, mode: str, raw: str) -> None:
        self._head(raw, "text/event-stream", 200, {"connection": "close"})
        self.close_connection = True
        self._event(_chunk(raw, {"role": "assistant", "content": raw}, None))
        if mode == "cut":
            return
        if mode == "failed-in-stream":
            self._event({"error": _error(raw)})
            return
        self._event(_chunk(raw, {}, raw))
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, body: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(body).encode() + b"\n\n")

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


def _error(raw: str) -> dict[str, str]:
    return {"message": raw, "type": raw, "code": raw, "param": raw}


def _chunk(raw: str, delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": raw, "object": "chat.completion.chunk", "created": 1, "model": raw, "choices": choices}


def _answer(path: str, raw: str) -> dict[str, Any]:
    head = {"id": raw, "created": 1, "model": raw, "usage": _USAGE}
    if path.endswith("/embeddings"):
        return head | {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    if path.endswith("/responses"):
        said = {"type": "output_text", "text": raw, "annotations": []}
        output = [{"type": "message", "id": raw, "role": "assistant", "status": raw, "content": [said]}]
        return head | {"object": "response", "status": "completed", "output": output}
    message = {"role": "assistant", "content": raw}
    choices = [{"index": 0, "message": message, "text": raw, "finish_reason": raw}]
    return head | {"object": "chat.completion", "choices": choices}


@dataclass
class Receiver:
    """What came by OTLP, unpacked."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def repeating_backend() -> Iterator[str]:
    """The address of one."""
    with _serving(_Repeating) as url:
        yield f"{url}/v1"


@contextmanager
def receiver() -> Iterator[Receiver]:
    """An OTLP receiver that keeps everything."""
    kept = Receiver()

    class Keeping(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]  # as in the standard library

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            kept.bodies.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with _serving(Keeping) as kept.url:
        yield kept


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
