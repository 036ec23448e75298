"""What the LiteLLM library must not do here: fetch files at its start, call home, keep or print what passes through."""

import logging
from collections.abc import MutableMapping

_ENVIRONMENT = {
    "LITELLM_MODE": "PRODUCTION",  # reads no .env of the folder it runs in
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_RUST": "False",  # one implementation, the one that is tested
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB": "20",
}
_UNSET = ("LITELLM_LOG", "DEBUG", "LITELLM_DEV_ENV_HOT_RELOAD", "SEPARATE_HEALTH_APP")
_LOGGERS = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router", "openai", "anthropic", "httpx", "httpcore", "boto3",
            "botocore", "urllib3", "google", "asyncio")  # fmt: skip


def before_import(environ: MutableMapping[str, str]) -> None:
    """Set the environment that the library reads while it is imported."""
    environ.update(_ENVIRONMENT)
    for name in _UNSET:
        environ.pop(name, None)


def after_import(image_hosts: str) -> None:
    """Switch off what has only a switch in the library: callbacks, caches, retries and prints.

    Images are fetched from public addresses and from `image_hosts` only.
    """
    import litellm

    litellm.suppress_debug_info = True
    litellm.set_verbose = False
    litellm.turn_off_message_logging = True
    litellm.disable_streaming_logging = True
    litellm.redact_user_api_key_info = True
    litellm.num_retries = 0
    litellm.cache = None
    litellm.disable_hf_tokenizer_download = True
    litellm.user_url_validation = True
    litellm.user_url_allowed_hosts = [host.strip() for host in image_hosts.split(",") if host.strip()]
    # aiohttp reports a stream that was cut as one that ended.
    litellm.disable_aiohttp_transport = True
    for callbacks in (litellm.input_callback, litellm.success_callback, litellm.failure_callback, litellm.callbacks):
        callbacks.clear()
    silence()


def silence() -> None:
    """The loggers of the library and of what it uses say nothing: their lines hold prompts, addresses and keys."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
