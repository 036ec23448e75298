"""What a child of `lumina_kit.spawn` runs first: it is tied to its starter before it imports anything else."""

import runpy
import sys

from lumina_kit.lifeline import Lifeline


def main() -> None:
    """Run the module that the first argument names as `python -m` would, and end it by force with its starter.

    A module that watches its lifeline itself goes in good order; one that is still importing, or forgot, goes too.
    """
    module = sys.argv.pop(1)
    Lifeline.from_environment().watch(lambda: None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
