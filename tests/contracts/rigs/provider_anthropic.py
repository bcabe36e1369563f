"""The rig of the provider ``anthropic``: the real SDK over a simulated lab."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from pydantic import SecretStr

from contracts.rigs.providers import Rig, eventually, site
from core.testing.contracts.faults import CITED, CITIES, RETRY_AFTER_S
from providers import anthropic
from simulators.anthropic import AnthropicSimulator
from simulators.lab import Call, Fault, Said

_OVERLOADED = b'data: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n'

FAULTS: dict[str, Said | Fault] = {
    "unauthorized": Fault(status=401),
    "forbidden": Fault(status=403),
    "missing": Fault(status=404, message="model: claude-gone"),
    "bad request": Fault(status=400, message="tools.0.name: String should match pattern"),
    "too long": Fault(status=400, message="prompt is too long: 1000042 tokens > 1000000 maximum"),
    "too large": Fault(status=413),
    "busy": Fault(status=429, retry_after_s=RETRY_AFTER_S),
    "overloaded": Fault(status=529),
    "broken": Fault(status=500),
    "cut before": Fault(cut=True),
    "cut": Fault(after_words=3, cut=True),
    "truncated": Fault(after_words=3),
    "garbage": Fault(after_words=3, raw=b"data: {oops\n\n"),
    "error inside": Fault(after_words=3, raw=_OVERLOADED),
    "hang": Fault(silent=True),
    "stall": Fault(after_words=3, silent=True),
    "refusal": Said(text="I had rather not.", end="refusal"),
    "length": Said(text="It goes on and", end="length"),
    "pause": Said(sources=CITED[:1], end="pause"),
    "calls": Said(thoughts="Two of them.", calls=tuple(Call(name="look_up", arguments={"city": c}) for c in CITIES)),
    "usage": Said(text="Counted.", usage={"prompt": 1000, "cached": 200, "output": 50, "thoughts": 20}),
    "citations": Said(sources=CITED),
}


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """A lab over loopback that repeats what it is told."""
    async with AnthropicSimulator() as lab:
        settings = anthropic.AnthropicSettings(api_key=SecretStr("sk-test"), base_url=lab.address)

        async def released() -> None:
            await eventually(lambda: lab.requests[-1].closed_early_at is not None, within_s=2)

        faults: dict[str, Callable[[], object]] = {name: partial(lab.reply, said) for name, said in FAULTS.items()}
        async with (
            anthropic.spec.open(site("anthropic"), settings) as provider,
            anthropic.spec.open(site("anthropic", first_token_s=0.3, idle_s=0.3), settings) as hurried,
        ):
            yield Rig(
                provider=provider,
                model="claude-sim-sonnet",
                repeats=True,
                released=released,
                hosting="hosted",
                faults=faults,
                hurried=hurried,
                sent=lambda: lab.requests[-1].body["messages"],
                sees="claude-sim-sonnet",
                violations=lambda: lab.violations,
            )
        assert lab.violations == []
