"""Stands for a LiveKit server's API as the control plane uses it: Twirp over HTTP, the SIP service, agents sent to rooms, and
rooms that a test has put people in.

Owns: the wire (protobuf or JSON answers, Twirp's errors with their HTTP status, tokens and grants), faults, and the
``/_ctl`` routes. What is kept and refused is in `sandbox.livekit_sip`, `sandbox.livekit_dispatches` and
`sandbox.livekit_rooms`, who gets a call in `sandbox.livekit_calls`.
Refuses: every other method (501 `unimplemented`), joining a room, audio, webhooks.

As at the real server, a bad token is turned away before Twirp: 401 in plain text, so that the client sees the code
``unknown``; a good token that lacks the grant is Twirp's ``unauthenticated``.

What it cannot show: the hosted service's own limits and quotas, how long its lists are eventually consistent, whether
it blanks passwords in answers, calls that really ring.

Options of `create_app` (all text): ``api_key`` (devkey), ``api_secret`` (`SECRET`), ``server`` ("cloud", or "open" for
the open-source server's lists and deletes: see `SipStore`), and the knob.
Knob: ``page_cap`` (0 = none), the most items one list answer holds, whatever was asked.
Operations for faults: `OPERATIONS`. A ``delay`` longer than the client's patience is a write that happens after it left.

HTTP surface beside the switchboard's (JSON, in protobuf's mapping; written behind the client's back, unchecked):

- ``GET    /_ctl/state``        {"trunks": […], "outbound_trunks": […], "rules": […], "dispatches": […]}, passwords included
- ``POST   /_ctl/rooms``        {"room", "people": [{"identity", "kind"?, "attributes"?}], "answering"?: […]}: they are there,
  and those jobs live
- ``GET    /_ctl/rooms``        {"sent_on": [{"identity", "to"}], "ended": […]}
- ``POST   /_ctl/transfers``    {"sip_status"?, "told"?}: how the telephones answer to which somebody is sent
- ``POST   /_ctl/trunks``       an inbound trunk: replaces the one of that id, or is a new one -> as stored
- ``DELETE /_ctl/trunks/{id}``  likewise ``POST /_ctl/rules``, ``DELETE /_ctl/rules/{id}``
- ``POST   /_ctl/telephone``    {"sip_status"?}: how telephones that are rung answer from now on; without: they pick up
- ``POST   /_ctl/call``         {"from", "to", "source"?} -> what that call would get; 409 {"error"} if turned away
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import jwt
from google.protobuf.json_format import MessageToDict, MessageToJson, Parse, ParseDict, ParseError
from google.protobuf.message import DecodeError, Message
from livekit.protocol import sip
from livekit.protocol.agent_dispatch import CreateAgentDispatchRequest
from livekit.protocol.room import DeleteRoomRequest, ListParticipantsRequest, ListRoomsRequest, PerformRpcRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.faults import Endpoint, Switchboard, knobs_from
from sandbox.livekit_calls import answer_call
from sandbox.livekit_checks import TwirpError
from sandbox.livekit_dispatches import Dispatches
from sandbox.livekit_rooms import Rooms
from sandbox.livekit_sip import SipStore
from sandbox.livekit_telephones import Telephones

KEY: Final = "devkey"
SECRET: Final = "devsecret-devsecret-devsecret-0123456789"
OPERATIONS = (
    "create_inbound_trunk", "update_inbound_trunk", "list_inbound_trunk", "delete_trunk",
    "create_outbound_trunk", "list_outbound_trunk",
    "create_dispatch_rule", "update_dispatch_rule", "list_dispatch_rule", "delete_dispatch_rule",
    "list_rooms", "list_participants", "delete_room", "perform_rpc", "create_dispatch", "create_sip_participant",
    "transfer_sip_participant",
)  # fmt: skip
_KNOBS = {"page_cap": 0}
_LEEWAY_SECONDS = 60

_STATUSES = {
    "canceled": 408, "unknown": 500, "invalid_argument": 400, "malformed": 400, "deadline_exceeded": 408,
    "not_found": 404, "bad_route": 404, "already_exists": 409, "permission_denied": 403, "unauthenticated": 401,
    "resource_exhausted": 429, "failed_precondition": 412, "aborted": 409, "out_of_range": 400,
    "unimplemented": 501, "internal": 500, "unavailable": 503, "dataloss": 500,
}  # fmt: skip
_CODES = {
    400: "invalid_argument", 401: "unauthenticated", 403: "permission_denied", 404: "not_found",
    408: "deadline_exceeded", 409: "aborted", 412: "failed_precondition", 429: "resource_exhausted",
    500: "internal", 501: "unimplemented", 503: "unavailable",
}  # fmt: skip

Grants = Mapping[str, Any]


@dataclass(frozen=True)
class _Method:
    operation: str
    request: type[Message]
    act: Callable[[Any], Message]
    grant: tuple[str, str] = ("sip", "admin")


class _BadToken(Exception):
    """Turned away by the middleware in front of Twirp; the text is the answer."""


def fault_body(status: int) -> dict[str, str]:
    """Twirp's error of an HTTP status."""
    code = _CODES.get(status, "unknown")
    return {"code": code, "msg": "rate limit exceeded" if status == 429 else f"told to fail with {code}"}


