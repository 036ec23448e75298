"""`python -m tools.audit`: known vulnerabilities of every locked package, Python and Node.

Needs the advisory services of both. One that does not answer is a failure of its own kind, never a pass.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tools.tasks.projects import ROOT
from tools.tasks.steps import tool


class Verdict(StrEnum):
    PASSED = "no known vulnerability"
    FOUND = "vulnerabilities found"
    NOT_CHECKED = "NOT CHECKED: the advisory service did not answer for every package"


@dataclass(frozen=True)
class Audit:
    """A command, and what it writes when it has reached its service; anything else is no answer."""

    name: str
    argv: Sequence[str]
    clean: str
    found: str


def audits() -> list[Audit]:
    pip = [tool("pip-audit"), "--strict", "--disable-pip", "--require-hashes", "-r"]
    return [
        Audit("requirements.lock", [*pip, "requirements.lock"], "No known vulnerabilities found", "known vulnerabilit"),
        Audit(
            "requirements-dev.lock",
            [*pip, "requirements-dev.lock"],
            "No known vulnerabilities found",
            "known vulnerabilit",
        ),
        Audit("pnpm-lock.yaml", ["tools/pnpm", "audit"], "No known vulnerabilities found", "vulnerabilities found"),
    ]


def judge(audit: Audit, status: int, said: str) -> Verdict:
    if status == 0 and audit.clean in said:
        return Verdict.PASSED
    if status != 0 and audit.found in said and audit.clean not in said:
        return Verdict.FOUND
    return Verdict.NOT_CHECKED


def main() -> int:
    verdicts = [_run(audit) for audit in audits()]
    return 0 if all(verdict is Verdict.PASSED for verdict in verdicts) else 1


def _run(audit: Audit) -> Verdict:
    done = subprocess.run(
        audit.argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    verdict = judge(audit, done.returncode, done.stdout)
    if verdict is not Verdict.PASSED:
        print(done.stdout.strip())
    print(f"{audit.name}: {verdict}", flush=True)
    return verdict


if __name__ == "__main__":
    sys.exit(main())
