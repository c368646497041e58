"""Opens exports with the libraries that cannot stand in Triptych's environment, and compares every row.

Run it in an environment that has Triptych, megatron-core and mosaicml-streaming; the latter asks for transformers < 5,
so that pip must be told `--no-deps`.
"""

import tempfile
from pathlib import Path

import click
import numpy as np
import pyarrow.parquet as pq

from triptych.pipelines.handing_on.export import export
from triptych.schemas.dataset.reader import Dataset


@click.command()
@click.argument("dataset")
def main(dataset: str) -> None:
    """Export DATASET for Megatron-LM and MosaicML Streaming, and compare what these libraries read with its rows."""
    opened = Dataset(dataset)
    with tempfile.TemporaryDirectory() as folder:
        export(dataset, "megatron", f"{folder}/megatron")
        export(dataset, "mds", f"{folder}/mds")
        click.echo(f"megatron: {_megatron(opened, Path(folder) / 'megatron')} documents are equal")
        click.echo(f"mds: {_mds(opened, Path(folder) / 'mds')} rows are equal")


def _megatron(dataset: Dataset, folder: Path) -> int:
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    documents, lineage = IndexedDataset(str(folder / "tokens")), pq.read_table(folder / "lineage.parquet").to_pylist()
    assert len(documents) == len(lineage) == documents.document_indices[-1]
    for number, line in enumerate(lineage):
        tokens = dataset.row(line["packed_row"]).tokens[line["start"] : line["start"] + line["length"]]
        np.testing.assert_array_equal(documents[number], tokens)
    return len(lineage)


def _mds(dataset: Dataset, folder: Path) -> int:
    from streaming import StreamingDataset

    samples = StreamingDataset(local=str(folder), batch_size=1)
    assert len(samples) == dataset.rows
    for number in range(dataset.rows):
        sample, row = samples[number], dataset.row(number)
        for name in ("tokens", "segment", "modality"):
            np.testing.assert_array_equal(sample[name], getattr(row, name))
        assert [each["id"] for each in sample["segments"]] == [each["id"].hex() for each in row.segments]
        assert sample["spans"] == row.spans
    return dataset.rows


if __name__ == "__main__":
    main()
