"""From a plan to the documents of an OCI image: its config and its manifest.

Source: OCI image spec 1.1, "Image Configuration" and "Image Manifest"; Healthcheck is Docker's, and kept by others.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlship.images.files.blobs import Assembled, Attached, Blob, Image
from mlship.images.files.manifests import MANIFEST, digest_of
from mlship.images.plan import Plan
from mlship.images.planning import moment

CONFIG = "application/vnd.oci.image.config.v1+json"
BILL = "application/vnd.cyclonedx+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_SECOND = 1_000_000_000  # in nanoseconds, in which Docker counts


def assemble(plan: Plan, base: Image, layers: Sequence[Blob], created: int, folder: Path) -> Assembled:
    """Return the image that ``plan`` describes with its ``layers``; its config is written to ``folder``."""
    config = keep(folder, encoded(_config(plan, base.config, layers, created)), CONFIG)
    every = (*base.layers, *layers)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in every],
        "annotations": dict(sorted(plan.labels.items())),
    }
    return Assembled(plan.platform, encoded(manifest), config, every)


def attach(image: bytes, content: bytes, folder: Path) -> Attached:
    """Return a bill of materials as what is attached to the image with the manifest ``image``.

    Source: OCI image spec 1.1, "Guidelines for Artifact Usage".
    """
    blobs = (keep(folder, b"{}", _EMPTY), keep(folder, content, BILL))
    subject = {"mediaType": MANIFEST, "digest": digest_of(image), "size": len(image)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": BILL,
        "config": blobs[0].descriptor(),
        "layers": [blobs[1].descriptor()],
        "subject": subject,
    }
    return Attached(encoded(manifest), blobs)


def keep(folder: Path, content: bytes, media_type: str) -> Blob:
    """Write ``content`` by its digest."""
    digest = digest_of(content)
    path = folder / digest.removeprefix("sha256:")
    path.write_bytes(content)
    return Blob(path, digest, len(content), media_type)


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return a document as the bytes that its digest is of."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _config(plan: Plan, base: Mapping[str, Any], layers: Sequence[Blob], created: int) -> dict[str, Any]:
    when = moment(created)
    inherited = base.get("config") or {}
    told = dict(entry.partition("=")[::2] for entry in inherited.get("Env") or ())
    health = plan.health
    history = [{"created": when, "created_by": f"mlship: {layer.name}"} for layer in plan.layers]
    return {
        "created": when,
        "architecture": plan.platform.architecture,
        "os": "linux",
        **({"variant": base["variant"]} if base.get("variant") else {}),
        "config": {
            "User": plan.user,
            "ExposedPorts": {f"{plan.port}/tcp": {}},
            "Env": [f"{name}={value}" for name, value in {**told, **plan.environment}.items()],
            "Entrypoint": [*plan.entrypoint],
            "Cmd": [*plan.command],
            "WorkingDir": plan.folder,
            "Labels": {**_others(inherited.get("Labels") or {}), **plan.labels},
            "StopSignal": plan.stop_signal,
            "Healthcheck": {
                "Test": ["CMD", *health.command],
                "Interval": health.interval * _SECOND,
                "Timeout": health.timeout * _SECOND,
                "StartPeriod": health.start_period * _SECOND,
                "Retries": health.retries,
            },
        },
        "rootfs": {
            "type": "layers",
            "diff_ids": [*base["rootfs"]["diff_ids"], *(layer.diff_id for layer in layers)],
        },
        "history": [*(base.get("history") or ()), *history],
    }


def _others(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a base but those that say what the base is: this image is something else."""
    return {key: value for key, value in labels.items() if not key.startswith("org.opencontainers.image.")}
