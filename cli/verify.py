"""`triptych verify`: check a dataset against its manifest."""

import json
import sys

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line


@click.command(epilog=example("triptych verify out/stamps"))
@click.argument("dataset")
@click.option("--deep", is_flag=True, help="Also read the sources again and compare their content.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def verify(dataset: str, deep: bool, as_json: bool) -> None:
    """Check DATASET against its manifest.

    Recomputes checksums, token ranges, segment and span tables, the sums of the
    ledger and the statistics. The exit code is 1 if anything differs.
    """
    from ..pipelines.inspection.verify import verify as run

    opened, findings = run(dataset, deep)
    manifest = opened.manifest
    if as_json:
        body = {
            "fingerprint": manifest.fingerprint,
            "shards": len(manifest.shards),
            "findings": [{"file": finding.file, "problem": finding.problem} for finding in findings],
        }
        click.echo(json.dumps(body))
    elif findings:
        for finding in findings:
            print_line(f"{finding.file}: {finding.problem}", err=True)
        print_line(f"{len(findings)} findings: the dataset differs from its manifest. Prepare it again.", err=True)
    else:
        dropped = sum(sum(tally.dropped.values()) for tally in manifest.ledger)
        print_line(
            f"{opened.where}: {len(manifest.shards)} shards, {opened.rows:,} rows and {dropped:,} dropped rows match "
            f"the manifest; fingerprint {manifest.fingerprint}."
        )
    if findings:
        sys.exit(1)
