"""What OTLP intake takes out of spans, log records and metrics, as one page of Markdown."""

from lumina_telemetry.intake.content import TABLE, Convention
from tools.reference.tables import page, table


def stripped_content() -> str:
    intro = (
        "Names under which the conventions put prompts, answers and other words of people. OTLP intake takes them out "
        "before anything is stored or passed on, and counts them in `lumina_telemetry_content_stripped_total`. A "
        "project that captures content gets them in its encrypted content store, everybody else loses them. "
        "`*` stands for anything."
    )
    exceptions = (
        "Texts of exceptions go on every span and log record, since providers quote the prompt in their errors and an "
        "exception passes through all spans around the call. The type stays, and of a stack trace the lines that name "
        "a place in the code. Of a span's status message the type at its beginning stays."
    )
    return page("Content that intake takes out", intro, *map(_section, TABLE), exceptions)


def _section(convention: Convention) -> str:
    kinds = (("attribute", convention.attributes), ("event", convention.events), ("kept", convention.kept))
    rows = [(kind, f"`{name}`") for kind, names in kinds for name in sorted(names)]
    return f"## {convention.title}\n\nCounted as `{convention.name}`.\n\n" + table(["what", "name"], rows)
