"""`python -m tools.prices` writes the price table of the gateway's configuration from the installed LiteLLM library.

`--wheel FILE` takes that wheel instead. Only what the gateway needs stays: models that answer text or
embeddings, their prices and limits.
"""

import argparse
import datetime as dt
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "apps/inference/lumina_inference/config/prices.json"
SOURCE = "litellm/model_prices_and_context_window_backup.json"
COLUMNS = ("input", "output", "cached_input", "max_input_tokens", "max_output_tokens", "mode")
MODES = frozenset({"chat", "completion", "embedding", "responses"})
_COSTS = ("input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost")
_FAMILIES = ("vertex_ai", "fireworks_ai", "bedrock")
_NANO = 1_000_000_000


def main() -> int:
    options = _options()
    version, text = _from_wheel(options.wheel) if options.wheel else _installed()
    if not text:
        print("litellm is not installed; install it, or name its wheel with --wheel.", file=sys.stderr)
        return 1
    TARGET.write_text(rendered(json.loads(text), version, options.date))
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes from litellm {version}")
    return 0


def rendered(prices: Mapping[str, Mapping[str, Any]], version: str, date: str) -> str:
    """The table as JSON, one provider to a line. Prices are in nano-dollars per token."""
    providers: dict[str, dict[str, list[Any]]] = {}
    for provider, model, row in _rows(prices):
        providers.setdefault(provider, {}).setdefault(model, row)
    head = {"source": f"litellm {version}, {SOURCE}, MIT", "date": date, "unit": "nano-USD per token"}
    lines = [f'"{name}":{_compact(rows)}' for name, rows in sorted(providers.items())]
    return _compact(head | {"columns": COLUMNS})[:-1] + ',"providers":{\n' + ",\n".join(lines) + "\n}}\n"


def _rows(prices: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, list[Any]]]:
    for key, entry in sorted(prices.items()):
        costs = [_nano(entry.get(name)) for name in _COSTS]
        if entry.get("mode") not in MODES or (costs[0] is None and costs[1] is None):
            continue
        provider = _provider(str(entry["litellm_provider"]))
        prefix, slash, rest = key.partition("/")
        model = rest if slash and _provider(prefix) == provider else key
        limits = [_count(entry.get("max_input_tokens")), _count(entry.get("max_output_tokens"))]
        yield provider, model, [*costs, *limits, entry["mode"]]


def _provider(name: str) -> str:
    return next((family for family in _FAMILIES if name.startswith((f"{family}-", f"{family}_"))), name)


def _nano(cost: object) -> float | int | None:
    if not isinstance(cost, int | float):
        return None
    nano = round(cost * _NANO, 4)
    return int(nano) if nano == int(nano) else nano


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and value > 0 else None


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def _installed() -> tuple[str, str | None]:
    try:
        found = distribution("litellm")
    except PackageNotFoundError:
        return "", None
    return found.version, Path(str(found.locate_file(SOURCE))).read_text()


def _from_wheel(file: Path) -> tuple[str, str]:
    with zipfile.ZipFile(file) as wheel:
        return file.name.split("-")[1], wheel.read(SOURCE).decode()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--date", default=dt.datetime.now(dt.UTC).date().isoformat())
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
