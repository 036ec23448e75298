"""Builds the control plane's parts from its environment: the one place that knows every app's pieces."""

from collections.abc import Iterable

from lumina_contracts.protocols import RoutesSource
from lumina_governance.people.passwords import Passwords
from lumina_governance.settings import GovernanceSettings
from lumina_governance.wiring import Governance
from lumina_kit.clock import Clock, utc_now
from lumina_kit.database import Database
from lumina_kit.masterkey import MasterKey
from lumina_kit.parts import PartsClient
from lumina_kit.settings import load
from lumina_platform import apps
from lumina_platform.control.environment import Environment
from lumina_platform.control.metrics import Metrics
from lumina_platform.control.readiness import Readiness
from lumina_platform.control.snapshots import SnapshotHub
from lumina_platform.control.world import World
from lumina_platform.settings import PlatformSettings


def build(
    environment: Environment, routes: RoutesSource, names: Iterable[str] = apps.APPS, now: Clock = utc_now
) -> World:
    """Everything but the sockets; nothing is opened yet but the master key."""
    home = environment.home
    home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = load(PlatformSettings, "platform", home)
    database = Database(settings.database_url or home.database_url)
    governance = Governance.of(
        database,
        MasterKey.load(home),
        load(GovernanceSettings, "governance", home),
        Passwords(),
        now,
        environment.public_url,
    )
    parts = PartsClient(environment.run_dir or home.run_dir)
    return World(
        apps=apps.load(settings.apps or names),
        settings=settings,
        home=home,
        database=database,
        governance=governance,
        hub=SnapshotHub(governance.keys_in_force, routes),
        metrics=Metrics(),
        readiness=Readiness(database, parts if environment.run_dir else None),
        parts=parts,
        gateway_url=environment.gateway_url,
        now=now,
    )
