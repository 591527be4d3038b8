"""The stand-in of livekit-sip as far as it needs no socket (SIP's grammar, G.711), and what a far end's recording tells."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from sandbox.psrpc import RpcError
from sandbox.rtp import FRAME, Voice, decode, encode
from sandbox.sip_dialog import Dialog, Sent, Transactions, address_of
from sandbox.sip_leg import read_fragment
from sandbox.sip_service import resolved
from sandbox.sip_wire import (
    Challenge,
    Malformed,
    answer_challenge,
    hashed,
    parse,
    read_offer,
    response,
    uri_of,
    user_of,
    username_of,
    write_answer,
)
from sandbox.two_way import RATE, Growing, Spoken, Track, TwoWay, between

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    "m=audio 30010 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
INVITE = (
    "INVITE sip:+33478000000@127.0.0.1:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bKabc;rport\r\n"
    "f: <sip:+33612345678@127.0.0.1>;tag=caller\r\n"
    "t: <sip:+33478000000@127.0.0.1:5060>\r\n"
    "m: <sip:+33612345678@127.0.0.1:5090>\r\n"
    "i: 1234\r\nCSeq: 7 INVITE\r\n\r\n" + OFFER
).encode()


def test_an_invite_is_read_with_its_short_header_names() -> None:
    """What telephones send to save bytes is the same as what they send in full."""
    invite = parse(INVITE)
    assert (invite.method, invite.branch, invite.get("call-id")) == ("INVITE", "z9hG4bKabc", "1234")
    assert user_of(uri_of(invite.get("from"))) == "+33612345678"
    assert user_of(invite.target) == "+33478000000"


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"hello", b"INVITE sip:x SIP/2.0\r\n\r\n", b"\xff\xfe\x00"])
def test_what_is_no_sip_is_refused(data: bytes) -> None:
    """A port on loopback hears anything."""
    with pytest.raises(Malformed):
        parse(data)


def test_an_answer_carries_our_tag_once_and_the_callers_headers() -> None:
    """Else a telephone takes it for somebody else's call."""
    answer = parse(response(parse(INVITE), 200, tag="ours", contact="<sip:127.0.0.1:5060>", body="v=0\r\n"))
    assert answer.status == 200
    assert answer.get("to").count("tag=ours") == 1
    assert answer.get("via") == parse(INVITE).get("via")
    assert answer.get("cseq") == "7 INVITE"


def test_a_goodbye_goes_to_the_telephones_contact_with_the_sides_swapped() -> None:
    """From and To change places when the called side ends the call."""
    dialog = Dialog.of_called(parse(INVITE), tag="ours", ours="127.0.0.1:5060")
    goodbye = parse(dialog.request("BYE").data)
    assert (goodbye.method, goodbye.target) == ("BYE", "sip:+33612345678@127.0.0.1:5090")
    assert goodbye.get("from").endswith("tag=ours")
    assert goodbye.get("to").endswith("tag=caller")
    assert goodbye.sequence == (8, "BYE")
    assert address_of(goodbye.target, ("x", 1)) == ("127.0.0.1", 5090)


def test_a_dialog_of_ours_names_the_far_end_as_its_answer_did() -> None:
    """The ACK of a 200 is a transaction of its own with the invite's number; what follows goes to their contact."""
    dialog = Dialog("c", "<sip:+33478@h>;tag=a", "<sip:+33142@t>", "sip:+33142@t", "127.0.0.1:5060")
    invite = parse(dialog.request("INVITE", body="v=0\r\n").data)
    answer = response(invite, 200, tag="theirs", contact="<sip:+33142@192.0.2.1:5070>", body="v=0\r\n")
    dialog.established(parse(answer))
    acknowledgement = parse(dialog.acknowledgement().data)
    assert acknowledgement.sequence == (1, "ACK")
    assert acknowledgement.branch != invite.branch
    assert acknowledgement.target == "sip:+33142@192.0.2.1:5070"
    assert acknowledgement.get("to").endswith("tag=theirs")
    assert parse(dialog.request("REFER").data).sequence == (2, "REFER")


@pytest.mark.parametrize("more", ["", ', qop="auth"', ', opaque="o"'])
def test_a_challenge_is_answered_with_the_password_and_not_without(more: str) -> None:
    """As livekit-sip and carriers ask for it."""
    challenge = Challenge()
    asked = challenge.header.removeprefix("Proxy-Authenticate: ") + more
    given = answer_challenge(asked, method="INVITE", uri="sip:x@y", username="ava", password="s3cret")
    if "qop" not in more:
        assert challenge.accepts(given, "INVITE", "ava", "s3cret")
        assert not challenge.accepts(given, "INVITE", "ava", "other")
    assert ("qop=auth" in given) is ("qop" in more)
    assert ('opaque="o"' in given) is ("opaque" in more)


def test_a_carriers_challenge_is_answered_by_the_hash_of_a_password_and_once() -> None:
    """With qop; what is kept is no password, and an answer to another challenge is none to this."""
    challenge, digest = Challenge("sip.example.com", qop="auth"), hashed("ava", "sip.example.com", "secret")
    given = answer_challenge(challenge.header, method="INVITE", uri="sip:x@y", username="ava", password="secret")
    assert username_of(given) == "ava"
    assert challenge.accepts_hashed(given, "INVITE", "ava", digest)
    assert not challenge.accepts_hashed(given, "BYE", "ava", digest)
    assert not Challenge("sip.example.com", qop="auth").accepts_hashed(given, "INVITE", "ava", digest)
    assert "secret" not in digest


