"""An audit passes only if its service said so."""

import pytest

from tools.audit import Verdict, audits, judge

PIP, _, PNPM = audits()


@pytest.mark.parametrize(
    ("status", "said", "verdict"),
    [
        (0, "No known vulnerabilities found", Verdict.PASSED),
        (1, "Found 2 known vulnerabilities in 1 package", Verdict.FOUND),
        (1, "ERROR: aiohttp: Dependency not found and could not be audited", Verdict.NOT_CHECKED),
        (1, "ConnectionError: no route to host", Verdict.NOT_CHECKED),
        (0, "", Verdict.NOT_CHECKED),
    ],
)
def test_python_audit_passes_only_if_the_service_said_so(status: int, said: str, verdict: Verdict) -> None:
    assert judge(PIP, status, said) is verdict


@pytest.mark.parametrize(
    ("status", "said", "verdict"),
    [
        (0, "No known vulnerabilities found", Verdict.PASSED),
        (1, "3 vulnerabilities found\nSeverity: 3 high", Verdict.FOUND),
        (1, "ERR_PNPM_AUDIT_BAD_RESPONSE  The audit endpoint responded with 405", Verdict.NOT_CHECKED),
    ],
)
def test_node_audit_passes_only_if_the_service_said_so(status: int, said: str, verdict: Verdict) -> None:
    assert judge(PNPM, status, said) is verdict
