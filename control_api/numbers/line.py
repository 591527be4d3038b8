"""The line: the side of a number that turns a call from the telephone network into a job for an agent.

Owns: the port, and the words it speaks in: labels, routes, sources of calls, drift. Refuses: the carrier's side (who
owns the number and where it sends its calls) and our own database.

A route is one inbound trunk that takes one number, and one dispatch rule that opens a room per call and sends the agent
in; where the number's carrier takes calls out, as Twilio does, one outbound trunk too. All carry the number's label, by which
they are found again after a crash or a lost answer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_network
from typing import Final, Protocol

from pydantic import SecretStr

LABEL_PREFIX: Final = "ava:"


class SourceInvalid(ValueError):
    """Not an address or a network that calls can be allowed from."""


def parse_source(text: str) -> str:
    """An IP address or network, as in 203.0.113.7 or 203.0.113.0/24, in its plain spelling. Raises SourceInvalid.

    Strict on purpose: LiveKit passes over an address it cannot read, and a list of only such ones lets everybody in.
    """
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise SourceInvalid("write an IP address or a network, as in 203.0.113.7 or 203.0.113.0/24") from error
    if network.prefixlen == 0:
        raise SourceInvalid("this network is the whole Internet; name the addresses your carrier calls from")
    return str(network.network_address) if network.num_addresses == 1 else str(network)


@dataclass(frozen=True)
class DigestAuth:
    """With what a carrier's calls must sign in (SIP digest)."""

    username: str = field(repr=False)
    password: SecretStr


@dataclass(frozen=True)
class WayOut:
    """To which calls from a number are sent: a host, or host:port, and with what they sign in there. `encrypted`: over TLS,
    with encrypted media, or neither; None: as an operator has it."""

    address: str
    auth: DigestAuth | None = None
    encrypted: bool | None = None


@dataclass(frozen=True)
class Route:
    trunk_id: str
    rule_id: str


class RouteDrift(StrEnum):
    """How what is there differs from what was set up. `ensure_route` puts each of them right.

    `ALTERED` is anything else that calls depend on: a PIN, hidden numbers, callers kept out, no end to the ringing, a lost
    label.
    """

    NO_TRUNK = "no_trunk"
    NO_RULE = "no_rule"
    RULE_DETACHED = "rule_detached"
    OTHER_NUMBERS = "other_numbers"
    OTHER_SOURCES = "other_sources"
    OTHER_AGENT = "other_agent"
    NO_WAY_OUT = "no_way_out"
    ALTERED = "altered"
    SPARES = "spares"


@dataclass(frozen=True)
class FoundRoute:
    """What carries one label. `rule_attached`: the rule takes the calls of this trunk, and only of this one.

    `agent_name` and `dialed` are what the rule gives the agent; None where there is no rule, or not just one agent.
    `outgoing` is the carrier to which calls from one of the `numbers` go out, signed in as `outgoing_username`. `altered` is as
    in `RouteDrift`. `spares` are the ids of further trunks and rules with the same label. Whether a carrier's password is still
    the same can't be seen.
    """

    label: str
    trunk_id: str | None = None
    numbers: tuple[str, ...] = field(default=(), repr=False)
    allowed_addresses: tuple[str, ...] = ()
    auth_username: str | None = field(default=None, repr=False)
    rule_id: str | None = None
    rule_attached: bool = False
    agent_name: str | None = None
    dialed: str | None = field(default=None, repr=False)
    outgoing: str | None = None
    outgoing_username: str | None = field(default=None, repr=False)
    outgoing_encrypted: bool = False
    altered: bool = False
    spares: tuple[str, ...] = ()

    def drift_from(
        self,
        e164: str,
        *,
        agent_name: str,
        allowed_addresses: Collection[str] = (),
        auth: DigestAuth | None = None,
        outgoing: WayOut | None = None,
    ) -> tuple[RouteDrift, ...]:
        """Empty: a call to ``e164`` from where it may come reaches ``agent_name`` through this route, and calls from it go to
        ``outgoing``, or nowhere."""
        has_trunk, has_rule = self.trunk_id is not None, self.rule_id is not None
        sources = {parse_source(address) for address in allowed_addresses}
        username = auth.username if auth else None
        checks = {
            RouteDrift.NO_TRUNK: not has_trunk,
            RouteDrift.NO_RULE: not has_rule,
            RouteDrift.OTHER_NUMBERS: has_trunk and self.numbers != (e164,),
            RouteDrift.OTHER_SOURCES: has_trunk
            and (set(self.allowed_addresses) != sources or self.auth_username != username),
            RouteDrift.RULE_DETACHED: has_trunk and has_rule and not self.rule_attached,
            RouteDrift.OTHER_AGENT: has_rule and (self.agent_name, self.dialed) != (agent_name, e164),
            RouteDrift.NO_WAY_OUT: outgoing is not None and not self._leads(outgoing),
            RouteDrift.ALTERED: self.altered,
            RouteDrift.SPARES: bool(self.spares),
        }
        return tuple(drift for drift, found in checks.items() if found)

    def _leads(self, out: WayOut) -> bool:
        alike = (self.outgoing, self.outgoing_username) == (out.address, out.auth.username if out.auth else None)
        return alike and out.encrypted in (None, self.outgoing_encrypted)


@dataclass(frozen=True)
class ForeignTrunk:
    """A trunk without a label of ours that takes numbers asked about. `name` is what its owner called it."""

    trunk_id: str
    name: str
    numbers: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class FoundRoutes:
    ours: tuple[FoundRoute, ...]
    foreign: tuple[ForeignTrunk, ...]


class Line(Protocol):
    """Every operation may raise `LineUnavailable` and `LineThrottled` (call again later: nothing is doubled),
    `LineCredentialsRefused` (an operator must act) and `LineRefused` (a bug, or a server set up otherwise).
    """

    async def ensure_route(
        self,
        e164: str,
        *,
        label: str,
        agent_name: str,
        metadata: Mapping[str, str],
        allowed_addresses: Collection[str] = (),
        auth: DigestAuth | None = None,
        outgoing: WayOut | None = None,
    ) -> Route:
        """Calls to ``e164`` reach ``agent_name``, whose job metadata is JSON of ``metadata`` and ``dialed``.

        Finds what the label names, makes what is missing, puts right what drifted, removes what is double; doing it
        again changes nothing. ``allowed_addresses`` (see `parse_source`) and ``auth`` are for an owner's own carrier;
        without them calls are taken from anywhere. ``outgoing``: to which calls from ``e164`` are sent; whoever rings
        out finds its trunk at LiveKit by the number. Raises SourceInvalid
        before anything is sent, and `NumberRoutedElsewhere` where a trunk or rule that does not carry the label is in the
        way.
        """
        ...

    async def drop_route(self, e164: str, *, label: str) -> None:
        """Nothing carries the label any more. Fine if nothing did; what does not carry it is never touched."""
        ...

    async def find_routes(self, *, numbers: Collection[str] = ()) -> FoundRoutes:
        """Everything of ours, by label, and the trunks of others that take one of ``numbers``."""
        ...

    async def ping(self) -> None:
        """Returns if the line answers and accepts our key."""
        ...
