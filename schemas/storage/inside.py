"""Keeps reads and writes below a folder: a link there may lead elsewhere."""

import os

from ..errors import Refusal


def require_inside(root: str, name: str) -> None:
    """Check that a file below a local folder is there and not elsewhere, by way of a link.

    A snapshot in a cache of the Hugging Face hub consists of links to `../../blobs`; these are followed.

    Raises:
        Refusal: A link leads out of the folder.
    """
    base = os.path.realpath(root)
    found = os.path.realpath(os.path.join(base, name))
    snapshots, repository = os.path.split(os.path.dirname(base))[1], os.path.dirname(os.path.dirname(base))
    allowed = [base, *([os.path.join(repository, "blobs")] if snapshots == "snapshots" else [])]
    if not any(found == each or found.startswith(each.rstrip("/") + "/") for each in allowed):
        raise Refusal(
            f"{root}/{name}: a link leads out of this folder, to {found}. Nothing there is read or written; copy the "
            "files themselves, for example with `cp -rL`.",
            exit_code=1,
        )


def require_no_way_out(folder: str) -> None:
    """Check that no link in a folder that is written to, such as that of a run, leads out of it.

    Raises:
        Refusal: One does.
    """
    base = os.path.realpath(folder)
    for parent, folders, files in os.walk(base):  # which follows no link
        for name in (*folders, *files):
            if os.path.islink(os.path.join(parent, name)):
                require_inside(base, os.path.relpath(os.path.join(parent, name), base))
