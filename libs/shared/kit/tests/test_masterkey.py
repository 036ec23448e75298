"""The master key: made once, private, bound to its home."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lumina_kit.home import Home
from lumina_kit.masterkey import BadMasterKey, MasterKey


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("LUMINA_KEY_FILE", str(tmp_path / "config" / "master.key"))
    return Home(tmp_path / "home")


def test_the_key_is_made_at_first_need_and_only_its_owner_reads_it(home: Home, tmp_path: Path) -> None:
    MasterKey.load(home)

    mode = (tmp_path / "config" / "master.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_processes_that_race_to_make_it_agree(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: MasterKey.load(home), range(16)))

    assert len({key.secret for key in keys}) == 1


def test_what_was_sealed_opens_for_the_same_purpose_only(home: Home) -> None:
    key = MasterKey.load(home)
    sealed = key.seal("snapshot", b"secret")

    assert key.open("snapshot", sealed) == b"secret"
    with pytest.raises(BadMasterKey):
        key.open("sessions", sealed)


def test_a_changed_seal_is_refused(home: Home) -> None:
    key = MasterKey.load(home)
    sealed = bytearray(key.seal("snapshot", b"secret"))
    sealed[-1] ^= 1

    with pytest.raises(BadMasterKey):
        key.open("snapshot", bytes(sealed))


def test_a_home_refuses_another_key(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    MasterKey.load(home)
    monkeypatch.setenv("LUMINA_KEY_FILE", str(tmp_path / "other.key"))
    MasterKey.load(Home(tmp_path / "other-home"))

    with pytest.raises(BadMasterKey, match="is not the master key"):
        MasterKey.load(home)


def test_a_lost_key_is_not_quietly_replaced(home: Home, tmp_path: Path) -> None:
    MasterKey.load(home)
    (tmp_path / "config" / "master.key").unlink()

    with pytest.raises(BadMasterKey, match="there is none"):
        MasterKey.load(home)


def test_the_key_never_shows_in_a_repr(home: Home) -> None:
    key = MasterKey.load(home)

    assert "secret" not in repr(key)
