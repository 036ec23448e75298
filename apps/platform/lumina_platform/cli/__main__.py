"""`python -m lumina_platform.cli`, the same as `lumina`."""

from lumina_platform.cli.main import run

run()
