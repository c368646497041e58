"""A takedown that is killed leaves the old dataset, the new one or none, and whatever comes next ends it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.takedown.takedown import take_down
from triptych.schemas.storage.store import Store

from .documents import documents, sound


class Killed(BaseException):
    """What stands for SIGKILL: nothing in the code catches it."""


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], list[str]]:
    """Lets so many writes and deletions through, then kills; gives the list of those that were let through."""
    done: list[str] = []
    create, delete = Store.create, Store.delete
    left: list[int | None] = [None]

    def count(what: str) -> None:
        if left[0] is not None and len(done) >= left[0]:
            raise Killed
        done.append(what)

    def counted_create(self: Store, name: Any) -> Any:
        count("write")
        return create(self, name)

    def counted_delete(self: Store, name: str) -> None:
        count("delete")
        delete(self, name)

    def arm(number: int | None) -> list[str]:
        done.clear()
        left[0] = number
        return done

    monkeypatch.setattr(Store, "create", counted_create)
    monkeypatch.setattr(Store, "delete", counted_delete)
    return arm


def test_killed_anywhere_it_is_whole_or_not_there_and_the_same_command_ends_it(
    texts: Path, contents: Any, killer: Any, tmp_path: Path
) -> None:
    ids = sorted(documents(texts))[:2]
    shutil.rmtree(texts / "_work")
    (texts / "_work" / "read").mkdir(parents=True)
    (texts / "_work" / "read" / "raw.arrow").write_bytes(b"raw")
    old = contents(texts)
    undisturbed = Path(shutil.copytree(texts, tmp_path / "undisturbed"))
    steps = killer(None)
    take_down(str(undisturbed), ids)
    total, wanted = len(steps), contents(undisturbed)
    assert total > 12
    seen = set()
    for number in range(total):
        out = Path(shutil.copytree(texts, tmp_path / f"killed-{number}"))
        killer(number)
        with pytest.raises(Killed):
            take_down(str(out), ids)
        killer(None)
        if (out / "manifest.json").exists():
            sound(out)
            now = contents(out)
            same = all(now.get(name) == data for name, data in old.items())
            seen.add("old" if same else "new")
        else:
            seen.add("none")
        again = take_down(str(out), ids)
        assert sorted([*again.removed, *again.before]) == ids
        assert contents(out) == wanted
        assert not (out / "_work" / "read" / "raw.arrow").exists()
        shutil.rmtree(out)
    assert seen == {"old", "none", "new"}


def test_prepare_after_a_killed_takedown_leaves_it_out_too(
    texts: Path, text_tree: Any, prepared: Any, killer: Any
) -> None:
    before = documents(texts)
    gone = sorted(before)[:2]
    killer(6)
    with pytest.raises(Killed):
        take_down(str(texts), gone)
    killer(None)
    prepared(text_tree(texts))
    assert set(documents(texts)) == set(before) - set(gone)
    assert not list((texts / "_takedown").rglob("*.*"))
    sound(texts)
