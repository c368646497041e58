"""The run file: the configuration of `triptych prepare`."""

import os
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, PositiveInt, ValidationInfo, field_validator, model_validator

from ..base import AddedKey, NoIdentity, Strict
from ..identity import fingerprint
from ..vocabulary import Kind, Modality
from .dedup import Dedup
from .filters.column import Column
from .filters.union import AnyFilter
from .sources import Name, Source
from .tokenizers import Tokenizers

RUN_VERSION = 1


class SerialEngine(Strict):
    """Runs everything in this process, one partition after another."""

    kind: Literal["serial"]


class DaskEngine(Strict):
    """A Dask cluster: `workers` local processes, or the scheduler at an address."""

    kind: Literal["dask"]
    workers: PositiveInt | None = Field(
        None, le=1024, description="Number of local worker processes; default one per core"
    )
    scheduler: str | None = Field(
        None, description="Address of a running scheduler, such as tcp://host:8786, or its scheduler file (*.json)"
    )
    wait: Annotated[float | None, AddedKey()] = Field(
        None, gt=0, description="Seconds without any worker of `scheduler` after which the run ends; default never"
    )

    @model_validator(mode="after")
    def _one_cluster(self) -> "DaskEngine":
        if self.workers is not None and self.scheduler is not None:
            raise ValueError(
                "`workers` starts a local cluster and `scheduler` joins a running one; keep one of the two"
            )
        if self.wait is not None and self.scheduler is None:
            raise ValueError("`wait` is for the workers of a `scheduler`; remove it")
        return self

    @property
    def local_workers(self) -> int:
        """Number of worker processes of a local cluster."""
        return self.workers or os.cpu_count() or 1


class BeamEngine(Strict):
    """Apache Beam: FnApiRunner on this machine, or a cluster selected by Beam's own pipeline options."""

    kind: Literal["beam"]
    runner: Literal["FnApiRunner", "PrismRunner", "FlinkRunner", "SparkRunner", "DataflowRunner", "PortableRunner"] = (
        Field("FnApiRunner", description="Beam runner that executes the pipelines")
    )
    workers: PositiveInt | None = Field(
        None, le=1024, description="Worker processes of FnApiRunner; default none (one process)"
    )
    options: dict[str, JsonValue] = Field(
        default_factory=dict, description="Beam's pipeline options, without the leading dashes"
    )

    @field_validator("runner", mode="before")
    @classmethod
    def _runner_is_safe(cls, runner: Any) -> Any:
        if runner == "DaskRunner":
            raise ValueError("Beam's DaskRunner loses rows without an error; use `engine: {kind: dask}`")
        if runner == "DirectRunner":
            raise ValueError("Beam's DirectRunner downloads a program from the network; use FnApiRunner")
        return runner

    @model_validator(mode="after")
    def _no_conflicting_options(self) -> "BeamEngine":
        if self.workers is not None and self.runner != "FnApiRunner":
            raise ValueError(f"`workers` is only for FnApiRunner; configure {self.runner} with its own `options`")
        for option in ("runner", "direct_num_workers", "direct_running_mode"):
            if option in self.options:
                raise ValueError(f"`options.{option}` is set by the keys `runner` and `workers`; remove it")
        if self.runner == "PrismRunner" and "prism_location" not in self.options:
            raise ValueError(
                "PrismRunner needs `options.prism_location`, the path of the program, or it would download one; "
                "`deploy/prism.sh` builds it"
            )
        if self.runner == "PortableRunner" and "job_endpoint" not in self.options:
            raise ValueError("PortableRunner needs `options.job_endpoint`, the host:port of a job server; add it")
        return self


Engine = Annotated[SerialEngine | DaskEngine | BeamEngine, Field(discriminator="kind")]


class Pack(Strict):
    """How samples are packed into rows and shards."""

    group_by: Literal["modality", "source", "none"] = Field("modality", description="What a packed row may not mix")
    shard_bytes: PositiveInt = Field(128_000_000, description="Approximate size of a shard, in bytes")


