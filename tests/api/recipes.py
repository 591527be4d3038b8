"""A good request to each operation, made of somebody's ids: the only place that knows what an operation wants to be sent.

Owns: which id goes where. An operation, a path parameter or a body that is not named here has no recipe, and the tests that
walk over all operations fail for it. Refuses: sending, and judging answers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx

from tests.api.operations import Operation
from tests.fakes.whole_tenant import Ids

# a preset that has services, for assistants that nobody looks at
PRESET = {"preset": {"industry": "health", "language": "fr"}}


# by the name of a path or query parameter; an optional query parameter that is not named is left out
PARAMETERS: Mapping[str, Callable[[Ids], str]] = {
    "after": lambda ids: "1",
    "assistant_id": lambda ids: ids.assistant_id,
    "before": lambda ids: "1",
    "call_id": lambda ids: ids.call_id,
    "caller": lambda ids: ids.caller,
    "carrier_id": lambda ids: ids.carrier_id,
    "country": lambda ids: "US",
    "e164": lambda ids: ids.e164,
    "entry_id": lambda ids: ids.entry_id,
    "industry": lambda ids: "health",
    "invitation_id": lambda ids: ids.invitation_id,
    "key_id": lambda ids: ids.key_id,
    "language": lambda ids: "fr",
    "link": lambda ids: "a-link-that-nobody-was-given",
    "number": lambda ids: ids.e164,
    "planned_call_id": lambda ids: ids.planned_call_id,
    "purchase_id": lambda ids: ids.purchase_id,
    "step": lambda ids: "profile",
    "subject": lambda ids: ids.subject,
    "version": lambda ids: "1",
    "voice_id": lambda ids: "ava-fr-claire-0000001",
}
# ids of what nobody has yet
FREE = frozenset({"offered", "importable"})
# query parameters that name nothing of anybody
WISHES = frozenset(
    {
        "area_code", "at", "capabilities", "contains", "cursor", "direction", "end_user", "format", "from", "gender",
        "kind", "limit", "locality", "max_duration", "min_duration", "model", "outcome", "search", "state", "status",
        "test", "time_zone", "to", "urgent", "verified",
    }
)  # fmt: skip

BODIES: Mapping[str, Callable[[Ids], Any]] = {
    "add_do_not_call": lambda ids: {"number": ids.importable},
    "accept_invitation": lambda ids: {"token": "a-token-that-nobody-was-given"},
    "assign_number": lambda ids: {"assistant_id": ids.assistant_id},
    "bring_sip_trunk": lambda ids: {
        "e164s": [ids.offered], "allowed_addresses": ["203.0.113.0/24"], "assistant_id": ids.assistant_id,
    },
    "buy_number": lambda ids: {
        "e164": ids.offered, "country": "US", "kind": "local", "assistant_id": ids.assistant_id,
    },
    "connect_calendar": lambda ids: {"region": "us", "api_key": "cal_live_0123456789abcdef"},
    "connect_twilio": lambda ids: {"account_sid": f"AC{'0' * 32}", "auth_token": "no-token-of-anybody"},
    "create_api_key": lambda ids: {"name": "a key", "scopes": ["calls:read"]},
    "create_assistant": lambda ids: PRESET,
    "create_invitation": lambda ids: {"email": "somebody@example.com", "role": "viewer"},
    "create_test_call": lambda ids: {"version": "draft"},
    "create_tenant": lambda ids: {"name": "another one"},
    "delete_caller": lambda ids: {"caller": ids.caller},
    "duplicate_assistant": lambda ids: {"name": "a copy"},
    "import_number": lambda ids: {
        "e164": ids.importable, "carrier_id": ids.carrier_id, "assistant_id": ids.assistant_id, "confirm_takeover": True,
    },
    "map_event_types": lambda ids: {"event_types": {}},
    "patch_assistant": lambda ids: {"name": "another name"},
    "patch_me": lambda ids: {"home_tenant_id": ids.tenant_id},
    "patch_number": lambda ids: {"fallback": {"kind": "message", "text": "We call you back."}},
    "patch_onboarding_profile": lambda ids: {"contact_name": "somebody"},
    "patch_onboarding_studio": lambda ids: {"tone": "warm"},
    "patch_tenant": lambda ids: {"name": "another name"},
    "plan_call": lambda ids: {
        "assistant_id": ids.assistant_id, "to": ids.offered, "about": "your appointment", "consent": True,
    },
    "publish_assistant": lambda ids: {"version": 1},
    "receive_livekit_event": lambda ids: {
        "event": "room_finished", "createdAt": "1795770000", "room": {"sid": "RM_nobody"},
    },
    "redact_caller": lambda ids: {"caller": ids.caller},
    "release_number": lambda ids: {"confirm": ids.e164},
    "roll_back_assistant": lambda ids: {"version": 1},
    "set_assistant_status": lambda ids: {"status": "paused"},
    "set_member_role": lambda ids: {"role": "viewer"},
    "set_onboarding_step": lambda ids: {"state": "done"},
    "switch_tools": lambda ids: {"booking": False},
    "validate_assistant": lambda ids: {"tone": "warm"},
    "validate_new_assistant": lambda ids: PRESET,
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None

    async def send(self, http: httpx.AsyncClient, **headers: str) -> httpx.Response:
        has_body = {} if self.body is None else {"json": self.body}
        return await http.request(
            self.method, self.path, params=dict(self.query), headers={**self.headers, **headers}, **has_body
        )


class _Noted:
    """Ids, with a note of which were asked for."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> str:
        self.used.add(name)
        return str(getattr(self._ids, name))


def fields_used(build: Callable[[Ids], Any]) -> list[str]:
    """The fields of Ids that something is made of."""
    noted: Any = _Noted(Ids.of_nobody())
    build(noted)
    return sorted(noted.used)


def request(operation: Operation, ids: Ids, *, if_match: str = "*") -> Request:
    """Raises KeyError for what has no recipe: name it in PARAMETERS, WISHES or BODIES."""
    path = operation.path.format_map({name: PARAMETERS[name](ids) for name in operation.parameters("path")})
    query: dict[str, str] = {}
    for name in operation.parameters("query"):
        if name in PARAMETERS:
            query[name] = PARAMETERS[name](ids)
        elif name not in WISHES:
            raise KeyError(name)
    sent = operation.parameters("header")
    headers = {
        **({"if-match": if_match} if "If-Match" in sent else {}),
        **({"idempotency-key": ids.idempotency_key} if operation.creates else {}),
    }
    body = BODIES[operation.operation_id](ids) if operation.has_body else None
    return Request(operation.method, path, query, headers, body)


def used_ids(operation: Operation) -> list[str]:
    """The fields of Ids that a request to it is made of, the key of its creating apart; none without a recipe."""
    try:
        found = fields_used(lambda ids: request(operation, ids))
    except KeyError:
        return []
    return [name for name in found if name != "idempotency_key"]


def mixtures(operation: Operation, own: Ids, foreign: Ids) -> Iterator[tuple[str, Ids]]:
    """Own ids with one of somebody else's among them, in every place, and all of somebody else's; each with its name."""
    names = [name for name in used_ids(operation) if name not in FREE]
    for name in names:
        yield name, replace(own, **{name: getattr(foreign, name), "idempotency_key": str(uuid4())})
    if len(names) > 1:
        yield "all", replace(own, **{name: getattr(foreign, name) for name in names}, idempotency_key=str(uuid4()))
