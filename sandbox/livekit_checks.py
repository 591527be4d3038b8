"""What LiveKit's SIP service refuses, and how it applies a change to some fields of a trunk or a rule. Pure.

Owns: Twirp's error as an exception, the comparison of numbers, the conflicts between trunks and between rules, list
updates. Refuses: keeping anything (`sandbox.livekit_sip`).
"""

import re
from collections.abc import Collection, Iterable, Mapping

from livekit.protocol.models import ListUpdate
from livekit.protocol.sip import (
    CreateSIPDispatchRuleRequest,
    SIPDispatchRuleInfo,
    SIPDispatchRuleUpdate,
    SIPInboundTrunkInfo,
    SIPInboundTrunkUpdate,
)

_NUMBER = re.compile(r"^\+?[\d\- ()]+$")
_SECURITY = "for security, one of the fields must be set: AuthUsername+AuthPassword, AllowedAddresses or Numbers"


class TwirpError(Exception):
    """An answer of the service that is an error: Twirp's code, its message, and what it adds to them."""

    def __init__(self, code: str, message: str, meta: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.meta = dict(meta or {})
        self.code = code
        self.message = message


def normalized(number: str) -> str:
    """As the server compares numbers: no punctuation, a leading plus; what is no number stays as it is."""
    if not number or not _NUMBER.match(number):
        return number
    return "+" + re.sub(r"[^\d]", "", number)


def refusal(message: str, code: str = "invalid_argument") -> TwirpError:
    return TwirpError(code, message)


def _shown(identity: str) -> str:
    return f'"{identity or "<new>"}"'


def _quoted(numbers: Iterable[str]) -> str:
    quoted = " ".join(f'"{number}"' for number in numbers)
    return f"[{quoted}]" if quoted else "<any>"


def _updated(current: Collection[str], change: ListUpdate) -> list[str]:
    changes = len(change.set) + len(change.add) + len(change.remove)
    if not change.clear and not changes:
        raise refusal("unsupported list update operation")
    if change.clear and changes:
        raise refusal("cannot clear and change the list at the same time")
    if change.set and (change.add or change.remove):
        raise refusal("cannot set and change the list at the same time")
    if "" in (*change.set, *change.add, *change.remove):
        raise refusal("empty element in the list")
    if change.clear:
        return []
    if change.set:
        return list(change.set)
    kept = [value for value in current if value not in change.remove]
    return [*kept, *(value for value in change.add if value not in kept)]


def pin_of(rule: SIPDispatchRuleInfo) -> str:
    """Raises TwirpError for a rule of no kind."""
    kind = rule.rule.WhichOneof("rule")
    if kind is None:
        raise refusal("Unsupported SIP Dispatch Rule: <nil>", "internal")
    return str(getattr(rule.rule, kind).pin)


def check_trunk(trunk: SIPInboundTrunkInfo) -> None:
    if not (trunk.auth_username or trunk.auth_password or trunk.allowed_addresses or trunk.numbers):
        raise refusal(_SECURITY)


def check_trunks(trunks: Iterable[SIPInboundTrunkInfo]) -> None:
    """No two trunks may claim the same call: same number, and the same caller or none named."""
    holders: dict[tuple[str, str], SIPInboundTrunkInfo] = {}
    for trunk in trunks:
        for number in trunk.numbers or [""]:
            for caller in trunk.allowed_numbers or [""]:
                key = (normalized(number), normalized(caller))
                other = holders.setdefault(key, trunk)
                if other is trunk:
                    continue
                pair = f"{_shown(trunk.sip_trunk_id)} and {_shown(other.sip_trunk_id)}"
                named = f'and AllowedNumber "{caller}"' if caller else "without AllowedNumbers set"
                raise refusal(
                    f"Conflicting inbound SIP Trunks: {pair}, using the same number(s) {_quoted(trunk.numbers)} {named}"
                )


def check_rules(rules: Iterable[SIPDispatchRuleInfo]) -> None:
    holders: dict[tuple[str, str, str], SIPDispatchRuleInfo] = {}
    for rule in rules:
        pin = pin_of(rule)
        for trunk in rule.trunk_ids or [""]:
            for caller in rule.inbound_numbers or [""]:
                other = holders.setdefault((pin, trunk, normalized(caller)), rule)
                if other is not rule:
                    pair = f"{_shown(rule.sip_dispatch_rule_id)} and {_shown(other.sip_dispatch_rule_id)}"
                    raise refusal(
                        f"Conflicting SIP Dispatch Rules: same Trunk+Number+PIN combination for for {pair}"  # its words
                    )


def numbers_match(asked: Collection[str], held: Collection[str]) -> bool:
    wanted = {normalized(number) for number in asked}
    return not wanted or not held or any(normalized(number) in wanted for number in held)


def change_trunk(trunk: SIPInboundTrunkInfo, change: SIPInboundTrunkUpdate) -> None:
    for name in ("numbers", "allowed_addresses", "allowed_numbers"):
        if change.HasField(name):
            new = _updated(list(getattr(trunk, name)), getattr(change, name))
            trunk.ClearField(name)
            getattr(trunk, name).extend(new)
    for name in ("auth_username", "auth_password", "auth_realm", "name", "metadata", "media_encryption"):
        if change.HasField(name):
            setattr(trunk, name, getattr(change, name))
    if change.HasField("media"):
        trunk.media.CopyFrom(change.media)


def change_rule(rule: SIPDispatchRuleInfo, change: SIPDispatchRuleUpdate) -> None:
    if change.HasField("trunk_ids"):
        new = _updated(list(rule.trunk_ids), change.trunk_ids)
        rule.ClearField("trunk_ids")
        rule.trunk_ids.extend(new)
    for name in ("rule", "media"):
        if change.HasField(name):
            getattr(rule, name).CopyFrom(getattr(change, name))
    for name in ("name", "metadata", "media_encryption"):
        if change.HasField(name):
            setattr(rule, name, getattr(change, name))
    for key, value in change.attributes.items():
        if value:
            rule.attributes[key] = value
        else:
            rule.attributes.pop(key, None)


def flat_rule(asked: CreateSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
    flat = SIPDispatchRuleInfo(
        trunk_ids=asked.trunk_ids,
        inbound_numbers=asked.inbound_numbers,
        hide_phone_number=asked.hide_phone_number,
        name=asked.name,
        metadata=asked.metadata,
        attributes=dict(asked.attributes),
        room_preset=asked.room_preset,
    )
    if asked.HasField("rule"):
        flat.rule.CopyFrom(asked.rule)
    if asked.HasField("room_config"):
        flat.room_config.CopyFrom(asked.room_config)
    return flat
