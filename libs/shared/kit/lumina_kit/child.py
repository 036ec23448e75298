"""What a child of `lumina_kit.spawn` runs first: it is tied to its starter before it imports anything else."""

import runpy
import sys

from lumina_kit.errors import LuminaError
from lumina_kit.lifeline import Lifeline


def main() -> None:
    """Run the module that the first argument names as `python -m` would, and end it by force with its starter.

    A module that watches its lifeline itself goes in good order; one that is still importing, or forgot, goes too.
    What a person must mend is left to the starter to say; anything else that it raises is a bug, with a traceback.
    """
    module, lifeline = sys.argv.pop(1), Lifeline.from_environment()
    lifeline.watch(lambda: None)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except (LuminaError, BaseExceptionGroup) as error:
        reason = _to_be_mended(error)
        if reason is None:
            raise
        lifeline.failed(reason.message, reason.next_step)
        sys.exit(1)


def _to_be_mended(error: BaseException) -> LuminaError | None:
    """The error that was meant for people; of a group the first, if all are."""
    if isinstance(error, BaseExceptionGroup):
        known = [_to_be_mended(each) for each in error.exceptions]
        return known[0] if all(known) else None
    return error if isinstance(error, LuminaError) else None


if __name__ == "__main__":
    main()