def _twirp_error(code: str, message: str, meta: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(
        {"code": code, "msg": message, **({"meta": dict(meta)} if meta else {})}, status_code=_STATUSES[code]
    )


def _as_json(message: Message) -> str:
    return MessageToJson(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


class LiveKitApp:
    """The routes over one project's trunks and rules."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._secrets = {options.get("api_key", KEY): options.get("api_secret", SECRET)}
        self.switchboard = Switchboard(operations=OPERATIONS, knobs=knobs_from(options, _KNOBS))
        self.store = SipStore(server=_server(options), cap=lambda: self.switchboard.knobs["page_cap"])
        self.dispatches = Dispatches()
        self.switchboard.on_reset(self.store.clear)
        self.telephones = Telephones(self.store)
        self.switchboard.on_reset(self.dispatches.made.clear)
        self.switchboard.on_reset(self.telephones.clear)
        self.rooms = Rooms()
        self.switchboard.on_reset(self.rooms.clear)
        self._endpoints = {path: self._guarded(method) for path, method in self._methods().items()}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/twirp/{path:path}", self._twirp, methods=["POST"]),
            *_Controls(self.store, self.dispatches, self.telephones).routes(),
            *_RoomControls(self.rooms).routes(),
            *self.switchboard.routes(),
        ]

    def _methods(self) -> dict[str, _Method]:
        store = self.store
        rooms, room_list, room_admin = self.rooms, ("video", "roomList"), ("video", "roomAdmin")
        table: list[tuple[str, _Method]] = [
            ("SIP/CreateSIPInboundTrunk",
             _Method("create_inbound_trunk", sip.CreateSIPInboundTrunkRequest, store.create_inbound_trunk)),
            ("SIP/UpdateSIPInboundTrunk",
             _Method("update_inbound_trunk", sip.UpdateSIPInboundTrunkRequest, store.update_inbound_trunk)),
            ("SIP/ListSIPInboundTrunk",
             _Method("list_inbound_trunk", sip.ListSIPInboundTrunkRequest, store.list_inbound_trunk)),
            ("SIP/DeleteSIPTrunk",
             _Method("delete_trunk", sip.DeleteSIPTrunkRequest, store.delete_trunk)),
            ("SIP/CreateSIPOutboundTrunk",
             _Method("create_outbound_trunk", sip.CreateSIPOutboundTrunkRequest, store.create_outbound_trunk)),
            ("SIP/ListSIPOutboundTrunk",
             _Method("list_outbound_trunk", sip.ListSIPOutboundTrunkRequest, store.list_outbound_trunk)),
            ("SIP/CreateSIPDispatchRule",
             _Method("create_dispatch_rule", sip.CreateSIPDispatchRuleRequest, store.create_dispatch_rule)),
            ("SIP/UpdateSIPDispatchRule",
             _Method("update_dispatch_rule", sip.UpdateSIPDispatchRuleRequest, store.update_dispatch_rule)),
            ("SIP/ListSIPDispatchRule",
             _Method("list_dispatch_rule", sip.ListSIPDispatchRuleRequest, store.list_dispatch_rule)),
            ("SIP/DeleteSIPDispatchRule",
             _Method("delete_dispatch_rule", sip.DeleteSIPDispatchRuleRequest, store.delete_dispatch_rule)),
            ("SIP/CreateSIPParticipant",
             _Method(
                 "create_sip_participant", sip.CreateSIPParticipantRequest, self.telephones.ring, ("sip", "call")
             )),
            ("SIP/TransferSIPParticipant",
             _Method("transfer_sip_participant", sip.TransferSIPParticipantRequest, rooms.transfer, ("sip", "call"))),
            ("RoomService/ListRooms", _Method("list_rooms", ListRoomsRequest, rooms.list_rooms, room_list)),
            ("RoomService/ListParticipants",
             _Method("list_participants", ListParticipantsRequest, rooms.list_participants, room_admin)),
            ("RoomService/DeleteRoom",
             _Method("delete_room", DeleteRoomRequest, rooms.delete, ("video", "roomCreate"))),
            ("RoomService/PerformRpc", _Method("perform_rpc", PerformRpcRequest, rooms.perform_rpc, room_admin)),
            ("AgentDispatchService/CreateDispatch",
             _Method("create_dispatch", CreateAgentDispatchRequest, self.dispatches.create, room_admin)),
        ]  # fmt: skip
        return {f"livekit.{path}": method for path, method in table}

    async def _twirp(self, request: Request) -> Response:
        await request.body()  # received whole before any delay: the work goes on when the client has given up waiting
        path = request.path_params["path"]
        if (endpoint := self._endpoints.get(path)) is not None:
            return await endpoint(request)
        if path.startswith(("livekit.SIP/", "livekit.RoomService/", "livekit.AgentDispatchService/")):
            return _twirp_error("unimplemented", f"this stand-in has no {path}")
        return _twirp_error("bad_route", f'no handler for path "/twirp/{path}"')

    def _guarded(self, method: _Method) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                return self._answer(method, request, await request.body())
            except _BadToken as refused:
                return PlainTextResponse(str(refused), status_code=401)
            except TwirpError as error:
                return _twirp_error(error.code, error.message, error.meta)

        return self.switchboard.guard(method.operation, endpoint, error_body=fault_body)

    def _answer(self, method: _Method, request: Request, body: bytes) -> Response:
        grants = self._grants(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("application/protobuf", "application/json"):
            raise TwirpError("bad_route", f'unexpected Content-Type: "{kind}"')
        asked = method.request()
        try:
            if kind == "application/json":
                Parse(body, asked, ignore_unknown_fields=True)
            else:
                asked.ParseFromString(body)
        except (ParseError, DecodeError, UnicodeDecodeError) as error:
            form = "json" if kind == "application/json" else "protobuf"
            raise TwirpError("malformed", f"the {form} request could not be decoded") from error
        family, name = method.grant
        if not cast(Grants, grants.get(family) or {}).get(name):
            raise TwirpError("unauthenticated", "permissions denied")
        answer = method.act(asked)
        if kind == "application/json":
            return Response(_as_json(answer), media_type=kind)
        return Response(answer.SerializeToString(), media_type=kind)

    def _grants(self, request: Request) -> Grants:
        """The token's claims; none without a token. Raises _BadToken."""
        header = request.headers.get("authorization")
        if header is None:
            return {}
        if not header.startswith("Bearer "):
            raise _BadToken("invalid authorization header. Must start with Bearer ")
        token = header.removeprefix("Bearer ")
        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
        except jwt.InvalidTokenError as error:
            raise _BadToken("invalid authorization token") from error
        if issuer not in self._secrets:
            raise _BadToken(f"invalid API key: {issuer}")
        try:
            return jwt.decode(
                token,
                self._secrets[issuer],
                algorithms=["HS256"],
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp"], "verify_aud": False},
            )
        except jwt.InvalidTokenError as error:
            raise _BadToken(f"invalid token: {token}, error: {error}") from error


class _Controls:
    """What a test sees and changes behind the client's back. 400 with {"error"} for what can't be understood."""

    def __init__(self, store: SipStore, dispatches: Dispatches, telephones: Telephones) -> None:
        self._store = store
        self._dispatches = dispatches
        self._telephones = telephones

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/_ctl/state", self._state, methods=["GET"]),
            Route("/_ctl/trunks", self._put_trunk, methods=["POST"]),
            Route("/_ctl/trunks/{identity}", self._drop_trunk, methods=["DELETE"]),
            Route("/_ctl/rules", self._put_rule, methods=["POST"]),
            Route("/_ctl/rules/{identity}", self._drop_rule, methods=["DELETE"]),
            Route("/_ctl/call", self._call, methods=["POST"]),
            Route("/_ctl/telephone", self._telephone, methods=["POST"]),
        ]

    async def _state(self, request: Request) -> Response:
        store = self._store
        kept: dict[str, Mapping[str, Message]] = {
            "trunks": store.trunks,
            "outbound_trunks": store.outbound,
            "rules": store.rules,
            "dispatches": self._dispatches.made,
            "rung": self._telephones.rung,
        }
        return JSONResponse({name: [_plain(item) for item in items.values()] for name, items in kept.items()})

    async def _put_trunk(self, request: Request) -> Response:
        return await _put(request, sip.SIPInboundTrunkInfo(), self._store.put_trunk)

    async def _put_rule(self, request: Request) -> Response:
        return await _put(request, sip.SIPDispatchRuleInfo(), self._store.put_rule)

    async def _drop_trunk(self, request: Request) -> Response:
        return JSONResponse({"deleted": self._store.trunks.pop(request.path_params["identity"], None) is not None})

    async def _drop_rule(self, request: Request) -> Response:
        return JSONResponse({"deleted": self._store.rules.pop(request.path_params["identity"], None) is not None})

    async def _telephone(self, request: Request) -> Response:
        self._telephones.answers_with(json.loads(await request.body()).get("sip_status"))
        return JSONResponse({})

    async def _call(self, request: Request) -> Response:
        trunks, rules = self._store.trunks.values(), self._store.rules.values()
        try:
            asked = json.loads(await request.body())
            call = answer_call(trunks, rules, caller=asked["from"], dialed=asked["to"], source=asked.get("source", ""))
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)
        except TwirpError as error:
            return JSONResponse({"error": error.message}, status_code=409)
        return JSONResponse(call)


