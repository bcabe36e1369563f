"""Texts are told from what is none, and read in the encoding they are in, by their bytes alone."""

import io
import random
import time
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.decoding import decoded

CHINESE = "这是一个日志文件。今天的会议纪要：第一，项目进度正常；第二，修复登录页面的错误。\n"
TAIWANESE = "這是一個記錄檔。今天的會議紀要：第一，專案進度正常；第二，修復登入頁面的錯誤。\n"
JAPANESE = "これはログファイルです。進捗は正常で、ログイン画面の不具合を修正します。\n"
KOREAN = "이것은 로그 파일입니다. 로그인 화면의 오류를 빨리 고쳐야 합니다.\n"
RUSSIAN = "Это файл журнала. Проект идёт по плану, нужно исправить ошибку входа.\n"
GERMAN = "Müller fragte: „Wieviel kostet das?“ – 5 € für Äpfel aus Köln.\n"
FRENCH = "Élève à l'école, ça été déjà vu, où est-ce que c'était ?\n"
POLISH = "Zażółć gęślą jaźń, świętować, być może.\n"
TURKISH = "Şimdi İstanbul'dayız, güneşli bir gün, çok iyi.\n"
GREEK = "Αυτό είναι ένα αρχείο καταγραφής. Η συνάντηση πήγε καλά.\n"
HEBREW = "זהו קובץ יומן. הפגישה היום עברה בשלום ויש לתקן את השגיאה.\n"
CODE = "import sys\n\n\ndef main(argv):\n    # {}\n    for name in argv:\n        print(name)  # {}\n    return 0\n"
LOG = "".join(f"2026-11-20 12:00:{second:02} INFO request {second} done\n" for second in range(60)).encode()


@pytest.mark.parametrize(
    "text, encoding",
    [
        (CHINESE, "gb18030"),
        ("你好，世界", "gb18030"),
        (CODE.format("遍历所有参数", "打印路径"), "gb18030"),
        (TAIWANESE, "big5"),
        ("你好，世界", "big5"),
        (JAPANESE, "shift_jis"),
        ("こんにちは世界", "shift_jis"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (KOREAN, "euc_kr"),
        ("안녕하세요 세계", "euc_kr"),
        (RUSSIAN, "koi8_r"),
        ("Привет, мир", "koi8_r"),
        (RUSSIAN, "cp1251"),
        ("Привет, мир", "cp1251"),
        (CODE.format("обходим все аргументы", "печать пути"), "cp1251"),
        (RUSSIAN, "cp866"),
        (GERMAN, "cp1252"),
        ("Grüße aus Köln", "cp1252"),
        (FRENCH, "cp1252"),
        (CODE.format("naïve", "café – déjà vu"), "cp1252"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859_2"),
        (TURKISH, "cp1254"),
        (GREEK, "cp1253"),
        (HEBREW, "cp1255"),
    ],
)
def test_a_text_in_an_older_encoding_is_read(text: str, encoding: str) -> None:
    """Nothing in such a file says which encoding it is in."""
    for data in (text.encode(encoding), (text * 40).encode(encoding)):
        read = decoded(data)
        assert read is not None
        assert read.text in {text, text * 40}
        assert read.guessed


@pytest.mark.parametrize("text", [GERMAN, CHINESE, RUSSIAN, KOREAN, "plain ASCII\nin two lines\n", "a = 1\n"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_every_unicode_text_is_read_with_and_without_its_mark(text: str, encoding: str) -> None:
    """Zeros in a file do not make it something else than text."""
    read = decoded(text.encode(encoding))
    assert read is not None
    assert (read.text, read.guessed) == (text, False)


@pytest.mark.parametrize("bad", [b"\xff", b"\x00", b"\xc3", b"\x80"])
def test_one_bad_byte_does_not_make_a_log_unreadable(bad: bytes) -> None:
    """It is the log that is asked about."""
    for log in (LOG, LOG + "größer 你好 naïve\n".encode()):
        read = decoded(log[:777] + bad + log[777:])
        assert read is not None
        assert "12:00:59 INFO request 59 done" in read.text
        assert ("你好" in read.text) == ("你好".encode() in log)
        assert "\x00" not in read.text


def test_a_character_that_is_cut_at_the_end_is_left_out() -> None:
    """Of a long file only the beginning is read."""
    for encoding in ("utf-8", "utf-16", "gb18030"):
        read = decoded((CHINESE * 9).encode(encoding)[:-1], whole=False)
        assert read is not None
        assert CHINESE * 8 in read.text
        assert "\ufffd" not in read.text[:-1]


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("hello.txt", "hello " * 1000)
    return buffer.getvalue()


NOISE = random.Random(7).randbytes(4000)


@pytest.mark.parametrize(
    "data",
    [
        _zip(),
        b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00" + NOISE,
        b"\x89PNG\r\n\x1a\n" + b"nearly a text",
        b"\xff\xd8\xff\xe0\x00\x10JFIF" + NOISE,
        b"GIF89a" + NOISE,
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
        b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(16) + NOISE,
        zlib.compress(b"hello " * 5000),
        b"\x1f\x8b\x08\x00" + NOISE,
        b"SQLite format 3\x00" + bytes(80),
        b"MZ\x90\x00\x03\x00\x00\x00" + NOISE,
        bytes(200),
        NOISE,
        NOISE[:60],
        b"\xff\xfe" + NOISE,
    ],
    ids=lambda data: repr(data[:8]),
)
def test_what_is_no_text_is_not_read_as_one(data: bytes) -> None:
    """Whatever it is called."""
    assert decoded(data) is None


def test_signs_that_cannot_be_seen_are_left_out() -> None:
    """A log's colours stay out of the conversation, its ends of lines do not."""
    read = decoded(b"\x1b[31mERROR\x1b[0m\tno\r\n\x07" * 40 + b"ok\n" * 60)
    assert read is not None
    assert read.text.startswith("[31mERROR[0m\tno\r\n")


@given(data=st.binary(max_size=3000), whole=st.booleans())
def test_whatever_the_bytes_are_they_are_text_or_none(data: bytes, *, whole: bool) -> None:
    """Nothing raises, and no text holds a sign that cannot be seen."""
    read = decoded(data, whole=whole)
    assert read is None or not any(char in read.text for char in "\x00\x1b\x7f")


@pytest.mark.parametrize(
    "piece",
    [b"a\x00", b"\x00\x00", b"\xff", "é".encode("cp1252"), "你".encode("gb18030"), b"\xc3", b"x" * 99 + b"\xe9"],
)
def test_megabytes_are_decoded_in_a_time_that_grows_with_them(piece: bytes) -> None:
    """Twice as much takes about twice as long, whatever it is made of: what is guessed by is bounded."""

    def took(count: int) -> float:
        data = piece * count
        began = time.process_time()
        decoded(data)
        return time.process_time() - began

    count = 500_000 // len(piece)
    took(count)  # the models are loaded
    small = min(took(count) for _ in range(3))
    large = min(took(count * 4) for _ in range(3))
    assert large < max(0.05, 12 * small)
