"""Secrets that tenants entrust to AVA, sealed for the database: calendar keys, carrier tokens, answers that show a key.

Owns: the key ring, the form of a sealed text, and what of a secret may be shown. Refuses: reading the environment and the
database: the ring and each sealed text are handed in. Does no I/O and may be shared by threads.

    vault = Vault.from_keys(settings.ava_sealing_keys)             # newest first: the first seals, all open
    sealed = vault.seal(secret, context=calendar_context(tenant))  # text for a column
    secret = vault.unseal(sealed, context=calendar_context(tenant))

The context is sealed in with the secret: text that is moved to another tenant's row does not open there. Plain text stays
out of the frames that raise, because error reporters print their variables.
"""

import base64
import re
from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from contracts.errors import DomainError

VARIABLE = "AVA_SEALING_KEYS"
MAX_SEALED = 8 * 1024
"""Characters of a sealed text, unless its place says otherwise: keys and tokens are short."""

_VERSION = "v1:"
_SEPARATOR = "\0"
_TOKEN = r"gAAAA[A-Za-z0-9_-]+={0,2}"
_SEALED = re.compile(_VERSION + _TOKEN)
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
_ADVICE = (
    f"{VARIABLE} is one or more keys separated by commas, newest first; make one with"
    " `openssl rand -base64 32 | tr '+/' '-_'`"
)

_PREFIX = re.compile(r"cal_(?:live_|test_)?|sk_(?:live_|test_)?|sk-(?:proj-)?|el_|(?:AC|SK)(?=[0-9a-f]{32}$)")
_SHOWN = 4
_HIDDEN = 12  # characters that a preview leaves out at least
_ELLIPSIS = "…"


class VaultMisconfigured(DomainError):
    """The key ring is empty or malformed. The message names the variable and how to make a key, never a value."""

    code = "vault_misconfigured"


class SecretRefused(DomainError, ValueError):
    """A secret that can't be sealed: empty, or too long."""

    code = "secret_refused"


class SecretUnreadable(DomainError, ValueError):
    """Sealed text that does not open here: another ring's, another context's, damaged, or of a form unknown here."""

    code = "secret_unreadable"


