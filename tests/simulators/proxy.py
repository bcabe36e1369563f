"""A proxy on loopback, for HTTP (also CONNECT) and SOCKS5, to which names lead that nobody else knows."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class ProxySimulator:
    """See the file's first words.

    Attributes:
        names: Where each host leads, as ``host`` or ``host:port`` to a port of this machine.
        asked: What it was asked to connect to, in order: ``host:port``.
        login: The name and password it wants, "" for none.
        turned_away: How often somebody came without.
    """

    names: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    login: str = ""
    turned_away: int = 0
    port: int = 0

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def hosts(self) -> set[str]:
        """Who was connected to."""
        return {one.rpartition(":")[0] for one in self.asked}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            first = await reader.readexactly(1)
            await (self._socks(reader, writer) if first == b"\x05" else self._http(first, reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _port_of(self, host: str, port: int) -> int | None:
        self.asked.append(f"{host}:{port}")
        return self.names.get(f"{host}:{port}", self.names.get(host))

    async def _http(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        headers = [one for one in lines if one]
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if self.login and not any(one.lower() == f"proxy-authorization: {wanted}".lower() for one in headers):
            self.turned_away += 1
            writer.write(b"HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        port = self._port_of(parts.hostname or "", parts.port or 80)
        if port is None:
            writer.write(b"HTTP/1.1 502 Nobody there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        onward = await asyncio.open_connection("127.0.0.1", port)
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            kept = [one for one in headers if not one.lower().startswith("proxy-")]
            if not any(one.lower().startswith("upgrade:") for one in kept):
                kept = [one for one in kept if not one.lower().startswith("connection:")] + ["Connection: close"]
            onward[1].write("\r\n".join([f"{method} {path or '/'} HTTP/1.1", *kept, "", ""]).encode("latin-1"))
        await _both((reader, writer), onward)

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        way = 2 if self.login else 0
        writer.write(bytes([5, way if way in methods else 255]))
        if way not in methods:
            self.turned_away += 1
            return
        if way:
            await reader.readexactly(1)
            said = [await reader.readexactly((await reader.readexactly(1))[0]) for _ in range(2)]
            good = b":".join(said).decode() == self.login
            writer.write(bytes([1, 0 if good else 1]))
            if not good:
                self.turned_away += 1
                return
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4)))
        port = self._port_of(host, int.from_bytes(await reader.readexactly(2), "big"))
        writer.write(bytes([5, 0 if port else 4, 0, 1, 0, 0, 0, 0, 0, 0]))
        if port:
            await _both((reader, writer), await asyncio.open_connection("127.0.0.1", port))


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both(here: Ends, there: Ends) -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    await asyncio.gather(pour(here[0], there[1]), pour(there[0], here[1]))


@asynccontextmanager
async def proxied(**names: int) -> AsyncGenerator[ProxySimulator]:
    """A proxy that knows hosts by name: ``telegram=8443`` for ``telegram.example``."""
    proxy = ProxySimulator({f"{name}.example": port for name, port in names.items()})
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        try:
            yield proxy
        finally:
            server.close()
