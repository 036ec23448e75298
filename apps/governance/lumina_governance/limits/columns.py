"""The columns of a table whose rows have limits."""

from sqlalchemy import JSON, BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from lumina_governance.limits.models import Limits


class LimitsColumns:
    """Null is no limit; money is whole nano-dollars."""

    models: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    requests_per_minute: Mapped[int | None] = mapped_column(BigInteger)
    tokens_per_minute: Mapped[int | None] = mapped_column(BigInteger)
    budget_nano_usd: Mapped[int | None] = mapped_column(BigInteger)
    budget_period: Mapped[str | None] = mapped_column(String(5))

    @property
    def limits(self) -> Limits:
        return Limits.stored(
            {
                "models": self.models,
                "requests_per_minute": self.requests_per_minute,
                "tokens_per_minute": self.tokens_per_minute,
                "budget_nano_usd": self.budget_nano_usd,
                "budget_period": self.budget_period,
            }
        )

    def set_limits(self, limits: Limits) -> None:
        for name, value in limits.columns().items():
            setattr(self, name, value)
