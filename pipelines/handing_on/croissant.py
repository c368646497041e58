"""The description of a dataset in Croissant 1.1, with fields for responsible AI and provenance.

Specifications: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html,
https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html and https://www.w3.org/TR/prov-o/. Only what the
manifest records is stated; who publishes the dataset, where and when, is for its publisher to add.
"""

import hashlib
import json
from typing import Any

from ...schemas.dataset.licenses import licenses_of
from ...schemas.dataset.manifest import MANIFEST, Manifest
from ...schemas.dataset.packed_row import segment_dtype
from .card_facts import duration, processing

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{name: f"cr:{name}" for name in ("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty")},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in ("extract", "field", "fileProperty", "fileObject", "fileSet", "format")},
    **{name: f"cr:{name}" for name in ("includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5")},
    "name": {"@container": "@language"},
    **{name: f"cr:{name}" for name in ("parentField", "path", "recordSet", "references", "regex", "repeated")},
    **{name: f"cr:{name}" for name in ("replace", "samplingRate", "separator", "source", "subField", "transform")},
    "sc": "https://schema.org/",
    "prov": "http://www.w3.org/ns/prov#",
}
CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
ARROW = "application/vnd.apache.arrow.file"


def croissant(manifest: Manifest) -> bytes:
    """Return the description as JSON-LD."""
    statistics = manifest.statistics
    samples = sum(source.samples for source in statistics.sources.values())
    tokens = sum(sum(source.tokens.values()) for source in statistics.sources.values())
    kinds = sorted({source.kind for source in statistics.sources.values()})
    licenses = sorted(name for name in licenses_of(manifest) if name is not None)
    body = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": manifest.name,
        "description": f"{samples:,} documents ({', '.join(kinds)}) with {tokens:,} tokens, as {statistics.rows:,} "
        f"packed rows of {manifest.row_length:,} tokens.",
        "conformsTo": CONFORMS,
        "identifier": manifest.fingerprint,
        **({"license": licenses} if licenses else {}),
        "keywords": ["tokenized", "packed", *kinds],
        "distribution": _distribution(manifest),
        "recordSet": [_records(manifest)],
        **_responsible(manifest),
        **_provenance(manifest),
    }
    return json.dumps(body, indent=1, ensure_ascii=False).encode() + b"\n"


def _distribution(manifest: Manifest) -> list[dict[str, Any]]:
    """The manifest, which has the checksums of all shards, and the shards."""
    data = manifest.to_bytes()
    return [
        {
            "@type": "cr:FileObject",
            "@id": MANIFEST,
            "name": MANIFEST,
            "description": "Everything that is recorded about the dataset, with a checksum (xxh3-128) of every file.",
            "contentUrl": MANIFEST,
            "contentSize": f"{len(data)} B",
            "encodingFormat": "application/json",
            "sha256": hashlib.sha256(data).hexdigest(),
        },
        {
            "@type": "cr:FileSet",
            "@id": "shards",
            "name": "shards",
            "description": f"{len(manifest.shards):,} Arrow IPC files of packed rows.",
            "encodingFormat": ARROW,
            "includes": "shards/*.arrow",
        },
    ]


def _records(manifest: Manifest) -> dict[str, Any]:
    types = {
        "tokens": (manifest.vocabulary.dtype, "Ids of the tokens."),
        "segment": (segment_dtype(manifest.row_length), "Number of the segment that a token is part of; 0: padding."),
        "modality": ("uint8", "Modality of a token: 0 special, 1 text, 2 image, 3 audio."),
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "description": "Packed rows; the columns `segments` and `spans` of the files say what they consist of.",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"rows/{name}",
                "name": name,
                "description": text,
                "dataType": f"cr:{str(dtype).replace('uint', 'UInt')}",
                "isArray": True,
                "arrayShape": str(manifest.row_length),
                "source": {"fileSet": {"@id": "shards"}, "extract": {"column": name}},
            }
            for name, (dtype, text) in types.items()
        ],
    }


def _responsible(manifest: Manifest) -> dict[str, Any]:
    sources = [
        f"{name}: {source.samples:,} documents of kind {source.kind}"
        + (f", {duration(manifest, source.audio_samples)} of audio" if source.audio_samples else "")
        for name, source in manifest.statistics.sources.items()
    ]
    lost = [
        f"{tally.source}: {count:,} rows dropped in stage {tally.stage} as {reason}"
        for tally in manifest.ledger
        for reason, count in tally.dropped.items()
    ]
    personal = [rule for rule in manifest.config.get("filters", ()) if rule.get("name") == "pii"]
    unlicensed = licenses_of(manifest).get(None)
    limits = ["Images and audio are kept as discrete codes, from which they can be decoded only approximately."]
    if unlicensed is not None:
        limits.append(f"{unlicensed.segments:,} segments have no licence on record.")
    return {
        "rai:dataCollection": "Existing files, read as these sources. " + "; ".join(sources) + ".",
        "rai:dataCollectionMissingData": lost or ["No row was dropped."],
        "rai:dataPreprocessingProtocol": processing(manifest),
        "rai:dataLimitations": limits,
        "rai:dataUseCases": "Pretraining of language models and of multimodal models on discrete tokens.",
        "rai:personalSensitiveInformation": (
            "Texts with certain kinds of personal information were removed by the filter pii. The rest was not "
            "examined."
            if personal
            else "Not examined: no filter for personal information was applied."
        ),
        "rai:dataReleaseMaintenancePlan": "Documents can be removed from the dataset by `triptych takedown`.",
    }


def _provenance(manifest: Manifest) -> dict[str, Any]:
    """Sources by the fingerprint of their content, and one activity a stage, with the software that carried it out."""
    software = {
        "@type": "prov:SoftwareAgent",
        "prov:label": "triptych",
        "version": manifest.environment.get("triptych", ""),
    }
    stages = list(dict.fromkeys(tally.stage for tally in manifest.ledger))
    activities = []
    for stage in stages:
        mine = [tally for tally in manifest.ledger if tally.stage == stage]
        rows, kept = sum(tally.rows_in for tally in mine), sum(tally.kept for tally in mine)
        activities.append(
            {
                "@type": "prov:Activity",
                "prov:label": stage,
                "description": f"{rows:,} rows in, {kept:,} kept.",
                "prov:wasAssociatedWith": software,
            }
        )
    return {
        "prov:wasDerivedFrom": [
            {"@type": "prov:Entity", "prov:label": name, "identifier": digest}
            for name, digest in manifest.inputs.items()
        ],
        "prov:wasGeneratedBy": activities,
    }
