"""`triptych verify`: does a dataset hold what its manifest says?"""

import json
import sys

import click


@click.command()
@click.argument("dataset")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def verify(dataset: str, as_json: bool) -> None:
    """Recompute checksums, ledger sums, span tables and vocabulary ranges of DATASET. Exit code 1 on a finding."""
    from ..pipelines.inspection.verify import verify as run

    opened, findings = run(dataset)
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
            click.echo(f"{finding.file}: {finding.problem}", err=True)
        click.echo(f"{len(findings)} findings: this dataset is not what its manifest says. Prepare it again.", err=True)
    else:
        dropped = sum(sum(tally.dropped.values()) for tally in manifest.ledger)
        click.echo(
            f"{dataset}: {len(manifest.shards)} shards, {opened.rows:,} rows and {dropped:,} dropped rows are as the "
            f"manifest says; fingerprint {manifest.fingerprint}."
        )
    if findings:
        sys.exit(1)