class Limits(Strict):
    """Limits. A row beyond one of the sizes is dropped with a reason instead of being decoded."""

    row_bytes: PositiveInt = Field(64 << 20, description="Maximum bytes of one text, image file or audio file")
    pixels: PositiveInt = Field(100_000_000, description="Maximum number of pixels of an image (width times height)")
    seconds: float = Field(600.0, gt=0, description="Maximum length of a clip, in seconds")
    ledger_rows: Annotated[PositiveInt, AddedKey()] = Field(
        10_000, description="Dropped rows that are listed a file and reason; further ones are counted"
    )
    unit_seconds: Annotated[float | None, NoIdentity()] = Field(
        None, gt=0, description="Maximum time to read one file, or one run of its rows, in seconds; else the run ends"
    )


class RunConfig(Strict):
    """Configuration of a `triptych prepare` run."""

    name: Name
    out: str = Field(min_length=1, description="Where the dataset is written, as an fsspec URL")
    seed: int = Field(0, ge=0)
    row_length: int = Field(4096, ge=16, le=65535, description="Tokens per packed row")
    engine: Engine = Field(default_factory=lambda: DaskEngine(kind="dask"))
    sources: tuple[Source, ...] = Field(min_length=1)
    tokenizers: Tokenizers = Field(default_factory=Tokenizers)
    pack: Pack = Field(default_factory=Pack)
    limits: Limits = Field(default_factory=Limits)
    filters: tuple[AnyFilter, ...] = Field((), description="Filters, applied in order before deduplication")
    dedup: Dedup = Field(default_factory=Dedup)
    decontaminate: tuple[Source, ...] = Field((), description="Evaluation sets to be removed from the corpora")
    partition_bytes: int = Field(
        32 << 20, ge=1 << 10, description="Raw bytes per partition, the unit of work and of resume"
    )
    threads: PositiveInt = Field(
        1,
        le=1024,
        description="Threads per task; part of the dataset's identity, since it changes how float sums are rounded",
    )
    card: Annotated[bool, NoIdentity()] = Field(
        False, description="Also write README.md and croissant.json, which describe the dataset"
    )

    @field_validator("sources", "decontaminate")
    @classmethod
    def _names_differ(cls, sources: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        names = [source.name for source in (*info.data.get("sources", ()), *sources)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two sources are called `{twice[0]}`; every source needs a unique name")
        return sources

    @field_validator("filters")
    @classmethod
    def _filters_are_for_sources(cls, filters: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        names = [source.name for source in info.data.get("sources", ())]
        for rule in filters:
            for name in rule.sources or ():
                if names and name not in names:
                    raise ValueError(f"`{rule.name}` is for source `{name}`; the sources are: {', '.join(names)}")
        return filters

    @field_validator("dedup")
    @classmethod
    def _modalities_can_be_compared(cls, dedup: Dedup, info: ValidationInfo) -> Dedup:
        pairs = [source for source in info.data.get("sources", ()) if source.modality is not Kind.TEXT]
        for source in pairs:
            for modality in source.modality.modalities if (source.pairs or dedup.pairs) == "both" else ():
                if dedup.of(modality) is None:
                    missing = modality.name.lower()
                    raise ValueError(
                        f"`pairs: both` also compares the {missing} of source `{source.name}`; "
                        f"add `dedup.{missing}: {{exact: true}}`"
                    )
        return dedup

    @model_validator(mode="after")
    def _columns_are_read(self) -> "RunConfig":
        for source in self.sources:
            mine = [rule for rule in self.filters if rule.sources is None or source.name in rule.sources]
            source.filter_by(tuple(dict.fromkeys(rule.column for rule in mine if isinstance(rule, Column))))
        for held_out in self.decontaminate:
            if held_out.keep:
                raise ValueError(f"`keep` is not used by the evaluation set `{held_out.name}`; remove it")
        return self

    @property
    def keeps_columns(self) -> bool:
        """True if a source has columns to keep; then every segment of the dataset has the field `kept`."""
        return any(source.keep for source in self.sources)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that the sources use, text first."""
        used = {modality for source in self.sources for modality in source.modality.modalities}
        return tuple(sorted(used))

    @property
    def fingerprint(self) -> str:
        """Fingerprint over every option that can change a byte of a shard.

        `out`, `engine` and the locations of inputs and weights are left out.
        """
        body = self.identity_body({"out", "engine"})
        for part in [*body["sources"], *body["decontaminate"], *body["tokenizers"].values()]:
            del part["path"]
        for weights in [*body["filters"], (body["dedup"]["image"] or {}).get("semantic") or {}]:
            weights.pop("path", None)
        return fingerprint("run", RUN_VERSION, body)
