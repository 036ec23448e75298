"""The layout of a safetensors file: where each tensor lies, so that a graph can point at it in place."""

import json
from dataclasses import dataclass
from pathlib import Path

_HEADER_LENGTH_BYTES = 8
_HEADER_LIMIT_BYTES = 10_000_000


@dataclass(frozen=True)
class Tensor:
    """One float32 tensor. `offset` counts from the start of the file, in bytes."""

    name: str
    shape: tuple[int, ...]
    offset: int
    size_bytes: int

    def row(self, index: int) -> "Tensor":
        """One row of a matrix, still in place."""
        rows, columns = self.shape
        width = self.size_bytes // rows
        return Tensor(f"{self.name}[{index}]", (columns,), self.offset + index * width, width)


def read_layout(file: Path) -> dict[str, Tensor]:
    """The float32 tensors of the file by name. Raises ValueError if it is no safetensors file."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_HEADER_LENGTH_BYTES), "little")
        if not 2 <= length <= _HEADER_LIMIT_BYTES:
            raise ValueError(f"{file} is not a safetensors file: its header would be {length} bytes long.")
        header = json.loads(stream.read(length))
    start = _HEADER_LENGTH_BYTES + length
    return {name: _tensor(name, entry, start) for name, entry in header.items() if entry.get("dtype") == "F32"}


def _tensor(name: str, entry: dict[str, list[int]], start: int) -> Tensor:
    begin, end = entry["data_offsets"]
    return Tensor(name, tuple(entry["shape"]), start + begin, end - begin)
