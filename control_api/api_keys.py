"""What an API key looks like: made once, shown once, kept as a hash.

Owns: the form `ava_live_<id>_<secret><checksum>`, its hash and its preview. Refuses: storing, scopes, expiry, revocation.

The secret is 32 random bytes: with that much of it, one SHA-256 keeps it as well as a slow hash would. The checksum is no
protection: it tells a mistyped or shortened key from an unknown one without asking the database.
"""

import hashlib
import secrets
import string
import zlib
from dataclasses import dataclass, field
from typing import ClassVar, Final

from contracts.errors import DomainError

KEY_PREFIX: Final = "ava_"
"""No JWT begins like this."""

_LIVE: Final = f"{KEY_PREFIX}live_"
_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH: Final = 12
_SECRET_BYTES: Final = 32
_SECRET_LENGTH: Final = 43  # 62 ** 43 > 256 ** 32
_CHECKSUM_LENGTH: Final = 6  # 62 ** 6 > 2 ** 32
_LENGTH: Final = len(_LIVE) + _ID_LENGTH + 1 + _SECRET_LENGTH + _CHECKSUM_LENGTH


class ApiKeyMalformed(DomainError):
    """Never a key of ours as it was given out."""

    code: ClassVar[str] = "api_key_malformed"


@dataclass(frozen=True)
class NewKey:
    """`text` is for its owner's eyes, once; `preview` for lists; `key_hash` for the database."""

    text: str = field(repr=False)
    preview: str
    key_hash: str = field(repr=False)


def new_key() -> NewKey:
    key_id = "".join(secrets.choice(_DIGITS) for _ in range(_ID_LENGTH))
    secret = _base62(int.from_bytes(secrets.token_bytes(_SECRET_BYTES)), _SECRET_LENGTH)
    body = f"{_LIVE}{key_id}_{secret}"
    text = body + _checksum(body)
    return NewKey(text=text, preview=f"{_LIVE}{key_id}_…", key_hash=hash_key(text))


def hash_key(text: str) -> str:
    """Of a key as it was sent -> SHA-256 in hex, as it is stored. Raises ApiKeyMalformed for a typo or something else."""
    body, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    key_id, separator, secret = body.removeprefix(_LIVE).partition("_")
    if len(text) != _LENGTH or not text.startswith(_LIVE) or len(key_id) != _ID_LENGTH or not separator:
        raise ApiKeyMalformed("this is not a whole API key: copy it again, from ava_live_ to its end")
    if not set(key_id + secret + checksum) <= set(_DIGITS) or checksum != _checksum(body):
        raise ApiKeyMalformed("this API key has a typing error: copy it again")
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits.rjust(length, _DIGITS[0])
