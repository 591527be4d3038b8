"""The signing keys of the issuer stand-in: made, written as JWK, read back, and listed for PostgREST to trust.

Owns: kinds of key, key ids, the JWK forms. Refuses: what a token says (`sandbox.issuer`).
"""

import json
import secrets
import string
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

Kind = Literal["supabase", "clerk"]
KINDS: Final[tuple[Kind, ...]] = ("supabase", "clerk")

_ALPHANUMERIC = string.ascii_letters + string.digits
_CLERK_ID_LENGTH = 27
_RSA_BITS = 2048
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")


def clerk_id(prefix: str) -> str:
    """An id as Clerk gives them: `user_2abc…`."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(_CLERK_ID_LENGTH))


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A private key with its id. Supabase Auth signs with ES256, Clerk with RS256."""

    kid: str
    private: EllipticCurvePrivateKey | RSAPrivateKey

    @property
    def algorithm(self) -> str:
        return "ES256" if isinstance(self.private, EllipticCurvePrivateKey) else "RS256"

    def private_jwk(self) -> dict[str, Any]:
        if isinstance(self.private, EllipticCurvePrivateKey):
            members = ECAlgorithm.to_jwk(self.private, as_dict=True)
        else:
            members = RSAAlgorithm.to_jwk(self.private, as_dict=True)
        return {**members, "kid": self.kid}

    def public_jwk(self) -> dict[str, Any]:
        """As both issuers publish it."""
        members = {name: value for name, value in self.private_jwk().items() if name in _PUBLIC_MEMBERS}
        return {**members, "kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self.private, self.algorithm, headers={"kid": self.kid})


def new_key(kind: Kind) -> SigningKey:
    if kind == "supabase":
        return SigningKey(str(uuid.uuid4()), generate_private_key(SECP256R1()))
    return SigningKey(clerk_id("ins"), generate_rsa(65_537, _RSA_BITS))


def read_key(jwk: Mapping[str, Any]) -> SigningKey:
    """What `private_jwk` wrote. Raises ValueError for anything else."""
    try:
        private = jwt.PyJWK(dict(jwk)).key
        kid = str(jwk["kid"])
    except (jwt.PyJWTError, KeyError) as error:
        raise ValueError(f"not a private JWK: {type(error).__name__}") from None
    if not isinstance(private, EllipticCurvePrivateKey | RSAPrivateKey):
        raise ValueError("not a private JWK: there is no private part")
    return SigningKey(kid, private)


def trusted_jwks(secret: str, keys: Iterable[SigningKey]) -> str:
    """PGRST_JWT_SECRET of a project that takes its own HS256 tokens and those that `keys` sign."""
    symmetric = {"kty": "oct", "k": base64url_encode(secret.encode()).decode(), "alg": "HS256"}
    return json.dumps({"keys": [symmetric, *(key.public_jwk() for key in keys)]})
