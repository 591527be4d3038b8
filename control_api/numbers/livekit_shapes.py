"""What a number's trunk and dispatch rule look like in LiveKit, and how a drifted one is put right. Pure.

Owns: the mark by which ours are known, the fields that make a call arrive (all others are left as an operator set
them), and reading a route back. Refuses: asking LiveKit anything.
"""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

from google.protobuf.duration_pb2 import Duration
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.sip import (
    SIPDispatchRule,
    SIPDispatchRuleIndividual,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPMediaEncryption,
    SIPOutboundTrunkInfo,
    SIPStatusCode,
    SIPTransport,
)

from control_api.numbers.line import DigestAuth, FoundRoute, WayOut

ROOM_PREFIX: Final = "call-"
RINGS_SECONDS: Final = 10
"""How long a call may ring before somebody answers: ten times what an idle worker takes, and a burst's last call is within
it. LiveKit's own bound is three minutes, in which callers give up and no carrier tries anything else."""
UNANSWERED: Final = SIPStatusCode.SIP_STATUS_SERVICE_UNAVAILABLE
"""With what such a call is given back. LiveKit's own is 486, which carriers take for a busy line and pass on as that."""
_MANAGED_BY: Final = "ava"
_NUMBER = re.compile(r"\+?[\d\- ()]+")

Labelled = SIPInboundTrunkInfo | SIPDispatchRuleInfo | SIPOutboundTrunkInfo


@dataclass(frozen=True)
class Wanted:
    """One route as it should be. ``job_metadata`` is what the agent's job gets."""

    e164: str
    label: str
    agent_name: str
    job_metadata: str
    allowed_addresses: tuple[str, ...]
    auth: DigestAuth | None


def identity_of(item: Labelled) -> str:
    return item.sip_dispatch_rule_id if isinstance(item, SIPDispatchRuleInfo) else item.sip_trunk_id


def label_of(item: Labelled, *, prefix: str) -> str | None:
    """The label of our mark, else a name that is one; None: not ours. Either may be lost and the route still found."""
    mark = _object(item.metadata)
    if mark.get("managed_by") == _MANAGED_BY and isinstance(label := mark.get("label"), str):
        return label if label.startswith(prefix) else None
    return item.name if item.name.startswith(prefix) else None


def takes(trunk: SIPInboundTrunkInfo, numbers: Collection[str]) -> bool:
    """It names one of the numbers. A trunk that names none takes all, but only those that no other trunk names."""
    return bool({_plus(number) for number in numbers} & {_plus(number) for number in trunk.numbers})


def in_the_way(rule: SIPDispatchRuleInfo, trunk_id: str) -> bool:
    """The rule takes all calls of the trunk, as ours would: LiveKit allows one such."""
    kind = rule.rule.WhichOneof("rule")
    has_pin = kind is not None and bool(getattr(rule.rule, kind).pin)
    return trunk_id in rule.trunk_ids and not rule.inbound_numbers and not has_pin


def trunk_as(wanted: Wanted, current: SIPInboundTrunkInfo | None = None) -> SIPInboundTrunkInfo:
    """A new trunk, or ``current`` put right: equal to it if nothing is wrong."""
    trunk = _sound_trunk(wanted.label, current)
    if [_plus(number) for number in trunk.numbers] != [wanted.e164]:
        trunk.ClearField("numbers")
        trunk.numbers.append(wanted.e164)
    trunk.ClearField("allowed_addresses")
    trunk.allowed_addresses.extend(wanted.allowed_addresses)
    trunk.auth_username = wanted.auth.username if wanted.auth else ""
    trunk.auth_password = wanted.auth.password.get_secret_value() if wanted.auth else ""
    return trunk


def outgoing_as(wanted: Wanted, out: WayOut) -> SIPOutboundTrunkInfo:
    """A new trunk for calls from the number."""
    trunk = SIPOutboundTrunkInfo(
        name=wanted.label,
        metadata=_marked("", wanted.label),
        address=out.address,
        numbers=[wanted.e164],
        auth_username=out.auth.username if out.auth else "",
        auth_password=out.auth.password.get_secret_value() if out.auth else "",
    )
    if out.encrypted:
        trunk.transport = SIPTransport.SIP_TRANSPORT_TLS
        trunk.media_encryption = SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE
    return trunk


def leads_out_alike(trunk: SIPOutboundTrunkInfo, right: SIPOutboundTrunkInfo, *, encrypted: bool | None) -> bool:
    """In all that a call out depends on (`encrypted` as in `WayOut`); what else an operator has set stays."""

    def essence(one: SIPOutboundTrunkInfo) -> tuple[str, list[str], str, str]:
        return one.address, list(one.numbers), one.auth_username, one.auth_password

    return essence(trunk) == essence(right) and encrypted in (None, _is_encrypted(trunk))


def _is_encrypted(trunk: SIPOutboundTrunkInfo) -> bool:
    """A server may tell of the encryption of media in the newer field alone."""
    required = SIPMediaEncryption.SIP_MEDIA_ENCRYPT_REQUIRE
    media = trunk.media.encryption if trunk.HasField("media") and trunk.media.HasField("encryption") else None
    over_tls = trunk.transport == SIPTransport.SIP_TRANSPORT_TLS
    return over_tls and required in (trunk.media_encryption, media)


