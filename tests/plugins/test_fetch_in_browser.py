"""What the corpus says of each way to hide words is what a browser shows: the truth that the reader is held to."""

import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from hiding import HIDDEN, SHOWN, WORDS, page
from simulators.browser import PROGRAM, Browser, Tab, browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not PROGRAM, reason="there is no chromium here"),
]

_OTHERS = " ".join(word[::-1] for word in WORDS.split(" "))
"""The same letters, so the same room on the page."""
_SEEN = 60
"""So many pixels that are clearly different are letters; a line of tiny ones makes fewer."""
_COMPARE = """
async ([one, other]) => {
  const of = async (png) => {
    const picture = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob());
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    canvas.getContext('2d').drawImage(picture, 0, 0);
    return canvas.getContext('2d').getImageData(0, 0, picture.width, picture.height);
  };
  const [a, b] = [await of(one), await of(other)];
  if (a.width !== b.width || a.height !== b.height) return 1000000;
  let count = 0;
  for (let i = 0; i < a.data.length; i += 4)
    if (Math.max(...[0, 1, 2].map(n => Math.abs(a.data[i + n] - b.data[i + n]))) > 24) count++;
  return count;
}
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all."""
    async with browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tab(chromium: Browser) -> Tab:
    """One page after the other is shown in it."""
    return await chromium.tab(width=1280, height=800)


async def pictured(tab: Tab, html: str) -> str:
    """What a page looks like, down to its end, as a PNG."""
    await tab.go("data:text/html;charset=utf-8;base64," + base64.b64encode(html.encode()).decode())
    await tab.js("new Promise(done => setTimeout(done, 30))")  # animations of a millisecond are over
    clip = {"x": 0, "y": 0, "width": 1280, "height": 1200, "scale": 1}
    told = await tab.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
    return str(told["data"])


async def differing(tab: Tab, case: str) -> int:
    """How many pixels tell these words from others."""
    one, other = await pictured(tab, page(case)), await pictured(tab, page(case, _OTHERS))
    await tab.go("data:text/html,")
    return int(await tab.js(f"({_COMPARE})(['{one}', '{other}'])"))


@pytest.mark.parametrize("name", HIDDEN)
async def test_a_browser_shows_none_of_it(tab: Tab, name: str) -> None:
    """Whatever the words are, the page looks the same."""
    assert await differing(tab, HIDDEN[name]) < _SEEN


@pytest.mark.parametrize("name", SHOWN)
async def test_a_browser_shows_it(tab: Tab, name: str) -> None:
    """Other words look otherwise."""
    assert await differing(tab, SHOWN[name]) >= _SEEN
