"""`ava tokens`: API keys of a tenant, made by who runs the deployment."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast
from uuid import UUID, uuid4

import typer

from control_api.commands.console import AsJson, note, say, say_json, say_table
from control_api.principal import KEY_SCOPES, Scope

app = typer.Typer(help="API keys for machines.", no_args_is_help=True, rich_markup_mode=None)

Tenant = Annotated[UUID, typer.Option(help="whose")]
_LISTED = ("key_id", "name", "preview", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")


@app.command()
def create(
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="what it is for")],
    scope: Annotated[list[str], typer.Option(help=f"one or more of: {', '.join(KEY_SCOPES)}")],
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="how long it is good for; without: for good")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, and print it: it is shown this once."""
    if unknown := sorted(set(scope) - set(KEY_SCOPES)):
        raise typer.BadParameter(f"there is no scope {', '.join(unknown)}", param_hint="--scope")
    if not 1 <= len(name.strip()) <= 120:
        raise typer.BadParameter("a name has 1 to 120 characters", param_hint="--name")
    made = asyncio.run(_create(tenant, name.strip(), cast("list[Scope]", scope), days))
    if as_json:
        say_json(made)
        return
    note(f"key {made['key_id']} of tenant {tenant}, shown this once:")
    say(made["key"])


@app.command("list")
def list_keys(tenant: Tenant, as_json: AsJson = False) -> None:
    """The tenant's keys, newest first, the revoked ones too."""
    found = asyncio.run(_list(tenant))
    if as_json:
        say_json(found)
    elif found:
        say_table(found, _LISTED)
    else:
        say("no keys")


@app.command()
def revoke(
    key_id: Annotated[UUID, typer.Argument(help="as `ava tokens list` shows it")],
    tenant: Tenant,
    as_json: AsJson = False,
) -> None:
    """Take a key away: servers refuse it within seconds. Revoking twice is revoking once."""
    gone = asyncio.run(_revoke(tenant, key_id))
    if as_json:
        say_json(gone)
    else:
        say(f"revoked {gone['key_id']} ({gone['preview']})")


async def _create(tenant: UUID, name: str, scopes: list[Scope], days: int | None) -> dict[str, Any]:
    from control_api.commands.composition import service_of, services  # what the server needs: loaded where it is used
    from control_api.members.schemas import ApiKeyCreate
    from control_api.members.service import MemberService

    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    wanted = ApiKeyCreate(name=name, scopes=scopes, expires_at=expires_at)
    async with services() as provided:
        members: MemberService = provided[MemberService]
        made = await members.create_api_key(await service_of(provided, tenant), uuid4(), wanted)
        return made.model_dump(mode="json")


async def _list(tenant: UUID) -> list[dict[str, Any]]:
    from control_api.commands.composition import service_of, services  # as above
    from control_api.members.service import MemberService

    async with services() as provided:
        members: MemberService = provided[MemberService]
        principal = await service_of(provided, tenant)
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await members.find_api_keys(principal, cursor=cursor, limit=100)
            found.extend(key.model_dump(mode="json") for key in page.items)
            cursor = page.next_cursor
            if cursor is None:
                return found


async def _revoke(tenant: UUID, key_id: UUID) -> dict[str, Any]:
    from control_api.commands.composition import service_of, services  # as above
    from control_api.members.service import MemberService

    async with services() as provided:
        members: MemberService = provided[MemberService]
        gone = await members.revoke_api_key(await service_of(provided, tenant), key_id)
        return gone.model_dump(mode="json")
