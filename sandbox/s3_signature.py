"""AWS Signature Version 4 as an S3 service checks it: in the Authorization header, or in a link's query.

Owns: recomputing a request's signature from what arrived, byte for byte. Refuses: chunk-signed bodies
(`STREAMING-…`), session tokens, and any service but `s3`.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_SKEW = timedelta(minutes=15)
_LONGEST = 7 * 24 * 3600
_HEADER = re.compile(
    rf"{ALGORITHM} Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]+)"
)


class Refused(Exception):
    """`code` as S3 names it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Arrived:
    """`path` and `query` as they were sent, still encoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Claim:
    credential: str
    signed_headers: str
    signature: str
    date: str
    payload: str


def check(arrived: Arrived, *, key_id: str, secret: str, region: str, now: datetime) -> None:
    """Raises Refused."""
    pairs = parse_qsl(arrived.query, keep_blank_values=True)
    given = dict(pairs)
    claim = _of_link(given, now) if "X-Amz-Signature" in given else _of_header(arrived, now)
    who, _, scope = claim.credential.partition("/")
    if who != key_id:
        raise Refused("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if scope != f"{claim.date[:8]}/{region}/s3/aws4_request":
        raise Refused("AuthorizationHeaderMalformed", f"The credential's scope is wrong; expecting region '{region}'.")
    if "host" not in claim.signed_headers.split(";"):
        raise Refused("AccessDenied", "The host was not signed.")
    unsigned = [
        name for name in arrived.headers if name.startswith("x-amz-") and name not in claim.signed_headers.split(";")
    ]
    if unsigned:
        raise Refused("AccessDenied", "There were headers present in the request which were not signed.")
    canonical = "\n".join(
        (
            arrived.method,
            arrived.path,
            _canonical_query([pair for pair in pairs if pair[0] != "X-Amz-Signature"]),
            *(f"{name}:{' '.join(arrived.headers.get(name, '').split())}" for name in claim.signed_headers.split(";")),
            "",
            claim.signed_headers,
            claim.payload,
        )
    )
    wanted = _signature(canonical, secret=secret, date=claim.date, scope=scope)
    if not hmac.compare_digest(wanted, claim.signature):
        raise Refused(
            "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
        )
    if claim.payload != UNSIGNED and claim.payload != hashlib.sha256(arrived.body).hexdigest():
        raise Refused("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' does not match the body.")


def _of_header(arrived: Arrived, now: datetime) -> _Claim:
    found = _HEADER.fullmatch(arrived.headers.get("authorization", ""))
    date, payload = arrived.headers.get("x-amz-date", ""), arrived.headers.get("x-amz-content-sha256", "")
    if found is None or not date or not payload:
        raise Refused("AccessDenied", "Access Denied.")
    if payload.startswith("STREAMING-"):
        raise Refused("NotImplemented", "Chunk-signed bodies are not taken here.")
    if abs(now - _moment(date)) > _SKEW:
        raise Refused("RequestTimeTooSkewed", "The difference between the request time and the server's is too large.")
    return _Claim(found["credential"], found["headers"], found["signature"], date, payload)


def _of_link(given: Mapping[str, str], now: datetime) -> _Claim:
    try:
        seconds, date = int(given["X-Amz-Expires"]), given["X-Amz-Date"]
        claim = _Claim(
            given["X-Amz-Credential"], given["X-Amz-SignedHeaders"], given["X-Amz-Signature"], date, UNSIGNED
        )
    except (KeyError, ValueError):
        raise Refused("AuthorizationQueryParametersError", "The link lacks what it must say.") from None
    if given.get("X-Amz-Algorithm") != ALGORITHM or not 0 < seconds <= _LONGEST:
        raise Refused("AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week.")
    if not _moment(date) - _SKEW <= now <= _moment(date) + timedelta(seconds=seconds):
        raise Refused("AccessDenied", "Request has expired")
    return claim


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refused("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header") from None


def _canonical_query(pairs: list[tuple[str, str]]) -> str:
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _signature(canonical: str, *, secret: str, date: str, scope: str) -> str:
    day, region, service, end = scope.split("/")
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    said = "\n".join((ALGORITHM, date, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    return hmac.new(key, said.encode(), "sha256").hexdigest()
