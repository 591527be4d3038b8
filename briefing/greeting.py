"""The first words as text: greeting, notice of closed hours, consent sentence."""

import re

from contracts.assistant import AssistantConfig

# Other braces are the owner's own, and are spoken past, never filled in.
_NAMES = re.compile(r"\{(?:persona|business)\}")


def greeting_text(config: AssistantConfig, *, is_open: bool) -> str:
    """Greeting, then the notice of closed hours, then the consent sentence where calls are recorded."""
    names = {"{persona}": config.persona_name, "{business}": config.business.name}
    parts = [_NAMES.sub(lambda match: names[match.group()], config.greeting)]
    if not is_open and config.after_hours.behaviour != "answer" and config.after_hours.notice:
        parts.append(config.after_hours.notice)
    if config.recording.enabled and config.recording.consent:
        parts.append(config.recording.consent)
    return " ".join(parts)
