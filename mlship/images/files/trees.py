"""The files of an image as they are when its layers lie on each other.

Source: OCI image spec 1.1, "Image Layer Filesystem Changeset".
"""

import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from re import Pattern

from mlship.errors import BuildError
from mlship.images.files.blobs import Image
from mlship.images.files.manifests import GZIP, TAR

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MOST_LINKS = 40  # as many as Linux follows


@dataclass
class _File:
    """A file of an image: ``link`` is where a symbolic link leads, ``content`` is there if it was asked for."""

    kind: bytes
    mode: int
    link: str = ""
    content: bytes | None = None


@dataclass
class Tree:
    """Files by absolute path; ``size`` counts the bytes of all layers, also of what later ones replace.

    As an engine does, it counts a symbolic link as long as its text.
    """

    files: dict[str, _File] = field(default_factory=dict)
    size: int = 0

    def program(self, path: str) -> str | None:
        """Return which file ``path`` leads to, or None when that is nothing that can be run."""
        found = self.resolve(path)
        file = self.files.get(found)
        return found if file and file.kind == tarfile.REGTYPE and file.mode & 0o111 else None

    def resolve(self, path: str) -> str:
        """Follow the symbolic links in ``path``, folders included; "" where they lead in a circle."""
        done, rest = "/", [part for part in path.split("/") if part]
        for _ in range(_MOST_LINKS):
            link = ""
            while rest and not link:
                name = rest.pop(0)
                done = posixpath.normpath(posixpath.join(done, name))
                link = self.files[done].link if done in self.files else ""
            if not link:
                return done
            done = "/" if link.startswith("/") else posixpath.dirname(done)
            rest = [part for part in link.split("/") if part] + rest
        return ""

    def children(self, folder: str) -> Iterator[str]:
        """Yield the names of what is in ``folder``."""
        found = self.resolve(folder)
        yield from (posixpath.basename(path) for path in self.files if posixpath.dirname(path) == found)

    def contents(self) -> Iterator[bytes]:
        """Yield the contents of the files that were asked for."""
        yield from (file.content for file in self.files.values() if file.content is not None)


def read_tree(image: Image, wanted: Pattern[str]) -> Tree:
    """Read all layers of ``image`` once; the contents of files whose path ``wanted`` finds are kept.

    Raises BuildError when a layer is damaged, or packed in a way that is not known.
    """
    tree = Tree()
    for number, layer in enumerate(image.layers, 1):
        which = f"layer {number} of '{image.name}'"
        if layer.media_type not in (GZIP, TAR):
            raise BuildError(f"{which} is packed as '{layer.media_type}'", "take a base image with layers of gzip")
        try:
            with tarfile.open(layer.path, "r|gz" if layer.media_type == GZIP else "r|") as archive:
                _apply(tree, archive, wanted)
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise BuildError(f"{which} cannot be read: {error}", "take another base image") from error
    return tree


def _apply(tree: Tree, archive: tarfile.TarFile, wanted: Pattern[str]) -> None:
    """Put one layer on top: what it takes away was there before, whatever the order in it."""
    added: dict[str, _File] = {}
    removed: set[str] = set()
    emptied: set[str] = set()
    for member in archive:
        path = posixpath.normpath(posixpath.join("/", member.name))
        folder, name = posixpath.split(path)
        tree.size += len(member.linkname.encode()) if member.issym() else member.size
        if name == _OPAQUE:
            emptied.add(folder)
        elif name.startswith(_WHITEOUT):
            removed.add(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
        else:
            added[path] = _file(member)
            if member.islnk():  # another name of a file that came before
                target = posixpath.normpath(posixpath.join("/", member.linkname))
                added[path] = added.get(target) or tree.files.get(target) or added[path]
            elif member.isreg() and wanted.search(path) and (stream := archive.extractfile(member)):
                added[path].content = stream.read()
    removed |= {path for path, file in added.items() if file.kind != tarfile.DIRTYPE}
    if removed or emptied:
        for path in [path for path in tree.files if _is_gone(path, removed, emptied)]:
            del tree.files[path]
    tree.files |= added


def _file(member: tarfile.TarInfo) -> _File:
    kind = tarfile.REGTYPE if member.isreg() or member.islnk() else member.type
    return _File(kind, member.mode, member.linkname if member.issym() else "")


def _is_gone(path: str, removed: set[str], emptied: set[str]) -> bool:
    if path in removed:
        return True
    folder = path
    while folder != "/":
        folder = posixpath.dirname(folder)
        if folder in removed or folder in emptied:
            return True
    return False
