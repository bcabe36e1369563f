"""What calls cost, against figures worked out by hand from the published prices."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.models import PriceNotes
from core.exchange import Model, Usage
from core.models.prices import Cost, Prices

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
PRICES = Prices()
M = 1_000_000


async def cost(name: str, usage: Usage, at: datetime = NOW, prices: Prices = PRICES) -> Cost:
    """Of a hosted model."""
    provider, _, model = name.partition("/")
    return await prices.cost(provider, Model(id=model), usage, at)


@pytest.mark.parametrize(
    "name, usage, microcredits",
    [
        # 10,000 x $4/M + 1,000 x $20/M = $0.06 = 6 credits
        ("anthropic/claude-opus-5-5", Usage(input_tokens=10_000, output_tokens=1000), 6 * M),
        # 1,000 x $4/M + 8,000 cached x $0.20/M + 1,000 written x $5/M + 1,000 x $20/M + 2 searches x $10/k = $0.0506
        (
            "anthropic/claude-opus-5-5",
            Usage(
                input_tokens=10_000,
                cached_tokens=8000,
                written_tokens=1000,
                output_tokens=1000,
                reasoning_tokens=900,
                searches=2,
            ),
            5_060_000,
        ),
        # A prompt above 100,000 tokens: 200,000 x $0.50/M + 1,000 x $2.50/M = $0.1025
        ("anthropic/claude-haiku-5-5", Usage(input_tokens=200_000, output_tokens=1000), 10_250_000),
        # 100,000 x $0.10/M + 1,000 x $0.50/M = $0.0105
        ("anthropic/claude-haiku-5-5", Usage(input_tokens=100_000, output_tokens=1000), 1_050_000),
        # 1,000 x $2/M + 1,000 x $10/M = $0.012
        ("openai/gpt-6.1-sol", Usage(input_tokens=1000, output_tokens=1000), 1_200_000),
        # Above 272,000 tokens twice the input and half as much again for the output: 300,000 x $4/M + 1,000 x $15/M
        ("openai/gpt-6.1-sol", Usage(input_tokens=300_000, output_tokens=1000), 121_500_000),
        # 3 searches x $14/k, 100 x $0.75/M, 10 x $3.75/M = $0.042 + $0.000075 + $0.0000375
        ("google/gemini-3.8-flash", Usage(input_tokens=100, output_tokens=10, searches=3), 4_211_250),
        # 1,000 x $2/M + 1,000 x $6/M = $0.008
        ("xai/grok-4.7", Usage(input_tokens=1000, output_tokens=1000), 800_000),
        # Ours, since the lists have no Alibaba: 992 x $2/M + 8 x $6/M = $0.002032
        ("alibaba/qwen3.8-max", Usage(input_tokens=992, output_tokens=8), 203_200),
        # 1,000 x $0.15/M + 1,000 x $0.47/M = $0.00062
        ("alibaba/qwen3.8-flash", Usage(input_tokens=1000, output_tokens=1000), 62_000),
        # 256,000 tokens are not above 256,000: x $0.40/M; one more is, and all of them cost $1.20/M
        ("alibaba/qwen3.7-plus", Usage(input_tokens=256_000), 10_240_000),
        ("alibaba/qwen3.7-plus", Usage(input_tokens=256_001), 30_720_120),
        # Open weights by a host of its own price: 1,000 x $0.15/M + 1,000 x $0.60/M
        ("groq/openai/gpt-oss-120b", Usage(input_tokens=1000, output_tokens=1000), 75_000),
        # An hour of listening at $0.27
        ("openai/gpt-transcribe", Usage(seconds=3600), 27 * M),
        # An image of 1,000 tokens at $30/M, and 100 tokens of prompt at $0.25/M
        ("google/gemini-3.1-flash-lite-image", Usage(input_tokens=100, output_tokens=1000, images=1), 3_002_500),
    ],
)
async def test_a_call_costs_what_the_price_list_says(name: str, usage: Usage, microcredits: int) -> None:
    """Worked out by hand beside each."""
    assert await cost(name, usage) == Cost(microcredits=microcredits)


@pytest.mark.parametrize(
    "at, microcredits",
    [
        (datetime(2026, 11, 30, 23, 59, tzinfo=UTC), 200 * M),
        (datetime(2026, 12, 1, 0, 0, tzinfo=UTC), 400 * M),
    ],
)
async def test_a_price_changes_on_its_day(at: datetime, microcredits: int) -> None:
    """gemini-4-argon doubles from $2 to $4 a million with December."""
    assert await cost("google/gemini-4-argon", Usage(input_tokens=M), at) == Cost(microcredits=microcredits)


async def test_a_part_of_a_microcredit_is_a_whole_one() -> None:
    """One token at $0.01 a million is a whole micro-credit; one at $0.002 is one, too, and never none."""
    own = Prices(own={"x/y": PriceNotes(input=Decimal("0.002"), output=Decimal(1))})
    assert await cost("x/y", Usage(input_tokens=1), prices=own) == Cost(microcredits=1)
    assert await cost("x/y", Usage(input_tokens=6), prices=own) == Cost(microcredits=2)  # 1.2


async def test_the_configuration_stands_over_every_list() -> None:
    """Cached input as ordered: 600 x $1/M + 300 x $0.1/M + 100 written as input + 1,000 x $3/M = $0.00373."""
    notes = PriceNotes(input=Decimal(1), output=Decimal(3), cached=Decimal("0.1"))
    own = Prices(own={"anthropic/claude-opus-5-5": notes})
    usage = Usage(input_tokens=1000, cached_tokens=300, written_tokens=100, output_tokens=1000)
    assert await cost("anthropic/claude-opus-5-5", usage, prices=own) == Cost(microcredits=373_000)


class TestUnknown:
    """What has no price of its own is never free, and is marked as not known."""

    USAGE = Usage(input_tokens=1000, output_tokens=1000)

    async def test_it_costs_what_the_dearest_of_its_family_does(self) -> None:
        """gpt-6.2-astra is not listed yet; gpt-6-astra is, at 10 and 50."""
        assert await cost("openai/gpt-6.2-astra", self.USAGE) == Cost(microcredits=6 * M, known=False)

    async def test_else_the_dearest_of_its_lab(self) -> None:
        """A Claude of a new line costs what fable does at its dearest: 10 and 50."""
        assert await cost("anthropic/claude-limerick-7", self.USAGE) == Cost(microcredits=6 * M, known=False)

    async def test_else_the_dearest_of_all(self) -> None:
        """As much as whatever costs most: gpt-5.5-pro, at 30 and 180."""
        assert await cost("proxy/nobody-knows-it", self.USAGE) == Cost(microcredits=21 * M, known=False)

    async def test_open_weights_at_an_unknown_host_cost_what_the_dearest_host_takes(self) -> None:
        """More than at any host that is listed, or as much."""
        there = await cost("proxy/gpt-oss-120b", self.USAGE)
        listed = [await cost(f"{host}/gpt-oss-120b", self.USAGE) for host in ("openai", "fireworks", "cerebras")]
        assert not there.known
        assert there.microcredits >= max(one.microcredits for one in listed)

    async def test_sound_and_images_without_a_count_are_not_free_either(self) -> None:
        """Two images and an hour: 2 x $0.25 + $2.04."""
        assert (await cost("openai/whatever", Usage(images=2, seconds=3600))).microcredits == 254 * M

    async def test_what_costs_nothing_in_a_list_is_taken_as_unknown(self) -> None:
        """Google lists Gemma without a price."""
        assert (await cost("google/gemma-4-31b-it", self.USAGE)).microcredits > 0


async def test_what_runs_on_ones_own_machines_costs_nothing() -> None:
    """Whatever it is called; unless the operator puts a price on it."""
    model = Model(id="gpt-6-astra", hosting="self")
    assert await PRICES.cost("local", model, Usage(input_tokens=M), NOW) == Cost(microcredits=0)
    own = Prices(own={"local/gpt-6-astra": PriceNotes(input=Decimal(1), output=Decimal(1))})
    assert await own.cost("local", model, Usage(input_tokens=M), NOW) == Cost(microcredits=100 * M)


async def test_a_count_that_cannot_be_is_made_one_that_can() -> None:
    """More cached than there was: all of it was cached. 100 x $0.20/M."""
    assert (await cost("anthropic/claude-opus-5-5", Usage(input_tokens=100, cached_tokens=900))).microcredits == 2000


async def test_the_rate_for_people_is_that_of_a_usual_prompt() -> None:
    """In US$ a million, and marked where it is a relative's."""
    rate = await PRICES.rate("anthropic", Model(id="claude-haiku-5-5"), NOW)
    assert (rate.input, rate.output, rate.known) == (Decimal("0.1"), Decimal("0.5"), True)
    assert not (await PRICES.rate("openai", Model(id="gpt-6.2-sol"), NOW)).known
    assert (await PRICES.rate("local", Model(id="x", hosting="self"), NOW)).input == 0


Counts = st.integers(0, 10**7)


@given(
    name=st.sampled_from(["anthropic/claude-haiku-5-5", "openai/gpt-6-luna", "alibaba/qwen3.7-plus", "x/unknown"]),
    counts=st.tuples(Counts, Counts, Counts, Counts, st.integers(0, 50)),
)
async def test_more_of_anything_never_costs_less_and_something_never_nothing(
    name: str, counts: tuple[int, int, int, int, int]
) -> None:
    """Whole micro-credits, at any counts."""
    prompt, answer, cached, written, searches = counts
    usage = Usage(
        input_tokens=prompt, output_tokens=answer, cached_tokens=cached, written_tokens=written, searches=searches
    )
    more = Usage(
        input_tokens=prompt, output_tokens=answer + 1, cached_tokens=cached, written_tokens=written, searches=searches
    )
    here, there = (await cost(name, usage)).microcredits, (await cost(name, more)).microcredits
    assert isinstance(here, int)
    assert 0 <= here < there
    assert here > 0 or not (prompt or answer or searches)
