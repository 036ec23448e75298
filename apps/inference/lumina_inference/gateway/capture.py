"""What is said in one request of a project that captures, within the memory that there is for it."""

from msgspec import Struct, field


class Room:
    """The bytes that captured content may take in this process, of open requests and of those that wait."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, wanted: int) -> int:
        """So many of the wanted bytes are there."""
        granted = min(wanted, self._left)
        self._left -= granted
        return granted

    def give(self, size: int) -> None:
        """They are free again."""
        self._left += size


class Content(Struct, eq=False):
    """Filled in as the request is served. The sizes are those of the whole, also of what had to be cut."""

    room: Room
    most: int
    request: bytes = b""
    request_bytes: int = 0
    answer: bytearray = field(default_factory=bytearray)
    answer_bytes: int = 0
    _is_cut: bool = False

    def asked(self, body: bytes) -> None:
        """The body of the request, as the caller sent it."""
        self.request_bytes = len(body)
        self.request = body[: self.room.take(min(len(body), self.most))]

    def answered(self, data: bytes) -> None:
        """The next part of the answer, as the caller gets it."""
        self.answer_bytes += len(data)
        if self._is_cut:
            return
        granted = self.room.take(min(len(data), self.most - len(self.answer)))
        self.answer += data[:granted]
        self._is_cut = granted < len(data)
