"""`compose.yaml` is the line that the code expects: names, ports, addresses and times agree. `make lint` checks its form.

What this can't show: that the images it names are to be had, and that the containers come up.
"""

import re
from functools import cache
from typing import Any

import pytest
import yaml

from agent.settings import load_settings
from agent.worker import build_server
from contracts.assistant import Limits
from control_api.app import create_app
from control_api.server import FINISH_SECONDS
from control_api.settings import load_settings as load_api_settings
from control_api.webhooks.schemas import LEAVING
from store.vault import generate_key
from tests.architecture.dockerfiles import ROOT, Dockerfile

GIVEN = {
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": "secret-secret-secret-secret-secret",
    "AVA_SIP_ADDRESS": "192.0.2.7",
}
SERVICES = ("redis", "livekit", "sip", "agent", "api")


@cache
def compose() -> dict[str, Any]:
    """With what an operator's .env gives."""
    text = (ROOT / "compose.yaml").read_text()
    return yaml.safe_load(re.sub(r"\$\{(\w+)(?::[?-][^}]*)?\}", lambda found: GIVEN[found[1]], text))


def service(name: str) -> dict[str, Any]:
    return compose()["services"][name]


def seconds(written: str) -> int:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([hms])", written))


def test_it_is_the_whole_line() -> None:
    assert tuple(compose()["services"]) == SERVICES


def test_a_worker_is_given_longer_than_the_longest_call() -> None:
    """Else a deploy cuts callers off. The SIP service carries the same calls."""
    worker: Any = build_server(
        load_settings(
            _env_file=None, openai_api_key="-", deepgram_api_key="-", eleven_api_key="-",
            supabase_url="http://127.0.0.1:1", supabase_secret_key="-",
        )
    )  # fmt: skip
    needed = worker._drain_timeout + worker._session_end_timeout + worker._shutdown_process_timeout
    [longest] = [rule.le for rule in Limits.model_fields["max_call"].metadata if hasattr(rule, "le")]
    assert worker._drain_timeout > longest
    for name in ("agent", "sip"):
        assert seconds(service(name)["stop_grace_period"]) >= needed, name
    assert f"**{seconds(service('agent')['stop_grace_period'])} s**" in (ROOT / "docs" / "deploy.md").read_text()


def test_the_api_is_given_what_it_takes_to_finish() -> None:
    drain = load_api_settings_without_env().ava_api_drain_seconds
    assert seconds(service("api")["stop_grace_period"]) > drain + FINISH_SECONDS


def load_api_settings_without_env() -> Any:
    return load_api_settings(
        _env_file=None, supabase_url="http://127.0.0.1:1", supabase_publishable_key="-", supabase_secret_key="-",
        ava_sealing_keys=generate_key(),
    )  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_whoever_dies_comes_back_and_whoever_hangs_is_seen(name: str) -> None:
    """Ours bring their health command in their image."""
    one = service(name)
    assert one["restart"] == "unless-stopped"
    if "build" in one:
        assert Dockerfile.read(one["build"]["dockerfile"]).of_last("HEALTHCHECK")
    else:
        assert one["healthcheck"]["test"][0] == "CMD"
    for other in one.get("depends_on", {}).values():
        assert other == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_version_and_no_registry_of_their_own(name: str) -> None:
    image = service(name)["image"]
    if "build" not in service(name):
        assert re.fullmatch(r"([a-z]+/)?[a-z-]+:v?\d[\w.-]*", image), image


def test_only_a_telephone_reaches_in() -> None:
    """SIP and its media, one to one; the API on loopback, for the proxy in front of it; nothing else."""
    published = {name: service(name).get("ports", []) for name in SERVICES}
    sip = yaml.safe_load(service("sip")["environment"]["SIP_CONFIG_BODY"])
    port, media = sip["sip_port"], sip["rtp_port"]
    assert published.pop("sip") == [f"{port}:{port}/udp", f"{port}:{port}/tcp", f"{media}:{media}/udp"]
    assert published.pop("api") == ["127.0.0.1:8080:8080"]
    assert [ports for ports in published.values() if ports] == []
    assert not any("network_mode" in service(name) for name in SERVICES)


def test_they_find_each_other() -> None:
    """Every address inside names a service, and the port that it listens on."""
    livekit = yaml.safe_load(service("livekit")["environment"]["LIVEKIT_CONFIG"])
    sip = yaml.safe_load(service("sip")["environment"]["SIP_CONFIG_BODY"])
    own = f"ws://livekit:{livekit['port']}"
    assert sip["ws_url"] == own
    assert {service(name)["environment"]["LIVEKIT_URL"] for name in ("agent", "api")} == {own}
    assert livekit["redis"]["address"] == sip["redis"]["address"] == "redis:6379"
    assert service("livekit")["environment"]["LIVEKIT_KEYS"] == "key: secret-secret-secret-secret-secret"
    assert (sip["api_key"], sip["api_secret"]) == ("key", GIVEN["LIVEKIT_API_SECRET"])
    assert sip["nat_1_to_1_ip"] == GIVEN["AVA_SIP_ADDRESS"]
    assert str(sip["health_port"]) in service("sip")["healthcheck"]["test"][-1]


def test_livekit_tells_the_api_who_has_left() -> None:
    """At an address that there is, signed with the key that the API knows, and of what it wants to hear."""
    hook = yaml.safe_load(service("livekit")["environment"]["LIVEKIT_CONFIG"])["webhook"]
    api = service("api")["environment"]
    [url] = hook["urls"]
    assert url.startswith(f"http://api:{api['AVA_API_PORT']}/")
    assert api["AVA_API_HOST"] == "0.0.0.0"
    document = create_app(load_api_settings_without_env()).openapi()
    assert "post" in document["paths"][url.removeprefix(f"http://api:{api['AVA_API_PORT']}")]
    assert hook["api_key"] == "key"
    assert set(hook["filter_params"]["include_events"]) == {"participant_joined", "room_finished", *LEAVING}


def test_what_must_survive_a_restart_is_on_a_volume() -> None:
    """Trunks and dispatch rules in Redis; the worker's records where its image says."""
    assert "--appendonly" in service("redis")["command"]
    kept = {name: [mount.split(":")[1] for mount in service(name).get("volumes", [])] for name in SERVICES}
    assert kept["redis"] == ["/data"]
    assert kept["agent"] == [Dockerfile.read("Dockerfile.agent").environment["AVA_DATA_DIR"]]
    assert {mount.split(":")[0] for name in SERVICES for mount in service(name).get("volumes", [])} == set(
        compose()["volumes"]
    )


@pytest.mark.parametrize("name", ["agent", "api"])
def test_ours_may_do_nothing_else(name: str) -> None:
    one = service(name)
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["env_file"] == [".env"]


def test_it_holds_no_key() -> None:
    """Whatever is secret is the operator's, by name."""
    text = (ROOT / "compose.yaml").read_text()
    secret = re.findall(r"^\s*(?:api_secret|LIVEKIT_KEYS|.*_KEY|.*_SECRET|.*_TOKEN): (.*)$", text, re.MULTILINE)
    assert secret
    assert [value for value in secret if "${" not in value] == []
