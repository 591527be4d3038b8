"""SIP messages and the one kind of SDP that a telephone of the sandbox speaks: read, answered, written. Pure.

Owns: the grammar, as far as INVITE, ACK, BYE, CANCEL, OPTIONS, REFER and NOTIFY over UDP need it, and PCMU with telephone
events. Refuses: sockets, retransmission, who may call (`sandbox.sip_gateway`).
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

PCMU = 0
_SHORT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
}
_REASONS = {
    100: "Processing",
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    403: "Forbidden",
    407: "Proxy Authentication Required",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    503: "Service Unavailable",
}
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY"
_KEYS_TYPE = 101


class Malformed(ValueError):
    """Not a SIP message, or an offer that can't be answered."""


@dataclass(frozen=True)
class Message:
    """`start` is the first line; a header may occur more than once, names are lower case and written out."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    @property
    def method(self) -> str:
        """Of a request; empty for a response."""
        return "" if self.start.startswith("SIP/") else self.start.split(" ", 1)[0]

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/") else 0

    @property
    def target(self) -> str:
        """The request's URI."""
        return self.start.split(" ")[1]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        """The first of that name, or an empty text."""
        return next(iter(self.all(name)), "")

    @property
    def reason(self) -> str:
        """Of a response, in its own words."""
        return self.start.split(" ", 2)[-1] if self.status else ""

    @property
    def sequence(self) -> tuple[int, str]:
        """The request's number, and its method: of a response, of what it answers."""
        number, _, method = self.get("cseq").partition(" ")
        return int(number) if number.isdigit() else 0, method.strip()

    @property
    def branch(self) -> str:
        """What tells one transaction from another; a retransmission has the same."""
        found = re.search(r"branch=([^;,\s]+)", self.get("via"))
        return found.group(1) if found else ""


def parse(data: bytes) -> Message:
    """Raises Malformed."""
    head, _, body = data.decode("utf-8", errors="replace").partition("\r\n\r\n")
    lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        name, separator, value = line.partition(":")
        if separator:
            key = name.strip().lower()
            headers.append((_SHORT.get(key, key), value.strip()))
    message = Message(lines[0], tuple(headers), body)
    if not re.fullmatch(r"[A-Z]+ \S+ SIP/2\.0|SIP/2\.0 \d{3}.*", lines[0]) or not message.get("call-id"):
        raise Malformed("not a SIP message")
    return message


def write(start: str, headers: Iterable[tuple[str, str]], body: str = "") -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def response(
    request: Message, status: int, *, tag: str = "", contact: str = "", body: str = "", more: Sequence[str] = ()
) -> bytes:
    """`tag` is ours, put to the To header if it has none. `more`: whole header lines."""
    to = request.get("to")
    if tag and "tag=" not in to:
        to = f"{to};tag={tag}"
    headers = [("Via", value) for value in request.all("via")]
    headers += [("From", request.get("from")), ("To", to)]
    headers += [("Call-ID", request.get("call-id")), ("CSeq", request.get("cseq")), ("Allow", ALLOW)]
    if contact:
        headers.append(("Contact", contact))
    if body:
        headers.append(("Content-Type", "application/sdp"))
    headers += [(name, value) for name, _, value in (line.partition(": ") for line in more)]
    return write(f"SIP/2.0 {status} {_REASONS.get(status, 'Refused')}", headers, body)


def uri_of(header: str) -> str:
    """The address in a From or To header, without its parameters."""
    found = re.search(r"<([^>]+)>", header)
    return found.group(1) if found else header.split(";")[0].strip()


def user_of(uri: str) -> str:
    """`+33612345678` of `sip:+33612345678@host`; empty where there is none."""
    found = re.match(r"sips?:([^@;>]+)@", uri)
    return found.group(1) if found else ""


@dataclass(frozen=True)
class Offer:
    """Where the telephone wants its audio, and by which payload number it sends keys (None: not at all)."""

    host: str
    port: int
    keys: int | None


