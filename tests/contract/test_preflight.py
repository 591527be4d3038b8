"""Keys are tried before the first call, and a refused one is named by its variable."""

import pytest
from pydantic import SecretStr

from agent.preflight import Finding, check_keys
from agent.settings import Settings, load_settings
from sandbox.database import Database
from sandbox.providers import StandIns

pytestmark = pytest.mark.database


def settings(urls: dict[str, str], database: Database, **changes: object) -> Settings:
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
    }
    return load_settings(_env_file=None, **(values | changes))


def by_variable(findings: list[Finding]) -> dict[str, str]:
    return {finding.variable: finding.state for finding in findings}


async def test_good_keys_are_accepted_wrong_ones_named_and_a_dead_provider_is_no_wrong_key(
    database: Database,
) -> None:
    options = {"openai": {"api_key": "sk-good"}, "calcom": {"api_key": "cal_good"}}
    async with StandIns(("openai", "deepgram", "elevenlabs", "calcom"), options=options) as found:
        urls = dict(found)
        good = by_variable(await check_keys(settings(urls, database)))
        assert good == {
            "OPENAI_API_KEY": "accepted",
            "DEEPGRAM_API_KEY": "accepted",
            "ELEVEN_API_KEY": "accepted",
            "SUPABASE_SERVICE_ROLE_KEY": "accepted",
            "CAL_API_KEY": "accepted",
        }
        wrong = await check_keys(
            settings(
                urls,
                database,
                openai_api_key=SecretStr("sk-wrong"),
                deepgram_api_key=SecretStr("bad-key"),
                eleven_api_key=SecretStr("bad-key"),
                supabase_service_role_key=SecretStr("sb_secret_wrong"),
                cal_api_key=SecretStr("cal_wrong"),
            )
        )
        assert set(by_variable(wrong).values()) == {"refused"}
        assert not any("wrong" in finding.advice or "bad-key" in finding.advice for finding in wrong)
        spent = await check_keys(settings(urls, database, eleven_api_key=SecretStr("spent-key")))
        assert by_variable(spent)["ELEVEN_API_KEY"] != "refused"
    gone = by_variable(await check_keys(settings(urls, database)))
    assert gone["OPENAI_BASE_URL"] == "unreachable"
    assert "refused" not in gone.values()
