"""What a webhook call brings, as events: many entries, changes, messages and statuses in one call, in any mixture.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import structlog

from bots.whatsapp.clock import MetaClock
from bots.whatsapp.content import body_of, dicts, digits, part
from bots.whatsapp.people import People
from bots.whatsapp.refusals import WINDOW_CLOSED
from bots.whatsapp.sent import SentSlots
from core.values import Address, Body, Inbound, Message, Receipt

log = structlog.get_logger(__name__)

Json = dict[str, Any]

_DELIVERED: Final = frozenset({"delivered", "read", "played"})
_ARRIVED: Final = _DELIVERED | {"sent"}
_CHANGES: Final = frozenset({"user_changed_number", "user_changed_user_id", "customer_changed_number"})


class Intake:
    """Makes events of what Meta brings.

    Args:
        number: The id of the number we speak as; what is for others is left alone.
        wrote: Told whenever a person writes: their chat, and when (seconds since 1970).
        closed: Told of a chat that lets nothing in, since its person has not written for 24 hours.
        clock: Told each time of Meta's.
        ask_time: Has Meta tell the clock what time it is there.
        sent: Where each of our messages was said; None to remember nothing.
    """

    def __init__(
        self,
        adapter: str,
        number: str,
        people: People,
        microcredits: int,
        *,
        wrote: Callable[[str, float], None],
        closed: Callable[[str], None],
        clock: MetaClock | None = None,
        ask_time: Callable[[], Awaitable[None]] | None = None,
        sent: SentSlots | None = None,
    ) -> None:
        self._adapter = adapter
        self._number = number
        self._people = people
        self._microcredits = microcredits
        self._wrote = wrote
        self._closed = closed
        self._clock = clock or MetaClock()
        self._ask_time = ask_time
        self._sent = sent

    async def events(self, payload: Json) -> list[Inbound | Receipt]:
        """All that a call brings, in its order."""
        found: list[Inbound | Receipt] = []
        for entry in dicts(payload.get("entry")):
            for change in dicts(entry.get("changes")):
                value = part(change, "value")
                field = str(change.get("field"))
                if part(value, "metadata").get("phone_number_id") != self._number:
                    log.info("webhook for another number", field=field)
                    continue
                if field == "user_id_update":
                    await self._ids_updated(value)
                    continue
                if field != "messages":
                    log.info("webhook left alone", field=field)
                    continue
                _reported(value)
                statuses = [await self._receipt(status) for status in dicts(value.get("statuses"))]
                messages = [await self._event(message, value) for message in dicts(value.get("messages"))]
                found += [one for one in (*statuses, *messages) if one is not None]
        return found

    async def _event(self, message: Json, value: Json) -> Inbound | None:
        if message.get("type") == "system":
            await self._system(message)
            return None
        contact = _contact(message, value)
        bsuid = str(message.get("from_user_id") or contact.get("user_id") or "")
        number = str(message.get("from") or contact.get("wa_id") or "")
        if not (bsuid or number) or not message.get("id") or message.get("group_id"):
            log.warning("message left alone", kind=str(message.get("type")), group=bool(message.get("group_id")))
            return None
        person = await self._people.of(bsuid, number)
        ours = digits(str(part(value, "metadata").get("display_phone_number", "")))
        identity = str(message["id"])
        at = _seconds(message.get("timestamp"))
        self._clock.heard(at)
        self._wrote(person, at)
        if at and self._ask_time is not None and self._clock.doubts(at):
            await self._ask_time()
        body = await self._placed(person, body_of(message, self._adapter, ours=ours))
        answered = body.id if isinstance(body, Message) else identity  # an edit is answered where it was written first
        if isinstance(body, Message) and body.unknown:
            log.warning("message of a kind we cannot read", kind=body.unknown)
            _reported(message)
        profile = part(contact, "profile")
        return Inbound(
            key=f"{self._adapter}/{self._number}/{identity}",
            sender=person,
            to=Address(adapter=self._adapter, chat=person, handle=answered),
            body=body,
            name=str(profile.get("name") or profile.get("username") or ""),
            at=self._clock.by_ours(at),
        )

    async def _placed(self, person: str, body: Body) -> Body:
        """A message that knows in which slot we said what it replies to."""
        if self._sent is None or not (isinstance(body, Message) and any(quote.message for quote in body.quotes)):
            return body
        slots = [await self._sent.slot(person, quote.message) for quote in body.quotes]
        quotes = [replace(quote, slot=slot) for quote, slot in zip(body.quotes, slots, strict=True)]
        return replace(body, quotes=tuple(replace(quote, mine=quote.mine or bool(quote.slot)) for quote in quotes))

    async def _system(self, message: Json) -> None:
        """Somebody has another number or id from now on; what else the system says is of no use here."""
        system = part(message, "system")
        kind = str(system.get("type", ""))
        log.info("system message", kind=kind)
        if kind not in _CHANGES:
            return
        before = [str(message.get(key) or "") for key in ("from_user_id", "from")]
        after_number = str(system.get("wa_id") or system.get("new_wa_id") or "")
        after_bsuid = str(system.get("user_id") or system.get("new_user_id") or "")
        await self._people.changed(str(message.get("id", "")), before, after_bsuid, after_number)

    async def _ids_updated(self, value: Json) -> None:
        """Somebody has another id: the only word of it where Meta does not tell their number.

        https://developers.facebook.com/docs/whatsapp/business-scoped-user-ids
        """
        for update in dicts(value.get("user_id_update")):
            ids = part(update, "user_id")
            before, after = str(ids.get("previous") or ""), str(ids.get("current") or "")
            log.info("id updated")
            if before and after:
                notice = f"{before}/{after}/{update.get('timestamp')}"
                await self._people.changed(notice, [before], after, str(update.get("wa_id") or ""))

    async def _receipt(self, status: Json) -> Receipt | None:
        """A word about something we sent; it names the slot as we had named it.

        That the 24 hours are over is mostly told here: the call that sent the message was answered with 200.
        """
        slot, state = str(status.get("biz_opaque_callback_data", "")), str(status.get("status", ""))
        self._clock.heard(_seconds(status.get("timestamp")))
        if not slot or not (state in _ARRIVED or state == "failed"):
            return None
        errors = dicts(status.get("errors")) if state == "failed" else []
        for error in errors:
            log.warning("not delivered", slot=slot, code=error.get("code"), reason=str(error.get("title", "")))
        bsuid, number = str(status.get("recipient_user_id") or ""), str(status.get("recipient_id") or "")
        person = await self._people.whom(bsuid, number)
        shut = person and any(error.get("code") in WINDOW_CLOSED for error in errors)
        if shut:
            self._closed(person)
        if person and self._sent is not None and state in _ARRIVED:
            await self._sent.keep(person, str(status.get("id", "")), slot)
        # Once, by whichever comes first: of what is read the moment it arrives, no "delivered" is told.
        charged = state in _DELIVERED and part(status, "pricing").get("billable") is True
        return Receipt(
            key=f"{self._adapter}/{self._number}/{status.get('id')}/{'charged' if charged else state}",
            slot=slot,
            state="sent" if state in _ARRIVED else "undone" if shut else "failed",
            microcredits=self._microcredits if charged else 0,
        )


def _contact(message: Json, value: Json) -> Json:
    """The contact that belongs to a message of a call that may bring several people's."""
    contacts = dicts(value.get("contacts"))
    for contact in contacts:
        ids = {contact.get("wa_id"), contact.get("user_id")} - {None, ""}
        if ids & {message.get("from"), message.get("from_user_id")}:
            return contact
    alone = len(contacts) == 1 and not message.get("from_user_id") and len(dicts(value.get("messages"))) == 1
    return contacts[0] if alone else {}


def _reported(of: Json) -> None:
    """Keep in the log what Meta itself has to say about a call or a message."""
    for error in dicts(of.get("errors")):
        log.warning("trouble told by Meta", code=error.get("code"), reason=str(error.get("title", "")))


def _seconds(timestamp: object) -> float:
    try:
        seconds = float(str(timestamp))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0
