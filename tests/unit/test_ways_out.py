"""Calls out of a number without I/O: a sign-in as Twilio takes it, where calls leave, and what an owner is advised."""

from datetime import UTC, datetime

import pytest
from livekit.protocol.sip import (
    SIPInboundTrunkInfo,
    SIPMediaConfig,
    SIPMediaEncryption,
    SIPOutboundTrunkInfo,
    SIPTransport,
)
from pydantic import SecretStr

from control_api.numbers.carrier import is_encrypted
from control_api.numbers.line import DigestAuth, FoundRoute, RouteDrift, WayOut
from control_api.numbers.livekit_shapes import Wanted, leads_out_alike, outgoing_as, route_of
from control_api.numbers.sign_in import new_password, new_username
from control_api.planned_calls.schemas import Try

NUMBER, LABEL, DOMAIN = "+12025550100", "ava:1", "ava-1.pstn.twilio.com"
AUTH = DigestAuth("ava-name", SecretStr("A-password-12"))
WANTED = Wanted(NUMBER, LABEL, "ava", "{}", (), None)


def test_every_password_is_one_that_twilio_takes() -> None:
    """12 characters, both cases, a digit; never twice the same, and nothing that a SIP header would quote."""
    drawn = [new_password().get_secret_value() for _ in range(500)]
    assert len(set(drawn)) == len(drawn)
    for password in drawn:
        assert len(password) >= 12
        assert password.isalnum()
        assert password.isascii()
        assert any(sign.islower() for sign in password)
        assert any(sign.isupper() for sign in password)
        assert any(sign.isdigit() for sign in password)


def test_a_name_is_short_enough_and_its_own() -> None:
    """32 characters are the most; a name stands for its password."""
    names = {new_username() for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) <= 32 and name.startswith("ava-") for name in names)


@pytest.mark.parametrize(
    ("uri", "encrypted"),
    [
        ("sip:x.sip.livekit.cloud;transport=tcp", False),
        ("sip:x.sip.livekit.cloud;transport=TLS", True),
        ("sips:x.sip.livekit.cloud", True),
        ("sip:x.sip.livekit.cloud", False),
    ],
)
def test_whether_calls_are_encrypted_is_in_the_address(uri: str, encrypted: bool) -> None:
    """By its scheme or its transport."""
    assert is_encrypted(uri) is encrypted


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_way_out_is_written_and_read_back(encrypted: bool) -> None:
    """To the carrier's address, signed in, from this number; with TLS and encrypted media where the trunk has them."""
    out = WayOut(DOMAIN, AUTH, encrypted=encrypted)
    trunk = outgoing_as(WANTED, out)
    assert (trunk.address, list(trunk.numbers), trunk.auth_username) == (DOMAIN, [NUMBER], "ava-name")
    assert (trunk.transport == SIPTransport.SIP_TRANSPORT_TLS) is encrypted
    assert (trunk.media_encryption == SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE) is encrypted
    found = route_of(LABEL, [SIPInboundTrunkInfo(numbers=[NUMBER])], [], [trunk])
    assert RouteDrift.NO_WAY_OUT not in found.drift_from(NUMBER, agent_name="ava", outgoing=out)


def test_a_server_that_tells_of_encryption_in_the_newer_field_is_understood() -> None:
    """Nothing is made anew for it."""
    media = SIPMediaConfig(encryption=SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE)
    right = outgoing_as(WANTED, WayOut(DOMAIN, AUTH, encrypted=True))
    told = SIPOutboundTrunkInfo(media=media, transport=SIPTransport.SIP_TRANSPORT_TLS)
    told.address, told.auth_username, told.auth_password = right.address, right.auth_username, right.auth_password
    told.numbers.append(NUMBER)
    assert leads_out_alike(told, right, encrypted=True)
    assert not leads_out_alike(told, right, encrypted=False)
    assert leads_out_alike(told, right, encrypted=None), "an own trunk's is as its operator has it"


@pytest.mark.parametrize(
    ("wanted", "leads"),
    [
        (WayOut(DOMAIN, AUTH, encrypted=False), True),
        (WayOut(DOMAIN, AUTH), True),
        (WayOut(DOMAIN, AUTH, encrypted=True), False),
        (WayOut("elsewhere.pstn.twilio.com", AUTH, encrypted=False), False),
        (WayOut(DOMAIN, DigestAuth("another", AUTH.password), encrypted=False), False),
        (WayOut(DOMAIN, None, encrypted=False), False),
    ],
)
def test_a_way_out_that_leads_elsewhere_is_none(wanted: WayOut, leads: bool) -> None:
    """Another address, another name, another encryption; and one that is not cared for."""
    found = FoundRoute(LABEL, outgoing=DOMAIN, outgoing_username="ava-name")
    drifts = found.drift_from(NUMBER, agent_name="ava", outgoing=wanted)
    assert (RouteDrift.NO_WAY_OUT not in drifts) is leads


@pytest.mark.parametrize(
    ("outcome", "status", "words"),
    [
        ("failed", 403, "Geographic permissions"),
        ("failed", 407, "sign-in"),
        ("failed", 404, "no such number"),
        ("failed", 488, None),
        ("failed", None, None),
        ("busy", 486, None),
        ("talked", None, None),
    ],
)
def test_a_refusal_of_the_carriers_comes_with_what_to_do(outcome: str, status: int | None, words: str | None) -> None:
    """In words for an owner; where nobody can do anything, none."""
    tried = Try.model_validate({"at": datetime(2026, 11, 27, tzinfo=UTC), "outcome": outcome, "sip_status": status})
    said = tried.model_dump()["advice"]
    assert said is None if words is None else words in said