async def test_a_carriers_name_leads_where_the_hosts_say() -> None:
    """Before the system is asked, by pattern too; what is not among them is looked up as ever."""
    hosts = {"*.pstn.example.com": "127.0.0.9:5070"}
    assert await resolved("ava-1.PSTN.example.com", hosts) == ("127.0.0.9", 5070)
    assert await resolved("127.0.0.1:5061", hosts) == ("127.0.0.1", 5061)
    with pytest.raises(RpcError):
        await resolved("127.0.0.1:none", hosts)


async def test_a_request_is_sent_until_something_answers() -> None:
    """A ringing telephone is not rung again; who never answers is given up."""
    sent: list[bytes] = []
    transactions = Transactions(lambda data, _: sent.append(data))
    request = Sent(b"INVITE", "z9hG4bKx", "INVITE")
    rang: list[int] = []
    asking = asyncio.create_task(
        transactions.ask(request, ("127.0.0.1", 1), seconds=5, provisional=lambda m: rang.append(m.status))
    )
    await asyncio.sleep(0.7)
    assert len(sent) == 2
    for status in (180, 200):
        answered = f"SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
        assert transactions.heard(parse(answered.encode()))
    assert (await asking).status == 200
    assert rang == [180]
    assert not transactions.heard(parse(answered.encode())), "nobody waits any more"
    with pytest.raises(TimeoutError):
        await transactions.ask(request, ("127.0.0.1", 1), seconds=0.05)


def test_how_a_transfer_goes_is_read_from_its_fragment() -> None:
    """And what is no status line says nothing."""
    head = "NOTIFY sip:a SIP/2.0\r\nCall-ID: c\r\nCSeq: 1 NOTIFY\r\n\r\n"
    assert read_fragment(parse(f"{head}SIP/2.0 486 Busy Here\r\n".encode())) == (486, "Busy Here")
    assert read_fragment(parse(f"{head}hello".encode())) == (0, "")


def test_an_offer_is_answered_in_pcmu_with_the_keys_it_offers() -> None:
    """And one without PCMU is not answered at all."""
    offer = read_offer(OFFER)
    assert (offer.host, offer.port, offer.keys) == ("192.0.2.7", 30010, 101)
    assert "m=audio 12000 RTP/AVP 0 101" in write_answer(offer, host="127.0.0.1", port=12000)
    with pytest.raises(Malformed):
        read_offer(OFFER.replace("8 0 101", "8 101"))


def test_every_code_of_g711_survives_and_speech_is_close() -> None:
    """The codec's own error is 2 % of a sample at most."""
    codes = bytes(range(256))
    assert (decode(encode(decode(codes))) == decode(codes)).all()
    wave = (np.sin(np.arange(RATE) * 0.2) * 12_000).astype(np.int16)
    assert np.abs(decode(encode(wave)).astype(int) - wave).max() <= 256
    assert np.abs(decode(encode(np.zeros(FRAME, dtype=np.int16)))).max() == 0


def test_a_voice_begins_when_two_frames_wait_and_ends_when_none_does() -> None:
    """What comes unevenly is played evenly."""
    voice, frame = Voice(), np.ones(FRAME, dtype=np.int16)
    voice.put(frame)
    assert voice.next() is None
    voice.put(frame)
    assert voice.next() is not None
    assert voice.next() is not None
    assert voice.next() is None


def tone(seconds: float) -> bytes:
    return (np.sin(np.arange(round(seconds * RATE)) * 0.5) * 8_000).astype("<i2").tobytes()


def test_what_did_not_come_is_silence_where_it_should_have_been() -> None:
    """A telephone that sends nothing for a while must not bring later speech forward."""
    track = Track()
    track.take(b"\0" * RATE * 2, 1.0)
    track.take(tone(0.5), 2.5)
    assert track.seconds == pytest.approx(2.5)
    assert track.put_in == pytest.approx(1.0)
    [stretch] = track.stretches
    assert stretch.began == pytest.approx(2.0, abs=0.05)


def test_an_answer_is_timed_from_the_last_sound_to_the_first() -> None:
    """Only by what begins after it, and before the caller speaks again."""
    line = TwoWay()
    line.ava.take(b"\0" * RATE * 4, 2.0)
    line.ava.take(tone(0.5) + b"\0" * RATE, 3.0)
    first, second = Spoken("a", 0.5, 1.5), Spoken("b", 2.8, 2.9)
    line.spoken += [first, second]
    assert line.answer_to(first) == pytest.approx(500, abs=50)
    assert line.answer_to(second) is None
    assert between(line.ava.stretches, 3.0) == [
        (pytest.approx(0.1), pytest.approx(1.9, abs=0.05)),
        (pytest.approx(2.6, abs=0.05), pytest.approx(2.9)),
    ]


def test_a_growing_file_gives_what_is_new_in_whole_samples(tmp_path: Path) -> None:
    """Half a sample waits for its other half."""
    path = tmp_path / "heard.wav"
    path.write_bytes(b"h" * 44 + b"ab")
    growing = Growing(path)
    assert growing.look() == b"ab"
    with path.open("ab") as file:
        file.write(b"cde")
    assert growing.look() == b"cd"
    assert growing.look() == b""
