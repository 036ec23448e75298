"""A LiteLLM `config.yaml` into the routes part of the snapshot, with a report of everything that was found in it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from lumina_contracts.snapshot import MASTER_KEY_ID, Alias, KeyEntry, Route, RoutesPart
from lumina_inference.config.embedded_routes import embedded_routes
from lumina_inference.config.fallbacks import Names
from lumina_inference.config.fields import Fields
from lumina_inference.config.findings import Findings, Report
from lumina_inference.config.masterkey import read_master_key
from lumina_inference.config.policies import known_names, read_policies
from lumina_inference.config.redis import read_redis
from lumina_inference.config.routes import RouteDrafts, read_aliases, read_routes
from lumina_inference.config.sections import Sections, read_sections, report_rest, with_environment
from lumina_inference.config.tree import Unreadable, Value, read_tree
from lumina_inference.config.wildnames import take_names

MOST_BYTES = 512 * 1024
EMPTY = "the file is empty, as if cut short in writing; to serve only the embedded models, write `model_list: []`"


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
    if says_nothing(content):
        return _failed(Unreadable(1, EMPTY), None)
    return compile_text(content, environ, most_bytes)


def compile_text(content: bytes, environ: Mapping[str, str], most_bytes: int = MOST_BYTES) -> Compiled:
    """Compile the bytes of a file. `os.environ/NAME` is looked up in `environ`."""
    digest = hashlib.sha256(content).hexdigest()
    try:
        tree = read_tree(decoded(content, most_bytes))
    except Unreadable as error:
        return _failed(error, digest)
    return _compiled(tree, environ, digest)


def says_nothing(content: bytes) -> bool:
    """Whether a file is empty but for space and comments, as one that was cut short."""
    lines = (line.strip() for line in content.removeprefix(b"\xef\xbb\xbf").splitlines())
    return all(not line or line.startswith(b"#") for line in lines)


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
    root = with_environment(Fields(tree, environ, findings))
    sections = read_sections(root)
    master_key = read_master_key(root.section("general_settings"))
    drafts = read_routes(root, sections.entry_defaults())
    routes, aliases = _routes(drafts, sections)
    redis_url = read_redis(sections.settings, sections.general)
    report_rest(root)
    report = findings.report()
    if not report.ok:
        return Compiled(_embedded_alone(digest), report)
    part = RoutesPart(routes=routes, aliases=aliases, config_sha256=digest, redis_url=redis_url)
    part = structs.replace(part, price_lists=drafts.price_lists())
    return Compiled(part, report, master_key)


def _routes(drafts: RouteDrafts, sections: Sections) -> tuple[tuple[Route, ...], dict[str, Alias]]:
    """The routes with their policies, and the aliases that lead to them."""
    embedded = embedded_routes()
    taken = take_names(drafts, sections)
    every = dict.fromkeys([*drafts.names, *(route.name for route in embedded)])
    aliases = read_aliases(sections.settings.router, every)
    served = frozenset([*drafts.backends, *(route.name for route in embedded)])
    policies = read_policies(sections.settings, sections.lumina, Names(known_names(every, aliases), served, taken))
    routes = (
        *drafts.routes(policies),
        *(structs.replace(route, policy=policies[route.name]) for route in embedded),
    )
    return routes, {name: alias for name, alias in aliases.items() if alias.target in served}


def _embedded_alone(digest: str | None) -> RoutesPart:
    return RoutesPart(routes=embedded_routes(), config_sha256=digest)


def _failed(error: Unreadable, digest: str | None) -> Compiled:
    findings = Findings()
    findings.error(error.line, error.path, error.message)
    return Compiled(_embedded_alone(digest), findings.report())
