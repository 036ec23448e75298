"""The routes of the models embedded in Lumina: there with any configuration, and with none."""

from msgspec import json

from lumina_contracts.snapshot import Backend, Route

MINILM = "lumina/minilm"
EXTRACTIVE = "lumina/extractive"
URL = "http://embedded/v1"
SOCKET = "embedded.sock"
PART = "embedded"
MINILM_VERSION = "all-MiniLM-L6-v2@1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
EXTRACTIVE_VERSION = "1"
RELEASED = 1_795_132_800  # 20 November 2026 UTC, as /v1/models shows it


def embedded_routes() -> tuple[Route, ...]:
    """`lumina/minilm` for embeddings, `lumina/extractive` for chat and completions. Both run on MiniLM's weights."""
    return (
        _route(MINILM, MINILM_VERSION, ("embedding",)),
        _route(EXTRACTIVE, f"{EXTRACTIVE_VERSION} on {MINILM_VERSION}", ("chat", "completion")),
    )


def _route(name: str, version: str, kinds: tuple[str, ...]) -> Route:
    backend = Backend(
        id=name.replace("/", "-"),
        provider="lumina",
        model=name,
        url=URL,
        socket=SOCKET,
        translation=json.encode({"model": f"openai/{name}", "socket": SOCKET}).decode(),
        part=PART,
        model_version=version,
        model_sha256=MINILM_SHA256,
        quantization="none (float32)",
        input_nano_usd_per_token=0.0,
        output_nano_usd_per_token=0.0,
        price_source="runs here",
    )
    return Route(name=name, backends=(backend,), kinds=kinds, created=RELEASED)
