"""How Twilio asks about a call that a trunk could not deliver, and the TwiML it is told.

Owns: the form of its request, its signature, and the verbs; voices are Twilio's, one per language. Refuses: what is to happen
(`numbers.fallback`). The trunk's own TwiML is fetched anew for each call: Twilio keeps none of it.
"""

from typing import Any, Final, Literal

from pydantic import SecretStr
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse

from contracts.assistant import Language
from contracts.phone import PhoneNumberInvalid, parse_e164
from control_api.errors import InvalidRequest
from control_api.numbers.fallback import RING_SECONDS, Asked, Busy, End, Ring, Speak, Step
from control_api.numbers.unanswered import Form

_VOICES: Final[dict[Language, tuple[str, str]]] = {
    "fr": ("Polly.Lea", "fr-FR"),
    "en": ("Polly.Amy", "en-GB"),
    "he": ("Google.he-IL-Standard-A", "he-IL"),
}
_WITHHELD: Final = frozenset({"+266696687", "+86282452253", "+7378742833"})
"""What Twilio writes for anonymous, unavailable and restricted: the words on a keypad."""


class TwilioRecovery:
    """`numbers.unanswered.Recovery`."""

    def read(self, form: Form) -> Asked:
        dialed = _number(form.get("To"))
        if dialed is None:
            raise InvalidRequest("To is not a telephone number: this is not about a call")
        return Asked(
            dialed=dialed,
            caller=_number(form.get("From")),
            forwarded_from=_number(form.get("ForwardedFrom")),
            rang=_rang(form.get("DialCallStatus")),
        )

    def is_signed(self, form: Form, signature: str, *, url: str, token: SecretStr) -> bool:
        validator: Any = RequestValidator(token.get_secret_value())
        return bool(validator.validate(url, dict(form), signature))

    def write(self, step: Step, *, url: str) -> str:
        response = VoiceResponse()
        match step:
            case Ring():
                # the caller hears it ring, and is charged from when somebody answers
                dial: Any = response.dial(
                    action=url,
                    method="POST",
                    timeout=RING_SECONDS,
                    caller_id=step.caller_id,
                    answer_on_bridge=True,
                )
                dial.number(step.number)
            case Speak():
                voice, language = _VOICES[step.language]
                response.say(step.text, voice=voice, language=language)
                response.hangup()
            case Busy():
                response.reject(reason="busy")
            case End():
                response.hangup()
        return str(response)


def _number(text: str | None) -> str | None:
    """None: withheld, or a SIP address."""
    try:
        return None if text is None or text in _WITHHELD else parse_e164(text)
    except PhoneNumberInvalid:
        return None


def _rang(status: str | None) -> Literal["answered", "not_answered"] | None:
    if status is None:
        return None
    return "answered" if status in ("completed", "answered") else "not_answered"
