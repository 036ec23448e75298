"""Refusals of the limits, as OpenAI's clients expect them."""

from lumina_inference.gateway.errors import ApiError


class RateLimited(ApiError):
    """Too many requests or tokens in this minute."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class BudgetSpent(ApiError):
    """What has been spent reaches the budget: nothing more until it starts anew."""

    status = 429
    type = "insufficient_quota"
    code = "budget_exceeded"


class BudgetReserved(ApiError):
    """What is left of the budget is reserved by requests in flight."""

    status = 429
    type = "rate_limit_error"
    code = "budget_reserved"


class LimitsUnavailable(ApiError):
    """Nobody knows what has been spent, since the store of the limits is away."""

    status = 503
    code = "limits_unavailable"
