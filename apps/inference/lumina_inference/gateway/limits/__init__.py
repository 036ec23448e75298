"""Rate limits and budgets of keys and projects, shared by all gateway processes."""

from lumina_inference.gateway.limits.configured import ConfiguredStore
from lumina_inference.gateway.limits.errors import BudgetReserved, BudgetSpent, LimitsUnavailable, RateLimited
from lumina_inference.gateway.limits.limiter import Limiter, Reservation
from lumina_inference.gateway.limits.localstore import LocalStore
from lumina_inference.gateway.limits.pricing import Estimate
from lumina_inference.gateway.limits.store import Sale, Store, StoreUnavailable, Sum

__all__ = [
    "BudgetReserved",
    "BudgetSpent",
    "ConfiguredStore",
    "Estimate",
    "Limiter",
    "LimitsUnavailable",
    "LocalStore",
    "RateLimited",
    "Reservation",
    "Sale",
    "Store",
    "StoreUnavailable",
    "Sum",
]
