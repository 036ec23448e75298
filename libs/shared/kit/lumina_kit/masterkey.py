"""The master key: what seals secrets and signs sessions. It lives outside the home; a backup needs both."""

import hashlib
import hmac
import os
import secrets
import tempfile
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from pathlib import Path

from lumina_kit.errors import Invalid
from lumina_kit.home import Home

KEY_BYTES = 32
NONCE_BYTES = 12


class BadMasterKey(Invalid):
    code = "bad_master_key"
    title = "The master key does not fit"


@dataclass(frozen=True)
class MasterKey:
    """32 random bytes. Every use has a purpose, and with it a key of its own."""

    secret: bytes = field(repr=False)

    @classmethod
    def load(cls, home: Home) -> "MasterKey":
        """Read the key, making it at first need. Raises BadMasterKey if the home was made with another."""
        file = key_file()
        founded = _fingerprint_file(home).exists()  # asked first: another may be making both, the key first
        if not file.exists():
            if founded:
                raise _missing(file, home)
            _write_once(file, b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        key = cls(_read(file))
        key._check_fingerprint(home, file)
        return key

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose: HKDF-Expand with SHA-256 and one block (RFC 5869, 2.3)."""
        return hmac.digest(self.secret, f"lumina/{purpose}".encode() + b"\x01", hashlib.sha256)

    def seal(self, purpose: str, plain: bytes) -> bytes:
        """Encrypt with AES-256-GCM; the result holds its nonce."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 40 ms: only where something is sealed

        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.derive(purpose)).encrypt(nonce, plain, purpose.encode())

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` gave for the same purpose. Raises BadMasterKey if it was changed or sealed by another."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return AESGCM(self.derive(purpose)).decrypt(nonce, body, purpose.encode())
        except (InvalidTag, ValueError):
            raise BadMasterKey(f"What was sealed for {purpose} does not open with this master key.") from None

    def _check_fingerprint(self, home: Home, file: Path) -> None:
        stored = _fingerprint_file(home)
        mine = self.derive("fingerprint").hex()[:32]
        _write_once(stored, f"{mine}\n".encode())
        if stored.read_text().strip() != mine:
            raise BadMasterKey(
                f"{file} is not the master key that {home.path} was made with.",
                next_step="Put the right key there, or point LUMINA_KEY_FILE at it.",
            )


def key_file() -> Path:
    """`LUMINA_KEY_FILE`, else `lumina/master.key` in the user's configuration folder."""
    named = os.environ.get("LUMINA_KEY_FILE")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "lumina" / "master.key"


def _fingerprint_file(home: Home) -> Path:
    return home.path / "master.fingerprint"


def _missing(file: Path, home: Home) -> BadMasterKey:
    return BadMasterKey(
        f"{home.path} was made with a master key, and there is none at {file}.",
        next_step="Restore the key from your backup, or point LUMINA_KEY_FILE at it.",
    )


def _read(file: Path) -> bytes:
    try:
        secret = b64decode(file.read_bytes().strip(), validate=True)
    except Base64Error:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise BadMasterKey(
            f"{file} does not hold {KEY_BYTES} bytes in base64.",
            next_step="Restore it from your backup; a lost key cannot be made again.",
        )
    return secret


def _write_once(file: Path, content: bytes) -> None:
    """Create the file whole and 0600, or leave the one that is there: two processes may race to be first."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
