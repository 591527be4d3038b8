"""`./ava numbers reconcile`, as ops runs it beside a server: its own process, the settings of the server."""

import asyncio
import json
import os
from pathlib import Path

from pydantic import SecretStr

from control_api.settings import Settings
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.telephone_numbers import bought, on_line

ROOT = Path(__file__).parents[2]
SECONDS = 120


def environment(settings: Settings) -> dict[str, str]:
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    shown = {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in values.items()}
    return {**os.environ, **{name.upper(): str(value) for name, value in shown.items() if value is not None}}


async def ava(plane: ControlPlane, *arguments: str) -> tuple[int, str, str]:
    """-> exit code, what it printed, what it noted."""
    process = await asyncio.create_subprocess_exec(
        ROOT / "ava",
        *arguments,
        env=environment(plane.settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_drift_is_told_and_put_right(plane: ControlPlane, owner: Client) -> None:
    """A route lost on the line: 1, with the number and what is wrong. Repaired: 0, and calls find it again; then 0."""
    made = await bought(owner)
    tenant = str(owner.tenant_id)
    command = ["numbers", "reconcile", "--tenant", tenant]
    (trunk,), _ = await on_line(plane, made["e164"])
    await plane.control("livekit", f"trunks/{trunk['sip_trunk_id']}", method="DELETE")

    code, out, err = await ava(plane, *command)
    assert code == 1
    header, row, *_, last = out.splitlines()
    assert header.split() == ["kind", "number", "tenant", "repaired", "what"]
    assert row.split()[:4] == ["route_wrong", made["e164"], tenant, "no"]
    assert last == "2 compared, 1 differ, 1 of them still do"
    assert "--repair" in err

    code, out, err = await ava(plane, *command, "--repair", "--json")
    assert code == 0, err
    assert [(d["kind"], d["number"], d["repaired"]) for d in json.loads(out)["drifts"]] == [
        ("route_wrong", made["e164"], True)
    ]
    trunks, rules = await on_line(plane, made["e164"])
    assert (len(trunks), len(rules)) == (1, 1)
    assert await ava(plane, *command) == (0, "2 compared, 0 differ, 0 of them still do\n", "")
    token = plane.settings.twilio_auth_token
    assert token is not None
    assert token.get_secret_value() not in out + err
