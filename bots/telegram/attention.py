"""Whether what is said in a group is said to us: by our name, in reply to us, by a command, or in an album of ours.

What is said to others is not for us to answer. It may still matter for what we are asked next, and so is heard.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from telegram import Chat, Message

from bots.telegram.parsing import Parsed
from bots.telegram.words import Identity, mentions

_ALBUMS_REMEMBERED: Final = 1000


class Attention:
    """Decides for one bot; remembers albums, of which only one picture carries the words."""

    def __init__(self, me: Identity) -> None:
        self._me = me
        self._albums: OrderedDict[str, None] = OrderedDict()

    def look_ahead(self, messages: Iterable[Parsed]) -> None:
        """Learn which albums are for us before any of their pictures is looked at."""
        for message in messages:
            self.addressed(message)

    def addressed(self, taken: Parsed) -> bool:
        """Whether this is said to us. Commands are the caller's affair.

        What is forwarded is not, and whoever is named in another's words is not called by them.
        """
        message = taken.message
        if message.chat.type == Chat.PRIVATE:
            return True
        if taken.forwarded:
            return False
        ours = self._replies_to_us(message) or (taken.own and mentions(message, self._me))
        album = message.media_group_id
        if album is None:
            return ours
        if ours:
            self._albums[album] = None
            if len(self._albums) > _ALBUMS_REMEMBERED:
                self._albums.popitem(last=False)
        return album in self._albums

    def _replies_to_us(self, message: Message) -> bool:
        """In a topic every message "replies" to the notice of its creation, which may have been our doing."""
        replied = message.reply_to_message
        if replied is None or replied.from_user is None or replied.forum_topic_created:
            return False
        return replied.from_user.id == self._me.id
