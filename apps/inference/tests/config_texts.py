"""Configuration files for tests, and what becomes of them."""

from lumina_contracts.snapshot import Backend, Policy, Route
from lumina_inference.config.compiling import Compiled, compile_text


def compiled(text: str, **environ: str) -> Compiled:
    return compile_text(text.encode(), environ)


def entry(params: str, *, name: str = "m", info: str = "") -> str:
    """A configuration with one entry, whose parameters are given in YAML's flow style."""
    return f"model_list:\n  - model_name: {name}\n    litellm_params: {{{params}}}\n" + (
        f"    model_info: {{{info}}}\n" if info else ""
    )


def local(*names: str) -> str:
    """A model list with a local model for each of these names; it has a line more than names."""
    lines = (f"  - {{model_name: '{name}', litellm_params: {{model: 'ollama/{name}'}}}}\n" for name in names)
    return "model_list:\n" + "".join(lines)


def route_of(given: Compiled, name: str) -> Route:
    assert given.report.errors == ()
    return next(route for route in given.routes.routes if route.name == name)


def policy_of(given: Compiled, name: str) -> Policy:
    return route_of(given, name).policy


def backend_of(given: Compiled, name: str = "m") -> Backend:
    return route_of(given, name).backends[0]


def lines(given: Compiled) -> list[tuple[str, int, str]]:
    return [(finding.level.value, finding.line, finding.path) for finding in given.report.findings]
