"""A simulated model server that speaks OpenAI's chat completions on loopback, with a script and bad days.

```python
async with OpenAISimulator() as lab:
    lab.on("weather").reply([tool_call("look_up", city="Bonn")], "It rains.")
    lab.on().sometimes(0.1, status(429, retry_after=1))
    ...  # a client with base_url=lab.base_url asks
    assert lab.requests[0].tools == ("look_up",)
```
"""

from .faults import Fault, cut, empty, garbage, hang, stall, status, stream_error, truncated
from .records import Recorded
from .replies import Pace, Reply, ToolCall, echo, tool_call
from .script import Rule
from .simulator import MODELS, OpenAISimulator

__all__ = [
    "MODELS",
    "Fault",
    "OpenAISimulator",
    "Pace",
    "Recorded",
    "Reply",
    "Rule",
    "ToolCall",
    "cut",
    "echo",
    "empty",
    "garbage",
    "hang",
    "stall",
    "status",
    "stream_error",
    "tool_call",
    "truncated",
]
