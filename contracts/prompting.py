"""The closed set of names that a prompt may use, and the one function that fills them in."""

import re
from dataclasses import dataclass, fields

_NAME = re.compile(r"\{([a-z_]+)\}")


class PromptNameUnknown(ValueError):
    """A template uses a {name} that is not a PromptField."""


@dataclass(frozen=True)
class PromptFields:
    """Texts, ready to read. Those that change during a day come last in prompts: providers cache what is before."""

    persona_name: str
    business_name: str
    business: str
    language_name: str
    tone: str
    services: str
    rules: str
    urgency: str
    transfer: str
    faq_topics: str
    opening_hours: str
    now: str
    caller: str


def unknown_names(template: str) -> set[str]:
    return set(_NAME.findall(template)) - {f.name for f in fields(PromptFields)}


def render(template: str, values: PromptFields) -> str:
    """Raises PromptNameUnknown naming every unknown name. Values are put in once and never read as templates."""
    if unknown := unknown_names(template):
        allowed = ", ".join(f.name for f in fields(PromptFields))
        raise PromptNameUnknown(f"unknown names {sorted(unknown)}; known are: {allowed}")
    return _NAME.sub(lambda m: str(getattr(values, m.group(1))), template)
