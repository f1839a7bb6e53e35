"""An image that was put together without the engine, handed to the engine."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker import DockerClient
from docker.models.images import Image as Loaded

from mlship.errors import BuildError
from mlship.images.build import discard
from mlship.images.engine import plain_errors
from mlship.images.files import layouts
from mlship.images.files.blobs import Assembled


@contextmanager
def loaded(client: DockerClient, image: Assembled, folder: Path) -> Iterator[Loaded]:
    """Load ``image``; it has no name, and is removed again where the context ends with an error.

    ``folder`` has room for it on its way. Raises BuildError where the engine does not take it.
    """
    with tempfile.TemporaryDirectory(dir=folder) as room:
        archive = Path(room) / "image.tar"
        layouts.write_archive(image, "", archive)
        with plain_errors("to load the image"), archive.open("rb") as content:
            found = client.images.load(content)
    if not found:
        raise BuildError("the container engine loaded no image", "docker info")
    try:
        yield found[0]
    except BaseException:
        discard(client, [str(found[0].id)])
        raise
