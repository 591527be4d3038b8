"""The public keys of one issuer of sign-in tokens: fetched, kept, refreshed, and used on while the issuer is away.

Owns: which published keys are usable, how old they may be, when the issuer is asked again. Refuses: tokens.

Keys are used for ten minutes, refreshed ahead of that without anybody waiting, and used on for a day while the issuer gives
no answer. What a good answer no longer lists is gone at once. A key id nobody knows has the issuer asked again, at most
once per cool-down however many such tokens come. One fetch runs at a time; whoever needs its outcome waits for that one.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, cast

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from contracts.errors import DomainError

log = structlog.get_logger("control_api.jwks")

_MAX_BYTES: Final = 64 * 1024
_MAX_KEYS: Final = 32
_MAX_KID: Final = 255
_RSA_BITS: Final = (2048, 8192)
_ALGORITHM_OF: Final[Mapping[tuple[str, str | None], str]] = {("EC", "P-256"): "ES256", ("RSA", None): "RS256"}


class IssuerUnavailable(DomainError):
    """The issuer's keys could not be had: nothing is known about the token."""

    code = "issuer_unavailable"
    retryable = True


@dataclass(frozen=True)
class Timing:
    """How long keys are used (`fresh`, `kept` while the issuer is away) and how often the issuer is asked."""

    ahead: timedelta = timedelta(minutes=8)
    fresh: timedelta = timedelta(minutes=10)
    kept: timedelta = timedelta(hours=24)
    cool_down: timedelta = timedelta(seconds=30)
    first_retry: timedelta = timedelta(seconds=1)
    deadline: timedelta = timedelta(seconds=3)

    def wait_after(self, failures: int) -> timedelta:
        """From the end of one fetch to the next; after failures it doubles from `first_retry` up to the cool-down."""
        if not failures:
            return self.cool_down
        return min(self.cool_down, self.first_retry * 2 ** min(failures - 1, 16))


@dataclass(frozen=True)
class VerificationKey:
    """Equal to another if it is the same key for the same purpose, whenever it was fetched."""

    kid: str
    algorithm: str
    fingerprint: str
    public: EllipticCurvePublicKey | RSAPublicKey = field(repr=False, compare=False)


@dataclass(frozen=True)
class KeysState:
    """For a health page. `failures`: fetches that failed since the last that did not."""

    fetched_at: datetime | None
    keys: int
    failures: int


def read_jwks(body: bytes, algorithms: Collection[str]) -> Mapping[str, VerificationKey]:
    """The usable keys by id; those of other kinds, for other uses or too weak are left out. ValueError: no JWKS."""
    try:
        document: Any = json.loads(body)
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None
    listed: Any = cast(dict[str, Any], document).get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("the answer lists no keys")
    entries = cast(list[Any], listed)
    if len(entries) > _MAX_KEYS:
        raise ValueError(f"the answer lists more than {_MAX_KEYS} keys")
    found: dict[str, VerificationKey] = {}
    for entry in entries:
        key = _read_key(cast(dict[str, Any], entry), algorithms) if isinstance(entry, dict) else None
        if key is not None:
            found.setdefault(key.kid, key)
    return found


def _read_key(jwk: dict[str, Any], algorithms: Collection[str]) -> VerificationKey | None:
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID:
        return None
    algorithm = _algorithm(jwk)
    if algorithm not in algorithms or not _is_for_verifying(jwk):
        return None
    try:
        public = jwt.PyJWK(jwk, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    # where the private part is published too, this is a private key, which proves nothing any more
    if isinstance(public, RSAPublicKey):
        if not _RSA_BITS[0] <= public.key_size <= _RSA_BITS[1]:
            return None
    elif not isinstance(public, EllipticCurvePublicKey):
        return None
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return VerificationKey(kid, algorithm, hashlib.sha256(encoded).hexdigest(), public)


def _algorithm(jwk: Mapping[str, Any]) -> str:
    """By the kind of key; an `alg` that says otherwise makes it none we use."""
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kind, str) or not (curve is None or isinstance(curve, str)):
        return ""
    algorithm = _ALGORITHM_OF.get((kind, curve), "")
    return algorithm if jwk.get("alg", algorithm) == algorithm else ""


