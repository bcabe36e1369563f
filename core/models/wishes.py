"""Which model people chose for a context: in private each for themselves, in a group all together."""

from core.seams import Records
from core.values import Put

_TABLE = "wishes"


async def of(records: Records, lane: str) -> str:
    """What was chosen for a lane, as ``provider/model``; "" for nothing."""
    record = await records.get(_TABLE, lane)
    return "" if record is None else record.body.decode()


def keep(lane: str, scope: str, name: str) -> Put:
    """Choose this from now on; "" leaves it to the operator's order again."""
    return Put(table=_TABLE, row=lane, scope=scope, body=name.encode() or None)
