"""What belongs to another tenant does not exist, asked of PostgREST itself with one's own token: past the API, as anybody can.

Tables, views, references and functions are those of the catalogue: a new one is walked over the day it is made. Two tenants
have one of everything; nothing of the other may show or change, and an id of theirs is answered as one of nobody.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import uuid4

import httpx
import pytest

from sandbox.database import Database
from tests.api.recipes import fields_used
from tests.database.catalogue import NOBODYS, OF_ONESELF, SECRET
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.whole_tenant import Ids, Neighbours, WholeTenant

# What a viewer may write by calling functions: the one that writes, and what.
VIEWERS_WRITE: dict[str, str] = {
    "claim_idempotency_key_v1": "a key of their own: a viewer may make tenants of their own, once for one key",
    "complete_idempotency_key_v1": "a key of their own",
    "ensure_profile_v1": "their own profile",
    "update_profile_v1": "their own profile",
    "create_tenant_v1": "a tenant of their own",
}


# insufficient privilege; of some views Postgres says first that they can't be written at all
NOT_WRITABLE = {"42501", "55000"}


@pytest.fixture
def mine(neighbours: Neighbours) -> WholeTenant:
    return neighbours.mine


@pytest.fixture
def theirs(neighbours: Neighbours) -> WholeTenant:
    return neighbours.theirs


class Direct:
    """PostgREST with somebody's token, or with the publishable key alone."""

    def __init__(self, plane: ControlPlane, who: Client | None) -> None:
        key = plane.database.anon_key
        bearer = {"authorization": f"Bearer {who.token}"} if who else {}
        self._http = httpx.Client(
            base_url=f"{plane.database.url}/rest/v1/", headers={"apikey": key, **bearer}, timeout=30, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {} if body is None else {"json": body}
        return self._http.request(method, path, headers=headers, **sent)


Ask = Callable[[Client | None], Direct]


@pytest.fixture
def ask(plane: ControlPlane) -> Iterator[Ask]:
    with ExitStack() as stack:
        yield lambda who: stack.enter_context(Direct(plane, who))


def relations(database: Database) -> dict[str, list[str]]:
    """Every table and view with rows of somebody -> the columns that a signed-in user may read."""
    rows = database.select(
        """
        select c.relname as name, array(
          select a.attname::text from pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and has_column_privilege('authenticated', c.oid, a.attnum, 'select')
          order by a.attnum
        ) as columns
        from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and c.relname <> all (%s)
        """,
        list(NOBODYS),
    )
    return {row["name"]: row["columns"] for row in rows}


def told(answer: httpx.Response, sent: Ids) -> tuple[int, Any]:
    """Status and words of a refusal, without the ids that were sent; of what succeeded, its shape."""
    if answer.is_success:
        return answer.status_code, sorted(set(keys_of(answer.json()))) if answer.content else None
    text = answer.text
    for value in sorted(sent.all(), key=len, reverse=True):
        text = text.replace(value, "<sent>")
    return answer.status_code, text


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_tables_and_views_show_ones_own(
    plane: ControlPlane, ask: Ask, neighbours: Neighbours, mine: WholeTenant, theirs: WholeTenant
) -> None:
    """Whole, and filtered by each value of the other's rows: nothing, as for a value that nobody has."""
    direct = ask(mine.owner)
    for name, columns in relations(plane.database).items():
        whole = direct.send("GET", f"{name}?select={','.join(columns) or '*'}")
        assert whole.status_code == (200 if columns else 403), name
        assert not columns or whole.json(), f"{name}: one's own are there"
        assert neighbours.shown_in(whole.text) == [], name
        owner = theirs.ids.tenant_id if _whose(columns) == "tenant_id" else theirs.owner.subject
        rows = plane.database.select(f"select * from public.{name} where {_whose(columns)} = %s limit 1", owner)
        assert rows, name
        for column in columns:
            value = str(rows[0][column])
            if value in neighbours.secret:
                found = direct.send("GET", f"{name}?select={column}&{column}=eq.{value}")
                assert (found.status_code, found.json()) == (200, []), f"{name}.{column}"


def test_what_is_nobodys_is_closed_to_everybody(ask: Ask, mine: WholeTenant) -> None:
    """The worker's own tables: neither read nor written by a member, or with the publishable key alone."""
    assert NOBODYS
    for who in (mine.owner, None):
        direct = ask(who)
        for name in NOBODYS:
            for answer in (direct.send("GET", f"{name}?select=*"), direct.send("POST", name, {})):
                assert answer.status_code in (401, 403), (name, answer.text)
                assert answer.json()["code"] == "42501", (name, answer.text)


def _whose(columns: list[str]) -> str:
    return "tenant_id" if "tenant_id" in columns or not columns else "subject"


def test_embedding_shows_ones_own(plane: ControlPlane, ask: Ask, neighbours: Neighbours, mine: WholeTenant) -> None:
    """By every foreign key, both ways, from everything that can be read."""
    direct, readable = ask(mine.owner), relations(plane.database)
    keys = plane.database.select(
        "select conname as name, conrelid::regclass::text as child, confrelid::regclass::text as parent"
        " from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace"
    )
    walked = 0
    for key in keys:
        for outer, inner in ((key["child"], key["parent"]), (key["parent"], key["child"])):
            if not (readable[outer] and readable[inner]):
                continue
            wanted = f"{readable[outer][0]},inner:{inner}!{key['name']}({','.join(readable[inner])})"
            answer = direct.send("GET", f"{outer}?select={wanted}")
            assert answer.status_code == 200, answer.text
            assert neighbours.shown_in(answer.text) == [], key["name"]
            walked += bool(answer.json())
    assert walked > 10


def test_nobody_writes(
    plane: ControlPlane, ask: Ask, neighbours: Neighbours, mine: WholeTenant, theirs: WholeTenant
) -> None:
    """Insert, upsert, update and delete are refused on every table and view, for one's own rows as for the other's."""
    before, nobody = mine.rows(), str(uuid4())
    for who, tenants in (
        (mine.owner, (mine.ids.tenant_id, theirs.ids.tenant_id, nobody)),
        (theirs.viewer, (theirs.ids.tenant_id,)),
    ):
        direct = ask(who)
        for name, columns in relations(plane.database).items():
            column = _whose(columns)
            for value in tenants:
                answers = [
                    direct.send("POST", name, {column: value}),
                    direct.send("POST", name, [{column: value}], prefer="resolution=merge-duplicates"),
                    direct.send("PATCH", f"{name}?{column}=eq.{value}", {column: mine.ids.tenant_id}),
                    direct.send("DELETE", f"{name}?{column}=eq.{value}"),
                ]
                assert {answer.json()["code"] for answer in answers} <= NOT_WRITABLE, (name, [a.text for a in answers])
    assert mine.rows() == before
    assert neighbours.is_untouched()


def test_the_publishable_key_alone_opens_nothing(
    plane: ControlPlane, ask: Ask, neighbours: Neighbours, theirs: WholeTenant
) -> None:
    """No table, no view, no function."""
    direct = ask(None)
    for name, columns in relations(plane.database).items():
        assert direct.send("GET", name).status_code == 401, name
        for answer in (direct.send("POST", name, {}), direct.send("DELETE", f"{name}?{_whose(columns)}=eq.{uuid4()}")):
            assert answer.json()["code"] in NOT_WRITABLE, (name, answer.text)
    for function in functions(plane.database):
        answer = direct.send("POST", f"rpc/{function.name}", function.arguments(theirs.ids))
        assert answer.status_code in (401, 404), function.name
    assert list(direct.send("GET", "").json()["paths"]) == ["/"], "what there is, is not told either"
    assert neighbours.is_untouched()


@dataclass(frozen=True)
class Function:
    name: str
    parameters: tuple[tuple[str, str], ...]
    is_callable: bool

    def arguments(self, ids: Ids) -> dict[str, Any]:
        """KeyError for a parameter of a function for users that is not named in ARGUMENTS."""
        return {name: self._argument(name, kind, ids) for name, kind in self.parameters}

    def _argument(self, name: str, kind: str, ids: Ids) -> Any:
        if name in ARGUMENTS:
            return ARGUMENTS[name](ids)
        if self.is_callable:
            raise KeyError(f"{self.name}({name} {kind}): say in ARGUMENTS what it is given")
        return _OF_KIND.get(kind)


_SOON, _LATER, _PAST = "2027-01-01T00:00:00Z", "2027-01-03T00:00:00Z", "2026-01-01T00:00:00Z"
_OF_KIND: dict[str, Any] = {"uuid": str(uuid4()), "text": "x", "integer": 1, "jsonb": {}, "boolean": False}
ARGUMENTS: dict[str, Callable[[Ids], Any]] = {
    "p_answer": lambda ids: "v1:nothing",
    "p_account_sid": lambda ids: f"AC{'0' * 32}",
    "p_assistant_id": lambda ids: ids.assistant_id,
    "p_call_id": lambda ids: ids.call_id,
    "p_callee": lambda ids: ids.offered,
    "p_caller": lambda ids: ids.caller,
    "p_carrier_id": lambda ids: ids.carrier_id,
    "p_changes": lambda ids: {"name": "another name", "profile": {"contact_name": "somebody"}},
    "p_config": lambda ids: {"greeting": "hello"},
    "p_display_name": lambda ids: "somebody",
    "p_e164": lambda ids: ids.e164,
    "p_email": lambda ids: "somebody@example.com",
    "p_entry_id": lambda ids: ids.entry_id,
    "p_event_types": lambda ids: {},
    "p_expected_revision": lambda ids: None,
    "p_expires_at": lambda ids: _SOON,
    "p_fallback": lambda ids: {"kind": "message", "text": "We call you back."},
    "p_fingerprint": lambda ids: "x",
    "p_from": lambda ids: _PAST,
    "p_home_tenant_id": lambda ids: ids.tenant_id,
    "p_invitation_id": lambda ids: ids.invitation_id,
    "p_key": lambda ids: ids.idempotency_key,
    "p_key_hash": lambda ids: uuid4().hex,
    "p_key_id": lambda ids: ids.key_id,
    "p_kind": lambda ids: "publish",
    "p_limit": lambda ids: 10,
    "p_message_id": lambda ids: None,
    "p_name": lambda ids: "another name",
    "p_note": lambda ids: "",
    "p_numbers": lambda ids: [{"purchase_id": ids.purchase_id, "e164": ids.e164, "country": "US"}],
    "p_on_behalf_of": lambda ids: ids.subject,
    "p_operation": lambda ids: "create_invitation /v1/invitations",
    "p_owner": lambda ids: ids.subject,
    "p_plan": lambda ids: {
        "kind": "reminder", "callee_name": "", "about": "x", "consent": True, "due_at": _SOON, "not_after": _LATER,
        "attempts": 1, "spacing_minutes": 5, "retry_on": [], "on_machine": "hang_up",
    },
    "p_planned_call_id": lambda ids: ids.planned_call_id,
    "p_preset": lambda ids: None,
    "p_preview": lambda ids: "…",
    "p_purchase_id": lambda ids: ids.purchase_id,
    "p_role": lambda ids: "viewer",
    "p_scopes": lambda ids: ["calls:read"],
    "p_sealed_secret": lambda ids: "v1:nothing",
    "p_seconds": lambda ids: 60,
    "p_source": lambda ids: "import",
    "p_status": lambda ids: None,
    "p_subject": lambda ids: ids.subject,
    "p_tenant_id": lambda ids: ids.tenant_id,
    "p_time_zone": lambda ids: None,
    "p_to": lambda ids: _SOON,
    "p_token_hash": lambda ids: uuid4().hex,
    "p_trunk": lambda ids: {"name": "x", "allowed_addresses": ["203.0.113.0/24"]},
    "p_version": lambda ids: 1,
    "p_wanted": lambda ids: {"e164": ids.e164, "carrier_id": ids.carrier_id, "assistant_id": ids.assistant_id},
}  # fmt: skip


def functions(database: Database) -> list[Function]:
    rows = database.select(
        """
        select p.proname as name, has_function_privilege('authenticated', p.oid, 'execute') as callable,
          coalesce(p.proargnames, '{}') as names,
          array(select format_type(t, null) from unnest(p.proargtypes) as t) as kinds
        from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prorettype <> 'trigger'::regtype
        """
    )
    return [
        Function(row["name"], tuple(zip(row["names"], row["kinds"], strict=False)), row["callable"]) for row in rows
    ]


# A row that is made gets an id of its maker's choice, so that asking twice makes one. One that somebody else has is refused:
# who can name 122 random bits knows already that there is something. What is told is that, in the words for an id of nobody.
CHOSEN: dict[str, str] = {
    "create_tenant_v1": "tenant_id",
    "create_assistant_v1": "assistant_id",
    "create_invitation_v1": "invitation_id",
    "create_api_key_v1": "key_id",
    "request_number_v1": "purchase_id",
    "request_sip_trunk_v1": "purchase_id carrier_id",
    "request_sip_trunk_v2": "purchase_id carrier_id",
    "save_own_carrier_v1": "carrier_id",
    "plan_call_v1": "planned_call_id",
    "add_do_not_call_v1": "entry_id",
}
# A number that somebody has can be rung by anybody: that it is taken is no secret.
PUBLIC = {"request_number_v1": "e164", "request_sip_trunk_v1": "e164", "request_sip_trunk_v2": "e164"}


async def test_functions_know_nothing_of_another_tenant(
    plane: ControlPlane, ask: Ask, neighbours: Neighbours, whole: WholeTenant
) -> None:
    """Each one that users may call, with an id of the other among one's own, in every place: answered as an id of nobody."""
    direct, theirs = ask(whole.owner), neighbours.theirs
    walked = 0
    for function in (found for found in functions(plane.database) if found.is_callable):
        for name in fields_used(function.arguments):
            foreign, unknown = (
                replace(whole.ids, **{"idempotency_key": str(uuid4()), name: getattr(other, name)})
                for other in (theirs.ids, Ids.of_nobody())
            )
            answer = direct.send("POST", f"rpc/{function.name}", function.arguments(foreign))
            nobody = direct.send("POST", f"rpc/{function.name}", function.arguments(unknown))
            place = f"{function.name}: {name}"
            assert neighbours.shown_in(answer.text, foreign.all()) == [], place
            walked += 1
            if name in CHOSEN.get(function.name, "").split():
                assert answer.json().get("code") in ("AVA03", "AVA05"), (place, answer.text)
            elif name != PUBLIC.get(function.name):
                assert told(answer, foreign) == told(nobody, unknown), place
    assert walked > 30
    assert neighbours.is_untouched()


def test_functions_of_another_tenant_are_not_there(
    plane: ControlPlane, ask: Ask, neighbours: Neighbours, mine: WholeTenant
) -> None:
    """With every id of the other, their tenant's too: as a tenant that is none. Functions for the service are not there."""
    direct, foreign, unknown = ask(mine.owner), neighbours.theirs.ids, Ids.of_nobody()
    for function in functions(plane.database):
        answer = direct.send("POST", f"rpc/{function.name}", function.arguments(foreign))
        assert neighbours.shown_in(answer.text, foreign.all()) == [], function.name
        if not function.is_callable:
            assert answer.status_code in (403, 404), function.name
        elif "tenant_id" in fields_used(function.arguments) and function.name not in OF_ONESELF:
            nobody = direct.send("POST", f"rpc/{function.name}", function.arguments(unknown))
            assert (answer.json()["code"], answer.json()["hint"]) == ("AVA03", "tenant_not_found"), function.name
            assert told(answer, foreign) == told(nobody, unknown), function.name
    assert neighbours.is_untouched()


async def test_functions_show_no_secret(plane: ControlPlane, ask: Ask, whole: WholeTenant) -> None:
    """Called by an owner with ids of their own, what comes back holds no column that users may not read."""
    direct, secret, answered = ask(whole.owner), re.compile(SECRET), 0
    for function in (found for found in functions(plane.database) if found.is_callable):
        for ids in (whole.ids, replace(Ids.of_nobody(), tenant_id=whole.ids.tenant_id)):
            answer = direct.send("POST", f"rpc/{function.name}", function.arguments(ids))
            if answer.is_success and answer.content:
                assert [key for key in keys_of(answer.json()) if secret.search(key)] == [], function.name
            answered += answer.is_success
    assert answered > 10


def test_a_viewer_writes_nothing(plane: ControlPlane, ask: Ask, neighbours: Neighbours, theirs: WholeTenant) -> None:
    """By any function, in their own tenant, with ids that are there."""
    direct = ask(theirs.viewer)
    for function in (found for found in functions(plane.database) if found.is_callable):
        if function.name not in VIEWERS_WRITE:
            answer = direct.send("POST", f"rpc/{function.name}", function.arguments(theirs.ids))
            assert answer.status_code < 500, function.name
            assert neighbours.is_untouched(), function.name


def rows_of(database: Database, owner: Client) -> list[dict[str, Any]]:
    tenant_id = owner.tenant_id
    return database.select(
        "select t::text as row from api_keys t where tenant_id = %s union all"
        " select t::text from invitations t where tenant_id = %s order by 1",
        tenant_id,
        tenant_id,
    )


@pytest.mark.parametrize("role", ["admin", "viewer"])
async def test_nobody_gets_more_than_their_role(plane: ControlPlane, ask: Ask, owner: Client, role: str) -> None:
    """Past the API too: no key with scopes that its maker has not, no key or invitation of somebody greater taken over."""
    who = await plane.member(owner, role)
    direct = ask(who)
    invitation = await owner.made("/v1/invitations", {"email": f"{uuid4().hex}@example.com", "role": "owner"})
    key = await owner.made("/v1/api-keys", {"name": "k", "scopes": ["tenant:write"]})
    before = rows_of(plane.database, owner)
    made = {
        "p_tenant_id": str(owner.tenant_id), "p_name": "k", "p_preview": "…", "p_key_hash": uuid4().hex,
        "p_expires_at": None, "p_token_hash": uuid4().hex,
    }  # fmt: skip
    for wanted in (
        {"p_key_id": str(uuid4()), "p_scopes": ["tenant:write"]},
        {"p_key_id": str(uuid4()), "p_scopes": ["team:write"]},
        {"p_key_id": key["key_id"], "p_scopes": ["calls:read"]},
    ):
        call = {**made, **wanted}
        del call["p_token_hash"]
        assert direct.send("POST", "rpc/create_api_key_v1", call).status_code == 400, wanted
    call = {
        "p_tenant_id": str(owner.tenant_id), "p_invitation_id": invitation["invitation_id"], "p_email": "x@example.com",
        "p_role": "viewer", "p_token_hash": uuid4().hex, "p_expires_at": _SOON,
    }  # fmt: skip
    assert direct.send("POST", "rpc/create_invitation_v1", call).status_code == 400
    call = {**call, "p_invitation_id": str(uuid4()), "p_role": "owner"}
    assert direct.send("POST", "rpc/create_invitation_v1", call).status_code == 400
    assert rows_of(plane.database, owner) == before
