"""The rig of the provider ``openai``: the real SDK over a simulated lab."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from pydantic import SecretStr

from contracts.rigs.providers import Rig, eventually, site
from core.testing.contracts.faults import CITED, CITIES, RETRY_AFTER_S
from providers import openai
from simulators.lab import Call, Fault, Said
from simulators.responses import ResponsesSimulator

_BUSY = b'data: {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down.", "param": null}\n\n'

FAULTS: dict[str, Said | Fault] = {
    "unauthorized": Fault(status=401),
    "forbidden": Fault(status=403),
    "missing": Fault(status=404),
    "bad request": Fault(status=400, message="Invalid schema for function 'look_up'."),
    "too long": Fault(status=400, message="Your input exceeds the context window of this model."),
    "too large": Fault(status=413),
    "busy": Fault(status=429, retry_after_s=RETRY_AFTER_S),
    "overloaded": Fault(status=503, message="That model is currently overloaded with other requests."),
    "broken": Fault(status=500),
    "cut before": Fault(cut=True),
    "cut": Fault(after_words=3, cut=True),
    "truncated": Fault(after_words=3),
    "garbage": Fault(after_words=3, raw=b"data: {oops\n\n"),
    "error inside": Fault(after_words=3, raw=_BUSY),
    "hang": Fault(silent=True),
    "stall": Fault(after_words=3, silent=True),
    "refusal": Said(text="I had rather", end="refusal"),
    "length": Said(text="It goes on and", end="length"),
    "calls": Said(thoughts="Two of them.", calls=tuple(Call(name="look_up", arguments={"city": c}) for c in CITIES)),
    "usage": Said(text="Counted.", usage={"prompt": 1000, "cached": 200, "output": 50, "thoughts": 20}),
    "citations": Said(thoughts="Let me see.", sources=CITED),
}


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """A lab over loopback that repeats what it is told."""
    async with ResponsesSimulator() as lab:
        settings = openai.OpenAISettings(api_key=SecretStr("sk-test"), base_url=f"{lab.address}/v1")

        async def released() -> None:
            await eventually(lambda: lab.requests[-1].closed_early_at is not None, within_s=2)

        faults: dict[str, Callable[[], object]] = {name: partial(lab.reply, said) for name, said in FAULTS.items()}
        async with (
            openai.spec.open(site("openai"), settings) as provider,
            openai.spec.open(site("openai", first_token_s=0.3, idle_s=0.3), settings) as hurried,
        ):
            yield Rig(
                provider=provider,
                model="gpt-6.2-sol",
                repeats=True,
                released=released,
                hosting="hosted",
                faults=faults,
                hurried=hurried,
                sent=lambda: lab.requests[-1].body["input"],
                sees="gpt-6.2-sol",
                violations=lambda: lab.violations,
            )
        assert lab.violations == []
