"""The scripted receptionist with our own prompt, presets, spoken times and speech guard: it fits the house it works in."""

from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from agent.claims import Evidence, judge
from agent.phrases import PHRASES
from briefing.prompt import receptionist_prompt
from calendar_tools.speech import say_time
from calendar_tools.windows import Window, resolve_window
from contracts.assistant import AssistantConfig, Language
from sandbox.receptionist.clock_words import times_in
from sandbox.receptionist.lexicon import INTENTS, QUESTIONS
from sandbox.receptionist.prompt import LEXICONS, guess_service, read_prompt
from sandbox.receptionist.understanding import understand
from sandbox.receptionist.words import fold

LANGUAGES: tuple[Language, ...] = ("fr", "en", "he")
PRESETS = Path(__file__).parents[2] / "presets"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def preset(language: Language) -> AssistantConfig:
    return AssistantConfig.model_validate(yaml.safe_load((PRESETS / f"health.{language}.yaml").read_text()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_own_prompt_is_read_right(language: Language) -> None:
    config = preset(language)
    known = read_prompt(receptionist_prompt(config, now=NOW, caller_known=True))
    hidden = read_prompt(receptionist_prompt(config, now=NOW, caller_known=False))
    assert known.language == language
    assert [s.service_id for s in known.services] == [s.service_id for s in config.services]
    assert (known.number_hidden, hidden.number_hidden) == (False, True)
    assert known.emergency_number == config.urgency.number
    for service in config.services:
        assert guess_service(fold(service.name), known.services) == service.service_id


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_services_of_every_preset_are_told_apart(path: Path) -> None:
    """By their names; and what a caller says of anything, which a note or an alias has too, points to none."""
    config = AssistantConfig.model_validate(yaml.safe_load(path.read_text()))
    services = read_prompt(receptionist_prompt(config, now=NOW, caller_known=True)).services
    named = {service.service_id: guess_service(fold(service.name), services) for service in config.services}
    assert named == {service_id: service_id for service_id in named}
    for said in _SAID_OF_ANYTHING[config.language]:
        assert guess_service(fold(said), services) is None, said


_SAID_OF_ANYTHING: dict[Language, tuple[str, ...]] = {
    "fr": ("Oui, c'est ça, je confirme.", "Le premier, au nom de Jean Dupont."),
    "en": ("Yes, that is right, I confirm.", "The first one, my name is Susan Baker."),
    "he": ("כן, נכון, אני מאשר.", "הראשון, השם שלי דוד כהן."),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_time_our_tools_say_is_heard_as_that_time(language: Language) -> None:
    """Quarter hours of a working day: the caller repeats what was offered and is understood."""
    for minutes in range(8 * 60, 20 * 60, 15):
        said = say_time(time(*divmod(minutes, 60)), language)
        [heard] = times_in(fold(said), LEXICONS[language])
        assert minutes in heard, said


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", "je voudrais un rendez-vous jeudi vingt-six novembre à quatorze heures"),
        ("fr", "plutôt demain en fin de journée"),
        ("fr", "la semaine prochaine, le matin"),
        ("fr", "le plus tôt possible"),
        ("fr", "le 3 décembre dans l'après-midi"),
        ("fr", "jeudi dix-sept heures"),
        ("en", "could I come in on Thursday morning"),
        ("en", "the day after tomorrow in the afternoon"),
        ("en", "December third would be good"),
        ("en", "as soon as possible"),
        ("he", "אפשר תור ביום חמישי בבוקר"),
        ("he", "אולי מחרתיים אחר הצהריים"),
        ("he", "הכי מוקדם שאפשר"),
    ],
)
def test_the_days_it_hands_to_the_tools_can_be_resolved(language: Language, words: str) -> None:
    heard = understand(words, LEXICONS[language], ())
    day = heard.days[-1] if heard.days else "earliest" if heard.means("any_day") else ""
    zone = ZoneInfo("Europe/Paris")
    found = resolve_window(day, part_of_day=heard.part or "any", now=NOW, zone=zone, language=language)
    assert isinstance(found, Window), (day, heard.part, found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_own_sentences_assert_nothing(language: Language) -> None:
    """Without any receipt the speech guard lets all of them pass, but for those that repeat times that were offered."""
    for key, variants in LEXICONS[language].says.items():
        if key in ("not_offered", "confirm_move"):
            continue
        for sentence in variants:
            verdict = judge(sentence, language, Evidence(), today=NOW.date(), zone=ZoneInfo("Europe/Paris"))
            assert verdict.ok, (key, sentence, verdict)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_houses_questions_are_recognised(language: Language) -> None:
    """What tools ask by themselves decides how the caller's yes is taken."""
    phrases, asked = PHRASES[language], LEXICONS[language].asked
    for kind, sentence in (
        ("message_offer", phrases.calendar_away),
        ("message_offer", phrases.unknown_answer),
        ("message_offer", phrases.transfer_failed),
        ("message_offer", phrases.none_at_all),
        ("confirm", phrases.read_back),
        ("anything_else", phrases.booked),
        ("anything_else", phrases.cancelled),
        ("anything_else", phrases.message_taken),
        ("slot", phrases.offer),
        ("slot", phrases.none_then),
        ("day", phrases.not_understood),
        ("day", phrases.in_the_past),
        ("name", phrases.no_booking_found),
    ):
        assert asked[kind].search(fold(sentence)), (kind, sentence)


def test_the_three_vocabularies_have_the_same_entries() -> None:
    for language in LANGUAGES:
        lexicon = LEXICONS[language]
        assert set(lexicon.intents) == set(INTENTS)
        assert set(lexicon.asked) == set(QUESTIONS)
        assert set(lexicon.says) == set(LEXICONS["fr"].says)
