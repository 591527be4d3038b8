"""Agents that were asked for, room by room: LiveKit's AgentDispatchService as far as the control plane uses it.

Owns: what was asked for, once under each id. Refuses: workers: whoever asks is answered at once, and nobody comes, as at a
server at which no worker is registered. HTTP, tokens and faults are `sandbox.livekit`'s.
"""

from dataclasses import dataclass, field
from uuid import uuid4

from livekit.protocol.agent_dispatch import AgentDispatch, CreateAgentDispatchRequest

from sandbox.livekit_checks import refusal


@dataclass
class Dispatches:
    made: dict[str, AgentDispatch] = field(default_factory=dict[str, AgentDispatch])

    def create(self, asked: CreateAgentDispatchRequest) -> AgentDispatch:
        """The room need not be there: it is opened."""
        if not asked.room:
            raise refusal("room name is required")
        made = AgentDispatch(
            id=f"AD_{uuid4().hex[:12]}", agent_name=asked.agent_name, room=asked.room, metadata=asked.metadata
        )
        self.made[made.id] = made
        return made