class Vault:
    """Shows nothing in a repr and is neither pickled nor copied."""

    __slots__ = ("_newest", "_ring", "_size")

    def __init__(self, fernets: list[Fernet]) -> None:
        """Newest first, at least one; `from_keys` makes them from text."""
        self._newest = fernets[0]
        self._ring = MultiFernet(fernets)
        self._size = len(fernets)

    @classmethod
    def from_keys(cls, keys: SecretStr | str) -> "Vault":
        """The text of AVA_SEALING_KEYS. Raises VaultMisconfigured."""
        keys = keys if isinstance(keys, SecretStr) else SecretStr(keys)
        entries = [SecretStr(entry.strip()) for entry in keys.get_secret_value().split(",") if entry.strip()]
        if not entries:
            raise VaultMisconfigured(f"{VARIABLE} holds no key. {_ADVICE}")
        fernets: list[Fernet] = []
        for place, entry in enumerate(entries, start=1):
            fernet = _fernet(entry)
            if fernet is None:
                raise VaultMisconfigured(
                    f"key {place} of {len(entries)} in {VARIABLE} is not 32 bytes in url-safe base64. {_ADVICE}"
                )
            if entry in entries[: place - 1]:
                raise VaultMisconfigured(
                    f"key {place} of {len(entries)} in {VARIABLE} repeats an earlier one. {_ADVICE}"
                )
            fernets.append(fernet)
        return cls(fernets)

    def seal(self, secret: SecretStr, *, context: str, at_most: int = MAX_SEALED) -> str:
        """`context` says whose the secret is and what for; only the same context opens it. `at_most`: characters that
        the place has for the sealed text. Raises SecretRefused."""
        if not context or _SEPARATOR in context:
            raise ValueError("a context is a text without NUL characters")
        if not secret:
            raise SecretRefused("the secret is empty")
        sealed = _VERSION + self._ring.encrypt(_plain(secret, context)).decode("ascii")
        if len(sealed) > at_most:
            raise SecretRefused(f"the secret is too long: sealed it would take more than {at_most} characters")
        return sealed

    def unseal(self, sealed: str, *, context: str, at_most: int = MAX_SEALED) -> SecretStr:
        """Raises SecretUnreadable."""
        if len(sealed) > at_most:
            raise SecretUnreadable(f"sealed text has at most {at_most} characters here")
        opened = self._open(sealed)
        if opened is None:
            raise SecretUnreadable(_closed(sealed))
        if opened.context != context:
            raise SecretUnreadable("the secret was sealed for another place than the one it was found in")
        return opened.secret

    def is_current(self, sealed: str) -> bool:
        """Sealed with the newest key. False also for what does not open at all."""
        token = _token(sealed)
        if token is None:
            return False
        try:
            self._newest.extract_timestamp(token)
        except InvalidToken:
            return False
        return True

    def reseal(self, sealed: str) -> str | None:
        """The same secret under the newest key, in its context; None where it is already. Raises SecretUnreadable."""
        if self.is_current(sealed):
            return None
        token = _token(sealed)
        if token is not None:
            try:
                return _VERSION + self._ring.rotate(token).decode("ascii")
            except InvalidToken:
                pass
        raise SecretUnreadable(_closed(sealed))

    def _open(self, sealed: str) -> "_Opened | None":
        token = _token(sealed)
        if token is None:
            return None
        try:
            plain = self._ring.decrypt(token).decode("utf-8", "surrogatepass")
        except InvalidToken:
            return None
        context, _, secret = plain.partition(_SEPARATOR)
        return _Opened(context, SecretStr(secret))

    def __repr__(self) -> str:
        return f"Vault({self._size} {'key' if self._size == 1 else 'keys'})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a vault is not pickled or copied: its keys stay where they are")


@dataclass(frozen=True)
class _Opened:
    context: str
    secret: SecretStr


def calendar_context(tenant_id: UUID) -> str:
    """Of the keys to a tenant's calendars."""
    return f"calendar:{tenant_id}"


def generate_key() -> SecretStr:
    """A new key for the front of the ring."""
    return SecretStr(Fernet.generate_key().decode("ascii"))


def preview(secret: SecretStr) -> str:
    """What may be shown so that its owner recognises a secret: `cal_live_…3f9c`, `…3f9c`, or `…` for a short one."""
    value = secret.get_secret_value()
    found = _PREFIX.match(value)
    prefix = found.group() if found else ""
    if len(value) < len(prefix) + _HIDDEN + _SHOWN:
        return _ELLIPSIS
    return f"{prefix}{_ELLIPSIS}{value[-_SHOWN:]}"


def hide_sealed(text: str) -> str:
    """For logs: the text without the sealed texts in it."""
    return _SEALED.sub("[sealed]", text)


def _fernet(entry: SecretStr) -> Fernet | None:
    key = entry.get_secret_value()
    return Fernet(key) if _KEY.fullmatch(key) and _canonical(key) else None


def _plain(secret: SecretStr, context: str) -> bytes:
    # surrogatepass: an encoding error would carry the secret
    return f"{context}{_SEPARATOR}{secret.get_secret_value()}".encode("utf-8", "surrogatepass")


def _token(sealed: str) -> str | None:
    """Exactly what `seal` writes: base64 that decoders forgive is not taken."""
    if not _SEALED.fullmatch(sealed):
        return None
    token = sealed.removeprefix(_VERSION)
    return token if _canonical(token) else None


def _canonical(text: str) -> bool:
    try:
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(text)).decode("ascii") == text
    except ValueError:
        return False


def _closed(sealed: str) -> str:
    if not sealed.startswith(_VERSION):
        return "the text is not sealed, or in a form that this version does not know"
    return f"no key in {VARIABLE} opens it, or it was changed since it was sealed"
