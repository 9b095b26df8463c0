"""What is let in, and what is not."""

from __future__ import annotations

import pytest

from zsc.schema import MisfitError
from zsc.web.guard import Act, Focus, Rate, Rates, Ready, known_host, message_of, own_origin, same


def test_known_messages_are_read() -> None:
    assert message_of('{"type": "act", "action": 3, "at": 5.5, "seen": 7}') == Act(3, 5.5, 7)
    assert message_of('{"type": "ready"}') == Ready()
    assert message_of(b'{"type": "focus", "has": false}') == Focus(False)


RUBBISH = (
    "", "hello", "[]", "null", "{}", '{"type": "eval"}', '{"type": "Act"}', '{"type": ["act"]}',
    '{"type": "act"}', '{"type": "act", "action": "1"}', '{"type": "act", "action": true}',
    '{"type": "act", "action": 1.5}', '{"type": "act", "action": 1, "at": NaN}',
    '{"type": "drawn", "step": 1}', '{"type": "act", "action": 99999999999999999999999}',
    '{"type": "ready", "x": "' + "y" * 5_000 + '"}', "[" * 2_000, "\x00\ud800", '"__proto__"',
)  # fmt: skip


@pytest.mark.parametrize("text", RUBBISH, ids=range(len(RUBBISH)))
def test_anything_else_is_not(text: str) -> None:
    with pytest.raises(MisfitError):
        message_of(text)


def test_a_bucket_lets_so_many_through_at_once_and_so_many_a_second() -> None:
    now = [0.0]
    rate = Rate(2.0, 5.0, lambda: now[0])
    assert [rate.take() for _ in range(7)] == [True] * 5 + [False] * 2
    now[0] = 1.0
    assert [rate.take() for _ in range(3)] == [True, True, False]
    rates = Rates(0.0, 1.0, most=2)
    assert [rates.take(who) for who in "aab"] == [True, False, True]
    assert [rates.take(who) for who in "ca"] == [True, True]  # a was forgotten when c came


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://Study.example", "study.example", True),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", False),
        ("http://evil.example", "127.0.0.1:8000", False),
        ("null", "127.0.0.1:8000", False),
        ("file://", "127.0.0.1:8000", False),
        (None, "127.0.0.1:8000", False),
        ("http://[::1", "[::1", False),
    ],
)
def test_only_pages_of_this_server_may_ask(origin: str | None, host: str, own: bool) -> None:
    assert own_origin(origin, host) is own


def test_another_name_pointed_here_is_no_name_of_this_server() -> None:
    allowed = ("127.0.0.1", "localhost", "[::1]")
    for host in ("127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:80", "[::1]"):
        assert known_host(host, allowed)
    for name in ("evil.example", "127.0.0.1.evil.example:8000", "", None, "localhost.", "[::2]"):
        assert not known_host(name, allowed)
    assert known_host("study.example", ())


def test_tokens_are_compared_whole() -> None:
    assert same("abc", "abc")
    assert not same("abc", "abd")
    assert not same("", "abc")
