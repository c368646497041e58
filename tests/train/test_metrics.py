"""Metrics files after a kill, logged figures in the units they claim, and rates since the last reading."""

import errno
import json
import math
import resource
import signal
from pathlib import Path

import pytest
import torch

from triptych.model.diffusion.loss_sums import LossSums
from triptych.model.diffusion.tasks import TASKS
from triptych.schemas.errors import Refusal
from triptych.schemas.storage import full_disk
from triptych.schemas.vocabulary import Modality
from triptych.train.metrics import Metrics, Throughput, loss_metrics, target_counts
from triptych.train.metrics_file import FILE, read_lines


def steps(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / FILE).read_text().splitlines()]


def test_lines_of_undone_steps_are_removed(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, 0)
    for step in (10, 20, 30):
        metrics.write({"step": step, "nelbo": {"text": 1.5}})
    metrics.close()
    with (tmp_path / FILE).open("a") as file:
        file.write('{"step": 15, "ne')  # cut short by a kill
    resumed = Metrics(tmp_path, 20)
    assert steps(tmp_path) == [10, 20]
    resumed.write({"step": 30, "nelbo": {"text": 1.25}})
    resumed.close()
    assert steps(tmp_path) == [10, 20, 30]
    assert json.loads((tmp_path / FILE).read_text().splitlines()[-1]) == {"step": 30, "nelbo": {"text": 1.25}}


def test_figures_are_in_bits_per_token_byte_pixel_and_second() -> None:
    sums_FTM = torch.zeros(6, 2 * len(TASKS), len(Modality), dtype=torch.float64)
    figures = {Modality.TEXT: (30, 10, 60), Modality.IMAGE: (40, 20, 80), Modality.AUDIO: (8, 2, 1600)}
    for modality, (bits, tokens, size) in figures.items():
        nats = bits * math.log(2)
        values = [nats, tokens, size, nats**2, nats * tokens, tokens**2]
        sums_FTM[:, 3, modality] = torch.tensor(values, dtype=torch.float64)
    found = loss_metrics(LossSums(sums_FTM), 16000)
    assert found["nelbo"] == pytest.approx({"text": 3, "image": 2, "audio": 4})
    assert found["nelbo_error"] == pytest.approx({"text": 0, "image": 0, "audio": 0}, abs=1e-6)
    assert found["rates"] == pytest.approx({"bits_per_byte": 0.5, "bits_per_pixel": 0.5, "bits_per_second": 80})
    assert target_counts(LossSums(sums_FTM)) == {"text": 10, "image": 20, "audio": 2}
    sums_FTM[:, :, Modality.AUDIO] = 0
    without = loss_metrics(LossSums(sums_FTM), None)
    assert without["rates"] == pytest.approx({"bits_per_byte": 0.5, "bits_per_pixel": 0.5})
    assert list(without["nelbo"]) == ["text", "image"]


def test_throughput_counts_since_the_last_reading() -> None:
    throughput = Throughput(1, torch.device("cpu"))
    throughput.count(300, 1e6)
    throughput.count(100, 1e6)
    found = throughput.read()
    assert set(found) == {"tokens_per_second", "flops_per_second"}  # the peak of a CPU is not known
    assert found["flops_per_second"] / found["tokens_per_second"] == pytest.approx(2e6 / 400)
    assert throughput.read()["tokens_per_second"] == 0


def test_lines_that_are_not_whole_are_left_out_and_removed_on_resume(tmp_path: Path) -> None:
    whole = [json.dumps({"step": step}) for step in (1, 2, 3)]
    (tmp_path / FILE).write_text("\n".join([whole[0], whole[1][:-4] + whole[2], "\0\0\0", whole[2], whole[2][:-1]]))
    assert [line["step"] for line in read_lines(tmp_path)] == [1, 3]
    Metrics(tmp_path, 9).close()
    assert steps(tmp_path) == [1, 3]


def test_lines_wait_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics(tmp_path, 0)
    metrics.write({"step": 1})
    _, soft = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = (tmp_path / FILE).stat().st_size + 5  # a line does not fit
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    monkeypatch.setitem(full_disk.FULL, errno.EFBIG, "is full")
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, soft))
    try:
        metrics.write({"step": 2})
        assert steps(tmp_path) == [1]
        with pytest.raises(Refusal, match=f"{Path('/')}"):
            metrics.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, soft))
        signal.signal(signal.SIGXFSZ, before)
    metrics.write({"step": 3})
    assert steps(tmp_path) == [1, 2, 3]
