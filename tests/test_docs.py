# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages say what the add-on says: names as in the panels, each message, links that lead."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import build_addon

REPO = build_addon.REPO
PAGES = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]
TROUBLESHOOTING = (REPO / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
PICTURES = REPO / "docs" / "pictures"
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def trees(*folders: str) -> Iterator[ast.Module]:
    """The parsed modules that the zip holds below these of its folders; "" is the top."""
    for name, file in build_addon.addon_files().items():
        folder = name.split("/")[0] if "/" in name else ""
        if file.suffix == ".py" and (not folders or folder in folders):
            yield ast.parse(file.read_text(encoding="utf-8"))


def calls(name: str) -> Iterator[ast.Call]:
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(
                node.func, "attr", getattr(node.func, "id", "")
            ) == name:  # fmt: skip
                yield node


def longest_words(node: ast.expr) -> str:
    """The longest part of a sentence that is the same each time; "" where all of it varies."""
    if isinstance(node, ast.BinOp):
        parts = [longest_words(node.left), longest_words(node.right)]
    else:
        pieces = node.values if isinstance(node, ast.JoinedStr) else [node]
        parts = [str(p.value) for p in pieces if isinstance(p, ast.Constant)]
    return max((part.strip(" '\"(),:.") for part in parts), key=len, default="")


ERRORS = list(calls("CaptureError"))
CODES = sorted({longest_words(e.args[0]) for e in ERRORS if isinstance(e.args[0], ast.Constant)})
SENTENCES = sorted(
    {longest_words(e.args[1]) for e in ERRORS if len(e.args) > 1}
    | {longest_words(c.args[1]).split(". ")[0] for c in calls("report") if "ERROR" in ast.dump(c)}
    - {""}
)
GREY = sorted({longest_words(c.args[0]) for c in calls("poll_message_set") if c.args} - {""})


def test_there_are_messages_to_look_for():
    assert len(CODES) > 60
    assert len(SENTENCES) > len(CODES)
    assert len(GREY) > 10


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_explained(code):
    assert f"| `{code}` |" in TROUBLESHOOTING


@pytest.mark.parametrize("words", SENTENCES)
def test_each_message_is_explained(words):
    rows = [line for line in TROUBLESHOOTING.splitlines() if line.startswith("| ")]
    assert any(words in row.split("|")[1] for row in rows), "no row of docs/troubleshooting.md"


@pytest.mark.parametrize("words", GREY)
def test_each_reason_of_a_grey_button_is_explained(words):
    assert f"| {words} |" in TROUBLESHOOTING


def shown_names() -> tuple[set[str], list[re.Pattern[str]]]:
    """Texts of the add-on's Blender side, and patterns of those that panels put together."""
    texts: set[str] = set()
    patterns = []
    for tree in trees("", "blender", "core", "ops", "ui"):
        texts |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value
                  and type(n.value) is str}  # fmt: skip
    for tree in trees("ui"):
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and len(longest_words(node)) > 3:
                said = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+"
                        for p in node.values)  # fmt: skip
                patterns.append(re.compile("".join(said)))
    return texts, patterns


NAMES, PATTERNS = shown_names()


@every_page
def test_bold_names_are_those_of_the_panels(page):
    bold = {" ".join(name.split()) for name in BOLD.findall(page.read_text(encoding="utf-8"))}
    unknown = {n for n in bold - NAMES if not any(p.fullmatch(n) for p in PATTERNS)}
    assert not unknown


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@every_page
def test_links_and_pictures_lead_somewhere(page):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if ":" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}#{anchor}"


def test_pictures_are_small_and_used():
    files = [file for file in PICTURES.iterdir() if file.is_file()]
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert files
    assert all(file.stat().st_size < 150_000 for file in files)
    assert sum(file.stat().st_size for file in files) < 1_000_000
    assert not [file.name for file in files if f"pictures/{file.name}" not in texts]
