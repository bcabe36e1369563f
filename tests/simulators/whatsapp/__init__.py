"""A simulated WhatsApp: the Cloud API on loopback, its webhooks, and people with telephones.

```python
async with WhatsAppSimulator(webhook=url, secret="s") as meta:
    ann = meta.person("4915100000001", "Ann")
    await ann.say("Hello")          # a signed webhook call; brought again until it is answered with 200
    ...
    assert ann.screen() == ["Hello Ann"]
    assert meta.violations == []
```
"""

from simulators.whatsapp.people import Person
from simulators.whatsapp.simulator import NUMBER, NUMBER_ID, TOKEN, WhatsAppSimulator

__all__ = ["NUMBER", "NUMBER_ID", "TOKEN", "Person", "WhatsAppSimulator"]
