"""The lines that `triptych show` prints for a segment or a dropped row; they fit a terminal of 80 columns."""

from typing import Any

from rich.cells import cell_len, set_cell_size

from ..schemas.visible import print_line, visible

WIDTH = 80


def print_segment(line: dict[str, Any]) -> None:
    """Print the origin of a segment, the beginning of its text, and the names of its files."""
    piece = "" if line["offset"] == 0 and line["last"] else f", piece from token {line['offset']:,}"
    print_line(f"{line['segment']}  {line['source']}: {line['file']}, row {line['row']}{piece}")
    print_line(f"   {line['kind']}, {line['length']:,} tokens in packed row {line['packed_row']}")
    print_line(f"   id {line['id']}")
    for name, value in (("license", line["license"]), *line.get("kept", {}).items()):
        if value is not None:
            print_line("   " + excerpt(f"{name}: {value}", WIDTH - 3))
    if line["text"]:
        print_line("   " + excerpt(line["text"], WIDTH - 3))
    print_line("   " + " ".join(line["files"]))


def print_dropped(line: dict[str, Any]) -> None:
    """Print the origin of a dropped row, why it was dropped, and what its source holds there now."""
    place = line["file"] if line["row"] < 0 else f"{line['file']}, row {line['row']}"
    print_line(f"{line['source']}: {place}")
    print_line(f"   {line['stage']}: {line['reason']}{': ' if line['detail'] else ''}{line['detail']}")
    for name, value in (*line.get("kept", {}).items(), *(line["raw"] or {}).items()):
        field = name.removesuffix("_bytes")
        shown = value if field == name else f"{value:,} bytes"
        print_line("   " + excerpt(f"{field}: {shown}", WIDTH - 3))


def excerpt(text: str, width: int) -> str:
    """The beginning of a text in one line of at most `width` cells of a terminal."""
    line = visible(" ".join(text[: 4 * width].split()))
    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"