def rule_as(wanted: Wanted, trunk_id: str, current: SIPDispatchRuleInfo | None = None) -> SIPDispatchRuleInfo:
    """A new rule, or ``current`` put right: equal to it if nothing is wrong."""
    rule = _sound_rule(wanted.label, current)
    rule.ClearField("trunk_ids")
    rule.trunk_ids.append(trunk_id)
    agents = rule.room_config.agents
    dispatch = RoomAgentDispatch()
    if len(agents) == 1:
        dispatch.CopyFrom(agents[0])  # with what an operator may have set beside the agent and its metadata
    dispatch.agent_name = wanted.agent_name
    dispatch.metadata = wanted.job_metadata
    del agents[:]
    agents.append(dispatch)
    return rule


def route_of(
    label: str,
    trunks: Iterable[SIPInboundTrunkInfo],
    rules: Iterable[SIPDispatchRuleInfo],
    ways_out: Iterable[SIPOutboundTrunkInfo] = (),
) -> FoundRoute:
    """What carries the label, from all the trunks and rules that do."""
    ordered_trunks = sorted(trunks, key=identity_of)
    trunk = ordered_trunks[0] if ordered_trunks else None
    trunk_id = trunk.sip_trunk_id if trunk else ""
    ordered_rules = sorted(rules, key=lambda rule: (trunk_id not in rule.trunk_ids, identity_of(rule)))
    rule = ordered_rules[0] if ordered_rules else None
    agent = rule.room_config.agents[0] if rule and len(rule.room_config.agents) == 1 else None
    dialed = _object(agent.metadata).get("dialed") if agent else None
    ordered_out = sorted(ways_out, key=lambda out: (trunk is None or not takes(trunk, out.numbers), identity_of(out)))
    out = ordered_out[0] if ordered_out and trunk is not None and takes(trunk, ordered_out[0].numbers) else None
    return FoundRoute(
        label=label,
        trunk_id=trunk_id or None,
        numbers=tuple(_plus(number) for number in trunk.numbers) if trunk else (),
        allowed_addresses=tuple(trunk.allowed_addresses) if trunk else (),
        auth_username=(trunk.auth_username or None) if trunk else None,
        rule_id=rule.sip_dispatch_rule_id if rule else None,
        rule_attached=rule is not None and list(rule.trunk_ids) == [trunk_id],
        agent_name=agent.agent_name if agent else None,
        dialed=dialed if isinstance(dialed, str) else None,
        outgoing=out.address if out else None,
        outgoing_username=(out.auth_username or None) if out else None,
        outgoing_encrypted=out is not None and _is_encrypted(out),
        altered=(trunk is not None and _sound_trunk(label, trunk) != trunk)
        or (rule is not None and _sound_rule(label, rule) != rule),
        spares=tuple(identity_of(item) for item in (*ordered_trunks[1:], *ordered_rules[1:], *ordered_out[1:])),
    )


def _sound_trunk(label: str, current: SIPInboundTrunkInfo | None) -> SIPInboundTrunkInfo:
    """A copy, right in what is the same for every number."""
    trunk = SIPInboundTrunkInfo()
    if current is not None:
        trunk.CopyFrom(current)
    trunk.name = label
    trunk.metadata = _marked(trunk.metadata, label)
    trunk.ClearField("allowed_numbers")  # callers are let in or kept out by the assistant
    bound = Duration(seconds=RINGS_SECONDS)
    # a server older than the status forgets it: where our bound stands without it, writing it again changes nothing
    if trunk.ringing_timeout != bound or trunk.ringing_timeout_status:
        trunk.ringing_timeout_status = UNANSWERED
    trunk.ringing_timeout.CopyFrom(bound)
    return trunk


def _sound_rule(label: str, current: SIPDispatchRuleInfo | None) -> SIPDispatchRuleInfo:
    """A copy, right in what is the same for every number."""
    rule = SIPDispatchRuleInfo()
    if current is not None:
        rule.CopyFrom(current)
    rule.name = label
    rule.metadata = _marked(rule.metadata, label)
    rule.rule.CopyFrom(SIPDispatchRule(dispatch_rule_individual=SIPDispatchRuleIndividual(room_prefix=ROOM_PREFIX)))
    rule.ClearField("inbound_numbers")
    rule.ClearField("numbers")
    rule.hide_phone_number = False  # hidden, the agent is not told the dialled number either
    return rule


def _marked(metadata: str, label: str) -> str:
    mark = {"managed_by": _MANAGED_BY, "label": label}
    held = _object(metadata)
    return metadata if held.items() >= mark.items() else json.dumps({**held, **mark}, sort_keys=True)


def _plus(number: str) -> str:
    """As LiveKit compares them; a number can also be the name of a SIP user."""
    return "+" + re.sub(r"\D", "", number) if _NUMBER.fullmatch(number) else number


def _object(text: str) -> dict[str, Any]:
    try:
        read: Any = json.loads(text)
    except ValueError:
        return {}
    return cast(dict[str, Any], read) if isinstance(read, dict) else {}
