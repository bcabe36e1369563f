"""A web site on loopback that says, byte for byte, what a test wrote down, and notes what it was asked."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CLOSE = "Connection: close"


def answer(body: bytes = b"", *headers: str, status: str = "200 OK", mime: str = "text/plain") -> bytes:
    """A whole answer with its length, of one type; "" for none."""
    typed = [f"Content-Type: {mime}"] if mime else []
    lines = [f"HTTP/1.1 {status}", *typed, f"Content-Length: {len(body)}", CLOSE, *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def endless(*headers: str, mime: str = "text/plain") -> bytes:
    """The head of an answer that ends with its connection."""
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {mime}", CLOSE, *headers, "", ""]).encode()


def moved(location: str, status: str = "302 Found") -> bytes:
    """An answer that leads elsewhere."""
    return answer(b"", f"Location: {location}", status=status)


@dataclass
class SimulatedSite:
    """One server.

    Attributes:
        says: What it says to a path: bytes, or pieces of them with a pause (in seconds) where a number stands.
        asked: The head of each request.
        over: How many connections are open.
    """

    says: dict[str, bytes | Iterable[bytes | float]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    over: int = 0
    port: int = 0

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [head.split(" ", 2)[1] for head in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self.over += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            says = self.says.get(self.paths[-1], answer(b"no such page", status="404 Not Found"))
            for piece in [says] if isinstance(says, bytes) else says:
                if isinstance(piece, bytes):
                    writer.write(piece)
                    await writer.drain()
                else:
                    await asyncio.sleep(piece)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has seen enough
        finally:
            self.over -= 1
            writer.close()


@asynccontextmanager
async def served(
    host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[SimulatedSite]:
    """A site at any free port, or at one that another address has as well."""
    site = SimulatedSite()
    server = await asyncio.start_server(site.serve, host, port, ssl=tls)
    async with server:
        site.port = server.sockets[0].getsockname()[1]
        yield site
