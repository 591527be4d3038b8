"""HTTP to addresses that tenants chose, without letting them choose this deployment's own network.

Owns: which addresses may be written down, which may be connected to, and connecting to exactly what was checked: a name is
resolved once per request, and the connection goes to that answer, so that a name can't change its mind in between. Refuses:
redirects (the clients made here follow none) and proxies from the environment.

`private` is the operator's word that tenants are people of the same house (AVA_ALLOW_PRIVATE_ADDRESSES). Link-local
addresses, where clouds keep their machines' credentials, are never connected to.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx
from pydantic import HttpUrl

from contracts.errors import DomainError

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_CONNECTIONS = 50
_TRIED = 2
_MOST_LETTERS = 300
_TRANSLATED = IPv6Network("64:ff9b::/96")  # NAT64: the last 32 bits are an IPv4 address
_OWN_NETWORKS = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_NOBODYS = (ip_network("192.0.0.0/24"), ip_network("fec0::/10"))
# beside the link-local ones: where clouds hand out credentials
_METADATA = {ip_address("fd00:ec2::254"), ip_address("100.100.100.200"), ip_address("168.63.129.16")}


class AddressRefused(DomainError):
    """The message says what is wrong with the address, for whoever typed it."""

    code = "address_refused"


def base_url_from(url: HttpUrl, *, private: bool) -> str:
    """An API's base as it is stored: https, nothing but host, port and path. Raises AddressRefused; resolves no name."""
    if url.username or url.password:
        raise AddressRefused("an address holds no name and password: leave them out")
    if url.query is not None or url.fragment is not None:
        raise AddressRefused("an address ends with its path: leave out what comes after ? or #")
    text = str(url).rstrip("/")
    if len(text) > _MOST_LETTERS:
        raise AddressRefused(f"an address has at most {_MOST_LETTERS} characters")
    literal = _literal(url.host or "")
    if literal is not None and not is_allowed(literal, private=private):
        raise AddressRefused(_REFUSAL)
    if url.scheme != "https" and not (private and _is_loopback(url.host or "", literal)):
        raise AddressRefused("an address begins with https://, so that the key is not sent in the clear")
    return text


def is_allowed(address: Address, *, private: bool) -> bool:
    """`private`: this deployment lets tenants reach its own network."""
    address = _embedded(address)
    if address in _METADATA or address.is_link_local or address.is_multicast:
        return False
    if address.is_loopback or any(address in network for network in _OWN_NETWORKS):
        return private
    return address.is_global and not address.is_reserved and not any(address in network for network in _NOBODYS)


_REFUSAL = "this address leads into a private network, which this deployment does not connect to"


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_loopback(host: str, literal: Address | None) -> bool:
    return literal.is_loopback if literal is not None else host == "localhost"


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


async def resolve(host: str, port: int) -> Sequence[Address]:
    """Every address of the name. Raises OSError where it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return list(dict.fromkeys(addresses))


class GuardedTransport(httpx.AsyncBaseTransport):
    """Connects to the checked address of a request's host; certificates are checked against the host's name.

    AddressRefused where any address of the name is not allowed. No connection is kept: one that was opened for a host must
    not serve another host that happens to have the same address.
    """

    def __init__(
        self,
        *,
        private: bool,
        resolve: Resolve = resolve,
        verify: ssl.SSLContext | bool = True,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`inner` replaces the connecting itself, `verify` whose certificates are trusted."""
        self._private = private
        self._resolve = resolve
        self._inner = inner or httpx.AsyncHTTPTransport(
            verify=verify,
            trust_env=False,
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        first, *others = await self._addresses(request)
        for other in others[: _TRIED - 1]:
            try:
                return await self._inner.handle_async_request(_to(first, request))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                first = other
        return await self._inner.handle_async_request(_to(first, request))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _addresses(self, request: httpx.Request) -> Sequence[Address]:
        host = request.url.raw_host.decode("ascii")
        literal = _literal(host)
        seconds = request.extensions.get("timeout", {}).get("connect") or _TIMEOUT.connect
        try:
            async with asyncio.timeout(seconds):
                port = request.url.port or (443 if request.url.scheme == "https" else 80)
                addresses = [literal] if literal is not None else await self._resolve(host, port)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("the name was not resolved in time", request=request) from error
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("the name can't be resolved", request=request) from error
        if not addresses:
            raise httpx.ConnectError("the name has no address", request=request)
        if not all(is_allowed(address, private=self._private) for address in addresses):
            raise AddressRefused(_REFUSAL)
        return addresses


def _to(address: Address, request: httpx.Request) -> httpx.Request:
    """The same request, its Host header and its certificate's name included, to that address."""
    extensions = dict(request.extensions)
    if request.url.scheme == "https" and _literal(request.url.host) is None:
        extensions["sni_hostname"] = request.url.raw_host.decode("ascii")
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )


def guarded_client(*, private: bool) -> httpx.AsyncClient:
    """For requests to addresses that tenants chose. The caller closes it."""
    return httpx.AsyncClient(
        transport=GuardedTransport(private=private), timeout=_TIMEOUT, follow_redirects=False, trust_env=False
    )
