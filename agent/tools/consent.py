"""Has the caller said yes to what AVA has just asked? Before a write, code looks; it does not take the model's word."""

from livekit.agents.llm import ChatMessage

from agent.speaking import Context
from calendar_tools.speech import hear_yes_no
from contracts.assistant import Language


def consent(ctx: Context, language: Language) -> bool | None:
    """True: AVA's last sentence asked, and the caller's answer says yes. False: it says no. None: neither, or not asked."""
    said = [item for item in ctx.session.history.items if isinstance(item, ChatMessage) and item.text_content]
    answer = next((item for item in reversed(said) if item.role == "user"), None)
    if answer is None:
        return None
    before = said[: said.index(answer)]
    question = next((item for item in reversed(before) if item.role == "assistant"), None)
    if question is None or not (question.text_content or "").rstrip().endswith("?"):
        return None
    return hear_yes_no(answer.text_content or "", language)
