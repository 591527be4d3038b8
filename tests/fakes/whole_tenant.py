"""A tenant that has one of everything, made as its owner and its callers make it: for tests of who sees what.

Owns: filling it, and what it then holds in every table. Refuses: judging.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from uuid import UUID, uuid4

from control_api.principal import KEY_SCOPES
from sandbox.database import Database
from tests.database.catalogue import NOBODYS
from tests.fakes.control_plane import CAL_KEY, Client, ControlPlane
from tests.fakes.recorded_calls import Line, now, open_line
from tests.fakes.telephone_numbers import bought, offered, own_twilio

Rows = Mapping[str, list[str]]


@dataclass(frozen=True)
class Ids:
    """What one tenant has one of. Everything is text, as it is sent; each tells this tenant from any other."""

    tenant_id: str
    subject: str
    assistant_id: str
    call_id: str
    invitation_id: str
    key_id: str
    e164: str
    purchase_id: str
    carrier_id: str
    planned_call_id: str
    entry_id: str
    caller: str
    idempotency_key: str
    offered: str
    """A number for sale, which nobody has."""
    importable: str
    """A number in the tenant's own account at the carrier, not brought here."""

    @classmethod
    def of_nobody(cls) -> "Ids":
        made = {entry.name: str(uuid4()) for entry in fields(cls)}
        numbers = {name: some_number() for name in ("e164", "caller", "offered", "importable")}
        return cls(**{**made, **numbers})

    def all(self) -> frozenset[str]:
        return frozenset(asdict(self).values())


def some_number() -> str:
    return f"+1415555{uuid4().int % 10**4:04d}"


@dataclass(frozen=True)
class WholeTenant:
    owner: Client
    viewer: Client
    machine: Client
    """An API key with every scope that a key can have."""
    ids: Ids
    database: Database = field(repr=False)

    def rows(self) -> Rows:
        """Table -> every row of this tenant and of its people, as text."""
        tables = self.database.select(
            """
            select c.relname as name, exists (
              select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'
            ) as of_tenant
            from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
              and c.relname <> all (%s)
            """,
            list(NOBODYS),
        )
        people = [self.owner.subject, self.viewer.subject]
        found = self.database.select(
            " union all ".join(
                f"select '{table['name']}' as name, t::text as row from public.{table['name']} as t where "
                + ("t.tenant_id = %s" if table["of_tenant"] else "t.subject = any (%s)")
                for table in tables
            ),
            *[self.owner.tenant_id if table["of_tenant"] else people for table in tables],
        )
        rows: dict[str, list[str]] = {table["name"]: [] for table in tables}
        for row in found:
            rows[row["name"]].append(row["row"])
        return {name: sorted(texts) for name, texts in rows.items()}

    def is_there(self) -> bool:
        return bool(self.database.select("select from public.tenants where tenant_id = %s", self.owner.tenant_id))


@dataclass(frozen=True)
class Neighbours:
    """Two tenants with one of everything. Tests act as people of `mine`; what `theirs` holds may neither show nor change."""

    mine: WholeTenant
    theirs: WholeTenant
    rows_of_theirs: Rows = field(repr=False)
    secret: frozenset[str] = field(repr=False)
    """Words that only `theirs` has."""

    @property
    def are_there(self) -> bool:
        return self.mine.is_there() and self.theirs.is_there()

    def shown_in(self, text: str, sent: Collection[str] = ()) -> list[str]:
        """What a text shows of `theirs`, apart from what was sent."""
        return sorted(word for word in self.secret if word in text and word not in sent)

    def is_untouched(self) -> bool:
        return self.theirs.rows() == self.rows_of_theirs


async def settle(plane: ControlPlane) -> Neighbours:
    mine, theirs = await fill(plane), await fill(plane)
    rows = theirs.rows()
    return Neighbours(mine, theirs, rows, traces(rows, mine.rows()))


def traces(rows: Rows, *others: Rows) -> frozenset[str]:
    """Words in `rows` that tell them from `others`: ids, numbers, addresses, names. Moments and short words are left out."""
    mine, theirs = _words(rows), frozenset[str]().union(*map(_words, others))
    return frozenset(
        word for word in mine - theirs if len(word) >= 8 and not re.fullmatch(r"[\d.:TZ-]+(\+\d\d)?", word)
    )


