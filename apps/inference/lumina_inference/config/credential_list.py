"""`credential_list`: parameters that entries share by name."""

from collections.abc import Mapping
from dataclasses import replace

from lumina_inference.config.fields import Fields, shown
from lumina_inference.config.tree import Value

REFERENCE_KEY = "litellm_credential_name"
Credentials = Mapping[str, Mapping[str, Value]]


def read_credentials(root: Fields) -> Credentials:
    """The values of each credential, by its name."""
    found: dict[str, Mapping[str, Value]] = {}
    listed = root.get("credential_list")
    if listed is not None and listed.items is None:
        root.findings.error(listed.line, listed.path, f"must be a list, and is {shown(listed)}")
    for item in (listed.items if listed else None) or ():
        name = (item.mapping or {}).get("credential_name")
        if name is None or not name.text:
            root.findings.error(item.line, item.path, "must have a credential_name and credential_values")
            continue
        found[name.text] = Fields(item, root.environ, root.findings).section("credential_values").values
    return found


def with_credential(params: Fields, credentials: Credentials) -> Fields:
    """The parameters of an entry with those of the credential that it names; its own win."""
    at = params.get(REFERENCE_KEY)
    if at is None:
        return params
    shared = credentials.get(at.text or "")
    if shared is None:
        params.findings.error(at.line, at.path, f"{shown(at)} is no credential_name of this file's credential_list")
        return params
    return replace(params, at=replace(params.at, data={**shared, **params.values}))
