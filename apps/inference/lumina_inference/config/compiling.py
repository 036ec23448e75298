"""A LiteLLM `config.yaml` into the routes part of the snapshot, with a report of everything that was found in it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lumina_contracts.snapshot import KeyEntry, Route, RoutesPart
from lumina_inference.config.embedded_routes import embedded_routes
from lumina_inference.config.fields import Fields
from lumina_inference.config.findings import Findings, Report
from lumina_inference.config.masterkey import read_master_key
from lumina_inference.config.routes import read_aliases, read_routes
from lumina_inference.config.tree import Unreadable, Value, read_tree

MOST_BYTES = 512 * 1024
MASTER_KEY_ID = "master-key"
_SECTIONS = ("litellm_settings",)


@dataclass(frozen=True)
class Compiled:
    """What a file says. With errors in the report the routes are the embedded ones alone."""

    routes: RoutesPart
    report: Report
    master_key_sha256: str | None = None

    def master_key(self, project_id: str) -> KeyEntry | None:
        """The file's master key as a key of this project, for inference alone."""
        if self.master_key_sha256 is None:
            return None
        return KeyEntry(id=MASTER_KEY_ID, sha256=self.master_key_sha256, project_id=project_id, scopes=("inference",))


def without_file() -> Compiled:
    """What is served when there is no file."""
    return Compiled(RoutesPart(routes=embedded_routes()), Report())


def check(path: Path, environ: Mapping[str, str], most_bytes: int = MOST_BYTES) -> Report:
    """What is wrong with the file, or not acted on yet, by line."""
    return compile_file(path, environ, most_bytes).report


def compile_file(path: Path, environ: Mapping[str, str], most_bytes: int = MOST_BYTES) -> Compiled:
    """Compile the file; one that cannot be read is an error in the report."""
    try:
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except OSError as error:
        return _failed(Unreadable(1, f"{path} cannot be read: {error.strerror or error}"), None)
    return compile_text(content, environ, most_bytes)


def compile_text(content: bytes, environ: Mapping[str, str], most_bytes: int = MOST_BYTES) -> Compiled:
    """Compile the bytes of a file. `os.environ/NAME` is looked up in `environ`."""
    digest = hashlib.sha256(content).hexdigest()
    try:
        tree = read_tree(decoded(content, most_bytes))
    except Unreadable as error:
        return _failed(error, digest)
    return _compiled(tree, environ, digest)


def decoded(content: bytes, most_bytes: int = MOST_BYTES) -> str:
    """The text of a file. Raises Unreadable when it is too large or not UTF-8."""
    if len(content) > most_bytes:
        raise Unreadable(1, f"the file has more than {most_bytes:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(content.count(b"\n", 0, error.start) + 1, "the file is not UTF-8 text") from None


def _compiled(tree: Value, environ: Mapping[str, str], digest: str) -> Compiled:
    findings = Findings()
    if tree.mapping is None:
        findings.error(tree.line, "", f"the file must be a mapping with model_list in it, and is {tree.kind}")
        return Compiled(_embedded_alone(digest), findings.report())
    root = Fields(tree, environ, findings)
    router, general = root.section("router_settings"), root.section("general_settings")
    drafts = read_routes(root)
    embedded = embedded_routes()
    names = dict.fromkeys([*drafts.names, *(route.name for route in embedded)])
    aliases = read_aliases(router, names)
    master_key = read_master_key(general)
    _report_rest(root, router, general)
    report = findings.report()
    if not report.ok:
        return Compiled(_embedded_alone(digest), report)
    routes = (*drafts.routes(), *embedded)
    served = {name: alias for name, alias in aliases.items() if _serves(alias.target, routes)}
    return Compiled(RoutesPart(routes=routes, aliases=served, config_sha256=digest), report, master_key)


def _report_rest(root: Fields, router: Fields, general: Fields) -> None:
    used = frozenset({"model_list", "router_settings", "general_settings", *_SECTIONS})
    root.report_rest("top", used)
    router.report_rest("router_settings", frozenset({"model_group_alias"}))
    general.report_rest("general_settings", frozenset({"master_key"}))
    for name in _SECTIONS:
        root.section(name).report_rest(name, frozenset())


def _serves(target: str, routes: tuple[Route, ...]) -> bool:
    return any(route.name == target for route in routes)


def _embedded_alone(digest: str | None) -> RoutesPart:
    return RoutesPart(routes=embedded_routes(), config_sha256=digest)


def _failed(error: Unreadable, digest: str | None) -> Compiled:
    findings = Findings()
    findings.error(error.line, error.path, error.message)
    return Compiled(_embedded_alone(digest), findings.report())
