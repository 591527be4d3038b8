"""The first words of a call that AVA places, and what she leaves on an answering machine. Who calls, for whom, and that she is
no person, come first; on a machine, which others may hear, nothing of what it is about.
"""

from typing import Literal

from contracts.assistant import AssistantConfig, Language

Kind = Literal["call_back", "reminder"]

_HELLO: dict[Language, str] = {
    "fr": "Bonjour{name}, ici {persona}, l'assistante virtuelle de {business}.",
    "en": "Hello{name}, this is {persona}, the virtual assistant of {business}.",
    "he": "שלום{name}, מדברת {persona}, העוזרת הווירטואלית של {business}.",
}
_WHY: dict[Language, dict[Kind, str]] = {
    "fr": {
        "call_back": "Je vous rappelle au sujet de {about}.",
        "reminder": "Je vous appelle au sujet de {about}.",
    },
    "en": {"call_back": "I'm calling you back about {about}.", "reminder": "I'm calling about {about}."},
    "he": {"call_back": "אני חוזרת אליכם בנושא: {about}.", "reminder": "אני מתקשרת בנושא: {about}."},
}
_MAY_I: dict[Language, str] = {
    "fr": "Avez-vous un instant ?",
    "en": "Do you have a moment?",
    "he": "יש לכם רגע?",
}
_ON_MACHINE: dict[Language, str] = {
    "fr": "Vous pouvez nous rappeler à ce numéro. Merci, au revoir.",
    "en": "You can call us back on this number. Thank you, goodbye.",
    "he": "אפשר לחזור אלינו למספר הזה. תודה ולהתראות.",
}


def opening_text(config: AssistantConfig, *, name: str, about: str, kind: Kind) -> str:
    """Who calls and why; then the consent sentence where calls are recorded; then whether it suits."""
    language = config.language
    parts = [_hello(config, name), _WHY[language][kind].format(about=about.rstrip(" ."))]
    if config.recording.enabled and config.recording.consent:
        parts.append(config.recording.consent)
    return " ".join([*parts, _MAY_I[language]])


def machine_text(config: AssistantConfig) -> str:
    return f"{_hello(config, '')} {_ON_MACHINE[config.language]}"


def outgoing_note(*, name: str, about: str, kind: Kind) -> str:
    """For the model: what it need not ask."""
    who = f"You rang {name or 'this person'}"
    back = "back " if kind == "call_back" else ""
    return (
        f"{who} {back}about: {about}. You have said who you are and why you call: go on from there. If it does not suit, be "
        "brief and end the call. If they want no more calls, use stop_calling. If an automatic menu "
        "asks for keys, use press_keys."
    )


def _hello(config: AssistantConfig, name: str) -> str:
    who = {"persona": config.persona_name, "business": config.business.name, "name": f" {name}" if name else ""}
    return _HELLO[config.language].format(**who)  # values are put in once and never read as templates
