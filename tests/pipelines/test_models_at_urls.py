"""Models at s3://: picture tokenizers and CLIP weights are found before any work, and read by every stage."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tokenizers.image.tiny_clip import save_clip
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.load import check
from triptych.schemas.config.run import RunConfig
from triptych.schemas.errors import Refusal


def run(tree: Any) -> Any:
    return prepare(check(RunConfig, tree, "test"), Journal())


def upload(folder: Path, url: str) -> str:
    import s3fs

    s3fs.S3FileSystem().put(str(folder), url.removeprefix("s3://"), recursive=True)
    return url


def pictures(tree: Any, out: Path, **changes: Any) -> Any:
    made = tree(out, **changes)
    return made | {"sources": [source for source in made["sources"] if source["name"] == "stamps"]}


def test_they_give_the_same_bytes_as_local_ones(
    made: Path, tree: Any, bucket: str, contents: Any, given: Any, tmp_path: Path
) -> None:
    clip = tmp_path / "clip"
    save_clip(clip)
    image = upload(made / "tokenizers/image", f"{bucket}/vq")
    weights = upload(clip, f"{bucket}/clip")

    def changes(image: str, clip: str) -> dict[str, Any]:
        return {
            "tokenizers": given | {"image": given["image"] | {"path": image}},
            "filters": [{"name": "clip_score", "path": clip, "min": 0.001}],
            "dedup": {"image": {"semantic": {"path": clip}}},
        }

    run(pictures(tree, tmp_path / "local", **changes(given["image"]["path"], str(clip))))
    run(pictures(tree, tmp_path / "remote", **changes(image, weights)))
    assert contents(tmp_path / "local") == contents(tmp_path / "remote")


@pytest.mark.parametrize(
    ("image", "dedup", "words"),
    [
        ("empty", {}, "has no config.json"),
        ("nothing", {}, "does not exist"),
        (None, {"image": {"semantic": {"path": "CLIP"}}}, "no such file or folder"),
    ],
)
def test_a_missing_file_is_refused_before_any_work(
    image: str | None, dedup: Any, words: str, tree: Any, given: Any, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme").write_text("nothing")
    upload(tmp_path / "empty", f"{bucket}/empty")
    tokenizers = given | ({"image": given["image"] | {"path": f"{bucket}/{image}"}} if image else {})
    dedup = yaml.safe_load(yaml.safe_dump(dedup).replace("CLIP", f"{bucket}/clip"))
    with pytest.raises(Refusal, match=words):
        run(pictures(tree, tmp_path / "out", tokenizers=tokenizers, dedup=dedup))
    assert not (tmp_path / "out").exists()
