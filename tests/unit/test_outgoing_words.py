"""What somebody hears whom AVA rang: who calls, for whom, that she is no person, why; and nothing of that on a machine."""

import json

import pytest

from briefing.opening import machine_text, opening_text
from briefing.prompt import receptionist_prompt
from contracts.assistant import AssistantConfig, Language
from demo.stack import read_preset
from sandbox.receptionist import ChatRequest, reply_to
from tests.fakes.tool_calls import MONDAY

LANGUAGES: tuple[Language, ...] = ("fr", "en", "he")
NO_PERSON = {"fr": "assistante virtuelle", "en": "virtual assistant", "he": "העוזרת הווירטואלית"}


def practice(language: Language, **changes: object) -> AssistantConfig:
    return read_preset(f"health.{language}").model_copy(update=changes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_says_who_calls_and_why_and_asks_whether_it_suits(language: Language) -> None:
    config = practice(language)
    text = opening_text(config, name="Mme Martin", about="X 42.", kind="reminder")
    for part in ("Mme Martin", config.persona_name, config.business.name, NO_PERSON[language], "X 42"):
        assert part in text
    assert text.index(config.business.name) < text.index("X 42")
    assert text.endswith("?")
    assert ".." not in text
    again = opening_text(config, name="", about="X 42", kind="call_back")
    assert again != text
    assert "  " not in again


@pytest.mark.parametrize("language", LANGUAGES)
def test_says_that_the_call_is_recorded_where_it_is(language: Language) -> None:
    """Before the question, so that an answer comes after it."""
    config = practice(language)
    on = config.recording.model_copy(update={"enabled": True, "consent": "This call is recorded."})
    text = opening_text(config.model_copy(update={"recording": on}), name="", about="it", kind="reminder")
    assert "This call is recorded." in text
    assert text.endswith("?")
    assert "recorded" not in opening_text(config, name="", about="it", kind="reminder")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_machine_that_others_may_hear_is_told_nothing_of_it(language: Language) -> None:
    config = practice(language)
    assert config.business.name in machine_text(config)
    assert machine_text(config) == machine_text(config), "nothing of a plan goes in"
    assert "{" not in machine_text(config)


def test_what_owners_write_is_said_as_it_stands() -> None:
    """What looks like a field and is none of ours is no field, in a name, in what it is about, in the business's own name."""
    config = practice("fr")
    odd = config.model_copy(update={"business": config.business.model_copy(update={"name": "Chez {persona}"})})
    text = opening_text(odd, name="{business}", about="{name}", kind="reminder")
    assert "{name}" in text
    assert "{business}" in text
    assert "Chez {persona}" in text


def test_the_model_knows_that_it_rang_and_why() -> None:
    config = practice("en")
    usual = receptionist_prompt(config, now=MONDAY, caller_known=True)
    rang = receptionist_prompt(config, now=MONDAY, caller_known=True, note="You rang this person about: {now}.")
    assert "You rang this person about: {now}." in rang
    assert rang.replace(" You rang this person about: {now}.", "") == usual


@pytest.mark.parametrize(
    ("greeting", "called", "argument"),
    [
        ("Allô ?", "save_prediction", "human"),
        ("Vous êtes bien sur la messagerie", "postpone_termination", None),
        ("Leave a message after the beep.", "save_prediction", "machine-vm"),
        ("Tapez 1 pour un rendez-vous.", "save_prediction", "machine-ivr"),
        ("Please state your name and why you're calling.", "save_prediction", "machine-ivr"),
        ("Merci de patienter.", "save_prediction", "uncertain"),
        ("La messagerie est pleine.", "save_prediction", "machine-unavailable"),
        ("השאירו הודעה אחרי הצליל", "save_prediction", "machine-vm"),
    ],
)
def test_the_scripted_model_tells_a_machine_from_a_person(greeting: str, called: str, argument: str | None) -> None:
    """As the framework's detection asks it: one call is demanded; half a sentence is waited for."""

    def tool(name: str, argument: str) -> dict[str, object]:
        properties = {argument: {"type": "string"}}
        return {"type": "function", "function": {"name": name, "parameters": {"properties": properties}}}

    body = {
        "messages": [{"role": "system", "content": "Classify."}, {"role": "user", "content": greeting}],
        "tools": [tool("save_prediction", "label"), tool("postpone_termination", "seconds")],
        "tool_choice": "required",
    }
    [call] = reply_to(ChatRequest.read(body)).calls
    assert call.name == called
    assert argument is None or json.loads(call.arguments) == {"label": argument}


@pytest.mark.parametrize(
    ("heard", "demanded", "keys"),
    [
        ("Bienvenue. Pour l'accueil, tapez 1. Pour la comptabilité, tapez 2.", True, "1"),
        ("For sales press the 3 key, for anything else hold.", True, "3"),
        ("Tapez 42#.", False, "42#"),
        ("לקבלה הקישו 5", True, "5"),
        ("Dites votre nom.", True, ""),
        ("Bonjour ?", False, None),
    ],
)
def test_the_scripted_model_presses_the_first_key_of_a_menu(heard: str, demanded: bool, keys: str | None) -> None:
    """None where keys are demanded and none is named; a person is not answered with keys."""
    schema = {"properties": {"keys": {"type": "string"}}}
    body = {
        "messages": [{"role": "system", "content": "Réponds en français."}, {"role": "user", "content": heard}],
        "tools": [{"type": "function", "function": {"name": "press_keys", "parameters": schema}}],
        "tool_choice": "required" if demanded else "auto",
    }
    reply = reply_to(ChatRequest.read(body))
    assert [json.loads(call.arguments) for call in reply.calls] == ([] if keys is None else [{"keys": keys}])
