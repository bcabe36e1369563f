"""Values to bytes and back, also between versions."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codec import dump, load
from core.values import Address, Body, Command, Fired, Inbound, Media, Message, Place, Quote, Tap

BODIES: tuple[Body, ...] = (
    Message(
        id="1",
        text="Hello",
        media=(Media(adapter="a", ref="r", kind="photo"),),
        places=(Place(latitude=52.5, longitude=13.4),),
        quotes=(Quote(text="earlier", mine=True),),
    ),
    Command(name="stop", args="now"),
    Tap(token="t"),
    Fired(job="j", due=datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=UTC)),
)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.kind)
def test_every_kind_of_event_comes_back_as_it_was(body: Body) -> None:
    """Unions find their kind again, times their zone."""
    event = Inbound(key="k", sender="s", to=Address(adapter="a", chat="c"), body=body)
    assert load(Inbound, dump(Inbound, event)) == event


def test_what_an_older_version_wrote_is_filled_and_what_a_newer_one_wrote_is_ignored() -> None:
    """Fields come and go; rows that wait are read all the same."""
    older = b'{"key":"k","sender":"s","to":{"adapter":"a","chat":"c"},"body":{"kind":"message","id":"1","text":"x"}}'
    newer = json.dumps(json.loads(older) | {"mood": "good"}).encode()
    expected = Inbound(key="k", sender="s", to=Address(adapter="a", chat="c"), body=Message(id="1", text="x"))
    assert load(Inbound, older) == load(Inbound, newer) == expected


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=30))
def test_any_text_can_be_kept(text: str) -> None:
    """Halves of characters are replaced, since nothing can show them; all others come back as they were."""
    back = load(Message, dump(Message, Message(id="1", text=text))).text
    assert back == text.encode("utf-8", "replace").decode()


def test_what_makes_no_sense_is_refused() -> None:
    """A row of another type is an error, not a guess."""
    with pytest.raises(ValueError, match="text"):
        load(Message, b'{"kind": "message", "id": "1"}')
