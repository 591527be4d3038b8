"""Keys are tried before the first call, and a refused one is named by its variable."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agent.preflight import Finding, check_keys
from agent.settings import Settings, load_settings
from sandbox import s3
from sandbox.database import Database
from sandbox.providers import StandIns
from store.vault import generate_key

pytestmark = pytest.mark.database


def settings(urls: dict[str, str], database: Database, recordings: Path | str, **changes: object) -> Settings:
    values: dict[str, object] = {
        "openai_api_key": "sk-good",
        "openai_base_url": f"{urls['openai']}/v1",
        "deepgram_api_key": "dg-good",
        "deepgram_base_url": f"{urls['deepgram']}/v1",
        "eleven_api_key": "el-good",
        "eleven_base_url": f"{urls['elevenlabs']}/v1",
        "supabase_url": database.url,
        "supabase_service_role_key": database.service_key,
        "cal_api_key": "cal_good",
        "cal_base_url": urls["calcom"],
        "ava_recordings": str(recordings),
    }
    return load_settings(_env_file=None, **(values | changes))


def by_variable(findings: list[Finding]) -> dict[str, str]:
    return {finding.variable: finding.state for finding in findings}


async def test_good_keys_are_accepted_wrong_ones_named_and_a_dead_provider_is_no_wrong_key(
    database: Database, tmp_path: Path
) -> None:
    options = {"openai": {"api_key": "sk-good"}, "calcom": {"api_key": "cal_good"}}
    async with StandIns(("openai", "deepgram", "elevenlabs", "calcom"), options=options) as found:
        urls = dict(found)
        good = by_variable(await check_keys(settings(urls, database, tmp_path)))
        assert good == {
            "OPENAI_API_KEY": "accepted",
            "DEEPGRAM_API_KEY": "accepted",
            "ELEVEN_API_KEY": "accepted",
            "SUPABASE_SERVICE_ROLE_KEY": "accepted",
            "CAL_API_KEY": "accepted",
            "AVA_RECORDINGS": "accepted",
        }
        wrong = await check_keys(
            settings(
                urls,
                database,
                tmp_path,
                openai_api_key=SecretStr("sk-wrong"),
                deepgram_api_key=SecretStr("bad-key"),
                eleven_api_key=SecretStr("bad-key"),
                supabase_service_role_key=SecretStr("sb_secret_wrong"),
                cal_api_key=SecretStr("cal_wrong"),
            )
        )
        assert {f.state for f in wrong if f.variable != "AVA_RECORDINGS"} == {"refused"}
        assert not any("wrong" in finding.advice or "bad-key" in finding.advice for finding in wrong)
        ring = generate_key()
        assert by_variable(await check_keys(settings(urls, database, tmp_path, ava_sealing_keys=ring))) == {
            **good,
            "AVA_SEALING_KEYS": "accepted",
        }
        broken = SecretStr(f"{ring.get_secret_value()},wrong-key")
        [sealing, *_] = await check_keys(settings(urls, database, tmp_path, ava_sealing_keys=broken))
        assert (sealing.variable, sealing.state) == ("AVA_SEALING_KEYS", "refused")
        assert "key 2 of 2" in sealing.advice
        assert "wrong-key" not in sealing.advice
        spent = await check_keys(settings(urls, database, tmp_path, eleven_api_key=SecretStr("spent-key")))
        assert by_variable(spent)["ELEVEN_API_KEY"] != "refused"
    gone = by_variable(await check_keys(settings(urls, database, tmp_path)))
    assert gone["OPENAI_BASE_URL"] == "unreachable"
    assert "refused" not in gone.values()


async def test_the_place_of_recordings_is_tried_before_the_first_call(database: Database, tmp_path: Path) -> None:
    """An object is written and removed. What only an operator can mend is refused, a storage that is away is not."""
    async with StandIns(("s3",)) as found:
        urls = dict.fromkeys(("openai", "deepgram", "elevenlabs", "calcom"), "http://127.0.0.1:9") | dict(found)
        bucket: dict[str, Any] = {
            "ava_recordings_endpoint": urls["s3"], "ava_recordings_region": s3.REGION,
            "ava_recordings_access_key_id": s3.KEY_ID, "ava_recordings_secret_access_key": s3.SECRET,
        }  # fmt: skip

        async def tried(place: str, **changes: Any) -> Finding:
            findings = await check_keys(settings(urls, database, place, **bucket | changes))
            return next(finding for finding in findings if finding.variable == "AVA_RECORDINGS")

        place = f"s3://{s3.BUCKET}/calls"
        assert (await tried(place)).state == "accepted"
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{urls['s3']}/_ctl/objects")).json() == {}
        wrong = await tried(place, ava_recordings_secret_access_key="another-secret")
        assert wrong.state == "refused"
        assert "another-secret" not in wrong.advice
        assert (await tried("s3://another-bucket")).state == "refused"
        assert (await tried("s3://")).state == "refused"
        assert (await tried(place, ava_recordings_endpoint="http://127.0.0.1:9")).state == "unreachable"
    (tmp_path / "file").write_text("not a folder")
    assert (await tried(str(tmp_path / "file"))).state == "unreachable"
