"""The bill of materials of an image, in CycloneDX: the libraries that are in it, its base and its model."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.utils import canonicalize_name

import mlship
from mlship import signature as signatures
from mlship.images import names, parts
from mlship.images.libraries.requirements import required
from mlship.images.plan import LeftOut, Plan
from mlship.images.registries import references

#: A licence field that is longer than this is the text of a licence, not its name.
_LONGEST_NAME = 100
_LOCKED = re.compile(r"^([\w.-]+)==\S+((?:[\s\\]+--hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)


def bill(plan: Plan, libraries: Path, model_sha256: str, created: int) -> bytes:
    """Return the bill as CycloneDX 1.6 in JSON (ECMA-424); equal arguments give equal bytes.

    ``libraries`` is the folder that the wheels are unpacked into, ``model_sha256`` in hexadecimal. A library has the
    hash of its wheel, though ``plan.left_out`` may have left less of it; where the lock allows several wheels, their
    hashes stand with where it is distributed. The serial number is made of the content; the time is ``created``, in
    seconds since 1970, where 0 stands for no time.
    """
    found = sorted(distributions(path=[str(libraries)]), key=_name)
    hashes = _hashes(plan.lock)
    listed = {_name(one): _library(one, hashes.get(_name(one), []), plan.left_out) for one in found}
    image, base, model = _image(plan), _base(plan), _model(plan, model_sha256)
    bom = Bom(components=[*listed.values(), base, model])
    bom.metadata.component = image
    bom.metadata.tools.components.add(_tool())
    needs = {_name(one): _needs(one, plan) & listed.keys() - {_name(one)} for one in found}
    for name, needed in needs.items():
        bom.register_dependency(listed[name], [listed[other] for other in sorted(needed)])
    top = listed.keys() - {other for needed in needs.values() for other in needed}
    bom.register_dependency(image, [base, model, *(listed[name] for name in sorted(top))])
    return _written(bom, created)


def _image(plan: Plan) -> Component:
    title, version = names.split(plan.tag)
    return Component(
        type=ComponentType.CONTAINER,
        bom_ref="image",
        name=title,
        version=version,
        properties=_properties({"platform": str(plan.platform), "python": plan.base.python}),
    )


def _base(plan: Plan) -> Component:
    base, where = plan.base, {"arch": plan.platform.architecture}
    if names.is_path(base.name):  # it has a name, but no repository
        title, tag = Path(base.name).name, ""
    else:
        found = references.parse(base.name)
        title, tag = names.split(base.name)
        where |= {"repository_url": f"{found.registry}/{found.repository}", "tag": tag}
    return Component(
        type=ComponentType.CONTAINER,
        bom_ref="base",
        name=title,
        version=tag or base.digest or None,
        hashes=_sha256(base.digest.removeprefix("sha256:")) if base.digest else (),
        purl=PackageURL("oci", None, title.lower(), base.digest or None, where),
    )


def _model(plan: Plan, sha256: str) -> Component:
    folder = next(layer.source for layer in plan.layers if layer.name == parts.MODEL)
    signature = signatures.read(folder / "signature.json")
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        name=signature.model,
        version=sha256[:12],
        hashes=_sha256(sha256),
        properties=_properties({"class": signature.model, "task": signature.task}),
    )


def _tool() -> Component:
    return Component(type=ComponentType.APPLICATION, bom_ref="mlship", name="mlship", version=mlship.__version__)


def _library(found: Distribution, hashes: Sequence[str], left_out: Sequence[LeftOut]) -> Component:
    name = _name(found)
    url = PackageURL("pypi", None, name, found.version)
    less = [f"{it.pattern}: {it.reason}" for it in left_out if canonicalize_name(it.distribution) == name]
    return Component(
        type=ComponentType.LIBRARY,
        bom_ref=url.to_string(),
        name=name,
        version=found.version,
        description=_told(found, "Summary") or None,
        licenses=_licences(found),
        hashes=_sha256(*hashes) if len(hashes) == 1 else (),
        external_references=[_distributed(name, found.version, hashes)] if len(hashes) > 1 else (),
        purl=url,
        properties=[Property(name="mlship:left_out", value=told) for told in less],
    )


def _distributed(name: str, version: str, hashes: Sequence[str]) -> ExternalReference:
    return ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/project/{name}/{version}/"),
        comment="one of these wheels was unpacked",
        hashes=_sha256(*hashes),
    )


def _licences(found: Distribution) -> list[License]:
    """Return what the core metadata say: License-Expression (PEP 639), else License, else the classifiers."""
    factory = LicenseFactory()
    for field in ("License-Expression", "License"):
        told = _told(found, field)
        if told and "\n" not in told and len(told) <= _LONGEST_NAME and told.upper() != "UNKNOWN":
            return [factory.make_from_string(told)]
    paths = [told.split(" :: ") for told in found.metadata.get_all("Classifier") or ()]
    return [factory.make_from_string(path[-1]) for path in paths if path[0] == "License" and len(path) > 2]


def _needs(found: Distribution, plan: Plan) -> set[str]:
    """Return what ``found`` asks for on the image's platform, without its extras."""
    target = {
        "extra": "",
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": plan.platform.machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{plan.base.python}.0",
        "python_version": plan.base.python,
        "sys_platform": "linux",
    }
    wanted = [it for it in required(found) if it.marker is None or it.marker.evaluate(target)]
    return {canonicalize_name(it.name) for it in wanted}


def _hashes(lock: Iterable[str]) -> dict[str, list[str]]:
    """Return the hashes of each distribution in the lines of a requirements file."""
    found = _LOCKED.findall("\n".join(lock))
    return {canonicalize_name(name): re.findall(r"sha256:([0-9a-f]{64})", told) for name, told in found}


def _written(bom: Bom, created: int) -> bytes:
    bom.metadata.timestamp = datetime.fromtimestamp(created, UTC)
    told = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    del told["serialNumber"]  # a random one
    if not created:
        del told["metadata"]["timestamp"]
    told["serialNumber"] = uuid5(NAMESPACE_OID, json.dumps(told, sort_keys=True)).urn
    return (json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _name(found: Distribution) -> str:
    return canonicalize_name(found.metadata["Name"])


def _told(found: Distribution, field: str) -> str:
    return found.metadata[field].strip() if field in found.metadata else ""


def _sha256(*hexadecimal: str) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in hexadecimal]


def _properties(values: Mapping[str, str]) -> list[Property]:
    return [Property(name=f"mlship:{key}", value=value) for key, value in values.items()]
