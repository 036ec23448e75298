"""Builds the control plane's parts from its environment: the one place that knows every app's pieces."""

import os
from functools import partial

from lumina_governance.audit.provenance import LedgerProvenance
from lumina_governance.people.passwords import Passwords
from lumina_governance.settings import GovernanceSettings
from lumina_governance.wiring import Governance
from lumina_inference.service import Inference
from lumina_inference.settings import InferenceSettings
from lumina_kit.clock import Clock, utc_now
from lumina_kit.database import Database
from lumina_kit.home import Home
from lumina_kit.masterkey import MasterKey
from lumina_kit.parts import PartsClient
from lumina_kit.settings import load
from lumina_platform import apps
from lumina_platform.control.environment import Environment
from lumina_platform.control.kept import kept_config
from lumina_platform.control.keys import AllKeys
from lumina_platform.control.metrics import Metrics
from lumina_platform.control.otlpdoor import OtlpDoor
from lumina_platform.control.readiness import Readiness
from lumina_platform.control.snapshots import SnapshotHub
from lumina_platform.control.telemetry_state import TelemetryState
from lumina_platform.control.variables import warn_of_unknown
from lumina_platform.control.world import World
from lumina_platform.settings import PlatformSettings
from lumina_telemetry.client import TelemetryClient
from lumina_telemetry.content.service import Contents
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.wiring import Telemetry


def build(environment: Environment, now: Clock = utc_now) -> World:
    """Everything but the sockets. Reads the master key and the gateway's configuration; opens no connection yet."""
    home = environment.home
    home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = load(PlatformSettings, "platform", home)
    warn_of_unknown(os.environ)
    database = Database(settings.database_url or home.database_url)
    key = MasterKey.load(home)
    governance = _governance(environment, database, key, now)
    inference = _inference(environment, key)
    run_dir = environment.run_dir or home.run_dir
    parts = PartsClient(run_dir)
    of_telemetry = load(TelemetrySettings, "telemetry", home)
    telemetry = Telemetry(TelemetryClient(run_dir, enabled=of_telemetry.enabled), LedgerProvenance(database))
    telemetry_state = TelemetryState(telemetry.client)
    hub = SnapshotHub(AllKeys(governance, inference), inference)
    return World(
        apps=apps.load(settings.apps or apps.APPS),
        settings=settings,
        home=home,
        database=database,
        governance=governance,
        inference=inference,
        telemetry=telemetry,
        contents=_contents(home, database, key, governance, of_telemetry, now),
        otlp=OtlpDoor(telemetry.client, hub),
        hub=hub,
        metrics=Metrics(),
        readiness=Readiness(database, parts if environment.run_dir else None, telemetry_state),
        telemetry_state=telemetry_state,
        parts=parts,
        gateway_url=environment.gateway_url,
        now=now,
    )


def _governance(environment: Environment, database: Database, key: MasterKey, now: Clock) -> Governance:
    home = environment.home
    settings = load(GovernanceSettings, "governance", home)
    return Governance.of(database, key, settings, Passwords(), now, environment.public_url)


def _contents(
    home: Home, database: Database, key: MasterKey, governance: Governance, settings: TelemetrySettings, now: Clock
) -> Contents:
    """Beside SQLite in a file of its own, which can be deleted or left out of a backup; else in the same Postgres."""
    return Contents(
        database=Database(home.content_url) if database.is_sqlite else database,
        folder=home.path,
        key=key,
        retentions=governance.retentions,
        access_log=governance.access_log,
        settings=settings,
        now=now,
    )


def _inference(environment: Environment, key: MasterKey) -> Inference:
    """Of the file that an operator named, else of the one in the home, which need not be there."""
    home, named = environment.home, environment.gateway_config
    settings = load(InferenceSettings, "inference", home)
    file = named or home.gateway_config
    kept = partial(kept_config, home, key)
    return Inference.of(settings, file, os.environ, required=named is not None, kept=kept)
