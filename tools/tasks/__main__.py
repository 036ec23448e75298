"""`python -m tools.tasks VERB [PROJECT...]`; AFFECTED=1 in the environment limits it to what changed since main."""

import os
import sys

from tools.tasks import affected, projects, steps, verbs
from tools.tasks.projects import Project
from tools.tasks.steps import Step

VERBS = ("lint", "typecheck", "test", "build", "fresh", "check", *verbs.PROGRAMS)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in VERBS:
        print(f"usage: task {{{'|'.join(VERBS)}}} [PROJECT...]", file=sys.stderr)
        return 2
    known = projects.every()
    try:
        chosen = choose(arguments[1:], known)
    except (projects.UnknownProject, affected.NotAnswered) as error:
        print(error, file=sys.stderr)
        return 2
    return report(arguments[0], steps.run(plan(arguments[0], chosen, whole=chosen == known)))


def choose(names: list[str], known: list[Project]) -> list[Project]:
    """The named projects, or the affected ones, or all; what is left out is printed."""
    if names:
        return projects.named(names, known)
    if os.environ.get("AFFECTED", "") in ("", "0"):
        return known
    chosen = affected.affected(known)
    left_out = [project.name for project in known if project not in chosen]
    print(f"Affected since main: {_listed([project.name for project in chosen])}. Left out: {_listed(left_out)}.")
    if left_out:
        print("The coverage gate is off, since it is about the whole tree.")
    return chosen


def plan(verb: str, chosen: list[Project], *, whole: bool) -> list[Step]:
    if verb in verbs.PROGRAMS:
        return [verbs.program(verb)]
    if verb == "test":
        return verbs.test(chosen, whole=whole)
    if verb == "check":
        first = [*verbs.lint(chosen), *verbs.typecheck(chosen), *verbs.fresh(chosen)]
        return [*first, *verbs.test(chosen, whole=whole)]
    by_verb = {"lint": verbs.lint, "typecheck": verbs.typecheck, "build": verbs.build, "fresh": verbs.fresh}
    return by_verb[verb](chosen)


def report(verb: str, failed: list[str]) -> int:
    if failed:
        print(f"{verb}: failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    return 0


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
