"""The providers that speak OpenAI's wire format, with the addresses and variable names that LiteLLM has for them."""

from lumina_inference.config.provider import Provider
from lumina_inference.config.translated import TRANSLATED


def _hosted(name: str, url: str, *keys: str) -> Provider:
    return Provider(url, keys or (f"{name}_API_KEY",), (f"{name}_API_BASE",))


def _local(name: str, url: str | None = None, appended: str = "") -> Provider:
    return Provider(url, (f"{name}_API_KEY",), (f"{name}_API_BASE",), key_needed=False, appended=appended)


_OPENAI_BASES = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
_OPENAI_URL = "https://api.openai.com/v1"
_OLLAMA = _local("OLLAMA", "http://localhost:11434", appended="/v1")

PROVIDERS: dict[str, Provider] = {
    "openai": Provider(_OPENAI_URL, ("OPENAI_API_KEY",), _OPENAI_BASES),
    "text-completion-openai": Provider(
        _OPENAI_URL, ("OPENAI_API_KEY",), _OPENAI_BASES, telemetry="openai", kinds=("completion",)
    ),
    "custom_openai": Provider(None, ("OPENAI_API_KEY",), _OPENAI_BASES, telemetry="openai", key_needed=False),
    "openai_like": _local("OPENAI_LIKE"),
    "hosted_vllm": _local("HOSTED_VLLM"),
    "lm_studio": _local("LM_STUDIO"),
    "llamafile": _local("LLAMAFILE", "http://127.0.0.1:8080/v1"),
    "ollama": _OLLAMA,
    "ollama_chat": _OLLAMA,
    "xinference": _local("XINFERENCE", "http://127.0.0.1:9997/v1"),
    "docker_model_runner": _local("DOCKER_MODEL_RUNNER", "http://localhost:22088/engines/llama.cpp", appended="/v1"),
    "litellm_proxy": _local("LITELLM_PROXY", appended="/v1"),
    "aiml": _hosted("AIML", "https://api.aimlapi.com/v1"),
    "ai21_chat": _hosted("AI21", "https://api.ai21.com/studio/v1"),
    "anyscale": _hosted("ANYSCALE", "https://api.endpoints.anyscale.com/v1"),
    "baseten": _hosted("BASETEN", "https://inference.baseten.co/v1"),
    "cerebras": _hosted("CEREBRAS", "https://api.cerebras.ai/v1"),
    "codestral": Provider(
        "https://codestral.mistral.ai/v1", ("CODESTRAL_API_KEY",), ("CODESTRAL_API_BASE",), telemetry="mistral_ai"
    ),
    "deepinfra": _hosted("DEEPINFRA", "https://api.deepinfra.com/v1/openai"),
    "deepseek": _hosted("DEEPSEEK", "https://api.deepseek.com/beta"),
    "featherless_ai": _hosted("FEATHERLESS", "https://api.featherless.ai/v1"),
    "fireworks_ai": Provider(
        "https://api.fireworks.ai/inference/v1",
        ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
        ("FIREWORKS_API_BASE",),
        model_prefix="accounts/fireworks/models/",
    ),
    "github": _hosted("GITHUB", "https://models.inference.ai.azure.com"),
    "groq": _hosted("GROQ", "https://api.groq.com/openai/v1"),
    "hyperbolic": _hosted("HYPERBOLIC", "https://api.hyperbolic.xyz/v1"),
    "inception": _hosted("INCEPTION", "https://api.inceptionlabs.ai/v1"),
    "lambda_ai": _hosted("LAMBDA", "https://api.lambda.ai/v1"),
    "meta_llama": _hosted("LLAMA", "https://api.llama.com/compat/v1"),
    "mistral": Provider(
        "https://api.mistral.ai/v1", ("MISTRAL_API_KEY",), ("MISTRAL_API_BASE",), telemetry="mistral_ai"
    ),
    "moonshot": Provider(
        "https://api.moonshot.ai/v1", ("MOONSHOT_API_KEY",), ("MOONSHOT_API_BASE",), telemetry="moonshot_ai"
    ),
    "morph": _hosted("MORPH", "https://api.morphllm.com/v1"),
    "nebius": _hosted("NEBIUS", "https://api.studio.nebius.ai/v1"),
    "novita": _hosted("NOVITA", "https://api.novita.ai/v3/openai"),
    "nscale": _hosted("NSCALE", "https://inference.api.nscale.com/v1"),
    "nvidia_nim": _hosted("NVIDIA_NIM", "https://integrate.api.nvidia.com/v1"),
    "openrouter": _hosted("OPENROUTER", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "OR_API_KEY"),
    "perplexity": _hosted("PERPLEXITY", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "sambanova": _hosted("SAMBANOVA", "https://api.sambanova.ai/v1"),
    "together_ai": _hosted(
        "TOGETHER_AI",
        "https://api.together.ai/v1",
        "TOGETHER_API_KEY",
        "TOGETHER_AI_API_KEY",
        "TOGETHERAI_API_KEY",
        "TOGETHER_AI_TOKEN",
    ),
    "vercel_ai_gateway": _hosted("VERCEL_AI_GATEWAY", "https://ai-gateway.vercel.sh/v1"),
    "volcengine": _hosted("VOLCENGINE", "https://ark.cn-beijing.volces.com/api/v3"),
    "wandb": _hosted("WANDB", "https://api.inference.wandb.ai/v1"),
    "xai": Provider("https://api.x.ai/v1", ("XAI_API_KEY",), ("XAI_API_BASE",), telemetry="x_ai"),
    "zai": _hosted("ZAI", "https://api.z.ai/api/paas/v4"),
}


def split_model(model: str) -> tuple[str | None, str]:
    """The provider that a LiteLLM model name begins with, if it names one, and the model's own name."""
    provider, slash, name = model.partition("/")
    if slash and (provider in PROVIDERS or provider in TRANSLATED):
        return provider, name
    return None, model
