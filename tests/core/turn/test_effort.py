"""How long a model is to think is said to those that can be told, and to no other."""

import pytest

from core.exchange import Effort
from core.testing import answer
from turns import Lane, Windowed, assistant


@pytest.mark.parametrize("effort, most", [("", 4096), ("low", 4096), ("high", 16_384)])
async def test_a_model_that_can_be_told_is_told(effort: Effort, most: int) -> None:
    """And has room for its thoughts, which labs count as part of the answer."""
    lane, model = Lane(), Windowed(answer("Hm."), effort=True)
    lane.hear("Hard?")
    await lane.run(assistant(lane, model, effort=effort))
    (request,) = model.requests
    assert (request.effort, request.max_output_tokens) == (effort, most)


async def test_one_that_cannot_is_not() -> None:
    """Some labs refuse the whole request for it."""
    lane, model = Lane(), Windowed(answer("Hm."))
    lane.hear("Hard?")
    await lane.run(assistant(lane, model, effort="high"))
    assert (model.requests[0].effort, model.requests[0].max_output_tokens) == ("", 4096)
