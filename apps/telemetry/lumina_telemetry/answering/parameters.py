"""Parameters of lists. One that is not known is refused: a misspelt filter would silently find too much."""

from collections.abc import Mapping

from lumina_telemetry.errors import BadQuery

PAGE, MOST = 100, 500


def known(query: Mapping[str, str], *names: str) -> None:
    """Raises BadQuery for a parameter that is not one of these."""
    for name in query:
        if name not in names:
            raise BadQuery(f"{name[:60]!r} is not a parameter here.", next_step=f"Known: {', '.join(names)}.")


def limit(query: Mapping[str, str]) -> int:
    """How many rows a page has. Raises BadQuery."""
    text = query.get("limit", str(PAGE))
    if not text.isdecimal() or len(text) > len(str(MOST)) or not 1 <= int(text) <= MOST:
        raise BadQuery(f"limit is {text[:60]!r}.", next_step=f"Give a whole number from 1 to {MOST}.")
    return int(text)


def choice(query: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str | None:
    """One of few words. Raises BadQuery."""
    text = query.get(name)
    if text is not None and text not in choices:
        raise BadQuery(f"{name} is {text[:60]!r}.", next_step=f"Give one of {', '.join(choices)}.")
    return text
