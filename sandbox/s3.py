"""Stands for an S3-compatible storage (Amazon, Cloudflare R2, MinIO): one bucket, path-style addresses, in memory.

Owns: PUT, GET with ranges, HEAD, DELETE, DeleteObjects, ListObjectsV2 with continuation, multipart uploads; each request's
Signature V4 is checked (`sandbox.s3_signature`), links' too; S3's own error codes as XML. Written instead of moto's server,
which checks no signature, has no faults, and brings Flask and boto3 along.

What it can't show: eventual effects of replication, versioned buckets, lifecycle rules, encryption, bucket policies, real
throughput.

Options of `create_app` (all text): ``key_id``, ``secret``, ``region``, ``bucket``, this module's where not given.
Knob: ``later_s``, by how many seconds its clock is ahead, so that links expire. ``GET /_ctl/objects``: key -> bytes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import Switchboard, early_answer, late_answer
from sandbox.s3_signature import Arrived, Refused, check

BUCKET, REGION, KEY_ID, SECRET = (
    "ava-recordings",
    "eu-test-1",
    "AKIDSANDBOX0000000",
    "sandbox-secret-of-the-s3-stand-in",
)
OPERATIONS = (
    "put_object", "get_object", "head_object", "delete_object", "delete_objects", "list_objects",
    "create_upload", "upload_part", "complete_upload", "abort_upload",
)  # fmt: skip
_MOST_LISTED = 1000
_LEAST_PART = 5 * 1024 * 1024
_XML = "http://s3.amazonaws.com/doc/2006-03-01/"
_STATUS = {
    "NoSuchKey": 404, "NoSuchBucket": 404, "NoSuchUpload": 404, "InvalidRange": 416, "NotImplemented": 501,
    "EntityTooSmall": 400, "InvalidPart": 400, "MalformedXML": 400, "XAmzContentSHA256Mismatch": 400,
    "AuthorizationHeaderMalformed": 400, "AuthorizationQueryParametersError": 400, "MethodNotAllowed": 405,
}  # fmt: skip


@dataclass(frozen=True)
class Kept:
    body: bytes
    media_type: str
    at: datetime

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


@dataclass
class Bucket:
    name: str
    objects: dict[str, Kept] = field(default_factory=dict[str, Kept])
    uploads: dict[str, tuple[str, str, dict[int, bytes]]] = field(
        default_factory=dict[str, tuple[str, str, dict[int, bytes]]]
    )

    def clear(self) -> None:
        self.objects.clear()
        self.uploads.clear()


def error_body(status: int) -> str:
    code = {403: "AccessDenied", 404: "NoSuchKey", 503: "SlowDown"}.get(status, "InternalError")
    return _error_xml(code, "said by the switchboard")


def create_app(options: Mapping[str, str] | None = None) -> Starlette:
    given = dict(options or {})
    bucket, board = Bucket(given.get("bucket", BUCKET)), Switchboard(OPERATIONS, {"later_s": 0})
    board.on_reset(bucket.clear)
    credentials = {
        "key_id": given.get("key_id", KEY_ID),
        "secret": given.get("secret", SECRET),
        "region": given.get("region", REGION),
    }

    async def serve(request: Request) -> Response:
        arrived = await _arrived(request)
        name, _, key = request.url.path.lstrip("/").partition("/")
        try:
            now = datetime.now(UTC) + timedelta(seconds=board.knobs["later_s"])
            check(arrived, **credentials, now=now)
            if name != bucket.name:
                raise Refused("NoSuchBucket", "The specified bucket does not exist")
            operation = _operation(request, key)
        except Refused as refused:
            board.note("refused", {"code": refused.code})
            return _error(refused, request)
        rule = await board.take(operation, {"key": key})
        if rule is not None and (early := early_answer(rule, error_body)) is not None:
            return early
        try:
            answer = _Work(bucket, request, key, arrived.body).do(operation)
        except Refused as refused:
            answer = _error(refused, request)
        return answer if rule is None else late_answer(rule, answer)

    async def told(_: Request) -> Response:
        return JSONResponse({key: len(kept.body) for key, kept in sorted(bucket.objects.items())})

    methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]
    return Starlette(
        routes=[
            *board.routes(),
            Route("/_ctl/objects", told, methods=["GET"]),
            Route("/{path:path}", serve, methods=methods),
        ]
    )


async def _arrived(request: Request) -> Arrived:
    return Arrived(
        request.method,
        request.scope["raw_path"].decode("ascii").partition("?")[0],
        request.scope["query_string"].decode("ascii"),
        {name.lower(): value for name, value in request.headers.items()},
        await request.body(),
    )


def _operation(request: Request, key: str) -> str:
    asked, method = request.query_params, request.method
    if not key:
        if method == "GET" and asked.get("list-type") == "2":
            return "list_objects"
        if method == "POST" and "delete" in asked:
            return "delete_objects"
    elif "uploadId" in asked:
        named = {"PUT": "upload_part", "POST": "complete_upload", "DELETE": "abort_upload"}
        if method in named:
            return named[method]
    elif method == "POST" and "uploads" in asked:
        return "create_upload"
    elif method != "POST":
        return f"{method.lower()}_object"
    raise Refused("NotImplemented", "This operation is not taken here.")


@dataclass(frozen=True)
class _Work:
    bucket: Bucket
    request: Request
    key: str
    body: bytes

    def do(self, operation: str) -> Response:
        answer: Response = getattr(self, operation)()
        return answer

    def put_object(self) -> Response:
        kept = self._keep(self.key, self.body, self.request.headers.get("content-type", "binary/octet-stream"))
        return Response(headers={"etag": kept.etag})

    def get_object(self) -> Response:
        kept, asked = self._find(), self.request.headers.get("range")
        if asked is None:
            return Response(kept.body, media_type=kept.media_type, headers=_headers(kept))
        first, last = _span(asked, len(kept.body))
        headers = {**_headers(kept), "content-range": f"bytes {first}-{last}/{len(kept.body)}"}
        return Response(kept.body[first : last + 1], 206, media_type=kept.media_type, headers=headers)

    def head_object(self) -> Response:
        kept = self._find()
        headers = {**_headers(kept), "content-length": str(len(kept.body))}
        return Response(media_type=kept.media_type, headers=headers)

    def delete_object(self) -> Response:
        self.bucket.objects.pop(self.key, None)
        return Response(status_code=204)

    def delete_objects(self) -> Response:
        try:
            keys = [str(one.text) for one in ElementTree.fromstring(self.body).iter() if one.tag.endswith("Key")]
        except ElementTree.ParseError:
            raise Refused("MalformedXML", "The XML you provided was not well-formed") from None
        for key in keys:
            self.bucket.objects.pop(key, None)
        gone = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        return _xml("DeleteResult", gone)

    def list_objects(self) -> Response:
        asked = self.request.query_params
        most = min(int(asked.get("max-keys", _MOST_LISTED)), _MOST_LISTED)
        after = asked.get("continuation-token") or asked.get("start-after", "")
        keys = sorted(k for k in self.bucket.objects if k.startswith(asked.get("prefix", "")) and k > after)
        page = keys[:most]
        more = len(keys) > most
        listed = "".join(self._listed(key) for key in page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        head = f"<Name>{self.bucket.name}</Name><KeyCount>{len(page)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>"
        return _xml("ListBucketResult", head + listed + token)

    def create_upload(self) -> Response:
        upload = uuid4().hex
        media_type = self.request.headers.get("content-type", "binary/octet-stream")
        self.bucket.uploads[upload] = (self.key, media_type, {})
        said = f"<Bucket>{self.bucket.name}</Bucket><Key>{escape(self.key)}</Key><UploadId>{upload}</UploadId>"
        return _xml("InitiateMultipartUploadResult", said)

    def upload_part(self) -> Response:
        _, _, parts = self._upload()
        parts[int(self.request.query_params["partNumber"])] = self.body
        return Response(headers={"etag": Kept(self.body, "", datetime.now(UTC)).etag})

    def complete_upload(self) -> Response:
        key, media_type, parts = self._upload()
        numbers = [
            int(str(one.text)) for one in ElementTree.fromstring(self.body).iter() if one.tag.endswith("PartNumber")
        ]
        if numbers != sorted(parts):
            raise Refused("InvalidPart", "One or more of the specified parts could not be found.")
        if any(len(parts[number]) < _LEAST_PART for number in numbers[:-1]):
            raise Refused("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
        kept = self._keep(key, b"".join(parts[number] for number in numbers), media_type)
        del self.bucket.uploads[self.request.query_params["uploadId"]]
        said = f"<Bucket>{self.bucket.name}</Bucket><Key>{escape(key)}</Key><ETag>{escape(kept.etag)}</ETag>"
        return _xml("CompleteMultipartUploadResult", said)

    def abort_upload(self) -> Response:
        self.bucket.uploads.pop(self.request.query_params["uploadId"], None)
        return Response(status_code=204)

    def _keep(self, key: str, body: bytes, media_type: str) -> Kept:
        kept = self.bucket.objects[key] = Kept(body, media_type, datetime.now(UTC))
        return kept

    def _find(self) -> Kept:
        if self.key not in self.bucket.objects:
            raise Refused("NoSuchKey", "The specified key does not exist.")
        return self.bucket.objects[self.key]

    def _upload(self) -> tuple[str, str, dict[int, bytes]]:
        found = self.bucket.uploads.get(self.request.query_params["uploadId"])
        if found is None or found[0] != self.key:
            raise Refused("NoSuchUpload", "The specified upload does not exist.")
        return found

    def _listed(self, key: str) -> str:
        kept = self.bucket.objects[key]
        return (
            f"<Contents><Key>{escape(key)}</Key><LastModified>{kept.at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(kept.etag)}</ETag><Size>{len(kept.body)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )


def _headers(kept: Kept) -> dict[str, str]:
    at = format_datetime(kept.at, usegmt=True)
    return {"etag": kept.etag, "last-modified": at, "accept-ranges": "bytes"}


def _span(asked: str, size: int) -> tuple[int, int]:
    unit, _, span = asked.partition("=")
    first, _, last = span.partition("-")
    try:
        if unit != "bytes":
            raise ValueError(unit)
        if not first:
            found = max(0, size - int(last)), size - 1
        else:
            found = int(first), min(int(last), size - 1) if last else size - 1
    except ValueError:
        raise Refused("InvalidRange", "The requested range is not satisfiable") from None
    if not 0 <= found[0] <= found[1]:
        raise Refused("InvalidRange", "The requested range is not satisfiable")
    return found


def _error(refused: Refused, request: Request) -> Response:
    body = "" if request.method == "HEAD" else _error_xml(refused.code, refused.message)
    return Response(body, _STATUS.get(refused.code, 403), media_type="application/xml")


def _error_xml(code: str, message: str) -> str:
    return f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"


def _xml(root: str, inner: Any) -> Response:
    return Response(f'<{root} xmlns="{_XML}">{inner}</{root}>', media_type="application/xml")
