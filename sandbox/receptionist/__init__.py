"""The scripted receptionist: what the model stand-in says, decided by the conversation and the tools it is offered.

Owns: a deterministic dialogue policy in French, English and Hebrew over closed vocabularies. `reply_to` reads one
chat-completions request (system prompt, history, tool results, tools) and gives a text or tool calls; it keeps
nothing between requests, so a pre-empted, repeated or cut generation cannot put it out of step.

Stands for: a well-behaved model that follows its prompt. Cannot show: whether a real model understands, follows the
prompt or invents; wording quality; anything said outside its vocabularies. It is no language model.

Refuses: HTTP and the wire format (`sandbox.openai`), dates (the tools resolve the caller's own words).
"""

from sandbox.receptionist.forced import ForcedReplies, ForcedReply
from sandbox.receptionist.policy import reply_to
from sandbox.receptionist.reply import Reply, ToolCall
from sandbox.receptionist.request import ChatRequest

__all__ = ["ChatRequest", "ForcedReplies", "ForcedReply", "Reply", "ToolCall", "reply_to"]
