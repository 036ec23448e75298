"""`lumina status`."""

from lumina_platform.cli.flags import HomeFlag, JsonFlag

PATH = "/api/platform/status"


def status(home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """Show the parts of a running Lumina: state, memory, restarts, and where it listens.

    \b
    Example:
      lumina status --json
    """
    from lumina_platform.cli import client, tables
    from lumina_platform.cli.report import show

    api = client.api(home)
    found = api.one("GET", PATH)
    found = {**found, "readiness": client.readiness(api.target, str(found["gateway_url"]))}
    if as_json:
        tables.show_json(found)
    else:
        show(found)
