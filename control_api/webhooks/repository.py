"""Callers' legs in the database: one method, one SQL function."""

from dataclasses import dataclass
from datetime import datetime

from store.session import AsService, Session, Sessions


@dataclass(frozen=True)
class Leg:
    """A caller in a room. `dialed` says whose call it is."""

    sip_call_id: str
    dialed: str
    room_sid: str


@dataclass(frozen=True)
class LegRepository:
    sessions: Sessions

    def _session(self) -> Session:
        return self.sessions.open(AsService(for_whom="livekit"))

    async def note_leg(self, leg: Leg, *, joined_at: datetime | None = None, left_at: datetime | None = None) -> bool:
        """False: the number is nobody's here."""
        noted = await self._session().call(
            "note_line_leg_v1",
            p_sip_call_id=leg.sip_call_id,
            p_dialed=leg.dialed,
            p_room_sid=leg.room_sid,
            p_joined_at=joined_at.isoformat() if joined_at else None,
            p_left_at=left_at.isoformat() if left_at else None,
        )
        return bool(noted)

    async def note_room_finished(self, room_sid: str, *, at: datetime) -> int:
        """-> how many legs that ends."""
        return int(
            await self._session().call("note_room_finished_v1", p_room_sid=room_sid, p_finished_at=at.isoformat())
        )
