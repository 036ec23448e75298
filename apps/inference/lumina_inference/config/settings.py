"""`router_settings` and `litellm_settings` as one: where both have a key, the first wins, as in LiteLLM."""

from dataclasses import dataclass

from lumina_inference.config.fields import Fields


@dataclass(frozen=True)
class Settings:
    """The two sections, without what refers to variables that are not set."""

    router: Fields
    litellm: Fields

    def of(self, name: str) -> Fields:
        """The section that has this key; the router's if none has."""
        if self.router.get(name) is None and self.litellm.get(name) is not None:
            return self.litellm
        return self.router

    def warn_of_shadowed(self, names: frozenset[str]) -> None:
        """A line for every key of these that both have."""
        for name in sorted(names):
            shadowed = self.litellm.get(name)
            if shadowed is not None and self.router.get(name) is not None:
                self.router.findings.warning(shadowed.line, shadowed.path, f"router_settings.{name} wins over it")
