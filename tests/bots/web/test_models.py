"""Which model answers, on the page: said in a line, and another one chosen from a list."""

import asyncio
import re
from html import unescape
from http import HTTPStatus

import pytest

from bots.web.models import ModelsShown
from core.exchange import Model
from core.values import Command
from simulators.pages import FakeModels, World


def read(html: str) -> str:
    """What a person reads in a piece of a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


async def test_the_page_says_which_model_answers(world: World) -> None:
    """In a quiet line, with the first thing to know about it."""
    page = await world.owner()
    _, html = await page.get("/")
    assert "local/qwen3 answers · Choose another" in read(html)
    note = "A tiny demonstration model: it shows that everything works. Configure a real one."
    world.models.offers["embedded"] = (Model(id="smollm2", hosting="self", note=note),)
    world.models.now = "embedded/smollm2"
    _, part = await page.get("/model?c=c1")
    assert read(part) == "embedded/smollm2 answers · A tiny demonstration model · Choose another"
    assert note in unescape(part)


async def test_without_a_model_the_page_says_where_to_look(world: World) -> None:
    """Instead of nothing."""
    world.models.now = ""
    page = await world.owner()
    assert "No model can answer at the moment: waystation status says why" in read((await page.get("/"))[1])


async def test_another_model_is_chosen_by_its_name(world: World) -> None:
    """As by the command; what is said to that is shown, and no conversation is begun or turned to for it."""
    world.archive.kept = {"c1": [], "c2": []}
    world.archive.current = "c2"
    page = await world.owner()
    _, html = await page.get("/models?c=c1")
    text = read(html)
    for told in ("qwen3 Answers now. Runs on your machines.", "large What you say goes to lab. Until 2027-01-01."):
        assert told in text
    assert "down It cannot be reached at the moment." in text
    assert re.findall(r'name="model" value="([^"]*)"', html) == ["auto", "local/qwen3", "local/llama", "lab/large"]
    status, _ = await page.post("/do", c="c1", what="model", model="local/llama")
    assert status == HTTPStatus.OK
    assert world.core.bodies == [Command(name="model", args="local/llama")]
    assert world.core.last.to.handle == "c1"
    await world.core.answer("1", "From now on.", kept=False)
    assert "local/llama answers, as you chose" in read((await page.get("/model?c=c1"))[1])
    assert "From now on." in read((await page.get("/c/c1"))[1])


async def test_a_model_is_chosen_without_a_script(world: World) -> None:
    """By a form on a page of its own, which leads back."""
    page = await world.owner()
    headers = {"Origin": page.url}
    form = {"c": "c1", "what": "model", "model": "lab/large"}
    async with page.session.post(f"{page.url}/do", data=form, headers=headers, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (HTTPStatus.SEE_OTHER, "/c/c1")
    assert world.core.bodies == [Command(name="model", args="lab/large")]


async def test_a_choice_of_nothing_is_refused(world: World) -> None:
    """It would only list what there is."""
    page = await world.owner()
    assert (await page.post("/do", c="c1", what="model", model=""))[0] == HTTPStatus.BAD_REQUEST


async def test_a_provider_that_is_slow_to_tell_holds_up_no_page(world: World) -> None:
    """The page is there without the line, and its script asks again."""
    world.models.slow_s = 1.0
    async with asyncio.timeout(0.9):
        page = await world.owner()
        _, html = await page.get("/")
    assert "qwen3" not in read(html)
    assert "local/qwen3 answers" in read((await page.get("/model?c=c1"))[1])


async def test_what_servers_call_their_models_is_text(world: World) -> None:
    """Never markup, and nothing that turns letters around."""
    world.models.offers = {"local": (Model(id="<b>x</b>\u202e\x1b", hosting="self", note="<script>"),)}
    world.models.now = "local/<b>x</b>\u202e\x1b"
    page = await world.owner()
    for path in ("/", "/model?c=c1", "/models?c=c1"):
        _, html = await page.get(path)
        assert "<b>x" not in html
        assert "<script>" not in html
        assert "x⟨U+202E⟩⟨U+001B⟩" in unescape(re.sub(r"</?b>", "", html)) or "⟨U+202E⟩⟨U+001B⟩" in html


async def test_a_long_list_is_shown_in_part() -> None:
    """With the one that answers, wherever it stands."""
    models = FakeModels()
    models.offers = {"lab": tuple(Model(id=f"m{number}", hosting="hosted") for number in range(300))}
    models.now = "lab/m200"
    shown = ModelsShown(models, "owner")
    (offer,) = await shown.offers()
    assert len(offer.models) + offer.more == 300
    assert len(offer.models) < 20
    assert offer.models[-1].id == "m200"
    shown.close()


async def test_where_nobody_can_tell_nothing_is_said() -> None:
    """An adapter without a core says nothing of models."""
    shown = ModelsShown(None, "owner")
    assert not (await shown.line(1.0)).known
    assert await shown.offers() == ()


@pytest.mark.parametrize("path", ["/model", "/models"])
async def test_strangers_hear_nothing_of_models(world: World, path: str) -> None:
    """They are told how to get in, as everywhere."""
    assert (await (await world.stranger()).get(path))[0] == HTTPStatus.UNAUTHORIZED
