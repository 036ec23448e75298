"""Limits of keys and projects as flags, and as people read them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, cast

import typer

Row = Mapping[str, object]


class Limit(StrEnum):
    """What `--remove` takes away."""

    MODELS = "models"
    RPM = "rpm"
    TPM = "tpm"
    BUDGET = "budget"


FIELDS = {
    Limit.MODELS: "models",
    Limit.RPM: "requests_per_minute",
    Limit.TPM: "tokens_per_minute",
    Limit.BUDGET: "budget_usd",
}

ModelsFlag = Annotated[
    list[str] | None,
    typer.Option("--model", help="A model or alias that it may use, or 'prefix/*'; repeatable. Default: all."),
]
RpmFlag = Annotated[int | None, typer.Option("--rpm", min=1, help="Requests per minute.", show_default=False)]
TpmFlag = Annotated[int | None, typer.Option("--tpm", min=1, help="Tokens per minute.", show_default=False)]
BudgetFlag = Annotated[
    str | None,
    typer.Option("--budget", help="US dollars per UTC day or month, as 5/day or 12.50/month.", show_default=False),
]
RemoveFlag = Annotated[list[Limit] | None, typer.Option("--remove", help="A limit to take away; repeatable.")]


def body(
    models: list[str] | None,
    rpm: int | None,
    tpm: int | None,
    budget: str | None,
    remove: list[Limit] | None = None,
) -> dict[str, object]:
    """The limits that the flags name, as the API takes them. Raises BadParameter."""
    given: dict[str, object] = {"models": models or None, "requests_per_minute": rpm, "tokens_per_minute": tpm}
    named = {name: value for name, value in given.items() if value is not None} | _budget(budget)
    removed = {FIELDS[limit]: None for limit in remove or ()}
    both = sorted(limit for limit, name in FIELDS.items() if name in named and name in removed)
    if both:
        raise typer.BadParameter(f"{', '.join(both)} cannot be set and removed at once.")
    return {**named, **removed}


def change(
    models: list[str] | None, rpm: int | None, tpm: int | None, budget: str | None, remove: list[Limit] | None
) -> dict[str, object]:
    """The body of a change, which must change something. Raises BadParameter."""
    limits = body(models, rpm, tpm, budget, remove)
    if not limits:
        raise typer.BadParameter("Name a limit: --model, --rpm, --tpm, --budget or --remove.")
    return {"limits": limits}


def readable(row: Row) -> Row:
    """The row with its limits in a few words."""
    limits = cast("Row", row.get("limits") or {})
    models, budget = cast("list[str] | None", limits.get("models")), limits.get("budget_usd")
    told = (
        f"models {', '.join(models)}" if models else None,
        _per_minute(limits.get("requests_per_minute"), "requests"),
        _per_minute(limits.get("tokens_per_minute"), "tokens"),
        f"{budget} USD per {limits.get('budget_period')}" if budget is not None else None,
    )
    return {**row, "limits": "; ".join(filter(None, told)) or None}


def _per_minute(count: object, what: str) -> str | None:
    return f"{count:,} {what} per minute" if isinstance(count, int) else None


def _budget(text: str | None) -> dict[str, object]:
    if text is None:
        return {}
    amount, slash, period = text.partition("/")
    try:
        usd = Decimal(amount.strip().removeprefix("$"))
    except InvalidOperation:
        usd = Decimal(-1)
    if not (usd.is_finite() and usd >= 0) or (slash and period not in {"day", "month"}):
        raise typer.BadParameter(f"{text!r} is no budget; write it as 5/day or 12.50/month.")
    return {"budget_usd": format(usd, "f"), "budget_period": period or "month"}
