"""`ava tenants`."""

import asyncio
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer

from control_api.commands.console import AsJson, say, say_json

app = typer.Typer(help="Businesses on this deployment.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="of the business")],
    owner: Annotated[str, typer.Option(help="the `sub` of the owner's tokens", metavar="SUBJECT")],
    tenant_id: Annotated[UUID | None, typer.Option("--id", help="yours to choose: asking twice makes one")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a tenant for somebody, who owns it when they sign in. Prints its id."""
    if not 1 <= len(name.strip()) <= 120:
        raise typer.BadParameter("a name has 1 to 120 characters", param_hint="--name")
    if not 1 <= len(owner.strip()) <= 255:
        raise typer.BadParameter("a subject has 1 to 255 characters", param_hint="--owner")
    made = asyncio.run(_create(tenant_id or uuid4(), name.strip(), owner.strip()))
    if as_json:
        say_json({key: made[key] for key in ("tenant_id", "name", "created_at")})
    else:
        say(made["tenant_id"])


@app.command()
def credit(
    tenant_id: Annotated[UUID, typer.Argument(help="whose")],
    out: Annotated[
        bool | None, typer.Option("--out/--restored", help="there is none left, or some again; without: only look")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a tenant has credit, or change it. Without, callers are put through or noted, and nobody is called; calls
    under way go on. Saying it twice is saying it once."""
    found = asyncio.run(_credit(tenant_id, out))
    since = found["out_of_credit_since"]
    if as_json:
        say_json(found)
    else:
        say(f"out of credit since {since}" if since else "has credit")


async def _credit(tenant_id: UUID, out: bool | None) -> dict[str, Any]:
    from control_api.commands.composition import ACTOR, service_of, services  # as below
    from store.session import AsService, Sessions

    async with services() as provided:
        await service_of(provided, tenant_id)
        sessions: Sessions = provided[Sessions]
        session = sessions.open(AsService(ACTOR))
        if out is not None:
            return await session.call("set_tenant_credit_v1", p_tenant_id=str(tenant_id), p_out_of_credit=out)
        query = session.table("tenants").select("tenant_id,out_of_credit_since").eq("tenant_id", str(tenant_id))
        [row] = await session.read(query)
        return row


async def _create(tenant_id: UUID, name: str, owner: str) -> dict[str, Any]:
    from control_api.commands.composition import services  # everything the server needs: loaded where it is used
    from store.session import AsService, Sessions

    async with services() as provided:
        sessions: Sessions = provided[Sessions]
        session = sessions.open(AsService(owner))
        return await session.call("create_tenant_v1", p_tenant_id=str(tenant_id), p_name=name, p_owner=owner)
