"""The route table of the gateway: exact paths, and prefixes whose rest is a name."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp.web import StreamResponse

from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import MethodNotAllowed, UnknownPath

Handler = Callable[[Call], Awaitable[StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. `path` is as OpenAPI writes it; a quiet one leaves neither span nor log line."""

    method: str
    path: str
    handler: Handler
    quiet: bool = False


_VERSION = "/v1"


class Table:
    """Finds the endpoint of a request by two dictionary look-ups.

    What is below `/v1` answers without it too: LiteLLM's proxy does so, and its users give its bare address.
    """

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self.endpoints = endpoints
        self._exact: dict[str, dict[str, Endpoint]] = {}
        self._prefixed: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            prefix, brace, _ = endpoint.path.partition("{")
            table = self._prefixed if brace else self._exact
            for path in {prefix, prefix.removeprefix(_VERSION)}:
                table.setdefault(path, {})[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> Endpoint:
        """Raises UnknownPath, or MethodNotAllowed with the methods that are."""
        methods = self._exact.get(path) or self._by_prefix(path)
        if methods is None:
            raise UnknownPath(f"Unknown request URL: {method} {path[:200]}. See /openapi.json for what there is.")
        endpoint = methods.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            raise _not_allowed(method, methods)
        return endpoint

    def _by_prefix(self, path: str) -> Mapping[str, Endpoint] | None:
        for prefix, methods in self._prefixed.items():
            if path.startswith(prefix) and len(path) > len(prefix):
                return methods
        return None


def _not_allowed(method: str, methods: Mapping[str, Endpoint]) -> MethodNotAllowed:
    allowed = ", ".join(sorted(methods))
    return MethodNotAllowed(f"Not allowed to {method[:20]} on this path; use {allowed}.", headers={"Allow": allowed})
