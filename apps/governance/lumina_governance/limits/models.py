"""What a key or a project may use: models, requests and tokens per minute, and US dollars per UTC day or month."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from lumina_contracts import snapshot
from lumina_governance.errors import NoBudget

Period = Literal["day", "month"]
NANO_PER_USD = 10**9
MOST_USD = 10**9
MOST_PER_MINUTE = 10**12
MOST_MODELS = 200
_EXACT_DIGITS = 15  # what a JSON number keeps on its way through binary floating point
_WILD = "*"


def _exact(given: object) -> object:
    """A number as its shortest text. One with more digits than it can hold was rounded before it came here."""
    if isinstance(given, bool):
        raise ValueError("a budget is a number of US dollars")
    if not isinstance(given, float):
        return given
    if len(Decimal(repr(given)).as_tuple().digits) > _EXACT_DIGITS:
        raise ValueError(f"more than {_EXACT_DIGITS} digits need quotes: a JSON number rounds them")
    return Decimal(repr(given))


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


Usd = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(ge=0, le=MOST_USD, decimal_places=9),
    PlainSerializer(_plain, return_type=str),
]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x20\x7f*]*\*?$")]
ModelNames = Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=MOST_MODELS)]
PerMinute = Annotated[int, Field(ge=1, le=MOST_PER_MINUTE)]


class Limits(BaseModel):
    """None is no limit. A name in `models` that ends with `*` stands for every model that begins so.

    `budget_period` is there if a budget is: the UTC day or month after which it starts anew.
    """

    model_config = ConfigDict(frozen=True)

    models: ModelNames | None
    requests_per_minute: PerMinute | None
    tokens_per_minute: PerMinute | None
    budget_usd: Usd | None
    budget_period: Period | None

    @property
    def budget_nano_usd(self) -> int | None:
        return None if self.budget_usd is None else int(self.budget_usd * NANO_PER_USD)

    def exceeding(self, other: "Limits") -> list[str]:
        """The names of the limits in which this allows more than the other."""
        looser = {
            "models": not _covers(other.models, self.models),
            "requests_per_minute": _is_above(self.requests_per_minute, other.requests_per_minute),
            "tokens_per_minute": _is_above(self.tokens_per_minute, other.tokens_per_minute),
            "budget_usd": _is_above(self.budget_usd, other.budget_usd),
            "budget_period": other.budget_period == "month" and self.budget_period == "day",
        }
        return [name for name, is_looser in looser.items() if is_looser]

    def for_gateway(self) -> snapshot.Limits:
        """As the snapshot carries them."""
        return snapshot.Limits(
            models=self.models,
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            budget_nano_usd=self.budget_nano_usd,
            budget_period=self.budget_period or "month",
        )

    @classmethod
    def stored(cls, columns: Mapping[str, object]) -> Self:
        """From what the database holds; see `columns`."""
        nano = columns["budget_nano_usd"]
        usd = None if nano is None else Decimal(str(nano)) / NANO_PER_USD
        return cls.model_validate({**columns, "budget_usd": usd})

    def columns(self) -> dict[str, object]:
        """What the database holds: whole nano-dollars."""
        kept = self.model_dump(exclude={"budget_usd", "models"})
        return {**kept, "models": self.models and list(self.models), "budget_nano_usd": self.budget_nano_usd}


UNLIMITED = Limits(models=None, requests_per_minute=None, tokens_per_minute=None, budget_usd=None, budget_period=None)


class LimitsUpdate(BaseModel):
    """Limits to set: what is absent stays, and null takes a limit away. A budget is per month if it names no period."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: ModelNames | None = None
    requests_per_minute: PerMinute | None = None
    tokens_per_minute: PerMinute | None = None
    budget_usd: Usd | None = None
    budget_period: Period | None = None

    def applied(self, before: Limits) -> Limits:
        """The limits as changed. Raises NoBudget."""
        after = before.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})
        if after.budget_usd is not None:
            return after.model_copy(update={"budget_period": after.budget_period or "month"})
        if self.budget_period is not None:
            raise NoBudget(
                f"There is no budget that could start anew each {self.budget_period}.",
                next_step="Give budget_usd with budget_period.",
            )
        return after.model_copy(update={"budget_period": None})


def _is_above(mine: Decimal | int | None, other: Decimal | int | None) -> bool:
    return other is not None and (mine is None or mine > other)


def _covers(wide: Iterable[str] | None, narrow: Iterable[str] | None) -> bool:
    """Whether every model of `narrow` is one of `wide`."""
    if wide is None or narrow is None:
        return wide is None
    return all(any(_stands_for(entry, name) for entry in wide) for name in narrow)


def _stands_for(entry: str, name: str) -> bool:
    return name.startswith(entry[:-1]) if entry.endswith(_WILD) else name == entry
