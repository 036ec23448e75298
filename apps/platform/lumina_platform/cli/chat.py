"""`lumina chat`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lumina_platform.cli.errors import UnreadableFile
from lumina_platform.cli.flags import HomeFlag

MOST_CONTEXT_BYTES = 4 * 1024 * 1024
TRACE = {
    "Trace id": "trace_id",
    "Request id": "request_id",
    "Route": "route",
    "Backend": "backend",
    "Model version": "model_version",
    "First token": "first_token",
    "Duration": "duration",
    "Tokens in": "tokens_in",
    "Tokens out": "tokens_out",
}


def chat(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    model: Annotated[str, typer.Option(help="A model or route of the gateway.")] = "lumina/extractive",
    context: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Text file that the answer may draw on.", show_default=False),
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Print what happened to the request, too.")] = False,
    home: HomeFlag = None,
) -> None:
    """Ask a model through the gateway, and print the answer as it comes.

    \b
    Example:
      lumina chat "Which port does the gateway use?" --context README.md --trace
    """
    from lumina_platform.cli import conversation, tables
    from lumina_platform.cli.target import find_target

    asked = conversation.Question(question, model, _text_of(context) if context else None)
    told = conversation.ask(find_target(home), asked, _write)
    _write("\n")
    if trace:
        _write("\n")
        tables.show_fields(told.shown(), TRACE, as_json=False)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _text_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            read = opened.read(MOST_CONTEXT_BYTES + 1)
        if len(read) > MOST_CONTEXT_BYTES:
            raise UnreadableFile(f"{file} has more than {MOST_CONTEXT_BYTES} bytes.", next_step="Give a shorter text.")
        return read.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{file} is not readable text: {error}.", next_step="Give a text file in UTF-8.") from None
