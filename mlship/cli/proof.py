"""What ``ship`` and ``demo`` end with: the proof in a few lines, and what to type next."""

import json
import sys

from mlship.cli.build import image_of
from mlship.workspace import Workspace


def proof(workspace: Workspace) -> str:
    """Sum up what the workspace's stages found, for people; the first line is a heading."""
    records = workspace.manifest().stages
    image = image_of(workspace, records["build"])
    lines = [records["build"].summary]
    examples = json.loads((workspace.root / "service" / "model" / "examples.json").read_text("utf-8"))["examples"]
    body = json.dumps(examples[0]["features"], ensure_ascii=False)
    started = image["built"] and image.get("checked", "image") == "image"
    port = image.get("port", 8000)
    service = f"docker run --rm -p 8000:{port} {_name(image)}" if started else _local(workspace)
    lines += [
        "",
        f"  report     {workspace.located(records['benchmark'].outputs['report'])}/report.html",
        f"  start      {service}",
        f"  ask        curl localhost:8000/predict -H 'content-type: application/json' -d {_quoted(body)}",
    ]
    return "\n".join(lines)


def _name(image: dict[str, object]) -> object:
    tags = image.get("tags")
    return tags[0] if isinstance(tags, list) and tags else image["id"]


def _local(workspace: Workspace) -> str:
    return f"cd {workspace.root / 'service'} && {sys.executable} serve.py"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "'\\''")
    return f"'{escaped}'"
