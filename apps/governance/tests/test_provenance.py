"""What stands behind an answer: names, and the entries of the ledger that were in force then."""

from datetime import datetime, timedelta
from uuid import uuid4

from apps.governance.tests.conftest import Clock
from lumina_contracts.provenance import Behind, Named, Served
from lumina_governance.audit.provenance import CONFIG_CHANGED, LedgerProvenance
from lumina_governance.keys.models import Key, NewKey
from lumina_governance.keys.service import Keys
from lumina_governance.keys.store import KeyStore
from lumina_governance.projects.store import ProjectStore
from lumina_governance.wiring import Governance
from lumina_kit import ledger
from lumina_kit.auth import Principal
from lumina_kit.ledger import SYSTEM, Change
from lumina_kit.roles import Role

OLD, NEW = "a" * 64, "b" * 64


async def config_changed(governance: Governance, before: str | None, after: str | None) -> None:
    change = Change(
        action=CONFIG_CHANGED,
        subject_kind="gateway_config",
        subject_id="gateway",
        subject_name="/srv/gateway.yaml",
        actor=SYSTEM,
        project_id=None,
        before={"sha256": before},
        after={"sha256": after},
        why="The file was edited.",
    )
    async with governance.database.session() as session:
        await ledger.append(session, change, governance.now())


async def a_key(governance: Governance) -> Key:
    async with governance.database.session() as session:
        (admin,) = await KeyStore(session).builtin()
        who = Principal("key", admin.id, "admin", Role.ADMIN, frozenset(), admin.project_id, everywhere=True)
        return (await Keys(session, governance.now).create(NewKey(name="shop"), who))[0]


async def behind(governance: Governance, at: datetime, **fields: str | None) -> Behind:
    served = Served(**({"at": at, "project_id": None, "key_id": None, "config_sha256": None} | fields))  # type: ignore[arg-type]  # a builder
    (found,) = await LedgerProvenance(governance.database).behind([served])
    return found


async def test_configuration_that_served_is_the_last_change_to_it_before_the_request(
    governance: Governance, now: Clock
) -> None:
    await config_changed(governance, None, OLD)
    now.pass_by(hours=1)
    await config_changed(governance, OLD, NEW)
    now.pass_by(hours=1)
    request_at = now()
    now.pass_by(hours=1)
    await config_changed(governance, NEW, OLD)

    first = await behind(governance, request_at, config_sha256=OLD)
    second = await behind(governance, request_at, config_sha256=NEW)

    (older,), (newer,) = first.entries, second.entries
    assert (older.what, older.of, older.who, older.why) == (
        CONFIG_CHANGED, "/srv/gateway.yaml", "Lumina", "The file was edited.",
    )  # fmt: skip
    assert (older.at, newer.at) == (request_at - timedelta(hours=2), request_at - timedelta(hours=1))
    assert older.number < newer.number
    async with governance.database.session() as session:
        entry = await session.get(ledger.LedgerEntry, newer.number)
    assert entry is not None
    assert newer.hash == entry.hash


async def test_key_and_project_have_their_names_and_how_they_came_to_be(governance: Governance, now: Clock) -> None:
    key = await a_key(governance)

    found = await behind(governance, now(), key_id=str(key.id), project_id=str(key.project_id))

    async with governance.database.session() as session:
        project = await ProjectStore(session).default()
    assert project is not None
    assert found.key == Named(str(key.id), "shop")
    assert found.project == Named(str(project.id), project.name)
    assert [entry.what for entry in found.entries] == ["key.created", "project.created"]


async def test_what_came_after_the_request_is_not_behind_it(governance: Governance, now: Clock) -> None:
    before = now() - timedelta(seconds=1)
    key = await a_key(governance)

    found = await behind(governance, before, key_id=str(key.id), project_id=str(key.project_id))

    assert found.entries == ()


async def test_ids_of_nothing_keep_their_id_without_a_name(governance: Governance, now: Clock) -> None:
    gone = str(uuid4())

    found = await behind(governance, now(), key_id="litellm-master", project_id=gone, config_sha256="%")

    assert found == Behind(key=Named("litellm-master", None), project=Named(gone, None), entries=())
