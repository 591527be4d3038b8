"""What tenants may make this server connect to: nothing of its own network, whatever a name says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import HttpUrl

from control_api.outgoing import Address, AddressRefused, GuardedTransport, base_url_from, is_allowed
from control_api.outgoing import resolve as resolve_by_dns

HOUSES = [
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fc00::1",
    "::ffff:10.0.0.1",
]
NEVER = [
    "169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "100.100.100.200",
    "168.63.129.16", "0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255", "192.0.2.1",
    "192.0.0.8", "198.18.0.1", "2001:db8::1", "fec0::1", "::7f00:1", "64:ff9b:1::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "76.76.21.21", "2606:4700::1111", "64:ff9b::808:808"]


@pytest.mark.parametrize("private", [False, True])
def test_which_addresses_are_connected_to(private: bool) -> None:
    """The public Internet always, the house's networks by the operator's word, machines' credentials never."""
    assert [a for a in PUBLIC if not is_allowed(ip_address(a), private=private)] == []
    assert [a for a in HOUSES if is_allowed(ip_address(a), private=private) is not private] == []
    assert [a for a in NEVER if is_allowed(ip_address(a), private=private)] == []


def test_wrapped_addresses_are_unwrapped() -> None:
    """6to4, NAT64 and Teredo spellings of a loopback address are that address."""
    for text in ("2002:7f00:1::", "64:ff9b::7f00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "::ffff:127.0.0.1"):
        assert not is_allowed(ip_address(text), private=False), text


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://cal.example.org", "https://cal.example.org"),
        ("https://Cal.Example.org/api/v2/", "https://cal.example.org/api/v2"),
        ("https://cal.example.org:8443/a/../b", "https://cal.example.org:8443/b"),
    ],
)
def test_a_base_url_is_written_in_one_form(url: str, base: str) -> None:
    """Lower case, no slash at its end, no steps upwards."""
    assert base_url_from(HttpUrl(url), private=False) == base


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://cal.example.org", "https://"),
        ("http://127.0.0.1:3000", "private network"),
        ("https://127.1", "private network"),
        ("https://2130706433", "private network"),
        ("https://0x7f.1", "private network"),
        ("https://[::1]", "private network"),
        ("https://169.254.169.254/latest", "private network"),
        ("https://user@cal.example.org", "name and password"),
        ("https://u:p@cal.example.org", "name and password"),
        ("https://cal.example.org/?a=1", "ends with its path"),
        ("https://cal.example.org/#a", "ends with its path"),
        ("https://cal.example.org/" + "a" * 300, "at most"),
    ],
)
def test_an_address_that_nobody_should_give_is_refused_as_it_is_typed(url: str, reason: str) -> None:
    """Before any name is resolved: credentials in it, in the clear, or a private network however it is spelled."""
    with pytest.raises(AddressRefused, match=reason):
        base_url_from(HttpUrl(url), private=False)


def test_a_house_of_its_own_may_use_its_network_and_only_loopback_in_the_clear() -> None:
    """With the operator's word; http stays for this machine itself."""
    assert base_url_from(HttpUrl("http://localhost:3000/"), private=True) == "http://localhost:3000"
    assert base_url_from(HttpUrl("http://127.0.0.1:3000"), private=True) == "http://127.0.0.1:3000"
    assert base_url_from(HttpUrl("https://10.0.0.5/api"), private=True) == "https://10.0.0.5/api"
    for url in ("http://10.0.0.5", "http://cal.internal", "https://169.254.169.254"):
        with pytest.raises(AddressRefused):
            base_url_from(HttpUrl(url), private=True)


@asynccontextmanager
async def through(*answers: Sequence[str], private: bool = False) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """A client whose names resolve to `answers`, one after the other; -> it, and the addresses connected to."""
    connected: list[str] = []
    rounds = iter(answers)

    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address(text) for text in next(rounds)]

    def answer(request: httpx.Request) -> httpx.Response:
        connected.append(request.url.host)
        if request.url.host.endswith("9"):
            raise httpx.ConnectError("nobody there")
        said = {"host": request.headers["host"], "sni": str(request.extensions.get("sni_hostname", ""))}
        return httpx.Response(200, json=said)

    transport = GuardedTransport(private=private, resolve=resolve, inner=httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        yield client, connected


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """By number, with the name in Host and in the certificate's check."""
    async with through(["8.8.8.8"]) as (client, connected):
        answer = await client.get("https://cal.example.org:8443/v2/me")
    assert connected == ["8.8.8.8"]
    assert answer.json() == {"host": "cal.example.org:8443", "sni": "cal.example.org"}
    assert answer.request.url.host == "cal.example.org"


async def test_a_name_that_turns_inward_is_refused_each_time_anew() -> None:
    """Public when it was typed, private when it is asked: nothing is connected to."""
    async with through(["8.8.8.8"], ["127.0.0.1"], ["8.8.8.8", "10.0.0.1"]) as (client, connected):
        await client.get("https://cal.example.org/v2/me")
        for _ in range(2):
            with pytest.raises(AddressRefused):
                await client.get("https://cal.example.org/v2/me")
    assert connected == ["8.8.8.8"]


async def test_another_address_of_the_name_is_tried() -> None:
    """A host with a dead address still answers; two dead ones are no answer."""
    async with through(["8.8.8.9", "8.8.8.8"], ["8.8.8.9", "8.8.9.9", "8.8.8.8"], ["8.8.8.9"]) as (client, connected):
        assert (await client.get("https://cal.example.org/")).status_code == 200
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                await client.get("https://cal.example.org/")
    assert connected == ["8.8.8.9", "8.8.8.8", "8.8.8.9", "8.8.9.9", "8.8.8.9"]


async def test_a_name_without_an_address_is_nobody_there() -> None:
    """Not an error of its own: the owner mistyped."""

    async def nowhere(host: str, port: int) -> Sequence[Address]:
        raise OSError("no such name")

    async def slow(host: str, port: int) -> Sequence[Address]:
        await asyncio.sleep(5)
        return []

    for resolve, error in ((nowhere, httpx.ConnectError), (slow, httpx.ConnectTimeout)):
        async with httpx.AsyncClient(transport=GuardedTransport(private=False, resolve=resolve)) as client:
            with pytest.raises(error):
                await client.get("https://cal.example.org", timeout=0.05)


async def test_the_machines_own_names_lead_nowhere() -> None:
    """Over the real resolver."""
    assert ip_address("127.0.0.1") in await resolve_by_dns("localhost", 80)
    async with httpx.AsyncClient(transport=GuardedTransport(private=False)) as client:
        for url in ("http://localhost:9/", "http://127.0.0.1:9/", "http://[::1]:9/"):
            with pytest.raises(AddressRefused):
                await client.get(url)


def certificate(name: str, folder: Path) -> Path:
    """A self-signed one for `name`, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


async def test_certificates_are_checked_for_the_name_and_not_for_the_number(tmp_path: Path) -> None:
    """Over real TLS: the name's own certificate is taken; another name at the same number gets neither that certificate nor
    the connection that was opened with it."""
    file = certificate("cal.example.org", tmp_path)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(file)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        writer.close()

    async def here(host: str, port: int) -> Sequence[Address]:
        return [ip_address("127.0.0.1")]

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cafile=str(file))
    transport = GuardedTransport(private=True, resolve=here, verify=trusting)
    async with server, httpx.AsyncClient(transport=transport, trust_env=False) as client:
        assert (await client.get(f"https://cal.example.org:{port}/")).text == "ok"
        with pytest.raises(httpx.ConnectError, match="(?i)certificate"):
            await client.get(f"https://elsewhere.example.org:{port}/")
