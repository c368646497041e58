"""Reading a text tokenizer's one file: the tokenizers here are all a single file, given itself or by its folder."""

import fsspec

from ...schemas.errors import Refusal


def read_model(path: str, name: str) -> bytes:
    """The bytes of the file at `path`, or of `name` in the folder at `path`, by path or fsspec URL.

    Raises Refusal when there is neither.
    """
    fs, where = fsspec.core.url_to_fs(path)
    try:
        if fs.isdir(where):
            where = f"{where.rstrip('/')}/{name}"
        data: bytes = fs.cat_file(where)
    except OSError as error:
        raise Refusal(
            f"text tokenizer `{path}`: no file can be read there ({type(error).__name__}). "
            f"Give the path of a {name} file, or of a folder that holds one."
        ) from None
    return data
