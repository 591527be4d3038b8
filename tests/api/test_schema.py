"""The whole OpenAPI document against the running API: whatever is sent, the answer is one that is documented.

schemathesis makes the requests: every operation's examples, each constraint of each field kept and broken, and random bodies.
They go over a real socket with a real token. Two runs: one names what is there, so that requests get past the first look; the
other names whatever comes.
"""

import asyncio
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from control_api.metrics import Metrics
from demo.api import listening
from tests.api.operations import HEALTH, operations
from tests.fakes.control_plane import CAL_KEY, ControlPlane, reconfigured
from tests.fakes.telephone_numbers import assistant, bought
from tests.fakes.whole_tenant import WholeTenant

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance",
)  # fmt: skip
SECONDS = 400
# What no generated request brings about, and why; `test_problems` and the nouns' own tests do.
NEVER_DONE: Mapping[str, str] = {
    "accept_invitation": "takes the token of an invitation, which is shown to one person",
    "assign_number": "the random assistants are nobody's; taking it away is done",
    "bring_sip_trunk": "the random assistants are nobody's",
    "buy_number": "the random numbers are not for sale",
    "complete_onboarding": "every step has to be done before",
    "connect_calendar": "takes a key that the calendar accepts",
    "connect_twilio": "takes the token of an account at the carrier",
    "get_assistant_request": "takes answers that fit together",
    "import_number": "the random numbers are not in the account",
    "listen": "takes a link that the API has sealed",
    "receive_livekit_event": "takes LiveKit's signature",
    "plan_call": "the random assistants are nobody's",
    "release_number": "takes the number itself as a confirmation",
    "remove_carrier": "numbers come through it",
}


def configuration(names: Mapping[str, str], calendar_of: str) -> str:
    """Of the first run: what is named in every request. What several operations take the same way (an assistant's
    configuration, the filters of calls) is taken apart once."""

    def table(named: Mapping[str, str]) -> str:
        return ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in named.items())

    return f"""
parameters = {{ {table(names)} }}

[phases.coverage]
unexpected-methods = []
generate-duplicate-query-parameters = false
operation-ordering = "none"

[[operations]]
include-operation-id = ["create_assistant", "validate_new_assistant", "validate_assistant", "export_calls"]
phases.coverage.enabled = false

[[operations]]
include-tag = "calendars"
exclude-operation-id = "disconnect_calendar"
parameters = {{ {table({**names, "path.assistant_id": calendar_of})} }}
"""


async def run(url: str, token: str, folder: Path, config: str, *options: str) -> None:
    """Fails with what schemathesis says of a failure: the request, as a curl line, and the answer."""
    path = folder / "schemathesis.toml"
    path.write_text(f'hooks = "tests.api.schema_hooks"\n{config}')
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")), "--no-color", "--config-file", str(path), "run",
        f"{url}/openapi.json", "--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS),
        "--workers", "1", "--seed", "20261127", "--generation-database", "none", "--no-shrink", "--warnings", "off",
        "--output-sanitize", "true", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        pytest.fail(f"the run took longer than {SECONDS} s")
    assert process.returncode == 0, said.decode(errors="replace")[-12_000:]


def answered(deployed: ControlPlane) -> dict[str, set[str]]:
    """Operation -> the classes of status that it has answered with."""
    metrics: Metrics = deployed.app.state.provided[Metrics]
    counted = re.findall(
        r'ava_api_request_seconds_count\{method="\w+",operation="([^"]+)",status="(\dxx)"', metrics.text().decode()
    )
    found: dict[str, set[str]] = {}
    for operation, status in counted:
        found.setdefault(operation, set()).add(status)
    return found


async def test_every_answer_to_what_is_there_is_documented(
    plane: ControlPlane, whole: WholeTenant, tmp_path: Path
) -> None:
    """By an owner with one of everything. Every operation is reached, and does its work at least once."""
    calendar_of = await assistant(whole.owner)
    connected = await whole.owner.http.put(
        f"/v1/assistants/{calendar_of}/calendar", json={"region": "us", "api_key": CAL_KEY}
    )
    assert connected.status_code == 200, connected.text
    spare = await bought(whole.owner)
    names = {
        "header.AVA-Tenant": whole.ids.tenant_id,
        "header.If-Match": "*",
        "path.assistant_id": whole.ids.assistant_id,
        "path.call_id": whole.ids.call_id,
        "path.carrier_id": whole.ids.carrier_id,
        "path.e164": spare["e164"],
        "path.entry_id": whole.ids.entry_id,
        "path.invitation_id": whole.ids.invitation_id,
        "path.key_id": whole.ids.key_id,
        "path.planned_call_id": whole.ids.planned_call_id,
        "path.purchase_id": whole.ids.purchase_id,
        "path.subject": whole.viewer.subject,
        "path.version": "1",
        "path.voice_id": "ava-fr-claire-0000001",
    }
    async with reconfigured(plane) as deployed, listening(deployed.app) as url:
        config = configuration(names, calendar_of)
        await run(
            url, whole.owner.token, tmp_path, config, "--phases", "examples,coverage,fuzzing", "--max-examples", "3"
        )
        found = answered(deployed)
    wanted = {found.operation_id for found in operations()}
    assert wanted - found.keys() == set()
    assert "5xx" not in {status for operation, statuses in found.items() for status in statuses}
    idle = {name for name in wanted if "2xx" not in found[name]} - HEALTH
    assert idle - NEVER_DONE.keys() == set(), "give it what it needs, or a reason in NEVER_DONE"


async def test_every_answer_to_whatever_comes_is_documented(
    plane: ControlPlane, whole: WholeTenant, tmp_path: Path
) -> None:
    """Ids of nobody, tags of nothing, tenants that are none: by the same owner, with nothing named."""
    async with reconfigured(plane) as deployed, listening(deployed.app) as url:
        await run(url, whole.owner.token, tmp_path, "", "--phases", "fuzzing", "--max-examples", "6")
        found = answered(deployed)
    assert {found.operation_id for found in operations()} - found.keys() == set()
    assert "5xx" not in {status for statuses in found.values() for status in statuses}


@pytest.mark.parametrize(
    "answer", [JSONResponse({}, 500), JSONResponse({}, 418), JSONResponse({"alive": "maybe"}, 200)]
)
async def test_an_answer_that_is_not_documented_is_found(tmp_path: Path, answer: JSONResponse) -> None:
    """The run can fail: on a 500, on a status that no line names, on a body of another form."""
    app = FastAPI()

    @app.get("/livez", response_model=dict[str, bool])
    async def livez() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]  # the route is its use
        return answer

    async with listening(app) as url:
        with pytest.raises(AssertionError, match="GET /livez"):
            await run(url, "a-token", tmp_path, "", "--phases", "fuzzing", "--max-examples", "1")
