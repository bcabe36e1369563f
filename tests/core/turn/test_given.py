"""Which addresses count as given: as they stand in what people and strangers wrote, and no others."""

import json

import pytest

from core.context import wording
from core.errors import AddressRefused
from core.exchange import Entry, Part
from core.text.fencing import outside, outside_said
from core.turn.given import Given

PAGE = "https://a.example/tea?x=1"


def person(text: str) -> Entry:
    """What the person says."""
    return Entry(role="user", parts=(Part(kind="text", origin="person", body=text),))


def quoted(text: str, what: str = "in reply to Bob") -> Entry:
    """What the person passes on."""
    return Entry(role="user", parts=(Part(kind="text", origin="outside", body=outside_said(what, text)),))


def called(**arguments: object) -> Entry:
    """What the model calls."""
    return Entry(role="assistant", parts=(Part(kind="call", id="1", name="t", body=json.dumps(arguments)),))


def returned(text: str, *, strangers: bool = True, failed: bool = False) -> Entry:
    """What a tool returns."""
    body = outside(text) if strangers else text
    origin = "outside" if strangers else ""
    return Entry(role="user", parts=(Part(kind="result", id="1", name="t", body=body, origin=origin, failed=failed),))  # type: ignore[arg-type]


def said(text: str) -> Entry:
    """What the model says."""
    return Entry(role="assistant", parts=(Part(kind="text", body=text),))


@pytest.mark.parametrize(
    "text",
    [
        PAGE,
        f"Read {PAGE}.",
        f"({PAGE})",
        f"<{PAGE}>",
        f'"{PAGE}", please!',
        f"[tea]({PAGE})[more](https://b.example/)",
        f"**{PAGE}**",
        f"> {PAGE}",
        f"\u8bf7\u770b{PAGE}\u3002\u8c22\u8c22",
        f"{PAGE}\u3001https://b.example/",
        f'{{"url": "{PAGE}"}}',
        '{"url":"https:\\/\\/a.example\\/tea?x=1"}',
        f"{PAGE}#part",
        "a.example/tea?x=1",
        "www.a.example/tea?x=1",
        "http://A.EXAMPLE:80/tea?x=1",
        f"https://b.example/?to={PAGE} {PAGE}",
        f"xhttps://b.example {PAGE}",
    ],
)
@pytest.mark.parametrize("entry", [person, quoted, returned])
def test_an_address_is_given_as_it_stands(entry: object, text: str) -> None:
    """However a sentence, a list or a link goes on behind it."""
    assert Given([entry(text)]).holds(PAGE)  # type: ignore[operator]


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/tea?x=2",
        "https://a.example/tea?x=1&d=secret",
        "https://a.example/tea",
        "https://a.example/tea/secret?x=1",
        "https://a.example/",
        "https://secret.a.example/tea?x=1",
        "https://a.example.secret.example/tea?x=1",
        "https://a.example:8443/tea?x=1",
        "https://b.example/tea?x=1",
        "https://a.example/TEA?x=1",
        "https://a.example/tea%20secret?x=1",
        "https://evil.example/?d=a.example/tea?x=1",
    ],
)
@pytest.mark.parametrize("entry", [person, returned])
def test_an_address_that_was_changed_is_not(entry: object, address: str) -> None:
    """Whatever was added could be what somebody wants to know."""
    assert not Given([entry(f"See {PAGE} for more")]).holds(address)  # type: ignore[operator]


def test_what_of_an_address_tells_nobody_anything_may_differ() -> None:
    """Encrypted or not, with www or not, with a fragment or not."""
    given = Given([person("look at b\u00fccher.example and https://www.c.example")])
    assert given.holds("https://xn--bcher-kva.example/")
    assert given.holds("http://www.b\u00fccher.example")
    assert given.holds("https://c.example/#top")


@pytest.mark.parametrize("port", ["10.0.0.1", "10.0.0.1:8080"])
def test_numbers_are_given_like_names(port: str) -> None:
    """Whether they are fetched is the gate's affair."""
    assert Given([person(f"see http://{port}/x")]).holds(f"http://{port}/x")


@pytest.mark.parametrize(
    "entries",
    [
        [said(PAGE)],
        [called(url=PAGE)],
        [returned(PAGE, strangers=False)],
        [returned(PAGE, failed=True)],
        [Entry(role="user", parts=(Part(kind="text", body=f"[I allowed this: {PAGE}]"),))],
        [called(query=f"what is {PAGE}"), returned(f"Nothing found for {PAGE}")],
        [called(query="a.example/tea?x=1"), returned(f"Nothing found for {PAGE}")],
        [called(query="A.EXAMPLE/%74ea?x=1"), returned(PAGE)],
        [called(query="a. example / tea ?x=1"), returned(PAGE)],
        [called(query=["x", {"deep": "a.example/tea?x=1"}]), returned(PAGE)],
        [said(f"As I said, {PAGE}"), returned(PAGE)],
        [said(f"As I said, {PAGE}"), quoted(PAGE)],
        [quoted(PAGE, "in reply to you")],
        [quoted(PAGE, "forwarded from you")],
    ],
    ids=range(14),
)
def test_what_the_model_wrote_first_is_the_models(entries: list[Entry]) -> None:
    """A tool that repeats it, or a quotation, makes it nobody else's."""
    assert not Given(entries).holds(PAGE)


def test_what_was_given_first_stays_given() -> None:
    """The model may say it again, and call with it."""
    assert Given([returned(PAGE), called(url=PAGE), returned(f"Address: {PAGE}"), said(PAGE)]).holds(PAGE)
    assert Given([said(PAGE), person(f"yes, {PAGE}")]).holds(PAGE)


def test_sources_that_a_lab_told_are_given() -> None:
    """They are no words of the model's."""
    assert Given([Entry(role="assistant", parts=(Part(kind="citation", body=PAGE, name="Tea"),))]).holds(PAGE)


def test_the_operator_gives_addresses() -> None:
    """In the instructions to the model."""
    assert Given([], f"Our menu is at {PAGE}.").holds(PAGE)
    assert not Given([], "Our menu is at https://a.example/").holds(PAGE)


def test_what_is_no_address_is_refused() -> None:
    """By the reader that the gate has, so that they cannot disagree."""
    for address in ("file:///etc/passwd", "https://a@b.example/", "https://a.example/ x"):
        with pytest.raises(AddressRefused):
            Given([person(address)]).holds(address)


def test_a_quotation_of_ours_is_known_by_our_words() -> None:
    """Whoever calls himself so is taken for us, which gives less."""
    assert wording.is_of_ours(outside_said("in reply to you", "x"))
    assert not wording.is_of_ours(outside_said("in reply to Bob", "in reply to you:]"))
    assert not wording.is_of_ours("x\nin reply to you:]")
