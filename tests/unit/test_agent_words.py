"""What is said and asked by rule: greeting, prompt, FAQ, prices, phrases, logs. Facts in, text out."""

import logging
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from agent import logs
from agent.costs import Price, PriceTable, PriceUnknown, cost_of
from agent.phrases import PHRASES
from agent.tools.knowledge import find_entry
from agent.voice import SHIPPED
from briefing.greeting import greeting_text
from briefing.prompt import fields_for, receptionist_prompt
from contracts.assistant import AssistantConfig, FaqEntry
from contracts.call import Usage
from contracts.prompting import PromptNameUnknown, render
from demo.stack import read_preset

ROOT = Path(__file__).parents[2]
PRESETS = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))
NOW = datetime.fromisoformat("2026-11-23T09:00:00+01:00")
CALLER = "+33612345678"


# greeting


def test_greeting_names_house_and_persona(config: AssistantConfig) -> None:
    named = config.model_copy(update={"greeting": "{business}, ici {persona}."})
    assert greeting_text(named, is_open=True) == "Cabinet dentaire du Parc, ici Ava."


@pytest.mark.parametrize(
    ("behaviour", "is_open", "heard"),
    [("answer", False, False), ("message", False, True), ("closed_notice", False, True), ("message", True, False)],
)
def test_notice_is_said_only_when_closed(config: AssistantConfig, behaviour: str, is_open: bool, heard: bool) -> None:
    after_hours = config.after_hours.model_copy(update={"behaviour": behaviour, "notice": "Nous sommes fermés."})
    text = greeting_text(config.model_copy(update={"after_hours": after_hours}), is_open=is_open)
    assert text.endswith("Nous sommes fermés.") is heard


def test_consent_comes_last_and_only_where_calls_are_recorded(config: AssistantConfig) -> None:
    recording = config.recording.model_copy(update={"enabled": True, "consent": "Cet appel est enregistré."})
    assert greeting_text(config.model_copy(update={"recording": recording}), is_open=True).endswith("enregistré.")
    off = recording.model_copy(update={"enabled": False})
    assert "enregistré" not in greeting_text(config.model_copy(update={"recording": off}), is_open=True)


@pytest.mark.parametrize("braces", ["Bonjour {", "Bonjour {nom}", "Bonjour {}", "50 % {0}", "{business.name}"])
def test_braces_of_an_owner_do_not_end_the_call(config: AssistantConfig, braces: str) -> None:
    """An owner writes the greeting: what looks like a field and is none is said as it stands."""
    assert greeting_text(config.model_copy(update={"greeting": braces}), is_open=True)


# prompt


@pytest.mark.parametrize("preset", PRESETS)
def test_prompt_renders_for_every_preset(preset: str) -> None:
    config = read_preset(preset)
    prompt = receptionist_prompt(config, now=NOW, caller_known=True)
    assert "{" not in prompt
    assert config.business.name in prompt
    for service in config.services:
        assert f"- {service.service_id}: {service.name}" in prompt


@pytest.mark.parametrize("preset", PRESETS)
def test_prompt_is_the_same_up_to_the_moment_of_the_call(preset: str) -> None:
    """Providers cache a common prefix: what differs between two calls of a version comes at the very end."""
    config = read_preset(preset)
    morning = receptionist_prompt(config, now=NOW, caller_known=True)
    later = receptionist_prompt(config, now=NOW + timedelta(days=40, hours=7), caller_known=False)
    prefix = morning.index("# Now")
    assert morning[:prefix] == later[:prefix]
    assert morning[prefix:] != later[prefix:]
    assert len(morning) - prefix < 300, "the part that can't be cached is short"


def test_prompt_fields_hold_no_digits_of_the_caller() -> None:
    """The model has no use for the number, and what it does not know it can't say to somebody else."""
    fields = asdict(fields_for(read_preset("health.fr"), now=NOW, caller_known=True))
    assert not any(character.isdigit() for character in fields["caller"])


def test_values_are_never_read_as_templates() -> None:
    config = read_preset("health.fr")
    sly = config.model_copy(update={"rules": ("Say {now} and {persona_name}.",)})
    assert "Say {now} and {persona_name}." in receptionist_prompt(sly, now=NOW, caller_known=True)


def test_unknown_name_in_a_prompt_is_named() -> None:
    fields = fields_for(read_preset("health.fr"), now=NOW, caller_known=True)
    with pytest.raises(PromptNameUnknown, match="owner_mood"):
        render("Hello {owner_mood}", fields)


# questions

FAQ = {
    "health.fr": [
        ("Où est-ce que je peux me garer ?", "parking"),
        ("Est-ce qu'il y a un PARKING ?", "parking"),
        ("Je peux payer en chèque ?", "moyens de paiement"),
        ("Combien coûte un détartrage ?", "tarif du détartrage"),
        ("Qu'est-ce que je dois apporter ?", "documents à apporter"),
        ("C'est à quelle adresse ?", "adresse et accès"),
        ("Vous avez un ascenseur ?", "adresse et accès"),
        ("Vous vendez des vélos ?", None),
        ("", None),
        ("???", None),
    ],
    "health.en": [("Where can I park my car?", "parking"), ("Do you sell bicycles?", None)],
    "health.he": [
        ("האם יש חניה?", "חניה"),
        ("ואיפה החניה?", "חניה"),
        ("כמה הניקוי? מה המחיר?", "מחירים"),
        ("יש לכם הסדר עם הקופה?", "קופת חולים וביטוח"),
        ("אתם מוכרים אופניים?", None),
        ("", None),
    ],
}


