"""Rules as people read them, and files of rules and objectives that are wrong, told on standard error."""

from collections.abc import Sequence

import typer

from lumina_platform.cli.client import Api, Row
from lumina_platform.cli.listings import Listing, got
from lumina_platform.cli.printable import printable
from lumina_platform.cli.waterfall import clock

PATH = "/rules"


def rule_row(rule: Row) -> Row:
    """With the time of its last evaluation as a clock shows it."""
    return {**rule, "evaluated_at": clock(rule["evaluated_at"]) if rule["evaluated_at"] else None}


def tell(problems: Sequence[Row]) -> None:
    """Each file with its line, what is wrong, and what serves in its place."""
    for each in problems:
        told = f"{each['file']}:{each['line']}: {each['message']}"
        typer.echo(f"{printable(told)}\n  In its place serves {printable(str(each['serving']))}.", err=True)


def tell_number(api: Api) -> None:
    """How many files are wrong, in one line, if any. Raises CallRefused or NotRunning."""
    number = len(Listing.of(got(api, PATH, {"limit": 1})).problems)
    if number:
        told = "1 file has problems" if number == 1 else f"{number} files have problems"
        typer.echo(f"{told}; `lumina rules ls` shows them.", err=True)
