"""Who may do what: the one table. The docs are generated from it, and a test walks every route with every role."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What a person is. An operator only looks; an auditor sees the audit log and no content."""

    ADMIN = "admin"
    SCIENTIST = "scientist"
    RESPONDER = "responder"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class Scope(StrEnum):
    """What a key without a role may do."""

    INFERENCE = "inference"
    OTLP = "otlp"
    HOOKS = "hooks"
    METRICS = "metrics"


class Permission(StrEnum):
    """One thing that a route asks for, as `<thing>.<verb>`."""

    SELF_READ = "self.read"
    INFERENCE_CALL = "inference.call"
    MODELS_READ = "models.read"
    CONFIG_READ = "config.read"
    METRICS_READ = "metrics.read"
    DOCS_READ = "docs.read"
    SYSTEM_READ = "system.read"
    SYSTEM_RESTART = "system.restart"
    PROJECTS_READ = "projects.read"
    PROJECTS_WRITE = "projects.write"
    PEOPLE_READ = "people.read"
    PEOPLE_WRITE = "people.write"
    KEYS_READ = "keys.read"
    KEYS_WRITE = "keys.write"
    KEYS_MANAGE = "keys.manage"
    LEDGER_READ = "ledger.read"
    ACCESS_READ = "access.read"
    TELEMETRY_READ = "telemetry.read"
    OTLP_WRITE = "otlp.write"
    CONTENT_READ = "content.read"
    CONTENT_DELETE = "content.delete"


P = Permission
_LOOK = {
    P.SELF_READ, P.DOCS_READ, P.MODELS_READ, P.METRICS_READ, P.SYSTEM_READ, P.PROJECTS_READ, P.TELEMETRY_READ,
}  # fmt: skip
_AUDIT = {
    P.SELF_READ, P.DOCS_READ, P.PROJECTS_READ, P.PEOPLE_READ, P.KEYS_READ, P.LEDGER_READ, P.ACCESS_READ,
    P.TELEMETRY_READ,
}  # fmt: skip

# No role has them: an admin grants them to a person or a key, in one project and for a time.
GRANTED_ONLY = frozenset({P.CONTENT_READ})

TABLE: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission) - GRANTED_ONLY,
        Role.SCIENTIST: frozenset(_LOOK | {P.INFERENCE_CALL, P.CONFIG_READ, P.KEYS_READ, P.KEYS_WRITE, P.OTLP_WRITE}),
        Role.RESPONDER: frozenset(_LOOK | {P.INFERENCE_CALL, P.CONFIG_READ, P.KEYS_READ}),
        Role.OPERATOR: frozenset(_LOOK | {P.CONFIG_READ, P.KEYS_READ}),
        Role.AUDITOR: frozenset(_AUDIT),
    }
)

# They reach beyond a project: whoever may name any project has them, a key with a role in one project never.
INSTALLATION_WIDE = frozenset({P.PEOPLE_WRITE, P.PROJECTS_WRITE, P.SYSTEM_RESTART})

SCOPES: Mapping[Scope, frozenset[Permission]] = MappingProxyType(
    {
        Scope.INFERENCE: frozenset({P.SELF_READ, P.INFERENCE_CALL, P.MODELS_READ, P.DOCS_READ}),
        Scope.OTLP: frozenset({P.SELF_READ, P.OTLP_WRITE}),
        Scope.HOOKS: frozenset({P.SELF_READ}),
        Scope.METRICS: frozenset({P.SELF_READ, P.METRICS_READ}),
    }
)


def permissions(role: Role | None, scopes: frozenset[Scope]) -> frozenset[Permission]:
    """All that a role and scopes give together."""
    given = TABLE[role] if role else frozenset[Permission]()
    return given.union(*(SCOPES[scope] for scope in scopes))


def gateway_scopes(role: Role | None, scopes: frozenset[Scope]) -> tuple[str, ...]:
    """The scopes in force at the gateway: a role that may infer, or read metrics, has those too."""
    given = permissions(role, scopes)
    implied = {Scope.INFERENCE: P.INFERENCE_CALL, Scope.METRICS: P.METRICS_READ}
    return tuple(sorted(scopes | {scope for scope, need in implied.items() if need in given}))
