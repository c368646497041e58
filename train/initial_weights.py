"""Start a new run with the weights of another: `init` of a train file.

Parameters of the layers are taken where name and shape agree. Rows of the embeddings and of the head are taken by what
their codes mean (train/vocabulary_match.py); with `match: name`, both must have one vocabulary. What is not taken keeps
the initial value that it has without `init`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from ..model.network.export import WEIGHTS, Exported
from ..model.network.presets import Shape, shape_of
from ..model.network.slices import Slices
from ..model.network.transformer import Transformer
from ..schemas.config.locations import public_url
from ..schemas.config.training import InitConfig, TrainConfig
from ..schemas.errors import Refusal
from ..schemas.identity import file_fingerprint
from ..schemas.vocabulary import Vocabulary
from ..tokenizers.bundle import Bundle
from .checkpoint.retention import folder_name
from .checkpoint.seal import STATE
from .data.plan import Plan
from .distributed.parallel import set_value, whole_value
from .generate.open_model import CHECKPOINTS, folders_of, open_model
from .remote.local_copy import as_local
from .run_record import InitialPart, InitialWeights
from .vocabulary_match import SPECIAL, Part, Rows, embedding_rows, head_rows, match_parts, slice_rows

LAYER = "layer"


@dataclass(frozen=True)
class Initial:
    """Weights of another model, and what is taken of them."""

    values: Mapping[str, torch.Tensor]  # of the other model, by name
    rows: Mapping[str, Rows]  # of those parameters of which rows are taken
    record: InitialWeights

    def apply(self, model: Transformer) -> None:
        """Give a new model the values that are taken; called by all processes."""
        for name, parameter in model.named_parameters():
            value = self.values.get(name)
            if value is None or not _fits(name, parameter, value):
                continue
            rows = self.rows.get(name)
            if rows is not None:
                whole = whole_value(parameter)
                whole[rows.mine] = value[rows.theirs].to(whole.dtype)
                value = whole
            set_value(parameter, value)


def initial_weights(config: TrainConfig, plan: Plan) -> Initial | None:
    """Open the model that a train file starts with; None if it names none.

    Raises:
        Refusal: There is no such model, it is damaged, or it does not fit.
    """
    init = config.init
    if init is None:
        return None
    with as_local(init.source, init.step) as local:
        exported = open_model(local, init.step)
        home, model = folders_of(local)
        _require_vocabulary(init, plan.vocabulary, exported.vocabulary)
        parts = match_parts(
            plan.vocabulary,
            exported.vocabulary,
            lambda: Bundle.of_dataset(plan.datasets[0]).text.pieces(),
            lambda: Bundle.of_model(model).text.pieces(),
        )
        file = model / WEIGHTS if init.step is None else home / CHECKPOINTS / folder_name(init.step) / STATE
        fingerprint = file_fingerprint(str(file))
    with torch.device("meta"):
        mine = Transformer(shape_of(config.model), plan.vocabulary)
    values: dict[str, torch.Tensor] = exported.model.state_dict()
    if mine.head.bias is not None and "head.bias" not in values:
        values["head.bias"] = torch.zeros(len(values["head.weight"]))  # its weights have learned the frequencies
    head = head_rows(parts, plan.vocabulary, exported.vocabulary)
    rows = {
        "tokens.weight": embedding_rows(parts, plan.vocabulary, exported.vocabulary),
        "kinds.weight": slice_rows(parts),
        "head.weight": head,
        "head.bias": head,
    }
    table = [*_code_parts(parts, mine, values, plan.vocabulary, exported), *_layer_parts(mine, values)]
    matrices = [(name, each) for name, each in mine.named_parameters() if name.startswith("blocks.") and each.ndim > 1]
    if not any(name in values and _fits(name, each, values[name]) for name, each in matrices):
        raise _nothing_fits(init, exported.model.shape, mine.shape)
    return Initial(
        values, rows, InitialWeights(source=public_url(init.source), weights=fingerprint, parts=tuple(table))
    )


def table_lines(record: InitialWeights) -> list[tuple[str, str, str, str]]:
    """Rows of the table of what was taken: equal layers that follow one another are one row."""
    lines: list[tuple[str, str, str, str]] = []
    first: list[str] = []
    for part in record.parts:
        counts = (f"{part.taken:,}", f"{part.new:,}", f"{part.left:,}")
        if lines and part.part.startswith(LAYER) and first[-1].startswith(LAYER) and lines[-1][1:] == counts:
            lines[-1] = (f"layers {first[-1].removeprefix(LAYER).strip()} to {part.part.split()[-1]}", *counts)
            continue
        lines.append((part.part, *counts))
        first.append(part.part)
    return lines


def _require_vocabulary(init: InitConfig, mine: Vocabulary, theirs: Vocabulary) -> None:
    if init.match == "name" and mine.fingerprint != theirs.fingerprint:
        raise Refusal(
            f"`init.from: {public_url(init.source)}`: its vocabulary {theirs.fingerprint} is not that of the data, "
            f"{mine.fingerprint}, so its embeddings stand for other codes. Set `init.match: vocabulary`, which takes "
            "the rows of codes that mean the same."
        )


def _nothing_fits(init: InitConfig, theirs: Shape, mine: Shape) -> Refusal:
    other, own = (f"width {s.width}, head size {s.head_size}, MLP {s.hidden}" for s in (theirs, mine))
    return Refusal(
        f"`init.from: {public_url(init.source)}`: no layer of it fits this model: it has {other}, and this one {own}. "
        "Give `model` the `width`, `head_size` and `mlp_ratio` of the other."
    )


def _code_parts(
    parts: Sequence[Part],
    mine: Transformer,
    values: Mapping[str, torch.Tensor],
    vocabulary: Vocabulary,
    exported: Exported,
) -> Iterator[InitialPart]:
    """What is taken of embeddings and head, slice by slice of the vocabulary, and of the slice embeddings."""
    own = {name: parameter for name, parameter in mine.named_parameters() if name.startswith(("tokens", "head"))}
    other = {name: values[name] for name in values if name.startswith(("tokens", "head"))}
    both = {name for name in own.keys() & other.keys() if _fits(name, own[name], other[name])}
    here, there = Slices.of(vocabulary).widths, exported.model.slices.widths

    def size(name: str, codes: int, classes: int, tree: Mapping[str, torch.Tensor]) -> int:
        rows = classes if name.startswith("head") else codes
        return rows * (tree[name].numel() // len(tree[name]))

    for part in parts:
        matched = len(part.rows.mine)
        eos = int(part.name == "text" and part.slice_index is not None and part.other_index is not None)
        pairs = (matched, 0 if part.name == SPECIAL else matched + eos)
        taken = sum(size(name, *pairs, own) for name in both)
        mine_all = sum(
            size(name, part.size, 0 if part.slice_index is None else here[part.slice_index], own) for name in own
        )
        theirs_all = sum(
            size(name, part.other_size, 0 if part.other_index is None else there[part.other_index], other)
            for name in other
        )
        yield InitialPart(part=f"codes: {part.name}", taken=taken, new=mine_all - taken, left=theirs_all - taken)
    yield _part("slices", {"kinds.weight": mine.kinds.weight}, values, len(slice_rows(parts).mine))


def _part(
    name: str, own: Mapping[str, torch.Tensor], values: Mapping[str, torch.Tensor], rows: int | None = None
) -> InitialPart:
    """Counts of a part whose parameters are taken whole, or with so many of their rows."""
    taken = left = total = 0
    for key, parameter in own.items():
        total += parameter.numel()
        other = values.get(key)
        if other is not None and _fits(key, parameter, other):
            part = parameter.numel() if rows is None else rows * parameter.shape[-1]
            taken, left = taken + part, left + other.numel() - part
        elif other is not None:
            left += other.numel()
    return InitialPart(part=name, taken=taken, new=total - taken, left=left)


def _layer_parts(mine: Transformer, values: Mapping[str, torch.Tensor]) -> Iterator[InitialPart]:
    """What is taken of the layers and of the final norm; layers that only the other model has are left."""
    own = dict(mine.named_parameters())
    depth = 1 + max(int(name.split(".")[1]) for name in [*own, *values] if name.startswith("blocks."))
    for layer in range(depth):
        prefix = f"blocks.{layer}."
        block = {name: parameter for name, parameter in own.items() if name.startswith(prefix)}
        found = _part(f"{LAYER} {layer}", block, values)
        if not block:
            left = sum(value.numel() for name, value in values.items() if name.startswith(prefix))
            found = found.model_copy(update={"left": left})
        yield found
    yield _part("final norm", {"norm.weight": own["norm.weight"]}, values)


def _fits(name: str, mine: torch.Tensor, theirs: torch.Tensor) -> bool:
    """Whether two parameters have one shape; the number of codes may differ."""
    by_codes = name.startswith(("tokens.", "kinds.", "head."))
    return mine.shape[1:] == theirs.shape[1:] if by_codes else mine.shape == theirs.shape
