"""YAML that cannot be meant is refused with its line, in little time and memory."""

from pathlib import Path

import pytest

from triptych.schemas.config.yaml_file import BadYaml, parse_yaml, read_file

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "`a` stands twice in one mapping, again in line 3"),
        ("a: {b: 1, b: 2}", "`b` stands twice"),
        ("seed: 9223372036854775808", "does not fit into 64 bits"),
        ("seed: " + "9" * 5000, "a number of 5,000 digits in line 1"),
        ("lr: .inf", "not a finite number"),
        ("lr: -.Inf", "not a finite number"),
        ("lr: .nan", "not a finite number"),
        ("lr: 1.0e+999", "not a finite number"),
        ('path: "a\\0b"', "a NUL character in line 1"),
        ("path: a\0b", "special characters are not allowed"),
        ("[" * 3000, "nested too deeply"),
        ("[" * 150 + "]" * 150, "nested too deeply"),
        ("a: &a [*a]", "an alias stands within what it names"),
        (LAUGHS, "more than 100,000 values"),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
        ("a: [1", "expected"),
        ("{[1]: 2}", "unhashable key"),
        ("a: *b", "found undefined alias"),
        ("%YAML 9.9\n---\na: 1", "incompatible"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadYaml, match=message):
        parse_yaml(text)


def test_dates_and_aliases_are_plain_values() -> None:
    assert parse_yaml("a: 2024-13-45\nb: 2024-01-01\nc: &c [1]\nd: *c") == {
        "a": "2024-13-45",
        "b": "2024-01-01",
        "c": [1],
        "d": [1],
    }
    assert parse_yaml("base: &base {x: 1}\nmore: {<<: *base, y: 2}") == {"base": {"x": 1}, "more": {"x": 1, "y": 2}}


def test_only_a_file_of_some_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"#" * (5 << 20))
    with pytest.raises(BadYaml, match="larger than 4 MiB"):
        read_file(tmp_path / "large")
    for path in (tmp_path, "/dev/zero", "a\0b"):
        with pytest.raises(BadYaml):
            read_file(path)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "missing")