def read_offer(body: str) -> Offer:
    """Raises Malformed where PCMU is not among what is offered."""
    host = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
    audio = re.search(r"^m=audio (\d+) RTP/AVP ([\d ]+)", body, re.MULTILINE)
    if host is None or audio is None or str(PCMU) not in audio.group(2).split():
        raise Malformed("no audio in PCMU is offered")
    keys = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", body, re.MULTILINE)
    return Offer(host.group(1), int(audio.group(1)), int(keys.group(1)) if keys else None)


def write_answer(offer: Offer, *, host: str, port: int) -> str:
    return _description(host, port, offer.keys)


def write_offer(*, host: str, port: int) -> str:
    return _description(host, port, _KEYS_TYPE)


def _description(host: str, port: int, keys: int | None) -> str:
    kinds = [str(PCMU)] + ([str(keys)] if keys is not None else [])
    lines = ["v=0", f"o=- {secrets.randbits(31)} 1 IN IP4 {host}", "s=AVA", f"c=IN IP4 {host}", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP {' '.join(kinds)}", f"a=rtpmap:{PCMU} PCMU/8000"]
    if keys is not None:
        lines += [f"a=rtpmap:{keys} telephone-event/8000", f"a=fmtp:{keys} 0-16"]
    return "\r\n".join([*lines, "a=ptime:20", "a=sendrecv", ""])


@dataclass
class Challenge:
    """SIP digest (MD5), as LiveKit asks for it; with `qop` ("auth"), as carriers do."""

    realm: str = "AVA"
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    qop: str = ""

    @property
    def header(self) -> str:
        qop = f', qop="{self.qop}"' if self.qop else ""
        return f'Proxy-Authenticate: Digest realm="{self.realm}", nonce="{self.nonce}", algorithm=MD5{qop}'

    def accepts(self, given: str, method: str, username: str, password: str) -> bool:
        """Whether an authorization header answers this challenge."""
        return self.accepts_hashed(given, method, username, hashed(username, self.realm, password))

    def accepts_hashed(self, given: str, method: str, username: str, digest: str) -> bool:
        """As `accepts`, by what is kept of a password (`hashed`)."""
        fields = _fields(given)
        nonce = self.nonce
        if self.qop:
            nonce += f":{fields.get('nc', '')}:{fields.get('cnonce', '')}:{self.qop}"
        right = _answered(digest, nonce, method, fields.get("uri", ""))
        return fields.get("username") == username and fields.get("response") == right


def hashed(username: str, realm: str, password: str) -> str:
    """What digest needs of a password, and nobody can sign in elsewhere with."""
    return _md5(f"{username}:{realm}:{password}")


def username_of(authorization: str) -> str:
    """Empty where the header has none."""
    return _fields(authorization).get("username", "")


def answer_challenge(challenge: str, *, method: str, uri: str, username: str, password: str) -> str:
    """The value of an authorization header for a challenge's; MD5 without qop, or with qop=auth."""
    fields = _fields(challenge)
    realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
    parts = {"username": username, "realm": realm, "nonce": nonce, "uri": uri}
    digest = hashed(username, realm, password)
    extra = ""
    if "auth" in fields.get("qop", "").split(","):
        cnonce = secrets.token_hex(8)
        response_ = _answered(digest, f"{nonce}:00000001:{cnonce}:auth", method, uri)
        extra = f', qop=auth, nc=00000001, cnonce="{cnonce}"'
    else:
        response_ = _answered(digest, nonce, method, uri)
    parts["response"] = response_
    if "opaque" in fields:
        parts["opaque"] = fields["opaque"]
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in parts.items()) + ", algorithm=MD5" + extra


def _fields(header: str) -> dict[str, str]:
    return {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', header)}


def _answered(digest: str, nonce: str, method: str, uri: str) -> str:
    return _md5(f"{digest}:{nonce}:{_md5(f'{method}:{uri}')}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