def _is_for_verifying(jwk: Mapping[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    listed = isinstance(operations, list) and "verify" in cast(list[Any], operations)
    return jwk.get("use", "sig") == "sig" and listed


class IssuerKeys:
    """The keys at `url`, for the event loop it is used in. `aclose` ends a fetch that runs."""

    def __init__(
        self,
        name: str,
        url: str,
        algorithms: Collection[str],
        *,
        http: httpx.AsyncClient,
        clock: Callable[[], datetime],
        timing: Timing,
    ) -> None:
        """`name` is for logs. `clock` gives aware UTC."""
        self._name = name
        self._url = url
        self._algorithms = frozenset(algorithms)
        self._http = http
        self._clock = clock
        self._timing = timing
        self._keys: Mapping[str, VerificationKey] = {}
        self._fetched_at: datetime | None = None
        self._attempted_at: datetime | None = None
        self._failures = 0
        self._running: asyncio.Task[None] | None = None

    @property
    def state(self) -> KeysState:
        return KeysState(self._fetched_at, len(self._keys), self._failures)

    async def find(self, kid: str) -> VerificationKey | None:
        """None: the issuer has no such key. IssuerUnavailable: that can't be told."""
        now = self._clock()
        if self._is_older_than(self._timing.kept, now):
            self._keys = {}
        key = self._keys.get(kid)
        if key is not None and not self._is_older_than(self._timing.ahead, now):
            return key
        running = self._refresh_if_due(now)
        # with a key at hand one waits only for an issuer that answered when last asked
        waits = key is None or (self._is_older_than(self._timing.fresh, now) and not self._failures)
        if running is not None and waits:
            await asyncio.wait({running})  # not the task itself: who stops waiting does not stop it for the others
            key = self._keys.get(kid)
        if key is None and (self._failures or self._fetched_at is None):
            raise IssuerUnavailable("the keys of the token's issuer could not be fetched")
        return key

    def _is_older_than(self, limit: timedelta, now: datetime) -> bool:
        """A clock that was put back counts as old: better asked once too often."""
        return self._fetched_at is None or not timedelta(0) <= now - self._fetched_at < limit

    def _refresh_if_due(self, now: datetime) -> asyncio.Task[None] | None:
        """The fetch that runs, begun now if it may be; None if the issuer is left alone for a while."""
        if self._running is None:
            waited = None if self._attempted_at is None else abs(now - self._attempted_at)
            if waited is None or waited >= self._timing.wait_after(self._failures):
                self._running = asyncio.create_task(self._refresh(), name=f"jwks {self._name}")
        return self._running

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(self._timing.deadline.total_seconds()):
                body = await self._download()
            keys = read_jwks(body, self._algorithms)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            self._failures += 1
            log.warning(
                "issuer keys not fetched", issuer=self._name, error=type(error).__name__, failures=self._failures
            )
        else:
            self._keys, self._fetched_at, self._failures = keys, self._clock(), 0
        finally:
            self._attempted_at = self._clock()
            self._running = None

    async def _download(self) -> bytes:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        seconds = self._timing.deadline.total_seconds()
        async with self._http.stream(
            "GET", self._url, headers=headers, timeout=seconds, follow_redirects=False
        ) as answer:
            if answer.status_code != 200:
                raise ValueError(f"the issuer answered {answer.status_code}")
            # what was not asked for could unpack to any size
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise ValueError("the answer is compressed")
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > _MAX_BYTES:
                    raise ValueError(f"the answer is longer than {_MAX_BYTES} bytes")
        return bytes(body)

    async def aclose(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
