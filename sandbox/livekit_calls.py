"""Which trunk and which dispatch rule a call gets, and what the agent is told, as LiveKit's SIP service decides it.

Owns: the choice. Refuses: audio, PIN prompts, digest challenges (it only says whether there would be one).
"""

from collections.abc import Collection
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import uuid4

from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from sandbox.livekit_checks import numbers_match, pin_of, refusal

_KINDS = ("dispatch_rule_direct", "dispatch_rule_individual", "dispatch_rule_callee")  # in the order they are preferred


def answer_call(
    trunks: Collection[SIPInboundTrunkInfo],
    rules: Collection[SIPDispatchRuleInfo],
    *,
    caller: str,
    dialed: str,
    source: str = "",
) -> dict[str, Any]:
    """What a call from ``caller`` (at address ``source``) to ``dialed`` gets. Raises TwirpError if it is turned away."""
    trunk = _trunk_for(trunks, caller, dialed, source)
    rule = _rule_for(rules, trunk, caller, dialed)
    trunk_id = trunk.sip_trunk_id if trunk is not None else ""
    attributes = {
        **rule.attributes,
        "sip.callID": f"SCL_{uuid4().hex[:12]}",
        "sip.trunkID": trunk_id,
        "sip.ruleID": rule.sip_dispatch_rule_id,
    }
    if not rule.hide_phone_number:
        attributes |= {"sip.phoneNumber": caller, "sip.trunkPhoneNumber": dialed}
    return {
        "trunk_id": trunk_id or None,
        "rule_id": rule.sip_dispatch_rule_id,
        "digest": trunk is not None and bool(trunk.auth_username),
        "room": _room(rule, caller, dialed),
        "agents": [{"agent_name": a.agent_name, "metadata": a.metadata} for a in rule.room_config.agents],
        "attributes": attributes,
    }


def _room(rule: SIPDispatchRuleInfo, caller: str, dialed: str) -> str:
    kind = rule.rule.WhichOneof("rule")
    if kind == "dispatch_rule_individual":
        return f"{rule.rule.dispatch_rule_individual.room_prefix}_{caller}_{uuid4().hex[:12]}"
    if kind == "dispatch_rule_callee":
        return "_".join(filter(None, (rule.rule.dispatch_rule_callee.room_prefix, dialed)))
    return rule.rule.dispatch_rule_direct.room_name


def _trunk_for(
    trunks: Collection[SIPInboundTrunkInfo], caller: str, dialed: str, source: str
) -> SIPInboundTrunkInfo | None:
    open_to = [
        trunk
        for trunk in trunks
        if numbers_match([caller], trunk.allowed_numbers) and _address_matches(source, trunk.allowed_addresses)
    ]
    named = [trunk for trunk in open_to if trunk.numbers and numbers_match([dialed], trunk.numbers)]
    wild = [trunk for trunk in open_to if not trunk.numbers]
    if len(named) > 1:
        raise refusal(f'Multiple SIP Trunks matched for "{dialed}"', "failed_precondition")
    if not named and len(wild) > 1:
        raise refusal(f'Multiple default SIP Trunks matched for "{dialed}"', "failed_precondition")
    return next(iter([*named, *wild]), None)


def _rule_for(
    rules: Collection[SIPDispatchRuleInfo], trunk: SIPInboundTrunkInfo | None, caller: str, dialed: str
) -> SIPDispatchRuleInfo:
    fitting = [
        rule
        for rule in rules
        if numbers_match([caller], rule.inbound_numbers) and numbers_match([dialed], rule.numbers)
    ]
    own = [rule for rule in fitting if trunk is not None and trunk.sip_trunk_id in rule.trunk_ids]
    chosen = own or [rule for rule in fitting if not rule.trunk_ids]
    if not chosen:
        raise refusal(f'No SIP Dispatch Rules matched for "{dialed}"', "failed_precondition")
    return min(chosen, key=_preference)


def _preference(rule: SIPDispatchRuleInfo) -> tuple[bool, bool, int]:
    kind = rule.rule.WhichOneof("rule")
    return not rule.inbound_numbers, not pin_of(rule), _KINDS.index(kind) if kind else len(_KINDS)


def _address_matches(source: str, masks: Collection[str]) -> bool:
    """The trap is real: a mask that cannot be read is passed over, and a list of only such masks lets everybody in."""
    readable = [mask for mask in masks if not set(mask) & set("()+*;, \t\r\n") and "://" not in mask]
    return not source or not readable or any(_covers(mask, source) for mask in readable)


def _covers(mask: str, source: str) -> bool:
    try:
        return ip_address(source) in ip_network(mask, strict=False)
    except ValueError:  # a host name
        return False