@pytest.mark.parametrize(("preset", "question", "topic"), [(p, q, t) for p, rows in FAQ.items() for q, t in rows])
def test_question_finds_its_entry_or_none(preset: str, question: str, topic: str | None) -> None:
    found = find_entry(question, read_preset(preset).faq)
    assert (found.topic if found else None) == topic


@pytest.mark.parametrize("preset", PRESETS)
def test_every_entry_is_found_by_its_own_keywords(preset: str) -> None:
    faq = read_preset(preset).faq
    for entry in faq:
        found = find_entry(" ".join((entry.topic, *entry.keywords)), faq)
        assert found == entry


def test_one_word_of_a_long_topic_is_not_enough() -> None:
    faq = (FaqEntry(topic="gift vouchers by post", answer="Yes."),)
    assert find_entry("Is there a post office?", faq) is None
    assert find_entry("Do you send gift vouchers?", faq) == faq[0]


# prices


def _price(item: str, amount: str, since: str, unit: str = "minute") -> Price:
    return Price.model_validate({"item": item, "unit": unit, "amount": amount, "since": since})


TABLE = PriceTable(
    (
        _price("stt:nova-3", "0.01", "2026-01-01"),
        _price("stt:nova-3", "0.02", "2026-06-01"),
        _price("stt:*", "0.05", "2026-01-01"),
        _price("llm_input:*", "1.00", "2026-01-01", "million_tokens"),
        _price("llm_cached:*", "0.10", "2026-01-01", "million_tokens"),
        _price("llm_output:*", "6.00", "2026-01-01", "million_tokens"),
        _price("tts:*", "0.10", "2026-01-01", "thousand_characters"),
        _price("carrier:*", "0.01", "2026-01-01"),
    )
)


@pytest.mark.parametrize(
    ("model", "day", "amount"),
    [
        ("nova-3", date(2026, 5, 31), "0.01"),
        ("nova-3", date(2026, 6, 1), "0.02"),
        ("nova-9", date(2026, 6, 1), "0.05"),
    ],
)
def test_price_is_that_of_the_day_else_of_any_model(model: str, day: date, amount: str) -> None:
    assert TABLE.find("stt", model, day).amount == Decimal(amount)


def test_price_before_the_first_row_is_unknown() -> None:
    with pytest.raises(PriceUnknown, match="stt:nova-3"):
        TABLE.find("stt", "nova-3", date(2025, 12, 31))


def test_cost_is_exact_and_cached_tokens_cost_their_own_price() -> None:
    usage = Usage(
        stt_seconds=90.0,
        llm_input_tokens=1_000_000,
        llm_cached_tokens=400_000,
        llm_output_tokens=100_000,
        tts_characters=1_234,
        call_seconds=120.0,
    )
    cost = cost_of(usage, stt_model="nova-3", llm_model="m", tts_model="t", day=date(2026, 7, 1), table=TABLE)
    amounts = {line.item: line.amount for line in cost.lines}
    assert amounts == {
        "stt:nova-3": Decimal("0.030000"),
        "llm_input:*": Decimal("0.600000"),
        "llm_cached:*": Decimal("0.040000"),
        "llm_output:*": Decimal("0.600000"),
        "tts:*": Decimal("0.123400"),
        "carrier:*": Decimal("0.020000"),
    }
    assert cost.total == Decimal("1.413400")
    assert {line.priced_on for line in cost.lines} == {"2026-06-01", "2026-01-01"} - {""} | {"2026-01-01"}


def test_nothing_used_costs_nothing() -> None:
    cost = cost_of(Usage(), stt_model="x", llm_model="x", tts_model="x", day=date(2020, 1, 1), table=TABLE)
    assert (cost.total, cost.lines) == (Decimal(0), ())


def test_shipped_table_prices_every_preset_today() -> None:
    table = PriceTable.read()
    usage = Usage(
        stt_seconds=1, llm_input_tokens=2, llm_cached_tokens=1, llm_output_tokens=1, tts_characters=1, call_seconds=1
    )
    for preset in PRESETS:
        config = read_preset(preset)
        assert cost_of(
            usage,
            stt_model=config.speech_to_text.model,
            llm_model="a-model-of-next-year",
            tts_model=config.voice.model,
            day=date(2026, 11, 23),
            table=table,
        ).total


# phrases


def test_languages_say_the_same_with_the_same_facts() -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    french = asdict(PHRASES["fr"])
    for language in ("en", "he"):
        other = asdict(PHRASES[language])
        for name, text in french.items():
            assert names(other[name]) == names(text), f"{language}.{name}"
            assert other[name].strip() == other[name]


def test_every_canned_sentence_ships_as_a_clip_in_every_language() -> None:
    for language in PHRASES:
        for name in SHIPPED:
            assert (ROOT / "agent" / "clips" / language / f"{name}.wav").stat().st_size > 8_000


# logs


@pytest.mark.parametrize("name", ["caller", "text", "transcript", "phone", "email", "name", "number", "reason"])
def test_personal_field_is_dropped_whatever_it_holds(name: str) -> None:
    event: dict[str, Any] = {"event": "static", name: "Jean Dupont +33612345678", "call_id": "c"}
    assert logs.drop_personal(None, "info", event) == {"event": "static", name: "[personal]", "call_id": "c"}


def test_framework_content_is_removed_from_records() -> None:
    record = logging.LogRecord("livekit.agents", logging.INFO, "f", 1, "said", None, None)
    record.__dict__["lk.pii.user_input"] = "Jean Dupont"
    record.__dict__["lk.pii"] = record.__dict__["room"] = "r"
    assert logs.drop_framework_content(record)
    assert "lk.pii.user_input" not in record.__dict__
    assert record.__dict__["room"] == "r"
