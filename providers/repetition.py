"""Noticing that a model goes round in circles, which small ones at temperature 0 do for ever."""

_LONGEST = 60  # words in a phrase that is looked for
_TIMES = 3  # that a phrase is said in a row
_LEAST_WORDS = 12  # that all of it has: a short word may well be said three times


class Repetition:
    """Feed it an answer as it comes; it tells when its last words are one phrase said again and again."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._rest = ""

    def found(self, text: str) -> bool:
        """Whether the answer, with this text at its end, goes in circles."""
        *words, self._rest = (self._rest + text).split(" ")
        for word in words:
            self._words.append(word)
            if self._circles():
                return True
        return False

    def _circles(self) -> bool:
        words = self._words
        for length in range(1, min(_LONGEST, len(words) // _TIMES) + 1):
            times = max(_TIMES, -(-_LEAST_WORDS // length))
            tail = words[-length * times :]
            if len(tail) == length * times and tail == tail[-length:] * times:
                return True
        return False
