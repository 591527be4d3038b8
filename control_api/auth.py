"""Who signed a bearer token and for whom: the one place where tokens are verified.

Owns: the claims that must hold, why a token is refused, the memory of tokens verified already. Refuses: which issuers are
taken (`control_api.issuers`), keys and their age (`control_api.jwks`), API keys, what a subject may do.

What a token says of itself chooses the issuer's policy and the key, nothing else: the algorithms are the policy's, a key
has one algorithm, and every claim used is read after the signature held.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal

import httpx
import jwt
from jwt.exceptions import InvalidSubjectError
from pydantic import SecretStr

from contracts.errors import DomainError
from control_api.issuers import PUBLISHED, Algorithm, IssuerPolicy
from control_api.jwks import IssuerKeys, IssuerUnavailable, KeysState, Timing, VerificationKey

__all__ = ["IssuerPolicy", "IssuerUnavailable", "Reason", "TokenRefused", "TokenVerifier", "VerifiedToken"]

Reason = Literal[
    "missing", "malformed", "unknown_issuer", "algorithm", "signature", "expired", "not_yet_valid", "audience",
    "authorized_party", "session_pending", "subject_missing", "role",
]  # fmt: skip

_MAX_TOKEN: Final = 8 * 1024
_MAX_REMEMBERED: Final = 2_048
_SUBJECT: Final = re.compile(r"[!-~]{1,255}")
_EMAIL: Final = re.compile(r"[^\s@\x00-\x1f]{1,64}@[^\s@\x00-\x1f]{1,189}")

_SAID: Final[Mapping[Reason, str]] = {
    "missing": "there is no bearer token",
    "malformed": "the bearer token is not a JWT this server reads",
    "unknown_issuer": "the token is of an issuer this server does not take",
    "algorithm": "the token is signed by an algorithm its issuer does not use",
    "signature": "the token is not signed by a key of its issuer",
    "expired": "the token has expired: sign in again",
    "not_yet_valid": "the token is not valid yet: is a clock wrong?",
    "audience": "the token is meant for somebody else",
    "authorized_party": "the token was made for an application that is not allowed here",
    "session_pending": "the sign-in is not complete: finish the steps it still asks for",
    "subject_missing": "the token names nobody",
    "role": "the token carries no role of a signed-in user: switch the Supabase integration on at its issuer",
}


class TokenRefused(DomainError):
    """`reason` is stable. Neither it nor the message holds anything of the token."""

    code: ClassVar[str] = "token_refused"

    def __init__(self, reason: Reason) -> None:
        super().__init__(_SAID[reason])
        self.reason: Reason = reason


@dataclass(frozen=True)
class VerifiedToken:
    """A person, by an issuer's word. `email_verified` is None where the issuer does not say it itself."""

    subject: str
    issuer_name: str
    expires_at: datetime
    email: str | None = field(repr=False)
    email_verified: bool | None
    token: SecretStr = field(repr=False)


@dataclass(frozen=True)
class _Remembered:
    """Valid as long as the issuer still has `key`; None: verified by the policy's own secret."""

    verified: VerifiedToken
    key: VerificationKey | None


class TokenVerifier:
    """For the event loop it is used in; `http` and `clock` (aware UTC) are the caller's."""

    def __init__(
        self,
        policies: Sequence[IssuerPolicy],
        http: httpx.AsyncClient,
        clock: Callable[[], datetime],
        *,
        timing: Timing | None = None,
        remembers: int = _MAX_REMEMBERED,
    ) -> None:
        """`remembers` that many verified tokens. ValueError: two policies have the same name or the same `iss`."""
        self._policies = {issuer: policy for policy in policies for issuer in policy.issuers}
        if len(self._policies) != sum(len(policy.issuers) for policy in policies):
            raise ValueError("two issuers have the same `iss`")
        if len({policy.name for policy in policies}) != len(policies):
            raise ValueError("two issuers have the same name")
        self._keys = {
            policy.name: IssuerKeys(
                policy.name,
                policy.jwks_url,
                policy.algorithms & PUBLISHED,
                http=http,
                clock=clock,
                timing=timing or Timing(),
            )
            for policy in policies
            if policy.jwks_url is not None
        }
        self._clock = clock
        self._remembers = remembers
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    @property
    def states(self) -> Mapping[str, KeysState]:
        """By the issuer's name, for those that publish keys."""
        return {name: keys.state for name, keys in self._keys.items()}

    async def ping(self) -> None:
        """Raises IssuerUnavailable: of an issuer that has been asked for its keys, none are held."""
        if missing := sorted(name for name, state in self.states.items() if state.failures and not state.keys):
            raise IssuerUnavailable(f"no keys of {', '.join(missing)}")

    async def verify(self, token: str) -> VerifiedToken:
        """Raises TokenRefused, or IssuerUnavailable where the issuer's keys can't be had."""
        _check_form(token)
        digest = hashlib.sha256(token.encode()).digest()
        known = await self._recall(digest)
        if known is not None:
            return known
        header, said = _unverified(token)
        policy = self._policy_of(said.get("iss"))
        algorithm = _allowed_algorithm(header, policy)
        key = None if algorithm == "HS256" else await self._find_key(policy, header, algorithm)
        claims = _verified_claims(token, policy, algorithm, key)
        verified = _as_verified(token, claims, policy, now=self._clock())
        self._remember(digest, _Remembered(verified, key))
        return verified

    async def aclose(self) -> None:
        for keys in self._keys.values():
            await keys.aclose()

    def _policy_of(self, issuer: Any) -> IssuerPolicy:
        policy = self._policies.get(issuer) if isinstance(issuer, str) else None
        if policy is None:
            raise TokenRefused("unknown_issuer")
        return policy

    async def _find_key(self, policy: IssuerPolicy, header: Mapping[str, Any], algorithm: str) -> VerificationKey:
        kid = header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise TokenRefused("malformed")
        key = await self._keys[policy.name].find(kid)
        if key is None:
            raise TokenRefused("signature")
        if key.algorithm != algorithm:
            raise TokenRefused("algorithm")
        return key

    async def _recall(self, digest: bytes) -> VerifiedToken | None:
        found = self._remembered.get(digest)
        if found is None:
            return None
        verified, key = found.verified, found.key
        still = self._clock() < verified.expires_at
        if still and (key is None or await self._keys[verified.issuer_name].find(key.kid) == key):
            if digest in self._remembered:
                self._remembered.move_to_end(digest)
            return verified
        self._remembered.pop(digest, None)
        return None

    def _remember(self, digest: bytes, what: _Remembered) -> None:
        self._remembered[digest] = what
        if len(self._remembered) > self._remembers:
            self._remembered.popitem(last=False)


