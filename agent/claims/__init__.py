"""The speech guard: what asserts a booking, a change, a cancellation, a transfer, a message taken, or that times are or are
not available, is spoken only with a receipt of this call; else a sentence that asserts nothing takes its place.

Owns the reading of the model's sentences in fr, en and he. Refuses to know how speech is made (no livekit) and to guess
facts: all it believes is the Evidence it is given.
"""

from agent.claims.gate import SentenceGate
from agent.claims.judging import judge, times_in, warm
from agent.claims.model import ClaimKind, Evidence, Verdict
from agent.claims.written import written_sentences

__all__ = ["ClaimKind", "Evidence", "SentenceGate", "Verdict", "judge", "times_in", "warm", "written_sentences"]
