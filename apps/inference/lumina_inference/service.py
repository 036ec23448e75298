"""What inference is made of in the control plane: the routes in force, the aliases, and the file they come from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lumina_contracts.snapshot import KeyEntry, Route, RoutesPart
from lumina_inference.cards import card_of
from lumina_inference.config.compiling import Compiled, decoded
from lumina_inference.config.masking import masked
from lumina_inference.config.tree import Unreadable
from lumina_inference.config.watching import ConfigState, ConfigWatch, OnChange
from lumina_inference.settings import InferenceSettings
from lumina_kit import logs
from lumina_kit.errors import Invalid, NotFound

log = logs.get(__name__)
Kept = Callable[[], Compiled | None]


class BrokenConfig(Invalid):
    code = "broken_config"
    title = "The gateway's configuration cannot be used"


class ModelNotFound(NotFound):
    code = "model_not_found"
    title = "No such model"


@dataclass(frozen=True)
class CallableModel:
    """A route with the names that lead to it, and its card if it is embedded."""

    route: Route
    aliases: tuple[str, ...]
    card: str | None


@dataclass(frozen=True)
class Inference:
    """The app's parts; the root keeps it as `app.state.inference`, and runs `watch_config` beside it."""

    watch: ConfigWatch
    settings: InferenceSettings

    @classmethod
    def of(
        cls, settings: InferenceSettings, config: Path, environ: Mapping[str, str], *, required: bool, kept: Kept
    ) -> "Inference":
        """Read the configuration file once. `required`: an operator named it, so its absence is worth a warning.

        With errors in the file it goes on with what `kept` gives; raises BrokenConfig if that is nothing.
        """
        watch = ConfigWatch(config, environ, most_bytes=settings.config_bytes, required=required)
        if not watch.load().report.ok:
            _go_on(watch, kept())
        return cls(watch, settings)

    @property
    def config(self) -> ConfigState:
        return self.watch.state

    def routes_part(self) -> RoutesPart:
        """The routes in force: this makes it a RoutesSource."""
        return self.config.running.routes

    def master_key(self, project_id: str) -> KeyEntry | None:
        """The file's master key as a key of this project, if it has one that is not weak."""
        return self.config.running.master_key(project_id)

    async def watch_config(self, on_change: OnChange) -> None:
        """Follow the file until cancelled; each good change is handed to the callback."""
        await self.watch.run(self.settings.config_poll_seconds, on_change)

    def models(self) -> list[CallableModel]:
        """Every route, by name."""
        part = self.routes_part()
        return [_callable(route, part) for route in sorted(part.routes, key=lambda route: route.name)]

    def model(self, name: str) -> CallableModel:
        """The route of this name or alias. Raises ModelNotFound."""
        part = self.routes_part()
        target = part.aliases[name].target if name in part.aliases else name
        for route in part.routes:
            if route.name == target:
                return _callable(route, part)
        raise ModelNotFound(f"There is no model {name[:200]!r}.", next_step="GET /api/inference/models lists them all.")

    def masked_config(self) -> str | None:
        """The file's text with secrets masked; None if there is no file, or none that could be masked safely."""
        content = self.config.content
        if content is None:
            return None
        try:
            return masked(decoded(content, self.settings.config_bytes))
        except Unreadable:
            return None


def _go_on(watch: ConfigWatch, kept: Compiled | None) -> None:
    file, first = watch.state.path, watch.state.report.errors[0]
    check = f"lumina config check {file}"
    if kept is None:
        raise BrokenConfig(f"{file} cannot be used: {first}.", next_step=f"{check} says what else is wrong with it.")
    watch.keep(kept)
    log.error("the configuration cannot be used; what was last served goes on", file=str(file), next_step=check)


def _callable(route: Route, part: RoutesPart) -> CallableModel:
    names = sorted(name for name, alias in part.aliases.items() if alias.target == route.name and not alias.hidden)
    return CallableModel(route, tuple(names), card_of(route.name))
