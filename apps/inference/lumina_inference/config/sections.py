"""The sections of a file beside its `model_list`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lumina_inference.config.acted import SECTIONS, TOP
from lumina_inference.config.backends import EntryDefaults
from lumina_inference.config.credential_list import Credentials, read_credentials
from lumina_inference.config.fields import Fields
from lumina_inference.config.probing import read_defaults
from lumina_inference.config.settings import Settings
from lumina_inference.config.translation import Plain

_ALWAYS_SO = ("enable_weighted_failover", "ignore_invalid_deployments")


@dataclass(frozen=True)
class Sections:
    """The sections without what refers to variables that are not set."""

    settings: Settings
    general: Fields
    lumina: Fields
    credentials: Credentials

    def entry_defaults(self) -> EntryDefaults:
        """What holds for every entry of the list that says nothing else."""
        library: dict[str, Plain] = {"drop_params": True} if self.settings.litellm.flag("drop_params") else {}
        probes = read_defaults(self.lumina.section("probes"), self.general)
        return EntryDefaults(probes, library, self.credentials)


def read_sections(root: Fields) -> Sections:
    """The sections; each variable that is not set has its warning, the master key's apart."""
    router = root.section("router_settings").settled()
    for name in _ALWAYS_SO:
        if router.flag(name) is False:
            at = router.values[name]
            router.findings.warning(at.line, at.path, "cannot be turned off here")
    return Sections(
        settings=Settings(router, root.section("litellm_settings").settled()),
        general=root.section("general_settings").settled(but={"master_key"}),
        lumina=root.section("lumina_settings").settled(),
        credentials=read_credentials(root),
    )


def with_environment(root: Fields) -> Fields:
    """The file with its `environment_variables` over the real ones, as LiteLLM sets them."""
    section = root.section("environment_variables").settled()
    own: Mapping[str, str] = {
        name: section.resolved(value) if value.text is not None else str(value.data)
        for name, value in section.values.items()
        if value.mapping is None and value.items is None and value.data is not None
    }
    return replace(root, environ={**root.environ, **own})


def report_rest(root: Fields) -> None:
    """A line for every key that does not act."""
    root.report_rest("top", frozenset(TOP))
    for name in ("router_settings", "litellm_settings", "general_settings"):
        root.section(name).report_rest(name, frozenset(SECTIONS[name]))
