"""The JSON of the Twilio stand-in: one function a resource, Twilio's two ways of paging, its error body.

Owns: names, formats of dates (RFC 2822 in the 2010 API, ISO 8601 in v1 and v2) and page links. Refuses: deciding anything.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from sandbox.twilio_account import (
    AccountRow,
    AddressRow,
    BundleRow,
    CredentialListRow,
    CredentialRow,
    NumberRow,
    OriginationRow,
    Refusal,
    TrunkRow,
)
from sandbox.twilio_inventory import Country, Offer

VERSION: Final = "2010-04-01"
_DEFAULT_PAGE, _MAX_PAGE = 50, 1_000
_MESSAGES: Final = {
    400: (20001, "Bad Request"),
    401: (20003, "Authenticate"),
    403: (20403, "Forbidden"),
    404: (20404, "The requested resource was not found"),
    429: (20429, "Too Many Requests"),
    503: (20503, "Service Unavailable"),
}

T = TypeVar("T")


def error_body(status: int, code: int | None = None, message: str | None = None) -> dict[str, Any]:
    """``{"code", "message", "more_info", "status"}``; the code and text of the status where none is given."""
    usual, said = _MESSAGES.get(status, (20500, "Internal Server Error"))
    number = code or usual
    return {
        "code": number,
        "message": message or said,
        "more_info": f"https://www.twilio.com/docs/errors/{number}",
        "status": status,
    }


def rfc2822(at: datetime) -> str:
    return format_datetime(at.replace(microsecond=0))


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def account_path(account: str, rest: str) -> str:
    return f"/{VERSION}/Accounts/{account}/{rest}"


def account_json(row: AccountRow) -> dict[str, Any]:
    return {
        "sid": row.sid,
        "auth_token": row.token,
        "friendly_name": row.name,
        "status": row.status,
        "type": "Trial" if row.trial else "Full",
        "owner_account_sid": row.owner,
        "date_created": rfc2822(row.created),
        "date_updated": rfc2822(row.created),
        "uri": f"/{VERSION}/Accounts/{row.sid}.json",
        "subresource_uris": {"incoming_phone_numbers": account_path(row.sid, "IncomingPhoneNumbers.json")},
    }


def country_json(country: Country, account: str) -> dict[str, Any]:
    paths = {"local": "Local", "mobile": "Mobile", "toll_free": "TollFree", "national": "National"}
    inside = account_path(account, f"AvailablePhoneNumbers/{country.code}")
    return {
        "country_code": country.code,
        "country": country.name,
        "beta": False,
        "uri": f"{inside}.json",
        "subresource_uris": {kind: f"{inside}/{paths[kind]}.json" for kind in country.ranges},
    }


def offer_json(offer: Offer) -> dict[str, Any]:
    return {
        "friendly_name": offer.e164,
        "phone_number": offer.e164,
        "lata": None,
        "locality": offer.block.locality or None,
        "rate_center": None,
        "latitude": None,
        "longitude": None,
        "region": offer.block.region or None,
        "postal_code": None,
        "iso_country": offer.country,
        "address_requirements": offer.address,
        "beta": False,
        "capabilities": {name: value for name, value in offer.capabilities.items() if name != "fax"},
    }


def number_json(row: NumberRow) -> dict[str, Any]:
    return {
        "sid": row.sid,
        "account_sid": row.account,
        "friendly_name": row.fields["friendly_name"],
        "phone_number": row.e164,
        "voice_url": row.fields["voice_url"],
        "voice_method": row.fields["voice_method"] or "POST",
        "voice_fallback_url": row.fields["voice_fallback_url"],
        "voice_fallback_method": row.fields["voice_fallback_method"] or "POST",
        "voice_caller_id_lookup": False,
        "voice_application_sid": row.application_sid,
        "voice_receive_mode": "voice",
        "trunk_sid": row.trunk_sid,
        "sms_url": row.fields["sms_url"],
        "sms_method": "POST",
        "sms_application_sid": "",
        "status_callback": row.fields["status_callback"],
        "status_callback_method": "POST",
        "address_sid": row.address_sid,
        "address_requirements": row.offer.address,
        "bundle_sid": row.bundle_sid,
        "identity_sid": None,
        "emergency_status": "Inactive",
        "capabilities": row.offer.capabilities,
        "beta": False,
        "origin": "twilio",
        "status": "in-use",
        "type": row.offer.kind.replace("_", "-"),
        "api_version": VERSION,
        "date_created": rfc2822(row.created),
        "date_updated": rfc2822(row.updated),
        "uri": account_path(row.account, f"IncomingPhoneNumbers/{row.sid}.json"),
    }


def address_json(row: AddressRow) -> dict[str, Any]:
    return {
        **{name: row.fields.get(name, "") for name in ("customer_name", "street", "city", "region", "postal_code")},
        "sid": row.sid,
        "account_sid": row.account,
        "iso_country": row.country,
        "friendly_name": row.fields.get("friendly_name", ""),
        "validated": True,
        "verified": False,
        "emergency_enabled": False,
        "uri": account_path(row.account, f"Addresses/{row.sid}.json"),
    }


def trunk_json(row: TrunkRow, base: str) -> dict[str, Any]:
    url = f"{base}/v1/Trunks/{row.sid}"
    return {
        "sid": row.sid,
        "account_sid": row.account,
        "domain_name": row.domain_name,
        "friendly_name": row.friendly_name,
        "secure": row.secure,
        "transfer_mode": row.transfer_mode,
        "transfer_caller_id": "from-transferee",
        "cnam_lookup_enabled": False,
        "recording": {"mode": "do-not-record", "trim": "do-not-trim"},
        "disaster_recovery_method": row.disaster_recovery_method if row.disaster_recovery_url else None,
        "disaster_recovery_url": row.disaster_recovery_url,
        "auth_type": "CREDENTIAL_LIST" if row.credential_lists else "",
        "auth_type_set": ["CREDENTIAL_LIST"] if row.credential_lists else [],
        "symmetric_rtp_enabled": False,
        "date_created": iso(row.created),
        "date_updated": iso(row.created),
        "url": url,
        "links": {
            "origination_urls": f"{url}/OriginationUrls",
            "phone_numbers": f"{url}/PhoneNumbers",
            "credential_lists": f"{url}/CredentialLists",
        },
    }


def origination_json(row: OriginationRow, trunk: TrunkRow, base: str) -> dict[str, Any]:
    url = f"{base}/v1/Trunks/{trunk.sid}/OriginationUrls/{row.sid}"
    return {**vars(row), "trunk_sid": trunk.sid, "account_sid": trunk.account, "url": url}


def credential_list_json(row: CredentialListRow) -> dict[str, Any]:
    path = account_path(row.account, f"SIP/CredentialLists/{row.sid}")
    return {
        "sid": row.sid,
        "account_sid": row.account,
        "friendly_name": row.friendly_name,
        "date_created": rfc2822(row.created),
        "date_updated": rfc2822(row.created),
        "subresource_uris": {"credentials": f"{path}/Credentials.json"},
        "uri": f"{path}.json",
    }


def credential_json(row: CredentialRow, held_in: CredentialListRow) -> dict[str, Any]:
    """Without the password."""
    path = f"SIP/CredentialLists/{held_in.sid}/Credentials/{row.sid}.json"
    return {
        "sid": row.sid,
        "account_sid": held_in.account,
        "credential_list_sid": held_in.sid,
        "username": row.username,
        "date_created": rfc2822(row.created),
        "date_updated": rfc2822(row.updated),
        "uri": account_path(held_in.account, path),
    }


def trunk_list_json(row: CredentialListRow, trunk: TrunkRow, base: str) -> dict[str, Any]:
    return {
        "sid": row.sid,
        "account_sid": row.account,
        "trunk_sid": trunk.sid,
        "friendly_name": row.friendly_name,
        "date_created": iso(row.created),
        "date_updated": iso(row.created),
        "url": f"{base}/v1/Trunks/{trunk.sid}/CredentialLists/{row.sid}",
    }


def trunk_number_json(row: NumberRow, trunk: TrunkRow, base: str) -> dict[str, Any]:
    old = number_json(row)
    del old["uri"]
    dates = {"date_created": iso(row.created), "date_updated": iso(row.updated)}
    return {**old, **dates, "url": f"{base}/v1/Trunks/{trunk.sid}/PhoneNumbers/{row.sid}", "links": {}}


def bundle_json(row: BundleRow, base: str) -> dict[str, Any]:
    return {
        "sid": row.sid,
        "account_sid": row.account,
        "regulation_sid": row.regulation_sid,
        "friendly_name": row.friendly_name,
        "status": row.status,
        "valid_until": None,
        "email": "compliance@example.com",
        "url": f"{base}/v2/RegulatoryCompliance/Bundles/{row.sid}",
        "links": {},
    }


def prices_json(country: Country, base: str) -> dict[str, Any]:
    prices = [
        {"number_type": kind.replace("_", " "), "base_price": sold.price, "current_price": sold.price}
        for kind, sold in country.ranges.items()
    ]
    return {
        "country": country.name,
        "iso_country": country.code,
        "phone_number_prices": prices,
        "price_unit": "USD",
        "url": f"{base}/v1/PhoneNumbers/Countries/{country.code}",
    }


def cut_page(
    rows: Sequence[T], query: Mapping[str, str], sid: Callable[[T], str]
) -> tuple[list[T], int, int, str | None]:
    """-> the page's rows, its index, its size, and the token that leads to the next, None at the end.

    The token names the last row seen, so that what is added or goes away in between shifts nothing. Refusal for a later
    page without one: clients follow the links they are given.
    """
    size = max(1, min(int(query.get("PageSize", _DEFAULT_PAGE)), _MAX_PAGE))
    index, token = int(query.get("Page", 0)), query.get("PageToken", "")
    if index and not token:
        raise Refusal(400, 20001, "Page is given without its PageToken")
    start = next((n + 1 for n, row in enumerate(rows) if f"PA{sid(row)}" == token), 0)
    page = list(rows[start : start + size])
    return page, index, size, f"PA{sid(page[-1])}" if page and start + size < len(rows) else None


def page_2010(
    path: str,
    key: str,
    rows: Sequence[T],
    query: Mapping[str, str],
    *,
    sid: Callable[[T], str],
    shape: Callable[[T], Any],
) -> dict[str, Any]:
    """Links are paths, with the filters in them."""
    page, index, size, token = cut_page(rows, query, sid)
    link = _link(path, query, size)
    return {
        key: [shape(row) for row in page],
        "page": index,
        "page_size": size,
        "start": index * size,
        "end": index * size + max(len(page) - 1, 0),
        "uri": link(index, query.get("PageToken")),
        "first_page_uri": link(0, None),
        "next_page_uri": link(index + 1, token) if token else None,
        "previous_page_uri": None,
    }


def page_v1(
    url: str,
    key: str,
    rows: Sequence[T],
    query: Mapping[str, str],
    *,
    sid: Callable[[T], str],
    shape: Callable[[T], Any],
) -> dict[str, Any]:
    """Links are whole addresses, in ``meta``."""
    page, index, size, token = cut_page(rows, query, sid)
    link = _link(url, query, size)
    return {
        key: [shape(row) for row in page],
        "meta": {
            "key": key,
            "page": index,
            "page_size": size,
            "url": link(index, query.get("PageToken")),
            "first_page_url": link(0, None),
            "next_page_url": link(index + 1, token) if token else None,
            "previous_page_url": None,
        },
    }


def _link(where: str, query: Mapping[str, str], size: int) -> Callable[[int, str | None], str]:
    filters = {name: value for name, value in query.items() if name not in ("Page", "PageSize", "PageToken")}

    def link(index: int, token: str | None) -> str:
        paging = {"PageSize": size, "Page": index} | ({"PageToken": token} if token else {})
        return f"{where}?{urlencode(filters | paging)}"

    return link
