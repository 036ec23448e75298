"""Every key that LiteLLM 1.109 knows, so that an unknown one can be told from one that is not acted on yet."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

# A price has a hundred spellings; each holds this.
_PRICE = "cost"


@cache
def known_keys() -> Mapping[str, frozenset[str]]:
    """By section: top, entry, litellm_params, model_info, router_settings, litellm_settings, general_settings."""
    text = files("lumina_inference.config").joinpath("known_keys.json").read_text(encoding="utf-8")
    return {section: frozenset(keys) for section, keys in json.loads(text).items()}


def is_known(section: str, key: str) -> bool:
    """Whether LiteLLM has this key in this section."""
    priced = section in {"litellm_params", "model_info"} and _PRICE in key
    return priced or key in known_keys()[section]
