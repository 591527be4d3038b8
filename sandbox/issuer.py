"""A stand-in for those who sign users in: Supabase Auth and Clerk, as far as a bearer token and its public keys go.

Stands for: the JWKS of both, and tokens with the claims, the algorithm (ES256 and RS256) and the life time (an hour, a
minute) that theirs have. Cannot show: passwords, refresh, sessions that are ended, Clerk's key id being that of the
instance, Supabase's edge cache, TLS.

Owns: which keys are published and which one signs, the claims, the log of JWKS fetches. Refuses: how keys look
(`sandbox.issuer_keys`), verifying anything.

Options of `create_app`: ``keys``, the JSON of `Database.issuer_keys`. With it PostgREST takes these tokens; without it, and
with a key made by ``/_ctl/rotate``, it does not: it has read the keys it trusts at its start.

- ``GET  /auth/v1/.well-known/jwks.json``  Supabase Auth's; its tokens' ``iss`` is ``<base>/auth/v1``
- ``GET  /clerk/.well-known/jwks.json``    Clerk's; ``iss`` is ``<base>/clerk``
- ``POST /_ctl/tokens``  `TokenWish` -> ``{"token", "subject", "issuer", "expires_at"}``; 400 if malformed
- ``POST /_ctl/rotate``  ``{"kind", "keep_old"?: true}`` -> ``{"kid"}``: a new key signs from now on; the old ones stay
  published or do not
- the switchboard's own, for the operation ``jwks`` (both kinds; the path is in the log). Reset brings the first keys back.
"""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_encode
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import Switchboard
from sandbox.issuer_keys import KINDS, Kind, SigningKey, clerk_id, new_key, read_key

_PATHS: Final[dict[Kind, str]] = {"supabase": "/auth/v1", "clerk": "/clerk"}
_LIFE_SECONDS: Final[dict[Kind, int]] = {"supabase": 3600, "clerk": 60}
_CLERK_BACKDATE_SECONDS = 10  # Clerk's nbf lies this far before iat
_AZP = "http://localhost:3000"


