"""What becomes of a call that nobody took: the choice and the words, and what Twilio is told, without I/O."""

import xml.etree.ElementTree as ET
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError
from twilio.request_validator import RequestValidator

from contracts.phone import E164
from control_api.errors import InvalidRequest
from control_api.numbers.fallback import (
    Asked,
    Busy,
    End,
    Known,
    Ring,
    Speak,
    Step,
    decide,
    is_recovery_url,
    known_from,
    recovery_url,
    sorry,
)
from control_api.numbers.fallback_schemas import Fallback, Forward
from control_api.numbers.twilio_recovery import TwilioRecovery
from sandbox.twilio_ring import signature

DIALED, CALLER, OWNER = "+33478000000", "+33611111111", "+33622222222"
URL = "https://ava.example.com/v1/carriers/twilio/6f8d2f04-9f5e-4f2a-8a45-1c9a1e1d3a77/fallback"
FORM = {"CallSid": "CA1", "From": CALLER, "To": DIALED, "CallStatus": "ringing"}
TWILIO = TwilioRecovery()
FORWARD = Known("forward", OWNER, language="fr")


def asked(**changes: Any) -> Asked:
    usual: dict[str, Any] = {"dialed": DIALED, "caller": CALLER}
    return Asked(**{**usual, **changes})


class TestTheChoice:
    """Of what the owner chose, and of what is left where that would not do."""

    def test_a_number_is_rung_with_the_callers_own_shown(self) -> None:
        """So that whoever picks up sees who calls."""
        assert decide(asked(), FORWARD) == Ring(OWNER, None)

    def test_a_withheld_number_stays_withheld(self) -> None:
        """A call needs one to show: the one that was dialled."""
        assert decide(asked(caller=None), FORWARD) == Ring(OWNER, DIALED)

    def test_where_nothing_was_chosen_the_assistants_transfer_number_is_rung(self) -> None:
        """And where it has none, the caller hears an apology in the assistant's language, else in the number's country's."""
        assert decide(asked(), Known(None, OWNER)) == Ring(OWNER, None)
        hebrew, french = decide(asked(), Known(language="he")), decide(asked(), Known())
        assert isinstance(hebrew, Speak)
        assert hebrew.language == "he"
        assert french == sorry(DIALED)
        assert isinstance(french, Speak)
        assert french.language == "fr"

    def test_a_message_is_read_in_the_assistants_language(self) -> None:
        """Word for word."""
        said = Known("message", text="We call you back.", language="en")
        assert decide(asked(), said) == Speak("We call you back.", "en")

    def test_none_is_a_busy_line(self) -> None:
        """Not even an apology."""
        assert decide(asked(), Known("none")) == Busy()

    @pytest.mark.parametrize(
        ("ask", "known", "ringing"),
        [
            (asked(caller=OWNER), FORWARD, False),
            (asked(forwarded_from=OWNER), FORWARD, False),
            (asked(caller=DIALED), FORWARD, False),
            (asked(dialed=OWNER), FORWARD, False),
            (asked(), Known("forward", OWNER, leads_here=True), False),
            (asked(), FORWARD, True),
        ],
        ids=["its owner calls", "it forwarded the call", "we call", "itself", "it leads here", "it is ringing for him"],
    )
    def test_a_call_does_not_go_round_in_a_circle(self, ask: Asked, known: Known, ringing: bool) -> None:
        """Where ringing would come back here, the caller hears the apology instead."""
        assert isinstance(decide(ask, known, ringing=ringing), Speak)

    def test_after_the_ringing(self) -> None:
        """Who was answered has had his call; who was not hears the apology, and nothing is rung again."""
        assert decide(asked(rang="answered"), FORWARD) == End()
        assert isinstance(decide(asked(rang="not_answered"), FORWARD), Speak)

    def test_a_number_that_the_account_does_not_have_any_more(self) -> None:
        """Its caller is told all the same."""
        assert decide(asked(), known_from(None)) == sorry(DIALED)


class TestWhatAnOwnerMayChoose:
    def test_each_kind(self) -> None:
        """And nothing beside it."""
        adapter: TypeAdapter[Any] = TypeAdapter(Fallback)
        assert adapter.validate_python({"kind": "forward", "number": OWNER}) == Forward(kind="forward", number=OWNER)
        for wrong in (
            {"kind": "forward"},
            {"kind": "forward", "number": "0622222222"},
            {"kind": "forward", "number": "sip:me@example.com"},
            {"kind": "message", "text": ""},
            {"kind": "message", "text": "x" * 501},
            {"kind": "none", "number": OWNER},
            {"kind": "voicemail"},
        ):
            with pytest.raises(ValidationError):
                adapter.validate_python(wrong)

    def test_no_premium_rate_number(self) -> None:
        """The business would pay for each caller; the advice says what to give."""
        premium = "+33899123456"
        assert TypeAdapter[str](E164).validate_python(premium) == premium
        with pytest.raises(ValidationError, match="premium-rate number: every call"):
            Forward(kind="forward", number=premium)


