"""A simulated Discord: gateway and REST API on loopback, servers, channels and people.

```python
async with DiscordSimulator() as discord:
    ann = discord.person("Ann")
    dm = ann.dm()
    dm.say(ann, "Hello")            # dispatched to the bot's session
    ...
    assert dm.screen() == ["You said Hello"]
    assert discord.violations == []
```
"""

from simulators.discord.gateway import Gateway
from simulators.discord.simulator import DiscordSimulator, Fault
from simulators.discord.world import Channel, Person, Said

__all__ = ["Channel", "DiscordSimulator", "Fault", "Gateway", "Person", "Said"]
