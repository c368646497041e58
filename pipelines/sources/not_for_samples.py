"""Corpora that are no samples of one text and one image or clip: told by their columns, and refused by name."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...schemas.config.sources import Source
from ...schemas.errors import Refusal
from ...schemas.vocabulary import Kind

# columns of texts and of images by which interleaved documents are told: OBELICS, MMC4, and what follows them
TEXT_LISTS, IMAGE_LISTS = ("texts", "text_list"), ("images", "image_info", "image_list", "image_urls")
WHY_INTERLEAVED = (
    "in which several texts and images follow each other. They are not for Triptych: a sample has one text with at "
    "most one image and one clip."
)
ADDRESSES = (
    "Strings there are addresses or names of files, not media: download the media of a table of addresses first, for "
    "example with img2dataset, and read its tars with `kind: webdataset`; if the files lie beside the table, use "
    "`kind: folder`."
)


def interleaved(lists: Iterable[str]) -> tuple[str, str] | None:
    """Return the columns of texts and of images by which interleaved documents are told; None for anything else.

    Args:
        lists: Columns, or keys of an object, that hold lists.
    """
    present = {name.lower(): name for name in lists}
    texts, images = ([present[name] for name in names if name in present] for names in (TEXT_LISTS, IMAGE_LISTS))
    return (texts[0], images[0]) if texts and images else None


def lists_in(record: Mapping[str, Any]) -> list[str]:
    """Return the keys of a record whose values are lists."""
    return [name for name, value in record.items() if isinstance(value, list)]


def refuse_interleaved(lists: Iterable[str], source: Source, where: str) -> None:
    """Refuse a file of interleaved documents, unless only its texts are read.

    Args:
        lists: Columns that hold lists.
        source: The source.
        where: Name of the file, for the message.

    Raises:
        Refusal: The file has a column of texts and one of images that belong to them by their order.
    """
    if source.modality is Kind.TEXT and source.text_from is not None:
        return
    found = interleaved(lists)
    wanted = {name.removeprefix("json.") for names in source.fields.values() for name in names}
    if found and wanted & {*found}:
        raise Refusal(
            f"`sources.{source.name}`: {where} holds interleaved documents (columns {found[0]} and {found[1]}), "
            f"{WHY_INTERLEAVED} To read the texts alone, remove `image:` and set `text_from: join`."
        )


def refuse_addresses(record: Mapping[str, Any], source: Source, where: str) -> None:
    """Refuse a table whose media column holds addresses on the web, by one of its records.

    Raises:
        Refusal: The record's media are `http://` or `https://` addresses.
    """
    for field in ("image", "audio"):
        for name in source.fields.get(field, ()):
            value = record.get(name)
            if isinstance(value, str) and value.lower().startswith(("http://", "https://")):
                raise Refusal(
                    f"`sources.{source.name}.{field}` is {name!r}: in {where} that column holds addresses, such as "
                    f"{value[:80]!r}. Triptych reads media, and does not download them: download them first, for "
                    "example with img2dataset, and read its tars with `kind: webdataset`."
                )
