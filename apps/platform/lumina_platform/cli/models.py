"""`lumina models`."""

from collections.abc import Mapping

from lumina_platform.cli.flags import HomeFlag, JsonFlag, group

_NANO_PER_MICRO = 1_000  # nano-dollars per token, to dollars per million
PATH = "/api/inference/models"
COLUMNS = {
    "Model": "id",
    "Also": "aliases",
    "For": "kinds",
    "Provider": "backends.provider",
    "Model there": "backends.model",
    "USD per million tokens": "prices",
    "Owner": "owned_by",
}

models = group("models", "Models that the gateway serves.")


@models.command()
def ls(home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """List the models that can be called.

    \b
    Example:
      lumina models ls
    """
    from lumina_platform.cli import client, tables

    rows = client.api(home).rows(PATH)
    tables.show(rows if as_json else [_priced(row) for row in rows], COLUMNS, as_json=as_json)


def _priced(row: Mapping[str, object]) -> dict[str, object]:
    backends = row.get("backends")
    return {**row, "prices": [_price(each) for each in backends] if isinstance(backends, list) else []}


def _price(backend: Mapping[str, float | str | None]) -> str:
    """Input and output price, and where they are from."""
    source = backend.get("price_source")
    if source is None:
        return "not known"
    prices = (backend.get(f"{way}_nano_usd_per_token") for way in ("input", "output"))
    per_million = [f"{float(price) / _NANO_PER_MICRO:g}" for price in prices if price is not None]
    return f"{' / '.join(per_million) or 'by model'} ({source})"
