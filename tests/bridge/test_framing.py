# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import itertools
import json

from capf_blender.bridge.framing import LineSplitter, decode
from capf_blender.bridge.messages import encode

MESSAGES = [{"type": "log", "message": "Füße\nund ☃"}, {"type": "x", "n": 1}, {"type": "y"}]


def test_any_cut_gives_the_same_messages():
    data = b"".join(encode(message) for message in MESSAGES)
    for first, second in itertools.combinations(range(len(data) + 1), 2):
        splitter = LineSplitter()
        lines = [
            line
            for piece in (data[:first], data[first:second], data[second:])
            for line in splitter.feed(piece)
        ]
        assert [decode(line) for line in lines] == MESSAGES


def test_windows_line_ends():
    assert LineSplitter().feed(b'{"type":"a"}\r\n') == [b'{"type":"a"}']


def test_a_line_without_end_is_cut_and_the_next_one_is_whole():
    splitter = LineSplitter(longest=100)
    lines = []
    for _ in range(50):
        lines += splitter.feed(b"x" * 30)
    lines += splitter.feed(b'xx\n{"type":"a"}\n')
    assert [len(line) for line in lines] == [100, 12]
    assert decode(lines[0])["type"] == "garbage"
    assert decode(lines[1]) == {"type": "a"}


def test_what_is_no_message_is_garbage():
    deep = b"[" * 100_000
    for line in (b"hello", b"\xff\xfe", b"[]", b"3", b"{}", b'{"type": 3}', deep):
        assert decode(line)["type"] == "garbage"
        assert len(json.dumps(decode(line))) < 2000


def test_a_file_name_that_is_no_utf8_survives():
    message = {"type": "capture", "source": b"/tmp/\xff.mp4".decode(errors="surrogateescape")}
    assert decode(encode(message).rstrip()) == message
