"""The table of roles: who may never do what."""

from lumina_kit.roles import Permission, Role, Scope, gateway_scopes, permissions

WRITES = {p for p in Permission if p.endswith((".write", ".restart"))}


def test_an_operator_and_an_auditor_change_nothing() -> None:
    for role in (Role.OPERATOR, Role.AUDITOR):
        assert not permissions(role, frozenset()) & WRITES


def test_only_an_admin_and_an_auditor_read_the_audit_log() -> None:
    assert {r for r in Role if Permission.LEDGER_READ in permissions(r, frozenset())} == {Role.ADMIN, Role.AUDITOR}


def test_a_key_for_inference_reads_no_people_and_makes_no_keys() -> None:
    given = permissions(None, frozenset({Scope.INFERENCE}))

    assert Permission.INFERENCE_CALL in given
    assert not given & (WRITES | {Permission.PEOPLE_READ, Permission.LEDGER_READ, Permission.METRICS_READ})


def test_the_gateway_learns_what_a_role_implies() -> None:
    assert gateway_scopes(Role.ADMIN, frozenset()) == ("inference", "metrics")
    assert gateway_scopes(Role.AUDITOR, frozenset()) == ()
    assert gateway_scopes(None, frozenset({Scope.OTLP})) == ("otlp",)
