"""What an id leads to, as people read it. It imports Rich."""

from collections.abc import Mapping, Sequence
from typing import cast

from lumina_platform.cli import tables
from lumina_platform.cli.client import Row
from lumina_platform.cli.units import count, exact_dollars, seconds
from lumina_platform.cli.waterfall import moment

FIELDS = {
    "Matched by": "matched",
    "At": "at",
    "Status": "status",
    "Error": "error",
    "Took": "took",
    "Route": "route",
    "Backend": "backend",
    "Provider": "provider",
    "Model asked for": "request_model",
    "Model": "response_model",
    "Model version": "model_version",
    "Model file": "model_sha256",
    "Quantization": "model_quantization",
    "Prompt's hash": "prompt_sha256",
    "Tokens": "tokens",
    "Cost": "cost",
    "Key": "key",
    "Project": "project",
    "Request": "request_id",
    "Answer": "response_id",
    "Trace": "trace_id",
    "Snapshot": "snapshot_version",
    "Configuration": "config_sha256",
}
ENTRIES = {"No.": "number", "At": "at", "What": "what", "Of": "of", "By": "who", "Why": "why", "Hash": "hash"}


def show(rows: Sequence[Row]) -> None:
    """Each request in lines, and the changes behind it as a table."""
    out = tables.console()
    for place, row in enumerate(rows):
        if place:
            out.rule(style="dim")
        tables.show_fields(_readable(row), FIELDS, as_json=False)
        entries = [{**entry, "hash": str(entry["hash"])[:12]} for entry in cast("Sequence[Row]", row["ledger"])]
        out.print("\n[bold]Behind it in the audit log[/bold]")
        tables.show(entries, ENTRIES, as_json=False, empty="Nothing: no change is known of what served it.")


def _readable(row: Row) -> Row:
    http, kind = row["http_status"], row["error_type"]
    state = "error" if row["status"] == "error" else "ok"
    told = " ".join(str(part) for part in (state, http, kind) if part)
    return {
        **row,
        "status": told,
        "at": moment(row["at"]),
        "matched": str(row["matched"]).replace("_", " "),
        "took": seconds(cast("float", row["duration_ms"]) / 1000),
        "tokens": _tokens(row),
        "cost": None if row["cost_nano_usd"] is None else exact_dollars(cast("int", row["cost_nano_usd"])),
        "key": _named(row["key"]),
        "project": _named(row["project"]),
    }


def _tokens(row: Row) -> str | None:
    inward, outward = (cast("int | None", row[f"{side}_tokens"]) for side in ("input", "output"))
    if inward is None and outward is None:
        return None
    estimated = " (counted by the gateway)" if row["usage_estimated"] else ""
    return f"{count(inward or 0)} in, {count(outward or 0)} out{estimated}"


def _named(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    return f"{value['name']} ({value['id']})" if value["name"] else str(value["id"])