class _RoomControls:
    """As `_Controls`, for rooms."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/_ctl/rooms", self._put, methods=["POST"]),
            Route("/_ctl/rooms", self._tell, methods=["GET"]),
            Route("/_ctl/transfers", self._transfers, methods=["POST"]),
        ]

    async def _put(self, request: Request) -> Response:
        try:
            asked = json.loads(await request.body())
            self._rooms.put(asked["room"], asked["people"], answering=asked.get("answering", []))
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)
        return JSONResponse({})

    async def _tell(self, request: Request) -> Response:
        return JSONResponse({"sent_on": self._rooms.sent_on, "ended": self._rooms.ended})

    async def _transfers(self, request: Request) -> Response:
        asked = json.loads(await request.body())
        self._rooms.sip_status, self._rooms.told = asked.get("sip_status"), bool(asked.get("told", True))
        return JSONResponse({})


def _server(options: Mapping[str, str]) -> Literal["cloud", "open"]:
    given = options.get("server", "cloud")
    if given not in ("cloud", "open"):
        raise ValueError(f"server is cloud or open, not {given}")
    return "cloud" if given == "cloud" else "open"


def _plain(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True)


async def _put(request: Request, message: Any, store: Callable[[Any], Message]) -> Response:
    try:
        return JSONResponse(_plain(store(ParseDict(json.loads(await request.body()), message))))
    except (ValueError, ParseError) as error:
        return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)


def create_app(options: Mapping[str, str] | None = None) -> Starlette:
    """See the module docstring for the options."""
    stand_in = LiveKitApp(options or {})
    app = Starlette(routes=stand_in.routes())
    app.state.livekit = stand_in
    return app
