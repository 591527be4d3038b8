"""`ava calls`."""

import asyncio

import typer

from control_api.commands.console import AsJson, say, say_json

app = typer.Typer(help="Recorded calls, over all tenants.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def calls() -> None:
    """Recorded calls, over all tenants."""


@app.command()
def purge(as_json: AsJson = False) -> None:
    """Forget calls that are older than their tenant keeps them, with their recordings, and remove recordings of calls that were
    erased. The server does it every quarter of an hour by itself."""
    gone, removed = asyncio.run(_purge())
    if as_json:
        say_json({"calls": gone, "recordings": removed})
    else:
        say(f"{gone} {'call' if gone == 1 else 'calls'} forgotten, {removed} recordings removed")


async def _purge() -> tuple[int, int]:
    from control_api.calls.recordings import Recordings  # what the server needs: loaded where it is used
    from control_api.calls.service import CallService
    from control_api.commands.composition import services

    async with services() as provided:
        service: CallService = provided[CallService]
        recordings: Recordings = provided[Recordings]
        return await service.purge_expired(), await recordings.remove_listed() + await recordings.remove_unknown()
