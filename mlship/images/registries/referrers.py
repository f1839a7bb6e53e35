"""What is attached to an image, for registries that do not list it themselves.

Source: OCI distribution spec 1.1, "Referrers Tag Schema" and "Pushing Manifests with Subject".
"""

import json
from typing import Any

from mlship.images.files import manifests


def fallback(attached: bytes) -> str:
    """Return the tag below which clients look for what is attached to the subject of a manifest."""
    return str(json.loads(attached)["subject"]["digest"]).replace(":", "-", 1)


def listed(index: bytes | None, attached: bytes) -> bytes:
    """Return ``index`` with a manifest in it; a new index where there is none."""
    before = json.loads(index)["manifests"] if index else []
    told = descriptor(attached)
    kept = [other for other in before if other["digest"] != told["digest"]]
    return json.dumps({"schemaVersion": 2, "mediaType": manifests.INDEX, "manifests": [*kept, told]}).encode()


def descriptor(attached: bytes) -> dict[str, Any]:
    """Return what an index says of a manifest that is attached to an image."""
    manifest = json.loads(attached)
    told = {
        "mediaType": manifests.media_type(manifest),
        "digest": manifests.digest_of(attached),
        "size": len(attached),
        "artifactType": manifest.get("artifactType") or manifest["config"]["mediaType"],
        "annotations": manifest.get("annotations"),
    }
    return {key: value for key, value in told.items() if value}
