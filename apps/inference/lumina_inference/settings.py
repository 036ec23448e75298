"""Settings of the inference app: `LUMINA_INFERENCE_<NAME>`, or the section `inference` of `lumina.yaml`."""

import os
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from lumina_kit.home import checkout


class InferenceSettings(Struct, frozen=True, kw_only=True):
    """The embedded models, the translation, their processes, and the watch over the gateway's configuration file."""

    models_dir: Annotated[
        str | None,
        Meta(
            description="The embedded model's folder; by default .cache/models in a checkout, else in the user's cache."
        ),
    ] = None
    embedded_idle_seconds: Annotated[
        float, Meta(gt=0, description="Seconds without a request after which the embedded models leave memory.")
    ] = 300
    embedded_threads: Annotated[int, Meta(ge=1, le=64, description="Threads that one embedding batch may use.")] = 2
    embedded_queue: Annotated[
        int, Meta(ge=1, le=10_000, description="Requests that may wait for the embedded models; more get a 429.")
    ] = 64
    embedded_body_bytes: Annotated[
        int, Meta(ge=1_024, description="Bytes of a request to the embedded models at most.")
    ] = 8 * 1024 * 1024
    translator_idle_seconds: Annotated[
        float, Meta(gt=0, description="Seconds without a request after which the translation leaves memory.")
    ] = 900
    translator_calls: Annotated[
        int, Meta(ge=1, le=10_000, description="Translated requests under way at once; more get a 429.")
    ] = 256
    translator_body_bytes: Annotated[
        int, Meta(ge=1_024, description="Bytes of a request that is translated at most.")
    ] = 32 * 1024 * 1024
    translator_call_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that a provider may take between two signs of life, unless its entry sets a timeout.",
        ),
    ] = 600
    translator_image_hosts: Annotated[
        str,
        Meta(
            description="Hosts, separated by commas, whose images are fetched for providers that take no addresses, "
            "although they are not public."
        ),
    ] = ""
    config_poll_seconds: Annotated[
        float, Meta(ge=0.05, le=60, description="Seconds between two looks at the gateway's configuration file.")
    ] = 0.25
    config_bytes: Annotated[
        int, Meta(ge=1_024, le=8_388_608, description="Bytes of the gateway's configuration file at most.")
    ] = 512 * 1024


def models_folder(settings: InferenceSettings) -> Path:
    """Where the files of embedded models lie, one folder each."""
    if settings.models_dir:
        return Path(settings.models_dir).expanduser().absolute()
    tree = checkout()
    return (tree / ".cache" if tree else _user_cache()) / "models"


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lumina"
