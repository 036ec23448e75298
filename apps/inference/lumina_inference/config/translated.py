"""Providers with a wire format of their own: the translator calls them through the LiteLLM library.

Addresses are for probes alone, variable names are LiteLLM's.
"""

from lumina_inference.config.provider import Provider


def _own(name: str, url: str | None = None, *keys: str, telemetry: str | None = None) -> Provider:
    return Provider(
        url, keys or (f"{name}_API_KEY",), (f"{name}_API_BASE",), telemetry=telemetry, translated=True
    )  # fmt: skip


def _cloud(telemetry: str | None, *borrowed: tuple[str, tuple[str, ...]], url: str | None = None) -> Provider:
    """A provider whose credentials are more than a key, and may come from the machine itself."""
    return Provider(url, key_needed=False, telemetry=telemetry, translated=True, borrowed=borrowed)


def _embeddings(name: str, url: str | None, *keys: str) -> Provider:
    bases = (f"{name}_API_BASE",)
    needed = url is not None
    return Provider(url, keys or (f"{name}_API_KEY",), bases, kinds=("embedding",), translated=True, key_needed=needed)


def _unlisted(name: str) -> Provider:
    """A provider of which only the name is known here; the library knows its address and its variables."""
    variable = name.upper().replace("-", "_")
    return Provider(
        None, (f"{variable}_API_KEY",), (f"{variable}_API_BASE",), key_needed=False, translated=True
    )  # fmt: skip


_AWS = (
    ("aws_access_key_id", ("AWS_ACCESS_KEY_ID",)),
    ("aws_secret_access_key", ("AWS_SECRET_ACCESS_KEY",)),
    ("aws_session_token", ("AWS_SESSION_TOKEN",)),
    ("aws_region_name", ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION")),
    ("aws_profile_name", ("AWS_PROFILE",)),
)
_VERTEX = (
    ("vertex_project", ("VERTEXAI_PROJECT", "VERTEX_PROJECT")),
    ("vertex_location", ("VERTEXAI_LOCATION", "VERTEX_LOCATION")),
    ("vertex_credentials", ("VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS")),
)
_AZURE_LOGIN = (
    ("azure_ad_token", ("AZURE_AD_TOKEN",)),
    ("tenant_id", ("AZURE_TENANT_ID",)),
    ("client_id", ("AZURE_CLIENT_ID",)),
    ("client_secret", ("AZURE_CLIENT_SECRET",)),
)
_ANTHROPIC = Provider(
    "https://api.anthropic.com", ("ANTHROPIC_API_KEY",), ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"), translated=True
)
_AZURE = Provider(
    None,
    ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
    ("AZURE_API_BASE",),
    telemetry="azure.ai.openai",
    translated=True,
    key_needed=False,
    base_needed=True,
    borrowed=(("api_version", ("AZURE_API_VERSION",)), *_AZURE_LOGIN),
)
_AZURE_AI = Provider(
    None,
    ("AZURE_AI_API_KEY",),
    ("AZURE_AI_API_BASE",),
    telemetry="azure.ai.inference",
    translated=True,
    key_needed=False,
    base_needed=True,
    borrowed=(("api_version", ("AZURE_AI_API_VERSION",)), *_AZURE_LOGIN),
)
_BEDROCK = _cloud("aws.bedrock", *_AWS)
_SAGEMAKER = _cloud("aws.sagemaker", *_AWS)
_VERTEX_AI = _cloud("gcp.vertex_ai", *_VERTEX)
_COHERE = _own("COHERE", "https://api.cohere.com", "COHERE_API_KEY", "CO_API_KEY")
_WATSONX = Provider(
    None,
    ("WATSONX_APIKEY", "WATSONX_API_KEY", "WX_API_KEY"),
    ("WATSONX_API_BASE", "WATSONX_URL", "WX_URL", "WML_URL"),
    telemetry="ibm.watsonx.ai",
    key_needed=False,
    base_needed=True,
    translated=True,
    borrowed=(("project_id", ("WATSONX_PROJECT_ID", "WX_PROJECT_ID", "PROJECT_ID")),),
)

_LISTED: dict[str, Provider] = {
    "ai21": _own("AI21", "https://api.ai21.com"),
    "aleph_alpha": _own("ALEPH_ALPHA", None, "ALEPH_ALPHA_API_KEY", "ALEPHALPHA_API_KEY"),
    "anthropic": _ANTHROPIC,
    "anthropic_text": _ANTHROPIC,
    "azure": _AZURE,
    "azure_ai": _AZURE_AI,
    "azure_text": _AZURE,
    "bedrock": _BEDROCK,
    "bedrock_converse": _BEDROCK,
    "bedrock_mantle": _BEDROCK,
    "clarifai": _own("CLARIFAI", "https://api.clarifai.com", "CLARIFAI_API_KEY", "CLARIFAI_PAT"),
    "cloudflare": _own("CLOUDFLARE", "https://api.cloudflare.com"),
    "cohere": _COHERE,
    "cohere_chat": _COHERE,
    "dashscope": _own("DASHSCOPE", "https://dashscope-intl.aliyuncs.com"),
    "databricks": Provider(
        None, ("DATABRICKS_API_KEY",), ("DATABRICKS_API_BASE",), key_needed=False, base_needed=True, translated=True
    ),
    "gemini": _own(
        "GEMINI",
        "https://generativelanguage.googleapis.com",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        telemetry="gcp.gemini",
    ),
    "huggingface": _own("HUGGINGFACE", "https://router.huggingface.co", "HUGGINGFACE_API_KEY", "HF_TOKEN"),
    "infinity": _embeddings("INFINITY", None),
    "jina_ai": _embeddings("JINA_AI", "https://api.jina.ai"),
    "maritalk": _own("MARITALK", "https://chat.maritaca.ai"),
    "nlp_cloud": _own("NLP_CLOUD", "https://api.nlpcloud.io"),
    "replicate": _own("REPLICATE", "https://api.replicate.com", "REPLICATE_API_KEY", "REPLICATE_API_TOKEN"),
    "sagemaker": _SAGEMAKER,
    "sagemaker_chat": _SAGEMAKER,
    "text-completion-codestral": Provider(
        "https://codestral.mistral.ai",
        ("CODESTRAL_API_KEY",),
        ("CODESTRAL_API_BASE",),
        telemetry="mistral_ai",
        kinds=("completion",),
        translated=True,
    ),
    "vertex_ai": _VERTEX_AI,
    "vertex_ai_beta": _VERTEX_AI,
    "voyage": _embeddings("VOYAGE", "https://api.voyageai.com"),
    "watsonx": _WATSONX,
    "watsonx_text": _WATSONX,
}

_UNLISTED = (
    "abliteration", "aiand", "amazon_nova", "apertis", "bigmodel", "bytez", "chutes", "cometapi", "compactifai",
    "cortecs", "datarobot", "edenai", "empower", "friendliai", "galadriel", "gigachat", "github_copilot", "gmi",
    "gradient_ai", "helicone", "heroku", "langgraph", "lemonade", "llamagate", "minimax", "modelscope", "nano-gpt",
    "neosantara", "oci", "oobabooga", "ovhcloud", "palm", "parasail", "petals", "poe", "predibase", "publicai",
    "qwencloud", "ragflow", "reka", "sap", "sarvam", "scaleway", "snowflake", "synthetic", "tencent", "tensormesh",
    "text-completion-inception", "triton", "v0", "veniceai", "vllm", "xiaomi_mimo", "zerogpu",
)  # fmt: skip

TRANSLATED: dict[str, Provider] = _LISTED | {name: _unlisted(name) for name in _UNLISTED}