def _words(rows: Rows) -> frozenset[str]:
    text = "\n".join(row for table in rows.values() for row in table)
    return frozenset(re.findall(r"[\w.@+-]+", text))


async def fill(plane: ControlPlane) -> WholeTenant:
    owner = await plane.owner(email=f"owner.{uuid4().hex}@example.com")
    await owner.http.patch("/v1/me", json={"display_name": f"Owner {uuid4().hex}"})
    viewer = await plane.member(owner, "viewer")
    await viewer.get("/v1/me")
    machine = await plane.machine(owner, *KEY_SCOPES)
    tenant = await owner.get("/v1/tenant")
    renamed = await owner.http.patch(
        "/v1/tenant", json={"name": f"Practice {uuid4().hex}"}, headers={"if-match": tenant.headers["etag"]}
    )
    assert renamed.status_code == 200, renamed.text
    invitation = await owner.made("/v1/invitations", {"email": f"x.{uuid4().hex}@example.com", "role": "viewer"})
    key = await owner.made("/v1/api-keys", {"name": f"key {uuid4().hex}", "scopes": ["calls:read"]})
    assistant_id, call_id, caller = await _on_the_line(plane, owner)
    purchase = await bought(owner, assistant_id=assistant_id)
    importable, account_sid = some_number(), await own_twilio(plane, owner)
    await plane.control("twilio", "numbers", {"e164": importable, "account_sid": account_sid})
    [carrier] = [one for one in (await owner.get("/v1/carriers")).json() if one["kind"] == "own_twilio"]
    onboarding = await owner.http.patch("/v1/onboarding/profile", json={"contact_name": f"Contact {uuid4().hex}"})
    assert onboarding.status_code == 200, onboarding.text
    plan = {"assistant_id": assistant_id, "to": some_number(), "about": f"about {uuid4().hex}", "consent": True}
    planned = await owner.made("/v1/calls", plan)
    unwanted = await owner.made("/v1/do-not-call", {"number": some_number(), "note": f"note {uuid4().hex}"})
    idempotency_key = f"key-{uuid4()}"
    await owner.made(
        "/v1/invitations", {"email": f"y.{uuid4().hex}@example.com"}, headers={"idempotency-key": idempotency_key}
    )
    ids = Ids(
        tenant_id=str(owner.tenant_id),
        subject=owner.subject,
        assistant_id=assistant_id,
        call_id=str(call_id),
        invitation_id=invitation["invitation_id"],
        key_id=key["key_id"],
        e164=purchase["e164"],
        purchase_id=purchase["purchase_id"],
        carrier_id=carrier["carrier_id"],
        planned_call_id=planned["planned_call_id"],
        entry_id=unwanted["entry_id"],
        caller=caller,
        idempotency_key=idempotency_key,
        importable=importable,
        offered=(await offered(owner))[0]["e164"],
    )
    return WholeTenant(owner, viewer, machine, ids, plane.database)


async def _recordings(line: Line, call_id: UUID) -> None:
    """One of that call, and one that is to go."""
    _, goes = [await line.records(call_id) for _ in range(2)]
    line.database.select("delete from call_recordings where object_key = %s returning 1", goes)
    line.database.select(
        "update recording_removals set try_at = now() + interval '9 years' where object_key = %s returning object_key",
        goes,
    )


async def _on_the_line(plane: ControlPlane, owner: Client) -> tuple[str, UUID, str]:
    """-> an assistant with two published versions and a calendar, a call of one who left everything, their number."""
    async with open_line(plane, owner) as line:
        path = f"/v1/assistants/{line.assistant_id}"
        patched = await owner.http.patch(path, json={"persona_name": f"Ava {uuid4().hex}"}, headers={"if-match": "*"})
        assert patched.status_code == 200, patched.text
        await owner.made(f"{path}/publish")
        connected = await owner.http.put(f"{path}/calendar", json={"region": "us", "api_key": CAL_KEY})
        assert connected.status_code == 200, connected.text
        plane.database.select(
            "select note_line_leg_v1('SCL_' || gen_random_uuid(), %s, 'RM_' || gen_random_uuid(), now(), null)",
            line.number,
        )
        call_id = await line.call(now(), events=line.who.everything(now()), summary=f"about {uuid4().hex}")
        await _recordings(line, call_id)
        redacted = await owner.post("/v1/callers/redact", {"caller": some_number()})
        assert redacted.status_code == 200, redacted.text
        return str(line.assistant_id), call_id, line.who.number
