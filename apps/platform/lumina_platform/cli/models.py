"""`lumina models`."""

from lumina_platform.cli.flags import HomeFlag, JsonFlag, group

PATH = "/api/inference/models"
COLUMNS = {
    "Model": "id",
    "Also": "aliases",
    "For": "kinds",
    "Provider": "backends.provider",
    "Model there": "backends.model",
    "Owner": "owned_by",
}

models = group("models", "Models that the gateway serves.")


@models.command()
def ls(home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """List the models that can be called.

    \b
    Example:
      lumina models ls
    """
    from lumina_platform.cli import client, tables

    tables.show(client.api(home).rows(PATH), COLUMNS, as_json=as_json)
