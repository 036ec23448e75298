"""`python -m tools.lint`: the lints that no other tool has, on the whole tree."""

import sys
from pathlib import Path

from tools.lint import mirror, names, notes, places, sizes, tree

CHECKS = (sizes.check, names.check, notes.check, places.check, mirror.check)


def main(root: Path) -> int:
    sources = tree.sources(root)
    findings = [finding for check in CHECKS for finding in check(sources)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
