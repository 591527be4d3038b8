"""How both deployables are watched: structured logs without personal data. More when the second of them needs it."""