class TestWhereACarrierAsks:
    def test_the_address_is_known_again_wherever_this_deployment_was(self) -> None:
        """So that an old one can be replaced, and nobody else's is."""
        carrier_id = UUID("6f8d2f04-9f5e-4f2a-8a45-1c9a1e1d3a77")
        assert recovery_url("https://ava.example.com/", carrier_id) == URL
        assert recovery_url(None, carrier_id) is None
        assert is_recovery_url(URL)
        assert is_recovery_url(f"GET {URL.replace('ava.example.com', 'old.example.com/behind')}")
        assert not is_recovery_url("https://handler.twilio.com/twiml/EH0")


class TestTwilio:
    """The wire."""

    def test_a_call_is_read(self) -> None:
        """Whoever withholds the number is nobody, by each of Twilio's ways of writing it."""
        assert TWILIO.read({**FORM, "ForwardedFrom": OWNER}) == asked(forwarded_from=OWNER)
        for withheld in ("+266696687", "anonymous", "+7378742833", "", "sip:desk@example.com"):
            assert TWILIO.read({**FORM, "From": withheld}).caller is None
        with pytest.raises(InvalidRequest, match="not about a call"):
            TWILIO.read({"From": CALLER})

    @pytest.mark.parametrize(
        ("status", "rang"),
        [("completed", "answered"), ("answered", "answered")]
        + [(status, "not_answered") for status in ("busy", "no-answer", "failed", "canceled")],
    )
    def test_what_became_of_the_ringing(self, status: str, rang: str) -> None:
        """Of all that Twilio can say, only two mean that somebody was there."""
        assert TWILIO.read({**FORM, "DialCallStatus": status}).rang == rang

    def test_a_signature_is_of_one_account_one_address_and_one_form(self) -> None:
        """Checked by Twilio's own library, made by the stand-in from Twilio's description: they agree, nothing else does."""
        token = SecretStr("0123456789abcdef0123456789abcdef")
        signed = signature(token.get_secret_value(), URL, FORM)
        assert RequestValidator(token.get_secret_value()).compute_signature(URL, FORM) == signed
        assert TWILIO.is_signed(FORM, signed, url=URL, token=token)
        assert not TWILIO.is_signed({**FORM, "To": OWNER}, signed, url=URL, token=token)
        assert not TWILIO.is_signed(FORM, signed, url=URL.replace("6f8d", "6f8e"), token=token)
        assert not TWILIO.is_signed(FORM, signed, url=URL, token=SecretStr("another"))
        assert not TWILIO.is_signed(FORM, "", url=URL, token=token)

    def test_ringing(self) -> None:
        """For 20 seconds, unbilled until somebody answers, and Twilio asks again afterwards."""
        dial = self._written(Ring(OWNER, None))[0]
        assert (dial.tag, dial.get("action"), dial.get("method")) == ("Dial", URL, "POST")
        assert (dial.get("timeout"), dial.get("answerOnBridge"), dial.get("callerId")) == ("20", "true", None)
        assert [number.text for number in dial] == [OWNER]
        assert self._written(Ring(OWNER, DIALED))[0].get("callerId") == DIALED

    @pytest.mark.parametrize("language", ["fr", "en", "he"])
    def test_speaking(self, language: Any) -> None:
        """In a voice of that language, whatever characters are in the text; then the line goes down."""
        say, hangup = self._written(Speak("Tom & <Jérôme> שלום", language))
        assert (say.text, hangup.tag) == ("Tom & <Jérôme> שלום", "Hangup")
        assert (say.get("language") or "").startswith(language)
        assert (say.get("voice") or "").startswith(("Polly.", f"Google.{language}"))

    def test_turning_away_and_ending(self) -> None:
        """A busy line costs nothing; a call that was had is hung up."""
        (reject,), (hangup,) = self._written(Busy()), self._written(End())
        assert (reject.tag, reject.get("reason"), hangup.tag) == ("Reject", "busy", "Hangup")

    def _written(self, step: Step) -> list[ET.Element]:
        return list(ET.fromstring(TWILIO.write(step, url=URL)))