class TokenWish(BaseModel):
    """What a test asks for. `claims` are laid over the issuer's own; null takes one away.

    `forged` gives a token that no verifier may take: unsigned, HS256 with the published key as its secret, or signed by a
    key that is not published under a key id that is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    sub: str | None = None
    email: str | None = None
    expires_in: int | None = None
    claims: dict[str, Any] = Field(default_factory=dict[str, Any])
    forged: Literal["none", "public_key", "other_key"] | None = None


class RotateWish(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    keep_old: bool = True


@dataclass
class _Ring:
    """What one issuer publishes; the last one signs."""

    first: SigningKey
    published: list[SigningKey] = field(init=False)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.published = [self.first]

    @property
    def signing(self) -> SigningKey:
        return self.published[-1]

    def rotate(self, kind: Kind, *, keep_old: bool) -> SigningKey:
        self.published = [*(self.published if keep_old else ()), new_key(kind)]
        return self.signing


def _supabase_claims(wish: TokenWish, issuer: str, now: int) -> dict[str, Any]:
    subject, email = wish.sub or str(uuid.uuid4()), wish.email or ""
    return {
        "iss": issuer,
        "sub": subject,
        "aud": "authenticated",
        "iat": now,
        "email": email,
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"email": email, "email_verified": True, "phone_verified": False, "sub": subject},
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": now}],
        "session_id": str(uuid.uuid4()),
        "is_anonymous": False,
    }


def _clerk_claims(wish: TokenWish, issuer: str, now: int) -> dict[str, Any]:
    """Version 2, as the Supabase integration makes them: with `role`. An organisation comes in by `claims`, as `o`."""
    email = {"email": wish.email} if wish.email else {}
    return {
        "azp": _AZP,
        "fva": [0, -1],
        "iat": now,
        "iss": issuer,
        "jti": uuid.uuid4().hex[:20],
        "nbf": now - _CLERK_BACKDATE_SECONDS,
        "pla": "u:free",
        "role": "authenticated",
        "sid": clerk_id("sess"),
        "sts": "active",
        "sub": wish.sub or clerk_id("user"),
        "v": 2,
        **email,
    }


def _hand_signed(header: Mapping[str, Any], claims: Mapping[str, Any], secret: bytes | None) -> str:
    """What `jwt` rightly declines to make."""
    parts = [base64url_encode(json.dumps(part).encode()) for part in (header, claims)]
    signature = HMACAlgorithm(HMACAlgorithm.SHA256).sign(b".".join(parts), secret) if secret is not None else b""
    return b".".join([*parts, base64url_encode(signature)]).decode()


def _forge(kind: Kind, forged: str, key: SigningKey, claims: Mapping[str, Any]) -> str:
    if forged == "none":
        return _hand_signed({"alg": "none", "typ": "JWT", "kid": key.kid}, claims, None)
    if forged == "public_key":
        secret = json.dumps(key.public_jwk()).encode()
        return _hand_signed({"alg": "HS256", "typ": "JWT", "kid": key.kid}, claims, secret)
    return SigningKey(key.kid, new_key(kind).private).sign(claims)


class IssuerApp:
    """State of one stand-in: the keys of both issuers. One per app."""

    def __init__(self, options: Mapping[str, str]) -> None:
        given: dict[str, Any] = json.loads(options.get("keys") or "{}")
        if unknown := set(given) - set(KINDS):
            raise ValueError(f"unknown kinds of key {sorted(unknown)}; known: {sorted(KINDS)}")
        self._rings = {kind: _Ring(read_key(given[kind]) if kind in given else new_key(kind)) for kind in KINDS}
        self._switchboard = Switchboard(operations=("jwks",))
        for ring in self._rings.values():
            self._switchboard.on_reset(ring.reset)

    def routes(self) -> list[Any]:
        jwks = {"supabase": self._supabase_jwks, "clerk": self._clerk_jwks}
        return [
            *(
                Route(
                    f"{_PATHS[kind]}/.well-known/jwks.json",
                    self._switchboard.guard("jwks", jwks[kind], error_body=_error_body),
                )
                for kind in KINDS
            ),
            Route("/_ctl/tokens", self._post_token, methods=["POST"]),
            Route("/_ctl/rotate", self._post_rotate, methods=["POST"]),
            *self._switchboard.routes(),
        ]

    async def _supabase_jwks(self, request: Request) -> Response:
        return JSONResponse(self._jwks("supabase"), headers={"cache-control": "public, max-age=600"})

    async def _clerk_jwks(self, request: Request) -> Response:
        return JSONResponse(self._jwks("clerk"))

    def _jwks(self, kind: Kind) -> dict[str, Any]:
        return {"keys": [key.public_jwk() for key in self._rings[kind].published]}

    async def _post_token(self, request: Request) -> Response:
        try:
            wish = TokenWish.model_validate_json(await request.body())
        except ValidationError as error:
            return _malformed(error)
        issuer = str(request.base_url).rstrip("/") + _PATHS[wish.kind]
        token, claims = self._mint(wish, issuer)
        answer = {"token": token, "subject": claims.get("sub"), "issuer": issuer, "expires_at": claims.get("exp")}
        return JSONResponse(answer)

    def _mint(self, wish: TokenWish, issuer: str) -> tuple[str, dict[str, Any]]:
        now = int(time.time())
        own = (_supabase_claims if wish.kind == "supabase" else _clerk_claims)(wish, issuer, now)
        life = _LIFE_SECONDS[wish.kind] if wish.expires_in is None else wish.expires_in
        claims = {n: v for n, v in {**own, "exp": now + life, **wish.claims}.items() if v is not None}
        key = self._rings[wish.kind].signing
        return _forge(wish.kind, wish.forged, key, claims) if wish.forged else key.sign(claims), claims

    async def _post_rotate(self, request: Request) -> Response:
        try:
            wish = RotateWish.model_validate_json(await request.body())
        except ValidationError as error:
            return _malformed(error)
        return JSONResponse({"kid": self._rings[wish.kind].rotate(wish.kind, keep_old=wish.keep_old).kid})


def _malformed(error: ValidationError) -> Response:
    return JSONResponse({"error": error.errors(include_url=False, include_context=False)}, status_code=400)


def _error_body(status: int) -> dict[str, Any]:
    return {"code": status, "msg": f"the sandbox answers {status} on purpose"}


def create_app(options: Mapping[str, str] | None = None) -> Starlette:
    """See the module's docstring. Raises ValueError for `keys` that are none."""
    return Starlette(routes=IssuerApp(options or {}).routes())
