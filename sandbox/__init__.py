"""Stand-ins for every outside party AVA talks to, so that the whole system runs without a key.

Owns: the emulated providers, their fault switchboard, callers' audio and the process that hosts them. Each stand-in
speaks the party's wire protocol as the real client uses it. Refuses: importing anything of ours but ``contracts``;
being imported by anything that ships.
"""
