"""Run files and train files that nobody means, or that mean harm: a name, the bytes, and words of the refusal."""

import gzip

RUN = b"""name: t
out: out
sources: [{name: d, kind: jsonl, path: a.jsonl, text: text}]
tokenizers: {text: {kind: sentencepiece, vocab_size: 300}}
"""
TRAIN = b"""out: run
data: {datasets: [{path: ds, weight: 1.0}], batch_tokens: 4096}
model: {depth: 1, width: 64}
steps: 2
"""
LONG = b"x" * 100_000
NULL, DEEP, MANY, FINITE = "a NUL character", "nested too deeply", "values when aliases are written out", "finite"
NO_TAG, NUMBER, TRUTH = "could not determine a constructor", "a number is needed", "true or false, without quotes"
TOO_MANY = "more than 40,000 keys and values"
HUGE = b"9223372036854775807"


def changed(old: bytes, new: bytes, base: bytes = RUN) -> bytes:
    """Exchange a part of a sound file."""
    assert old in base
    return base.replace(old, new, 1)


def _name(value: bytes) -> bytes:
    return changed(b"name: t", b"name: " + value)


def _out(value: bytes) -> bytes:
    return changed(b"out: out", b"out: " + value)


def _path(value: bytes) -> bytes:
    return changed(b"path: a.jsonl", b"path: " + value)


def _sources(value: bytes) -> bytes:
    return changed(b"[{name: d, kind: jsonl, path: a.jsonl, text: text}]", value)


def _steps(value: bytes) -> bytes:
    return changed(b"steps: 2", b"steps: " + value, TRAIN)


def _lists(count: int, each: int) -> bytes:
    first = b"a0: &a0 [" + b",".join([b"lol"] * 10) + b"]\n"
    more = (b"a%d: &a%d [%s]\n" % (at, at, b",".join([b"*a%d" % (at - 1)] * each)) for at in range(1, count))
    return first + b"".join(more)


_PAIRS = b"a0: &a0 {x: 1}\n" + b"".join(b"a%d: &a%d {x: *a%d, y: *a%d}\n" % (n, n, n - 1, n - 1) for n in range(1, 40))
_MERGES = b"a: &a {" + b",".join(b"k%d: 1" % at for at in range(2000)) + b"}\n" + b"b: {<<: [" + b"*a," * 3000 + b"]}\n"
_DEEP_BLOCK = b"seed:\n" + b"\n".join(b" " * at + b"a:" for at in range(1, 1500)) + b"\n"

