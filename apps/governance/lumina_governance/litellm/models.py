"""LiteLLM's key requests and answers, as far as Lumina has what they mean. What it has not is refused by name."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from lumina_governance.errors import NotLiteLlms, UnknownDuration
from lumina_governance.keys.models import Key, Metadata, Secret
from lumina_governance.limits.models import LimitsUpdate, PerMinute, Usd
from lumina_governance.litellm import durations
from lumina_governance.projects.models import Label

MOST_KEYS = 100
IGNORED = frozenset({"user_id", "send_invite_email", "tags"})
_NANO_USD = Decimal("1e-9")
_OURS = {
    "models": "models",
    "max_budget": "budget_usd",
    "rpm_limit": "requests_per_minute",
    "tpm_limit": "tokens_per_minute",
}
_ALL_MODELS = frozenset({"all-proxy-models", "all-team-models"})


def _in_nano_usd(given: object) -> object:
    """LiteLLM's budgets are binary floating point: what is below a nano-dollar is noise. "" is none."""
    if given == "":
        return None
    return Decimal(repr(given)).quantize(_NANO_USD) if isinstance(given, float) and abs(given) < 1e18 else given


MaxBudget = Annotated[Usd | None, BeforeValidator(_in_nano_usd)]
KeyOrHash = Annotated[str, Field(min_length=1, max_length=500)]


class LimitFields(BaseModel):
    """The fields of a key that limit it; null or an empty list is no limit."""

    model_config = ConfigDict(frozen=True, extra="allow")

    models: list[str] | None = None
    max_budget: MaxBudget = None
    budget_duration: str | None = None
    rpm_limit: PerMinute | None = None
    tpm_limit: PerMinute | None = None

    def limits(self, *, has_budget: bool) -> LimitsUpdate:
        """As a change of Lumina's limits. `has_budget`: the key has one already. Raises UnknownDuration."""
        if self.max_budget is not None and not self.budget_duration and not has_budget:
            raise UnknownDuration(
                "max_budget needs a budget_duration: budgets here start anew with each UTC day or month.",
                next_step="Send budget_duration 1d or 30d.",
            )
        sent = self.model_fields_set
        given: dict[str, object] = {_OURS[name]: getattr(self, name) for name in sent if name in _OURS}
        if "models" in given:
            given["models"] = _named(self.models)
        if self.budget_duration:
            given["budget_period"] = durations.period(self.budget_duration)
        return LimitsUpdate.model_validate(given)

    def ignored(self) -> list[str]:
        """The fields that were sent and change nothing here. Raises NotLiteLlms for one that would limit or allow."""
        sent = {name for name, value in (self.model_extra or {}).items() if value not in (None, "", [], {}, False)}
        unknown = sorted(sent - IGNORED)
        if unknown:
            raise NotLiteLlms(
                f"Lumina's keys do not take {', '.join(unknown)[:200]}.",
                next_step="Leave it out; limits of several keys together are those of their project.",
            )
        return sorted(sent)


class Generate(LimitFields):
    """`POST /key/generate`."""

    duration: str | None = None
    key_alias: Label | None = None
    key_type: Literal["default", "llm_api"] | None = None
    metadata: Metadata | None = None
    project_id: str | None = None


class Update(LimitFields):
    """`POST /key/update`: what is absent stays."""

    key: KeyOrHash


class Delete(BaseModel):
    """`POST /key/delete`: keys or their hashes, or else aliases."""

    model_config = ConfigDict(frozen=True)

    keys: Annotated[list[KeyOrHash], Field(max_length=MOST_KEYS)] | None = None
    key_aliases: Annotated[list[KeyOrHash], Field(max_length=MOST_KEYS)] | None = None


class Info(BaseModel):
    """A key as LiteLLM shows it. `token_id` is its hash, `key_name` the little of it that may be shown.

    `spend` is the gateway's to fill in.
    """

    model_config = ConfigDict(frozen=True)

    key_name: str
    key_alias: str
    token_id: str
    models: list[str]
    max_budget: float | None
    budget_duration: str | None
    budget_reset_at: datetime | None
    rpm_limit: int | None
    tpm_limit: int | None
    metadata: dict[str, JsonValue]
    expires: datetime | None
    user_id: None = None
    team_id: None = None
    project_id: str
    blocked: bool = False
    spend: float | None = None
    status: Literal["active", "expired", "deleted"]
    created_at: datetime
    created_by: str | None
    lumina_key_id: str

    @classmethod
    def of(cls, key: Key, sha256: str, now: datetime) -> "Info":
        limits = key.limits
        period = limits.budget_period
        return cls(
            key_name=f"sk-...{key.last_four}",
            key_alias=key.name,
            token_id=sha256,
            models=list(limits.models or ()),
            max_budget=None if limits.budget_usd is None else float(limits.budget_usd),
            budget_duration=durations.NAMES[period] if period else None,
            budget_reset_at=durations.reset(period, now) if period else None,
            rpm_limit=limits.requests_per_minute,
            tpm_limit=limits.tokens_per_minute,
            metadata=key.metadata,
            expires=key.expires_at,
            project_id=str(key.project_id),
            status=_status(key, now),
            created_at=key.created_at,
            created_by=str(key.maker_id) if key.maker_id else None,
            lumina_key_id=str(key.id),
        )


class Shown(Info):
    """A key with its secret, in `key`, which is shown this once. `token` is its hash."""

    key: str
    token: str
    lumina_ignored: list[str]

    @classmethod
    def with_secret(cls, key: Key, secret: Secret, ignored: list[str], now: datetime) -> "Shown":
        info = Info.of(key, secret.sha256, now)
        return cls(
            **info.model_dump(exclude={"spend"}),
            spend=0.0,
            key=secret.text,
            token=secret.sha256,
            lumina_ignored=ignored,
        )


def _named(models: list[str] | None) -> list[str] | None:
    return None if not models or _ALL_MODELS.intersection(models) else models


def _status(key: Key, now: datetime) -> Literal["active", "expired", "deleted"]:
    if key.revoked_at is not None:
        return "deleted"
    return "active" if key.is_in_force(now) else "expired"
