"""The model cards of the embedded models, as Markdown."""

from functools import cache
from importlib.resources import files

from lumina_inference.config.embedded_routes import EXTRACTIVE, MINILM

_FILES = {MINILM: "minilm.md", EXTRACTIVE: "extractive.md"}


@cache
def card_of(model: str) -> str | None:
    """The card of an embedded model; others have none."""
    if model not in _FILES:
        return None
    return files("lumina_inference").joinpath("embedded", "cards", _FILES[model]).read_text(encoding="utf-8")
