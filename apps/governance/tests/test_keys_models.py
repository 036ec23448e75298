from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from lumina_governance.errors import AboveMaker
from lumina_governance.keys.models import Key, NewKey, Secret, check_not_above, is_covered
from lumina_governance.limits.models import UNLIMITED
from lumina_governance.people.models import Person
from lumina_kit.roles import SCOPES, TABLE, Role, Scope

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def key(**changes: object) -> Key:
    fields = {
        "id": uuid4(), "project_id": uuid4(), "name": "k", "role": None, "scopes": (Scope.INFERENCE,),
        "last_four": "abcd", "maker_id": None, "is_builtin": False, "created_at": NOON, "expires_at": None,
        "revoked_at": None, "limits": UNLIMITED, "metadata": {},
    }  # fmt: skip
    return Key.model_validate(fields | changes)


def test_secrets_differ_and_do_not_show_in_a_repr() -> None:
    one, other = Secret.new(), Secret.new()

    assert one.text != other.text
    assert one.text.startswith("lum_")
    assert one.text not in repr(one)


def test_key_is_in_force_until_it_expires_or_is_revoked() -> None:
    assert key().is_in_force(NOON)
    assert key(expires_at=NOON + timedelta(seconds=1)).is_in_force(NOON)
    assert not key(expires_at=NOON).is_in_force(NOON)
    assert not key(revoked_at=NOON).is_in_force(NOON)


def test_key_without_role_or_scopes_may_infer() -> None:
    assert NewKey(name="k").granted_scopes == (Scope.INFERENCE,)


@pytest.mark.parametrize(
    "fields",
    [{"role": "admin", "scopes": ["otlp"]}, {"scopes": []}, {"name": "\x00"}, {"expires_at": "2026-01-01T00:00:00"}],
)
def test_malformed_key_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NewKey.model_validate({"name": "k"} | fields)


@pytest.mark.parametrize("maker", Role)
@pytest.mark.parametrize("role", Role)
def test_role_is_granted_only_within_the_makers_permissions(maker: Role, role: Role) -> None:
    if TABLE[role] <= TABLE[maker]:
        check_not_above(TABLE[maker], role, frozenset())
    else:
        with pytest.raises(AboveMaker):
            check_not_above(TABLE[maker], role, frozenset())


def test_refusal_names_what_the_maker_may_not() -> None:
    with pytest.raises(AboveMaker, match=r"metrics\.read"):
        check_not_above(SCOPES[Scope.INFERENCE], None, frozenset({Scope.METRICS}))


def maker(project_id: UUID, role: Role, **changes: object) -> Person:
    fields = {
        "id": uuid4(), "login": "ana", "display_name": "Ana", "role": role, "project_ids": [project_id],
        "has_password": False, "created_at": NOON, "disabled_at": None,
    }  # fmt: skip
    return Person.model_validate(fields | changes)


def test_key_is_covered_by_a_maker_who_may_still_do_what_it_may() -> None:
    ours = key(role=Role.OPERATOR)

    assert is_covered(ours, None)
    assert is_covered(ours, maker(ours.project_id, Role.SCIENTIST))
    assert is_covered(ours, maker(uuid4(), Role.ADMIN))
    assert not is_covered(ours, maker(ours.project_id, Role.AUDITOR))
    assert not is_covered(ours, maker(uuid4(), Role.SCIENTIST))
    assert not is_covered(ours, maker(ours.project_id, Role.ADMIN, disabled_at=NOON))
