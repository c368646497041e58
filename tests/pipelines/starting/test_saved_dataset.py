"""The first rows of a folder of `save_to_disk`."""

from pathlib import Path

import datasets
import pytest

from triptych.pipelines.starting.saved_dataset import ROWS, saved_columns
from triptych.schemas.errors import Refusal


def test_the_split_of_training_is_looked_at_or_the_first(tmp_path: Path) -> None:
    many = datasets.Dataset.from_dict({"text": [f"a{n}" for n in range(2 * ROWS)]})
    few = datasets.Dataset.from_dict({"text": ["b"]})
    datasets.DatasetDict(dev=few, train=many).save_to_disk(tmp_path / "both")
    assert saved_columns(str(tmp_path / "both")) == ({"text": [f"a{n}" for n in range(ROWS)]}, "train")
    datasets.DatasetDict(dev=few, test=many).save_to_disk(tmp_path / "others")
    assert saved_columns(str(tmp_path / "others")) == ({"text": ["b"]}, "dev")
    few.save_to_disk(tmp_path / "one")
    assert saved_columns(str(tmp_path / "one")) == ({"text": ["b"]}, None)


def test_images_are_not_decoded(tmp_path: Path) -> None:
    found = datasets.Dataset.from_dict({"image": [{"bytes": b"no image", "path": None}]})
    found.cast_column("image", datasets.Image()).save_to_disk(tmp_path / "one")
    assert saved_columns(str(tmp_path / "one"))[0] == {"image": [{"bytes": b"no image", "path": None}]}


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(Refusal, match="looks like a saved dataset, but datasets cannot load it"):
        saved_columns(str(tmp_path))
