"""Encrypted pages: the connection goes to a checked address, and the certificate still has to be the name's."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.config.settings import Egress
from core.egress.gate import Gate
from core.errors import AddressRefused, NotFetched
from core.proxies import proxies_of
from core.testing import UnlimitedTasks
from simulators.proxy import proxied
from simulators.site import answer, moved, served


def certificate(folder: Path, name: str) -> Path:
    """A certificate that vouches for itself, and its key, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / "certificate.pem"
    path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none) + made.public_bytes(encoding))
    return path


async def to_loopback(name: str) -> Sequence[str]:
    """Every name is this machine's."""
    del name
    return ["127.0.0.1"]


def tls(path: Path) -> ssl.SSLContext:
    """A server's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("name, trusted", [("a.example", True), ("b.example", True), ("a.example", False)])
async def test_a_certificate_has_to_be_trusted_and_the_names_own(tmp_path: Path, name: str, *, trusted: bool) -> None:
    """That we connect to a number changes nothing about the name that is verified."""
    path = certificate(tmp_path, "a.example")
    async with served(tls=tls(path)) as site:
        site.says["/"] = answer(b"Hello")
        authorities = ssl.create_default_context(cafile=path) if trusted else None
        gate = Gate(
            Egress(), UnlimitedTasks(), resolve=to_loopback, public=lambda _: True, ports={site.port}, tls=authorities
        )
        url = f"https://{name}:{site.port}/"
        try:
            if trusted and name == "a.example":
                assert (await gate.get(url)).body == b"Hello"
            else:
                with pytest.raises(NotFetched, match="certificate"):
                    await gate.get(url)
                assert site.asked == []
        finally:
            await gate.aclose()


async def test_a_plain_server_at_an_encrypted_address_is_told() -> None:
    """It is there, and cannot be talked with."""

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status="400 Bad Request"))
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1") as plain:
        port = plain.sockets[0].getsockname()[1]
        gate = Gate(Egress(), UnlimitedTasks(), resolve=to_loopback, public=lambda _: True, ports={port})
        try:
            with pytest.raises(NotFetched, match="encrypted"):
                await gate.get(f"https://a.example:{port}/")
        finally:
            await gate.aclose()


async def test_an_encrypted_page_leads_to_no_plain_one(tmp_path: Path) -> None:
    """Whoever is on the way would read along, though the person asked for the contrary; back to https it may lead."""
    path = certificate(tmp_path, "a.example")
    async with served(tls=tls(path)) as site, served() as plain:
        site.says["/"] = moved(f"http://a.example:{plain.port}/")
        site.says["/found"] = answer(b"found")
        plain.says["/"] = moved(f"https://a.example:{site.port}/found")
        authorities = ssl.create_default_context(cafile=path)
        ports = {site.port, plain.port}
        gate = Gate(
            Egress(), UnlimitedTasks(), resolve=to_loopback, public=lambda _: True, ports=ports, tls=authorities
        )
        try:
            with pytest.raises(AddressRefused, match="encrypted"):
                await gate.get(f"https://a.example:{site.port}/")
            assert plain.asked == []
            assert (await gate.get(f"http://a.example:{plain.port}/")).body == b"found"
        finally:
            await gate.aclose()


@pytest.mark.parametrize("kind", ["http", "socks5h"])
@pytest.mark.parametrize("name", ["a.example", "b.example"])
async def test_by_a_proxy_the_certificate_still_has_to_be_the_names(tmp_path: Path, kind: str, name: str) -> None:
    """The proxy connects to the number that was checked; what answers there proves to us that it is the name's."""

    async def to_the_internet(_: str) -> Sequence[str]:
        return ["93.184.215.14"]

    path = certificate(tmp_path, "a.example")
    async with served(tls=tls(path)) as site, proxied() as proxy:
        site.says["/"] = answer(b"Hello")
        proxy.names = {"93.184.215.14": site.port}
        gate = Gate(
            Egress(),
            UnlimitedTasks(),
            resolve=to_the_internet,
            tls=ssl.create_default_context(cafile=path),
            proxies=proxies_of(f"{kind}://{proxy.address}"),
        )
        try:
            if name == "a.example":
                assert (await gate.get(f"https://{name}/")).body == b"Hello"
            else:
                with pytest.raises(NotFetched, match="certificate"):
                    await gate.get(f"https://{name}/")
                assert site.asked == []
            assert set(proxy.asked) == {"93.184.215.14:443"}
        finally:
            await gate.aclose()
