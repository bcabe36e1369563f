"""What was under way at a death is read from the product's own lines."""

import json

from chaos.stages import NO_LINE, Log


def log(*lines: dict[str, object]) -> Log:
    """A life that said this."""
    found = Log()
    for line in lines:
        found.read(json.dumps({"timestamp": "2026-11-22T12:00:00Z", "level": "debug", **line}).encode())
    return found


def stage(name: str, phase: str, **more: str) -> dict[str, object]:
    """One stage line."""
    return {"event": "stage", "stage": name, "phase": phase, **more}


def test_a_stage_is_open_from_its_beginning_to_its_end() -> None:
    """Each chat and each lane on its own."""
    found = log(
        stage("accept", "begin"),
        stage("commit", "begin", lane="a"),
        stage("commit", "begin", lane="b"),
        stage("commit", "done", lane="a"),
        stage("put", "begin", slot="1.0"),
    )
    assert set(found.open) == {("accept", ""), ("commit", "b"), ("put", "1.0")}
    assert found.seen == {"accept": 1, "commit": 2, "put": 1}


def test_a_message_is_on_its_way_until_the_store_knows_that_it_is_there() -> None:
    """That the platform has answered is not enough."""
    begun = [stage("put", "begin", slot="1.0"), stage("put", "done", slot="1.0")]
    confirmed = [*begun, stage("confirm", "begin", slot="1.0")]
    assert set(log(*begun).sends) == {"1.0"}
    assert set(log(*confirmed).sends) == {"1.0"}
    assert not log(*confirmed, stage("confirm", "done", slot="1.0")).sends


def test_a_preview_that_is_a_message_is_on_its_way_too() -> None:
    """From the intent to the confirmation."""
    assert set(log(stage("preview", "begin", slot="1")).sends) == {"1"}
    assert not log(stage("preview", "begin", slot="1"), stage("preview", "done", slot="1")).sends


def test_a_sending_that_failed_is_over() -> None:
    """What is tried again begins again."""
    failed: dict[str, object] = {"event": "not delivered", "level": "warning", "slot": "1.0"}
    found = log(stage("put", "begin", slot="1.0"), failed)
    assert not found.sends
    assert not found.open


def test_warnings_and_what_is_no_log_line_are_counted() -> None:
    """Nothing the product complains of goes unseen."""
    found = log({"event": "calm", "level": "info"}, {"event": "turn broke", "level": "error"})
    found.read(b"Traceback (most recent call last):")
    assert found.trouble == {"turn broke": 1, NO_LINE: 1}
    assert found.complaints[-1] == "Traceback (most recent call last):"