def _check_form(token: str) -> None:
    if not token:
        raise TokenRefused("missing")
    if len(token) > _MAX_TOKEN or not token.isascii():
        raise TokenRefused("malformed")


def _unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims as they came: for choosing the policy and the key only."""
    try:
        found = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise TokenRefused("malformed") from None
    header: Mapping[str, Any] = found["header"]
    # another type (`at+jwt`) is another kind of token of the same issuer, with rights of its own
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        raise TokenRefused("malformed")
    return header, found["payload"]


def _allowed_algorithm(header: Mapping[str, Any], policy: IssuerPolicy) -> Algorithm:
    for algorithm in policy.algorithms:
        if header.get("alg") == algorithm:
            return algorithm
    raise TokenRefused("algorithm")


def _verified_claims(
    token: str, policy: IssuerPolicy, algorithm: Algorithm, key: VerificationKey | None
) -> Mapping[str, Any]:
    """Signature, issuer and audience hold. Times are not looked at yet: they are read by our own clock."""
    if key is not None:
        secret = key.public
    else:
        assert policy.secret is not None
        secret = policy.secret.get_secret_value()
    try:
        return jwt.decode(
            token,
            secret,
            algorithms=[algorithm],
            audience=policy.audience,
            issuer=policy.issuers,
            options={
                "require": ["exp", "sub", "iss"],
                "verify_aud": policy.audience is not None,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.PyJWTError as error:
        raise TokenRefused(_reason_of(error)) from None


def _reason_of(error: jwt.PyJWTError) -> Reason:
    match error:
        case jwt.MissingRequiredClaimError(claim="sub") | InvalidSubjectError():
            return "subject_missing"
        case jwt.MissingRequiredClaimError(claim="aud") | jwt.InvalidAudienceError():
            return "audience"
        case jwt.InvalidIssuerError():
            return "unknown_issuer"
        case jwt.InvalidAlgorithmError():
            return "algorithm"
        case jwt.InvalidSignatureError() | jwt.InvalidKeyError():
            return "signature"
        case _:
            return "malformed"


def _as_verified(token: str, claims: Mapping[str, Any], policy: IssuerPolicy, *, now: datetime) -> VerifiedToken:
    expires_at = _instant(claims["exp"])
    if expires_at <= now - policy.leeway:
        raise TokenRefused("expired")
    if claims.get("nbf") is not None and _instant(claims["nbf"]) > now + policy.leeway:
        raise TokenRefused("not_yet_valid")
    _check_party(claims.get("azp"), policy)
    if claims.get("sts") == "pending":
        raise TokenRefused("session_pending")
    if not _SUBJECT.fullmatch(claims["sub"]):
        raise TokenRefused("subject_missing")
    if claims.get("role") != policy.role:
        raise TokenRefused("role")
    # `user_metadata` says more about addresses, but its owner can write there
    email, email_verified = claims.get("email"), claims.get("email_verified")
    return VerifiedToken(
        subject=claims["sub"],
        issuer_name=policy.name,
        expires_at=expires_at,
        email=email if isinstance(email, str) and _EMAIL.fullmatch(email) else None,
        email_verified=email_verified if isinstance(email_verified, bool) else None,
        token=SecretStr(token),
    )


def _instant(seconds: Any) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TokenRefused("malformed")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenRefused("malformed") from None


def _check_party(azp: Any, policy: IssuerPolicy) -> None:
    if not policy.authorized_parties or (azp is None and policy.allow_missing_azp):
        return
    if not isinstance(azp, str) or azp not in policy.authorized_parties:
        raise TokenRefused("authorized_party")