SHAPES: dict[str, tuple[bytes, str]] = {
    "aliases-of-lists": (_lists(8, 10) + RUN + b"seed: [*a7, *a7]\n", MANY),
    "aliases-of-mappings": (_PAIRS + RUN, MANY),
    "merges-of-many-keys": (_MERGES + RUN, MANY),
    "merge-of-a-number": (RUN + b"limits: {<<: 3}\n", "expected a mapping"),
    "merge-of-itself": (RUN + b"limits: &l {<<: *l}\n", "within what it names"),
    "alias-within-itself": (RUN + b"seed: &a [*a]\n", "within what it names"),
    "alias-to-nothing": (RUN + b"seed: *none\n", "undefined alias"),
    "alias-chain": (b"".join(b"a%d: &a%d [*a%d]\n" % (n, n, n - 1 if n else 0) for n in range(300)) + RUN, "alias"),
    "anchor-of-a-key": (RUN + b"&k seed: 1\n*k : 2\n", "stands twice"),
    "deep-block": (RUN + _DEEP_BLOCK, DEEP),
    "deep-lists": (b"[" * 100_000, DEEP),
    "deep-mappings": (b"{a: " * 50_000, DEEP),
    "deep-questions": (b"? " * 5000, DEEP),
    "deep-dashes": (b"- " * 50_000, DEEP),
    "many-keys": (b"".join(b"k%d: 1\n" % at for at in range(50_000)), TOO_MANY),
    "many-items": (RUN + b"seed: [" + b"1," * 50_000 + b"]\n", TOO_MANY),
    "large": (b"# nothing\n" * 500_000, "larger than 4 MiB"),
    "key-twice": (RUN + b"seed: 1\nseed: 2\n", "`seed` stands twice"),
    "key-twice-quoted": (RUN + b"seed: 1\n'seed': 2\n", "`seed` stands twice"),
    "key-twice-tagged": (RUN + b"seed: 1\n!!str seed: 2\n", "`seed` stands twice"),
    "key-twice-below": (RUN + b"limits: {pixels: 1, pixels: 2}\n", "`pixels` stands twice"),
    "key-of-null": (RUN + b"~: 1\n", "Keys should be strings"),
    "key-of-a-number": (RUN + b"5: 1\n", "Keys should be strings"),
    "key-of-a-truth": (RUN + b"true: 1\n", "Keys should be strings"),
    "key-of-a-list": (RUN + b"[a, b]: 1\n", "unhashable key"),
    "key-of-a-mapping": (RUN + b"{a: b}: 1\n", "unhashable key"),
    "key-of-escapes": (RUN + b'"\\e[2J\\e]0;title\\a": 1\n', r"\x1b[2J"),
    "key-that-is-reversed": (RUN + b'"\\u202e\\u2066x": 1\n', r"\u202e"),
    "key-long": (RUN + b"? " + LONG + b"\n: 1\n", "text of 100,000 characters"),
    "two-documents": (RUN + b"---\n" + RUN, "expected a single document"),
    "unclosed-list": (RUN + b"seed: [1\n", "expected ','"),
    "unclosed-text": (RUN + b"seed: 'abc\n", "unexpected end of stream"),
    "tabs": (RUN + b"limits:\n\tpixels: 5\n", "cannot start any token"),
    "directive": (b"%YAML 9.9\n---\n" + RUN, "incompatible"),
    "empty": (b"", "not a mapping"),
    "blank": (b"\n\n  \n", "not a mapping"),
    "comment": (b"# nothing\n", "not a mapping"),
    "number-alone": (b"5\n", "not a mapping"),
    "list-alone": (b"- a\n", "not a mapping"),
    "binary": (bytes(range(256)) * 20, "cannot be read as YAML"),
    "compressed": (gzip.compress(RUN), "cannot be read as YAML"),
    "zeros": (b"\0" * 100_000, "special characters are not allowed"),
    "utf-16": (RUN.decode().encode("utf-16"), "cannot be read as YAML"),
    "utf-32": (RUN.decode().encode("utf-32"), "cannot be read as YAML"),
    "latin-1": (_name(b"\xe9"), "can't decode byte 0xe9"),
    "byte-order-mark": (b"\xef\xbb\xbf" + _name(b"t t"), "`name` is 't t'"),
    "carriage-returns": (RUN.replace(b"\n", b"\r") + b"seed: -1\r", "`seed` is -1"),
}
TAGS: dict[str, tuple[bytes, str]] = {
    "tag-that-runs": (RUN + b"seed: !!python/object/apply:os.system ['false']\n", NO_TAG),
    "tag-of-a-name": (RUN + b"seed: !!python/name:os.system\n", NO_TAG),
    "tag-by-directive": (b"%TAG ! tag:yaml.org,2002:python/\n---\n" + RUN + b"seed: !name:os.system\n", NO_TAG),
    "tag-of-escapes": (RUN + b"seed: !<%1b[31m> 1\n", "tag"),
    "tag-long": (RUN + b"seed: !" + LONG + b" 1\n", NO_TAG),
    "tag-binary": (RUN + b"seed: !!binary '!!!!'\n", "`seed`"),
    "tag-set": (RUN + b"limits: !!set {pixels}\n", "`limits`"),
    "tag-set-of-sources": (_sources(b"!!set {a, b}"), "`sources.0`"),
    "tag-omap": (RUN + b"limits: !!omap [pixels: 5]\n", "`limits`"),
    "tag-int": (RUN + b"seed: !!int abc\n", "invalid literal"),
    "tag-int-empty": (RUN + b"seed: !!int ''\n", "cannot be read"),
    "tag-float": (RUN + b"limits: {seconds: !!float abc}\n", "could not convert"),
    "tag-bool": (RUN + b"seed: !!bool abc\n", "cannot be read"),
    "tag-date": (_name(b"!!timestamp 2024-99-99"), "cannot be read"),
    "tag-date-of-text": (_name(b"!!timestamp abc"), "cannot be read"),
    "tag-str-of-a-mapping": (RUN + b"seed: !!str {a: b}\n", "scalar node"),
    "tag-map-of-text": (RUN + b"seed: !!map abc\n", "mapping node"),
}
NUMBERS: dict[str, tuple[bytes, str]] = {
    "date-that-is-none": (RUN + b"seed: 2024-99-99\n", "`seed` is '2024-99-99'"),
    "date": (RUN + b"seed: 2024-01-01\n", "`seed` is '2024-01-01'"),
    "digits": (RUN + b"seed: " + b"9" * 5000 + b"\n", "5,000 digits"),
    "digits-of-99": (RUN + b"seed: " + b"9" * 99 + b"\n", "64 bits"),
    "digits-of-hex": (RUN + b"seed: 0x" + b"f" * 100_000 + b"\n", "100,002 digits"),
    "digits-of-bits": (RUN + b"seed: 0b" + b"1" * 90 + b"\n", "64 bits"),
    "digits-of-base-60": (RUN + b"seed: 1" + b":59" * 3000 + b"\n", "digits"),
    "digits-of-a-float": (RUN + b"limits: {seconds: " + b"1" * 50_000 + b".5}\n", FINITE),
    "infinite": (RUN + b"limits: {seconds: .inf}\n", FINITE),
    "infinite-negative": (RUN + b"limits: {seconds: -.INF}\n", FINITE),
    "infinite-power": (RUN + b"limits: {seconds: 1.0e+99999}\n", FINITE),
    "infinite-power-bare": (RUN + b"limits: {seconds: 1e99999}\n", FINITE),
    "infinite-word": (RUN + b"limits: {seconds: inf}\n", NUMBER),
    "infinite-text": (RUN + b"limits: {seconds: 'Infinity'}\n", NUMBER),
    "no-number": (RUN + b"limits: {seconds: .nan}\n", FINITE),
    "no-number-word": (RUN + b"limits: {seconds: nan}\n", "`limits.seconds` is 'nan'"),
    "true-for-a-seed": (RUN + b"seed: True\n", NUMBER),
    "true-for-seconds": (RUN + b"limits: {seconds: true}\n", NUMBER),
    "yes-for-a-priority": (changed(b"text: text", b"text: text, priority: yes"), NUMBER),
    "true-for-a-length": (RUN + b"row_length: yes\n", "`row_length` is True"),
    "quoted-seed": (RUN + b"seed: '5'\n", NUMBER),
    "quoted-seconds": (RUN + b"limits: {seconds: '5.5'}\n", NUMBER),
    "quoted-power": (RUN + b'limits: {seconds: "1e3"}\n', NUMBER),
    "quoted-in-a-list": (RUN + b"filters: [{name: text_length, min_chars: '2'}]\n", "`filters.0.min_chars` is '2'"),
    "quoted-pieces": (changed(b"300", b"'300'"), "`tokenizers.text.vocab_size` is '300'"),
    "quoted-truth": (RUN + b"dedup: {text: {exact: 'true'}}\n", "`dedup.text.exact` is 'true'"),
    "half-a-seed": (RUN + b"seed: 1.5\n", "`seed` is 1.5"),
    "list-for-a-seed": (RUN + b"seed: [1]\n", "`seed` is [1]"),
    "mapping-for-a-seed": (RUN + b"seed: {a: 1}\n", "`seed`"),
    "number-for-sources": (_sources(b"3"), "`sources` is 3"),
    "text-for-sources": (_sources(b"abc"), "`sources` is 'abc'"),
    "nothing-for-sources": (_sources(b""), "`sources` is None"),
    "nothing-for-a-source": (_sources(b"[null]"), "`sources.0`"),
    "number-for-a-name": (_name(b"5"), "`name` is 5"),
    "list-for-a-name": (_name(b"[t]"), "`name` is ['t']"),
    "number-for-out": (_out(b"5"), "`out` is 5"),
    "nothing-for-out": (_out(b""), "`out` is None"),
    "negative-length": (RUN + b"row_length: -1\n", "`row_length` is -1"),
    "negative-pixels": (RUN + b"limits: {pixels: -5}\n", "`limits.pixels` is -5"),
    "negative-zero": (RUN + b"limits: {seconds: -0.0}\n", "`limits.seconds`"),
    "zero-length": (RUN + b"row_length: 0\n", "`row_length` is 0"),
    "zero-rows": (changed(b"text: text", b"text: text, limit: 0"), "limit` is 0"),
    "huge-vocabulary": (changed(b"300", b"999999999999"), "`tokenizers.text.vocab_size` is 999999999999"),
    "huge-image": (RUN.replace(b"{text: {", b"{image: {kind: vq, size: " + HUGE + b"}, text: {"), "`tokenizers.image"),
    "huge-threads": (RUN + b"threads: 1000000000\n", "`threads` is 1000000000"),
    "huge-workers": (RUN + b"engine: {kind: dask, workers: 1000000000}\n", "`engine.workers` is 1000000000"),
    "huge-workers-of-beam": (RUN + b"engine: {kind: beam, workers: 1000000000}\n", "`engine.workers` is 1000000000"),
}
NAMES: dict[str, tuple[bytes, str]] = {
    "nul-in-out": (_out(b'"/tmp/a\\0b"'), NULL),
    "nul-in-path": (_path(b'"a\\0b"'), NULL),
    "nul-in-name": (_name(b'"a\\0b"'), NULL),
    "nul-itself": (_name(b"t\0"), "special characters are not allowed"),
    "escapes-in-name": (_name(b'"\\e[2J\\a"'), r"\x1b[2J"),
    "surrogate-in-name": (_name(b'"\\ud800x"'), "`name` is"),
    "surrogate-in-path": (_path(b'"\\ud800x"'), "`sources.0.path` is"),
    "surrogate-in-out": (_out(b'"\\ud800x"'), "`out` is"),
    "beyond-unicode": (_name(b'"\\U00110000"'), "cannot be read"),
    "long-name": (_name(LONG), "text of 100,000 characters in line 1"),
    "long-name-of-300": (_name(b"x" * 300), "at most 200 characters"),
    "long-out": (_out(LONG), "text of 100,000 characters in line 2"),
    "long-path": (_path(LONG), "text of 100,000 characters in line 3"),
    "long-scheme": (_path(LONG + b"://x"), "text of 100,004 characters"),
    "long-kind": (changed(b"kind: jsonl", b"kind: " + b"x" * 4000), "it must be one of"),
    "long-column": (changed(b"text: text", b"text: " + LONG), "text of 100,000 characters"),
    "long-filter": (RUN + b"filters: [{name: " + b"x" * 4000 + b"}]\n", "it must be one of"),
    "long-encoding": (_sources(b"[{name: d, kind: files, path: a, encoding: " + b"x" * 4000 + b"}]"), "encoding"),
    "secret": (_path(b"'https://u:hunter22222@h.example/x?token=abcdef12345'") + b"seed: -1\n", "`seed` is -1"),
    "secret-shown": (_name(b"'https://u:hunter22222@h.example/x?token=abcdef12345'"), "'https://h.example/x'"),
}
TRAINING: dict[str, tuple[bytes, str]] = {
    "quoted-steps": (_steps(b"'2'"), "`steps` is '2'"),
    "true-steps": (_steps(b"true"), NUMBER),
    "half-a-step": (_steps(b"2.5"), "`steps` is 2.5"),
    "huge-depth": (changed(b"depth: 1", b"depth: 1000000000", TRAIN), "`model.depth` is 1000000000"),
    "huge-width": (changed(b"width: 64", b"width: 64000000000", TRAIN), "`model.width` is 64000000000"),
    "huge-workers": (changed(b"4096", b"4096, workers: 1000000000", TRAIN), "`data.workers` is 1000000000"),
    "infinite-rate": (TRAIN + b"optimizer: {lr: .inf}\n", FINITE),
    "infinite-rate-word": (TRAIN + b"optimizer: {lr: inf}\n", NUMBER),
    "quoted-rate": (TRAIN + b"optimizer: {lr: '1e-3'}\n", NUMBER),
    "true-rate": (TRAIN + b"optimizer: {lr: true}\n", NUMBER),
    "infinite-weight": (changed(b"1.0", b"Infinity", TRAIN), NUMBER),
    "quoted-beta": (TRAIN + b"optimizer: {betas: [.9, '.95']}\n", "`optimizer.betas.1` is '.95'"),
    "quoted-overlap": (changed(b"4096", b"4096, allow_overlap: 'yes'", TRAIN), TRUTH),
    "three-betas": (TRAIN + b"optimizer: {betas: [.9, .9, .9]}\n", "`optimizer.betas`"),
    "quoted-task": (TRAIN + b"objective: {kind: masked, tasks: {text: {text: 'nan'}}}\n", "`objective.tasks"),
    "surrogate-in-path": (changed(b"ds", b'"\\ud800"', TRAIN), "`data.datasets.0.path`"),
    "run-file": (RUN, "`data` is missing"),
}
