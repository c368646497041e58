"""Pages of a run and of a preparation: the mix that was read, and what the preparation tells of itself."""

import urllib.request
from pathlib import Path

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.progress_file import ProgressFile
from triptych.schemas.dataset.ledger import Tally
from triptych.schemas.storage.store import Store

from .conftest import MARKUP, Served


def fetched(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        page: str = answer.read().decode()
    return page


def test_a_mix_whose_datasets_are_gone_says_so(served: str) -> None:
    page = fetched(f"{served}/2/mix")
    assert 'class="missing"' in page
    assert 'data-fragment="/2/mix"' in fetched(f"{served}/2/run")


def test_a_preparation_tells_its_steps_and_why_it_ended(tmp_path: Path) -> None:
    store, journal = Store(str(tmp_path)), Journal()
    store.write("_work/read/a.arrow", b"a")
    file = ProgressFile(store, journal, "dask")
    with journal.step("read", 8, 1) as step:
        step.advance("worker", 3 * 10**9, rows=10)
        step.advance("worker", 10**9, rows=10)
        journal.tallies.append(Tally(source="docs", stage="read", rows_in=20, kept=13, dropped={"text_empty": 7}))
        file.update(True)
        server = Served(tmp_path)
        try:
            running = fetched(f"{server.address}/0/preparation")
            file.finish(ValueError(MARKUP))
            ended = fetched(f"{server.address}/0/preparation?part=1")
        finally:
            server.stop()
    assert "3 of 8" in running
    assert "1 worker process, at most 3.0 GB of memory each" in running
    assert "<b>7</b> text_empty" in running
    assert "It ended" not in running
    assert "It ended: &lt;script&gt;" in ended
    assert "<script>" not in ended
