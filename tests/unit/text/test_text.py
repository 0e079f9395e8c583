from hypothesis import given
from hypothesis import strategies as st

from bedside import text


@given(st.binary())
def test_safe_text_holds_nothing_that_drives_a_terminal(data: bytes) -> None:
    cleaned = text.safe(text.decode(data))
    assert not any(ord(c) < 32 and c not in "\n\t" for c in cleaned)
    assert not any(0x7F <= ord(c) <= 0x9F or 0xD800 <= ord(c) <= 0xDFFF for c in cleaned)
    cleaned.encode()


@given(st.binary())
def test_decoded_bytes_can_be_had_back(data: bytes) -> None:
    assert text.decode(data).encode("utf-8", "surrogateescape") == data


def test_escape_codes_and_direction_marks_are_spelled_out() -> None:
    assert text.safe("a\x1b[2Jb\r\n\u202e\udcff") == "a\\x1b[2Jb\n\\u202e\\xff"


def test_one_line_is_one_line_and_bounded() -> None:
    assert text.one_line("a\n  b\tc") == "a b c"
    assert len(text.one_line("x" * 1000, 80)) == 80
