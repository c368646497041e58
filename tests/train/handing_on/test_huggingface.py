"""An export gives the logits of the run: in this process, and in one that has no Triptych."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import torch

import triptych
from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import slice_table
from triptych.model.network.transformer import Transformer
from triptych.schemas.errors import Mismatch, Refusal
from triptych.schemas.identity import sealed_json, unseal
from triptych.schemas.vocabulary import Special, Vocabulary
from triptych.train.generate.generator import Generator
from triptych.train.handing_on.huggingface import export_to_huggingface

from .conftest import EXPORTS

ALONE = """
import sys
sys.modules["triptych"] = None  # as if it was not installed
import numpy as np, torch
from transformers import AutoConfig, AutoModel, AutoTokenizer
export, arrays, out = sys.argv[1:]
model = AutoModel.from_pretrained(export, trust_remote_code=True).eval()
given = {name: torch.from_numpy(array) for name, array in np.load(arrays).items()}
with torch.no_grad():
    np.save(out, model(**given).logits.numpy())
assert AutoConfig.from_pretrained(export, trust_remote_code=True).model_type == "triptych"
if model.config.objective == "masked" and model.config.audio_layout == "flat":
    tokenizer = AutoTokenizer.from_pretrained(export, trust_remote_code=True)
    print(tokenizer("ka lo mi \\u2581 <triptych:mask>").input_ids)
