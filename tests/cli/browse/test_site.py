"""The answers of the server: headers, hosts, refusals, formats; and the command that starts it."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.cli.browse.file_policy import file_policy
from triptych.cli.browse.formats import percent, short, shown, size
from triptych.cli.browse.search_pages import document_of, query_of
from triptych.cli.browse.security import is_here
from triptych.cli.browse.serve import has_display, listening
from triptych.cli.browse.templates import FOLDER, STATIC, render
from triptych.pipelines.inspection.browse.cluster_page import ClusterView
from triptych.schemas.errors import Refusal


def fetched(address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status, dict(answer.headers.items()), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers.items()), error.read()


@pytest.mark.parametrize("name", ["/0/", "/static/browse.css", "/0/row/999999", "/0/nothing", "/9/", "/favicon.ico"])
def test_every_answer_has_a_strict_policy(served: str, name: str) -> None:
    status, headers, body = fetched(served + name)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert status == (404 if name in ("/0/row/999999", "/0/nothing", "/9/") else 204 if "favicon" in name else 200)
    assert b"Traceback" not in body


def test_other_names_of_this_machine_are_refused(served: str) -> None:
    assert fetched(f"{served}/0/", Host="evil.example")[0] == 421
    assert fetched(f"{served}/0/", Host="localhost:1")[0] == 200
    hosts = {"127.0.0.1:80": True, "[::1]:80": True, "LOCALHOST": True, "127.0.0.1.evil.example": False, "": False}
    assert {host: is_here(host) for host in hosts} == hosts


@pytest.mark.parametrize("name", ["../browse.css", "%2e%2e/templates/base.html", "..%2f..%2fmain.py"])
def test_files_elsewhere_are_not_served(served: str, name: str) -> None:
    assert fetched(f"{served}/static/{name}")[0] == 404


def test_a_part_of_a_clip_can_be_asked_for(served: str, hostile: Path) -> None:
    from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
    from triptych.pipelines.inspection.browse.draw import draw_segments

    row, number = draw_segments(BrowsedDataset(str(hostile)), 1, 0, "audio-text")[0]
    address = f"{served}/0/media/{row}/{number}/decoded.wav"
    _, _, whole = fetched(address)
    status, headers, part = fetched(address, Range="bytes=4-9")
    assert (status, part) == (206, whole[4:10])
    assert headers["content-range"] == f"bytes 4-9/{len(whole)}"
    assert fetched(f"{served}/0/media/{row}/{number}/decoded.png")[0] == 404
    assert fetched(f"{served}/0/media/{row}/{number}/run.json")[0] == 404


def test_a_redirect_stays_on_the_page(served: str) -> None:
    status, _, body = fetched(f"{served}/0/go?to=1")
    assert status == 200
    assert b"Row 1" in body
    assert b"Row 0" in fetched(f"{served}/0/go?to=https://elsewhere.example")[2]


def test_templates_use_known_terms_and_no_inline_style_or_script() -> None:
    texts = {path.name: path.read_text() for path in (FOLDER / "templates").glob("*.html")}
    defined = set(re.findall(r'id="term-(\w+)"', texts["terms.html"]))
    used = {name for text in texts.values() for name in re.findall(r'term\("(\w+)"', text)}
    assert used <= defined
    assert not defined - used - {"kind", "modality"}
    for name, text in texts.items():
        assert not re.search(r"\sstyle=|\son\w+=|javascript:|\|\s*safe", text), name
    assert (STATIC / "vendor" / "uPlot.LICENSE").read_text().startswith("The MIT License")


def test_the_policy_of_a_file_names_its_scripts() -> None:
    policy = file_policy(["a"], [])
    assert "script-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='" in policy
    assert "style-src 'none'" in policy


def test_numbers_are_written_in_full_or_with_their_unit() -> None:
    assert [percent(value) for value in (0.5, 0.00001, 0.99999, 0, 1)] == [
        "50.0 %",
        "0.001 %",
        "99.999 %",
        "0.0 %",
        "100.0 %",
    ]
    assert [short(value) for value in (5, 1234, 12_345_678)] == ["5", "1.23 k", "12.3 M"]
    assert size(1_500_000) == "1.5 MB"
    assert shown("\u202e\x1b") == "\\u202e\\x1b"


def test_a_query_takes_what_makes_sense() -> None:
    given = {"q": "  ", "kind": "video", "least": "-1", "most": "9", "id": "zz", "license": "(none)"}
    query = query_of(given)
    assert (query.text, query.kind, query.least, query.most, query.license) == (None, None, None, 9, "")
    assert document_of(given) is None
    assert document_of({"id": " " + "AB" * 16}) == b"\xab" * 16
    assert query_of({}).empty


def test_a_port_that_is_taken_is_refused() -> None:
    with listening(0) as taken, pytest.raises(Refusal, match="cannot be used"):
        listening(taken.getsockname()[1])


def test_a_display_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", "")
    assert not has_display()
    monkeypatch.setenv("DISPLAY", ":0")
    assert has_display()


def test_what_is_neither_dataset_nor_run_is_refused(triptych: Callable[..., Any], tmp_path: Path) -> None:
    said = triptych("browse", tmp_path)
    assert said.code == 2
    assert str(tmp_path) in said.err


def test_the_command_serves_until_it_is_interrupted(trained: Path) -> None:
    command = [sys.executable, "-c", "from triptych.cli.main import main; main()", "browse", str(trained)]
    environment = {**os.environ, "SSH_CONNECTION": "1 2 3 4"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line, hint = process.stdout.readline(), process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert address is not None, line
        assert "ssh -N -L" in hint
        assert b"trained" in fetched(address[0])[2]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_steps_of_a_run_whose_datasets_are_gone_are_refused(served: str) -> None:
    status, _, body = fetched(f"{served}/2/uses/{'0' * 32}")
    assert status == 404
    assert b"Traceback" not in body
    assert fetched(f"{served}/2/uses/x")[0] == 404


def test_words_of_a_duplicate_that_differ_are_marked() -> None:
    kept, other = (
        {"source": "s", "file": "f", "row": at, "id": b"1", "size": 9, "judged": "text", "kind": "text"}
        | {"reason": reason, "excerpt": excerpt}
        for at, (reason, excerpt) in enumerate([(None, "a > b, not a < <i>"), ("near_duplicate", "a < b, not a > <i>")])
    )
    item = {"number": 0}
    page = render("cluster_rows.html", item=item, cluster=ClusterView(1, (kept, other)), members=2)
    first, second = re.findall(r'<p class="excerpt".*?>(.*?)</p>', page)
    assert first == "a &gt; b, not a &lt; &lt;i&gt;"
    assert second == "a <b>&lt;</b> b, not a <b>&gt;</b> &lt;i&gt;"
