"""The issuers whose sign-in tokens are taken, and on what terms: one frozen policy each.

Owns: what of Supabase Auth and of Clerk must hold, and that a policy makes sense. Refuses: looking at any token
(`control_api.auth`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, Self

import jwt
from jwt.algorithms import HMACAlgorithm
from pydantic import SecretStr

Algorithm = Literal["ES256", "RS256", "HS256"]
PUBLISHED: Final = frozenset[Algorithm]({"ES256", "RS256"})
"""The algorithms whose keys an issuer publishes; HS256's is a secret."""

_MIN_SECRET_BYTES: Final = 32  # RFC 7518 3.2: as long as the hash


@dataclass(frozen=True, kw_only=True)
class IssuerPolicy:
    """What is taken from one issuer. ValueError if it makes no sense; the message holds no secret.

    `other_issuers`: values of `iss` that mean the same issuer. `role`: what the database must make of the token's bearer;
    any other role, the service's above all, is refused. A party (`azp`) is checked only if `authorized_parties` are given.
    """

    name: str
    issuer: str
    algorithms: frozenset[Algorithm]
    audience: str | None = None
    jwks_url: str | None = None
    secret: SecretStr | None = None
    authorized_parties: frozenset[str] = frozenset()
    allow_missing_azp: bool = False
    other_issuers: frozenset[str] = frozenset()
    role: str = "authenticated"
    leeway: timedelta = timedelta(seconds=5)

    def __post_init__(self) -> None:
        if not self.name or not all(self.issuers):
            raise ValueError("an issuer needs a name and what its tokens say as `iss`")
        if not self.algorithms or bool(self.algorithms & PUBLISHED) != (self.jwks_url is not None):
            raise ValueError(f"{self.name}: ES256 and RS256 need the address of the keys, and nothing else does")
        if ("HS256" in self.algorithms) != (self.secret is not None):
            raise ValueError(f"{self.name}: HS256 needs a secret, and nothing else does")
        if self.jwks_url is not None and not self.jwks_url.startswith(("https://", "http://")):
            raise ValueError(f"{self.name}: the address of the keys is no http address")
        if self.secret is not None:
            _check_secret(self.name, self.secret.get_secret_value())

    @property
    def issuers(self) -> frozenset[str]:
        return self.other_issuers | {self.issuer}

    @classmethod
    def supabase(
        cls, url: str, *, secret: SecretStr | None = None, other_issuers: Iterable[str] = (), name: str = "supabase"
    ) -> Self:
        """Supabase Auth of the project at `url`. `secret`: the legacy JWT secret, where tokens are still HS256."""
        issuer = f"{url.rstrip('/')}/auth/v1"
        symmetric = frozenset[Algorithm]() if secret is None else frozenset[Algorithm]({"HS256"})
        return cls(
            name=name,
            issuer=issuer,
            algorithms=PUBLISHED | symmetric,
            audience="authenticated",
            jwks_url=f"{issuer}/.well-known/jwks.json",
            secret=secret,
            other_issuers=frozenset(other_issuers),
        )

    @classmethod
    def clerk(
        cls,
        frontend_api: str,
        *,
        authorized_parties: Iterable[str] = (),
        allow_missing_azp: bool = False,
        name: str = "clerk",
    ) -> Self:
        """Clerk behind `frontend_api` (`https://clerk.example.com`). `authorized_parties` are origins, exactly as sent."""
        issuer = frontend_api.rstrip("/")
        return cls(
            name=name,
            issuer=issuer,
            algorithms=frozenset({"RS256"}),
            jwks_url=f"{issuer}/.well-known/jwks.json",
            authorized_parties=frozenset(authorized_parties),
            allow_missing_azp=allow_missing_azp,
        )


def _check_secret(name: str, secret: str) -> None:
    if len(secret.encode()) < _MIN_SECRET_BYTES:
        raise ValueError(f"{name}: the JWT secret has fewer than {_MIN_SECRET_BYTES} bytes")
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except jwt.InvalidKeyError:
        raise ValueError(f"{name}: the JWT secret is a public or private key; it must be a shared secret") from None