"""


def packed(dataset: Path, vocabulary: Vocabulary, rows: int = 3) -> dict[str, torch.Tensor]:
    """Rows of several segments, with every third token of content hidden."""
    found: dict[str, list[Any]] = {"input_ids": [], "segment_ids": [], "slice_ids": []}
    table = slice_table(vocabulary)
    opened = triptych.Dataset(str(dataset))
    every = [opened.row(number) for number in range(len(opened))]
    every.sort(key=lambda row: (-len(np.unique(table[row.tokens])), -int(row.segment.max())))
    for row in every[:rows]:  # those of most slices and segments
        tokens = row.tokens.astype(np.int64)
        slices = table[tokens].astype(np.int64)
        tokens[tokens == Special.TASK] = Special.JOINT
        hidden = (slices > 0) & (np.arange(len(tokens)) % 3 == 0)
        found["input_ids"].append(np.where(hidden, int(Special.MASK), tokens))
        found["segment_ids"].append(row.segment.astype(np.int64))
        found["slice_ids"].append(slices)
    return {name: torch.from_numpy(np.stack(columns)) for name, columns in found.items()}


def opened(export: Path) -> Any:
    model: Any = triptych.TriptychModel.from_pretrained(export)
    return model.eval()


@torch.no_grad()
def of_triptych(model: Transformer, given: dict[str, torch.Tensor], causal: bool) -> torch.Tensor:
    """Logits at every position of content, over the classes of its slice, padded to all ids by -inf."""
    segment, slices = given["segment_ids"], given["slice_ids"]
    opens = torch.nn.functional.pad(segment[:, 1:] != segment[:, :-1], (1, 0), value=True)
    index = torch.arange(segment.shape[1])
    position = index - torch.where(opens, index, 0).cummax(1).values
    predicted = torch.nn.functional.pad(slices[:, 1:], (0, 1)) if causal else slices
    out = torch.full((*slices.shape, model.tokens.num_embeddings), float("-inf"))
    for which in range(1, len(model.slices.widths)):
        flat = ((predicted == which) & (segment > 0)).flatten().nonzero()[:, 0]
        inputs = Inputs(
            tokens_BL=given["input_ids"],
            segment_BL=segment.int(),
            position_BL=position.int(),
            slice_BL=predicted,
            query_N=flat,
            class_N=torch.zeros_like(flat),
            groups=((which, len(flat)),),
            causal=causal,
        )
        logits = model.head.logits(model.hidden_states(inputs), which)
        ids = model.slices.token_of(torch.arange(model.slices.widths[which]), which)
        wide = torch.full((len(flat), out.shape[-1]), float("-inf"))
        wide[:, ids] = logits
        out.view(-1, out.shape[-1])[flat] = wide
    return out


@pytest.fixture(params=EXPORTS)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def data(name: str, made: Path, dataset: Path) -> Path:
    return dataset if name == "parallel" else made


def compared(mine: torch.Tensor, theirs: torch.Tensor, given: dict[str, torch.Tensor]) -> None:
    content = torch.isfinite(theirs).any(-1) & (given["segment_ids"] > 0)
    assert content.sum() > 100
    assert torch.equal(torch.isfinite(mine[content]), torch.isfinite(theirs[content]))
    finite = torch.isfinite(theirs) & content[..., None]
    assert (mine[finite] - theirs[finite]).abs().max() < 1e-5


def test_logits_are_those_of_the_run_also_without_triptych(
    name: str, data: Path, runs: Path, exports: Path, tmp_path: Path
) -> None:
    generator = Generator.open(runs / name)
    given = packed(data, generator.vocabulary)
    assert int(given["segment_ids"].max()) > 1
    wanted = of_triptych(generator.model, given, generator.causal)
    model = opened(exports / name)
    with torch.no_grad():
        compared(model(**given).logits, wanted, given)
    arrays: dict[str, Any] = {key: value.numpy() for key, value in given.items()}
    np.savez(tmp_path / "given.npz", **arrays)
    environment = os.environ | {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment |= {"HF_MODULES_CACHE": str(tmp_path / "modules")}
    environment.pop("PYTHONPATH", None)
    line = [sys.executable, "-c", ALONE, str(exports / name), str(tmp_path / "given.npz"), str(tmp_path / "out.npy")]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    compared(torch.from_numpy(np.load(tmp_path / "out.npy")), wanted, given)
    if name == "masked":
        text = generator.bundle.text.encode(["ka lo mi \u2581 <triptych:mask>"])[0].astype(int) + 256
        assert json.loads(done.stdout) == text.tolist()


def test_one_segment_does_not_reach_another(name: str, data: Path, exports: Path) -> None:
    model = opened(exports / name)
    given = packed(data, Generator.open(exports / name).vocabulary, rows=2)
    other = {key: value.clone() for key, value in given.items()}
    changed = (given["segment_ids"] == 1) & (given["slice_ids"] == 1)
    other["input_ids"][changed] = int(Special.MASK)
    with torch.no_grad():
        before, after = (model(**each).logits[given["segment_ids"] == 2] for each in (given, other))
    assert torch.allclose(before, after, atol=1e-6)


def test_triptych_reads_the_export_as_a_run(name: str, runs: Path, exports: Path) -> None:
    mine, theirs = Generator.open(exports / name), Generator.open(runs / name)
    assert (mine.vocabulary, mine.causal, mine.model.shape) == (theirs.vocabulary, theirs.causal, theirs.model.shape)
    for one, other in zip(mine.model.parameters(), theirs.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_it_holds_no_pickle_and_no_place_of_this_machine(name: str, runs: Path, exports: Path) -> None:
    files = [path for path in (exports / name).rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {
        ".json",
        ".py",
        ".md",
        ".safetensors",
        ".parquet",
        ".model",
        ".vocabulary",
    }
    for path in files:
        assert str(runs.parent).encode() not in path.read_bytes(), path.name


def test_hidden_tokens_are_filled(name: str, data: Path, exports: Path) -> None:
    model = opened(exports / name)
    vocabulary = Generator.open(exports / name).vocabulary
    given = packed(data, vocabulary, rows=2)
    ids = model.generate(**given, steps=3, generator=torch.Generator().manual_seed(1))
    hidden = given["input_ids"] == Special.MASK
    assert torch.equal(ids[~hidden], given["input_ids"][~hidden])
    starts = torch.tensor([block.start for block in vocabulary.slices])
    slices = torch.searchsorted(starts, ids[hidden], right=True) - 1
    assert torch.equal(torch.where(ids[hidden] == Special.EOS, 1, slices), given["slice_ids"][hidden])
    assert model.generation_config.steps == 64


def test_it_can_be_saved_again_and_learns(exports: Path, tmp_path: Path) -> None:
    model = triptych.TriptychModel.from_pretrained(exports / "masked")
    ids = torch.tensor([[16, 300, 1, 302, 2]])
    labels = torch.tensor([[-100, -100, 301, -100, -100]])
    loss = model(ids, labels=labels).loss
    loss.backward()
    assert torch.isfinite(loss)
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.save_pretrained(tmp_path / "again")
    again = triptych.TriptychModel.from_pretrained(tmp_path / "again")
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), again.parameters(), strict=True))


def test_the_card_has_the_figures_of_the_run(name: str, runs: Path, exports: Path) -> None:
    card = (exports / name / "README.md").read_text()
    lines = [json.loads(line) for line in (runs / name / "metrics.jsonl").read_text().splitlines()]
    held = next(line for line in reversed(lines) if line.get("weights") == "ema")
    for modality, bits in held["nelbo"].items():
        assert f"| {modality} |" in card
        assert f"{bits:.3f}" in card
    assert "trust_remote_code=True" in card
    assert "names a licence" in card


def test_a_checkpoint_is_exported(runs: Path, tmp_path: Path) -> None:
    made = export_to_huggingface(str(runs / "parallel"), str(tmp_path / "three"), step=3)
    assert made.step == 3
    wanted = Generator.open(runs / "parallel", step=3).model
    for one, other in zip(Generator.open(tmp_path / "three").model.parameters(), wanted.parameters(), strict=True):
        assert torch.equal(one, other)
    assert "not validated on held-out documents at step 3" in (tmp_path / "three" / "README.md").read_text()
    with pytest.raises(Refusal, match="no checkpoint of step 99"):
        export_to_huggingface(str(runs / "parallel"), str(tmp_path / "none"), step=99)


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(runs: Path, exports: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="exists"):
        export_to_huggingface(str(runs / "masked"), str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refusal, match=r"no config\.json, so no finished model"):
        export_to_huggingface(str(tmp_path / "empty"), str(tmp_path / "out"))
    with pytest.raises(Refusal, match="is an export already"):
        export_to_huggingface(str(exports / "masked"), str(tmp_path / "out"))
    with pytest.raises(Refusal, match=r"no run\.json"):
        export_to_huggingface(
            str(shutil.copytree(runs / "masked" / "model", tmp_path / "model")), str(tmp_path / "out")
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "model"]


@pytest.mark.parametrize("file", ["run.json", "model/config.json", "model/model.safetensors", "model/vocabulary.json"])
def test_a_damaged_run_is_refused(file: str, runs: Path, tmp_path: Path) -> None:
    run = shutil.copytree(runs / "masked", tmp_path / "run")
    data = bytearray((run / file).read_bytes())
    data[len(data) // 2] ^= 1
    (run / file).write_bytes(data)
    with pytest.raises(Refusal, match=r"changed|damaged"):
        export_to_huggingface(str(run), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_tokenizers_and_a_record_of_others_are_refused(runs: Path, tmp_path: Path) -> None:
    run = shutil.copytree(runs / "masked", tmp_path / "run")
    record = unseal((run / "run.json").read_bytes())
    (run / "run.json").write_bytes(sealed_json(record | {"vocabulary": "0" * 32}))
    with pytest.raises(Mismatch, match="vocabulary"):
        export_to_huggingface(str(run), str(tmp_path / "out"))
    (run / "run.json").write_bytes(sealed_json(record))
    shutil.copyfile(tmp_path / "run" / "run.json", next((run / "model" / "tokenizers" / "image").glob("*.safetensors")))
    with pytest.raises(Refusal):
        export_to_huggingface(str(run), str(tmp_path / "out"))


@pytest.mark.parametrize("change", [("hidden_size", 128), ("rope_theta", 5e4), ("triptych", None), ("more", 1)])
def test_a_changed_configuration_is_refused_by_triptych(change: tuple[str, Any], exports: Path, tmp_path: Path) -> None:
    export = shutil.copytree(exports / "masked", tmp_path / "export")
    tree = json.loads((export / "config.json").read_text())
    (export / "config.json").write_text(json.dumps(tree | dict([change])))
    with pytest.raises(Refusal, match="damaged, or of another version"):
        Generator.open(export)
    (export / "config.json").write_text(json.dumps(tree))  # only the spaces differ
    assert Generator.open(export).causal is False


def test_an_export_at_a_url_is_read(exports: Path) -> None:
    store = fsspec.filesystem("memory")
    for path in (exports / "parallel").rglob("*"):
        if path.is_file():
            store.pipe_file(f"/handed/{path.relative_to(exports / 'parallel').as_posix()}", path.read_bytes())
    mine, theirs = Generator.open("memory://handed"), Generator.open(exports / "parallel")
    assert mine.vocabulary == theirs.vocabulary
    assert all(torch.equal(*pair) for pair in zip(mine.model.parameters(), theirs.model.parameters(), strict=True))
