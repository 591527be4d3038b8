"""A name and a password for calls out, as Twilio takes them. Pure but for chance.

Owns: making them. Refuses: keeping and telling them (`numbers.accounts`).
"""

import secrets
import string
from typing import Final

from pydantic import SecretStr

_SIGNS: Final = string.ascii_letters + string.digits  # SIP stacks differ in what else they quote
_LENGTH: Final = 40
_KINDS: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


def new_username() -> str:
    """Of at most 32 characters. Another for every password, so that where the name is found its password was given with it."""
    return f"ava-{secrets.token_hex(12)}"


def new_password() -> SecretStr:
    """Twilio asks for 12 characters, with lower and upper case and a digit."""
    while True:
        drawn = "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))
        if all(set(kind) & set(drawn) for kind in _KINDS):
            return SecretStr(drawn)
