"""What LiveKit's SIP service keeps: inbound and outbound trunks, and dispatch rules.

Owns: each create, replace, field update, list and delete, with the refusals in the order the server makes them.
Refuses: HTTP, tokens and faults (`sandbox.livekit`), and placing a call (`sandbox.livekit_calls`).

Two traps of the real lists are here on purpose: a filter by number also gives trunks with no number at all (they take
every number), and a filter by trunk also gives rules with no trunk.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from uuid import uuid4

from livekit.protocol.models import Pagination
from livekit.protocol.sip import (
    CreateSIPDispatchRuleRequest,
    CreateSIPInboundTrunkRequest,
    CreateSIPOutboundTrunkRequest,
    DeleteSIPDispatchRuleRequest,
    DeleteSIPTrunkRequest,
    ListSIPDispatchRuleRequest,
    ListSIPDispatchRuleResponse,
    ListSIPInboundTrunkRequest,
    ListSIPInboundTrunkResponse,
    ListSIPOutboundTrunkRequest,
    ListSIPOutboundTrunkResponse,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPOutboundTrunkInfo,
    SIPTrunkInfo,
    UpdateSIPDispatchRuleRequest,
    UpdateSIPInboundTrunkRequest,
)

from sandbox.livekit_checks import (
    change_rule,
    change_trunk,
    check_rules,
    check_trunk,
    check_trunks,
    flat_rule,
    numbers_match,
    refusal,
)

_NO_TRUNK = "requested sip trunk does not exist"
_NO_RULE = "requested sip dispatch rule does not exist"

Item = TypeVar("Item")


@dataclass
class SipStore:
    """One project's trunks and rules. ``cap`` gives the most items of one list answer, 0 for no such bound.

    The open-source server differs from LiveKit Cloud: it takes a page's limit for its own business and gives all that
    comes after ``after_id``, and deletes what is not there without complaint.
    """

    server: Literal["cloud", "open"] = "cloud"
    cap: Callable[[], int] = lambda: 0
    trunks: dict[str, SIPInboundTrunkInfo] = field(default_factory=dict[str, SIPInboundTrunkInfo])
    outbound: dict[str, SIPOutboundTrunkInfo] = field(default_factory=dict[str, SIPOutboundTrunkInfo])
    rules: dict[str, SIPDispatchRuleInfo] = field(default_factory=dict[str, SIPDispatchRuleInfo])

    def clear(self) -> None:
        self.trunks.clear()
        self.outbound.clear()
        self.rules.clear()

    def put_trunk(self, trunk: SIPInboundTrunkInfo) -> SIPInboundTrunkInfo:
        """Store without any check, under its id or a new one."""
        kept = SIPInboundTrunkInfo()
        kept.CopyFrom(trunk)
        kept.sip_trunk_id = kept.sip_trunk_id or _new_id("ST_")
        if not kept.HasField("created_at"):
            kept.created_at.GetCurrentTime()
        kept.updated_at.GetCurrentTime()
        self.trunks[kept.sip_trunk_id] = kept
        return kept

    def put_rule(self, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
        """Store without any check, under its id or a new one."""
        kept = SIPDispatchRuleInfo()
        kept.CopyFrom(rule)
        kept.sip_dispatch_rule_id = kept.sip_dispatch_rule_id or _new_id("SDR_")
        if not kept.HasField("created_at"):
            kept.created_at.GetCurrentTime()
        kept.updated_at.GetCurrentTime()
        self.rules[kept.sip_dispatch_rule_id] = kept
        return kept

    def create_inbound_trunk(self, asked: CreateSIPInboundTrunkRequest) -> SIPInboundTrunkInfo:
        if not asked.HasField("trunk"):
            raise refusal("missing trunk")
        if asked.trunk.sip_trunk_id:
            raise refusal("trunk ID must be empty")
        check_trunk(asked.trunk)
        check_trunks([*self.trunks.values(), asked.trunk])
        return self.put_trunk(asked.trunk)

    def update_inbound_trunk(self, asked: UpdateSIPInboundTrunkRequest) -> SIPInboundTrunkInfo:
        if not asked.sip_trunk_id:
            raise refusal("trunk id must be set")
        action = asked.WhichOneof("action")
        if action is None:
            raise refusal("missing or unsupported update action")
        if action == "replace" and asked.replace.sip_trunk_id not in ("", asked.sip_trunk_id):
            raise refusal("trunk id in the info must be empty or match the id in the update")
        held = self.trunks.get(asked.sip_trunk_id)
        if held is None:
            raise refusal(_NO_TRUNK, "not_found")
        new = SIPInboundTrunkInfo()
        if action == "replace":
            new.CopyFrom(asked.replace)
            new.sip_trunk_id = held.sip_trunk_id
        else:
            new.CopyFrom(held)
            change_trunk(new, asked.update)
        check_trunk(new)
        check_trunks([*(t for t in self.trunks.values() if t is not held), new])
        return self.put_trunk(new)

    def list_inbound_trunk(self, asked: ListSIPInboundTrunkRequest) -> ListSIPInboundTrunkResponse:
        found = [
            trunk
            for trunk in self.trunks.values()
            if (not asked.trunk_ids or trunk.sip_trunk_id in asked.trunk_ids)
            and numbers_match(asked.numbers, trunk.numbers)
        ]
        page = self._page(found, asked.page if asked.HasField("page") else None, lambda trunk: trunk.sip_trunk_id)
        return ListSIPInboundTrunkResponse(items=page)

    def create_outbound_trunk(self, asked: CreateSIPOutboundTrunkRequest) -> SIPOutboundTrunkInfo:
        if not asked.HasField("trunk"):
            raise refusal("missing trunk")
        if asked.trunk.sip_trunk_id:
            raise refusal("trunk ID must be empty")
        if not asked.trunk.numbers:
            raise refusal("no trunk numbers specified")
        if not asked.trunk.address:
            raise refusal("no outbound address specified")
        if re.search(r"transport=|[@;]|^sips?:", asked.trunk.address):
            raise refusal("trunk address should be a hostname or IP, not SIP URI")
        kept = SIPOutboundTrunkInfo()
        kept.CopyFrom(asked.trunk)
        kept.sip_trunk_id = _new_id("ST_")
        kept.created_at.GetCurrentTime()
        self.outbound[kept.sip_trunk_id] = kept
        return kept

    def list_outbound_trunk(self, asked: ListSIPOutboundTrunkRequest) -> ListSIPOutboundTrunkResponse:
        found = [
            trunk
            for trunk in self.outbound.values()
            if (not asked.trunk_ids or trunk.sip_trunk_id in asked.trunk_ids)
            and (not asked.numbers or not trunk.numbers or set(asked.numbers) & set(trunk.numbers))
        ]
        page = self._page(found, asked.page if asked.HasField("page") else None, lambda trunk: trunk.sip_trunk_id)
        return ListSIPOutboundTrunkResponse(items=page)

    def delete_trunk(self, asked: DeleteSIPTrunkRequest) -> SIPTrunkInfo:
        if not asked.sip_trunk_id:
            raise refusal("trunk ID is required")
        gone = self.trunks.pop(asked.sip_trunk_id, None) or self.outbound.pop(asked.sip_trunk_id, None)
        if gone is None and self.server == "cloud":
            raise refusal(_NO_TRUNK, "not_found")
        return SIPTrunkInfo(sip_trunk_id=asked.sip_trunk_id)

    def create_dispatch_rule(self, asked: CreateSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
        new = SIPDispatchRuleInfo()
        if asked.HasField("dispatch_rule"):
            new.CopyFrom(asked.dispatch_rule)
        else:  # the deprecated flat form
            new.MergeFrom(flat_rule(asked))
        if new.sip_dispatch_rule_id:
            raise refusal("rule id must not be set")
        if not new.HasField("rule"):
            raise refusal("missing rule")
        check_rules([*self.rules.values(), new])
        return self.put_rule(new)

    def update_dispatch_rule(self, asked: UpdateSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
        if not asked.sip_dispatch_rule_id:
            raise refusal("rule id must be set")
        action = asked.WhichOneof("action")
        if action is None:
            raise refusal("missing or unsupported update action")
        if action == "replace" and asked.replace.sip_dispatch_rule_id not in ("", asked.sip_dispatch_rule_id):
            raise refusal("rule id in the info must be empty or match the id in the update")
        held = self.rules.get(asked.sip_dispatch_rule_id)
        if held is None:
            raise refusal(_NO_RULE, "not_found")
        new = SIPDispatchRuleInfo()
        if action == "replace":
            new.CopyFrom(asked.replace)
            new.sip_dispatch_rule_id = held.sip_dispatch_rule_id
        else:
            new.CopyFrom(held)
            change_rule(new, asked.update)
        if not new.HasField("rule"):
            raise refusal("missing rule")
        check_rules([*(r for r in self.rules.values() if r is not held), new])
        return self.put_rule(new)

    def list_dispatch_rule(self, asked: ListSIPDispatchRuleRequest) -> ListSIPDispatchRuleResponse:
        found = [
            rule
            for rule in self.rules.values()
            if (not asked.dispatch_rule_ids or rule.sip_dispatch_rule_id in asked.dispatch_rule_ids)
            and (not asked.trunk_ids or not rule.trunk_ids or set(asked.trunk_ids) & set(rule.trunk_ids))
        ]
        page = self._page(found, asked.page if asked.HasField("page") else None, lambda rule: rule.sip_dispatch_rule_id)
        return ListSIPDispatchRuleResponse(items=page)

    def delete_dispatch_rule(self, asked: DeleteSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
        if not asked.sip_dispatch_rule_id:
            raise refusal("dispatch rule ID is required")
        gone = self.rules.pop(asked.sip_dispatch_rule_id, None)
        if gone is None and self.server == "cloud":
            raise refusal(_NO_RULE, "not_found")
        return SIPDispatchRuleInfo(sip_dispatch_rule_id=asked.sip_dispatch_rule_id)

    def _page(self, items: list[Item], page: Pagination | None, identity: Callable[[Item], str]) -> list[Item]:
        after, limit = (page.after_id, page.limit) if page is not None else ("", 0)
        ordered = sorted((item for item in items if identity(item) > after), key=identity)
        bounds = [bound for bound in (limit if self.server == "cloud" else 0, self.cap()) if bound]
        return ordered[: min(bounds)] if bounds else ordered


def _new_id(prefix: str) -> str:
    return prefix + uuid4().hex[:12]
