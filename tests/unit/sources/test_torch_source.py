"""PyTorch's archives: what loading would run is told before, and nothing of it is run."""

import io
import json
import zipfile

import pytest
import torch

from mlship import gate
from mlship.errors import ModelError, UnsupportedModelError, UntrustedModelError
from mlship.sources import torch_archive
from mlship.sources.torch import TorchSource


def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("torch") / "net.pt2"
    many = ({0: torch.export.Dim("n")},)
    torch.export.save(torch.export.export(build().eval(), (torch.zeros(2, 3),), dynamic_shapes=many), path)
    return path


@pytest.fixture
def altered(program, tmp_path):
    """Return a function that writes the program with one member changed, or added."""

    def alter(member, change):
        with zipfile.ZipFile(program) as archive, zipfile.ZipFile(tmp_path / "bad.pt2", "w") as copy:
            for name in archive.namelist():
                data = archive.read(name)
                copy.writestr(name, change(data) if name.endswith(member) else data)
        return tmp_path / "bad.pt2"

    return alter


def edited(old, new):
    return lambda data: json.dumps(json.loads(data)).replace(old, new).encode()


def test_a_program_is_described_without_torch(program):
    name, source = gate.source_of(program)
    found = source.inspect(program)
    assert name == "torch"
    assert found.format == "PyTorch, exported program"
    assert found.globals == ("torch.ops.aten.linear.default", "torch.ops.aten.relu.default")
    assert found.untrusted == ()


def test_its_example_inputs_and_guards_are_never_loaded(program, altered):
    path = altered("sample_inputs/model.pt", lambda data: b"cos\nsystem\n(S'false'\ntR.")
    assert TorchSource().load(path).module()(torch.zeros(4, 3)).shape == (4, 2)
    path = altered("model.json", edited('"guards_code": []', '"guards_code": ["boom()"]'))
    content = torch_archive.read(path).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"boom" not in b"".join(archive.read(name) for name in archive.namelist())


@pytest.mark.parametrize(
    "target",
    [
        "torch.serialization.os.system",
        "torch.ops.aten.from_file.default",
        "torch.ops.own.op.default",
        "math.__loader__",
    ],
)
def test_an_unknown_operator_is_not_trusted(altered, target):
    path = altered("model.json", edited("torch.ops.aten.relu.default", target))
    assert TorchSource().inspect(path).untrusted == (target,)
    assert TorchSource().inspect(path, [target]).untrusted == ()


@pytest.mark.parametrize(
    "size", ["__import__('os').system('id')", "eval(chr(49))", "Symbol('x y')", "a.b", "(lambda: 1)()", "1 +"]
)
def test_a_size_that_would_be_evaluated_is_refused(altered, size):
    change = edited(json.dumps(_symbol(altered))[1:-1], size.replace('"', "'"))
    with pytest.raises(UntrustedModelError, match="cannot be checked without running it"):
        TorchSource().inspect(altered("model.json", change))


def _symbol(altered):
    found = []
    altered("model.json", lambda data: found.append(data) or data)
    return next(text for key, text in torch_archive._strings(json.loads(found[0])) if key == "expr_str")


@pytest.mark.parametrize("change", [('"use_pickle": false', '"use_pickle": true'), ('"weight_0"', '"opaque_obj_0"')])
def test_pickled_weights_in_a_program_are_refused(altered, change):
    with pytest.raises(UntrustedModelError, match="cannot be checked"):
        TorchSource().inspect(altered("model_weights_config.json", edited(*change)))


def test_a_member_that_is_there_twice_is_refused(program, tmp_path):
    path = tmp_path / "twice.pt2"
    path.write_bytes(program.read_bytes())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("net/models/model.json", "{}")
    with pytest.raises(UntrustedModelError, match="twice"):
        TorchSource().inspect(path)


def test_weights_need_the_function_that_makes_their_module(tmp_path, monkeypatch):
    path = tmp_path / "weights.pt"
    torch.save(build().state_dict(), path)
    assert TorchSource().inspect(path).format == "PyTorch, weights"
    with pytest.raises(UnsupportedModelError, match="holds weights only"):
        TorchSource().load(path)
    (tmp_path / "made_of.py").write_text(
        "import torch\ndef build():\n    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    loaded = TorchSource("made_of:build").load(path)
    assert torch.equal(loaded[0].weight, build()[0].weight)
    with pytest.raises(ModelError, match="'made_of:no' cannot be called"):
        TorchSource("made_of:no").load(path)


def test_a_pickled_module_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "module.pt"
    torch.save(build(), path)
    with pytest.raises(ModelError, match="a pickled module") as caught:
        TorchSource().inspect(path)
    assert "torch.export.save" in caught.value.hint


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 100])
def test_a_damaged_archive_is_named(tmp_path, content):
    path = tmp_path / "broken.pt2"
    path.write_bytes(content)
    assert TorchSource().matches(path)
    with pytest.raises(ModelError, match=r"'broken\.pt2' cannot be read"):
        TorchSource().inspect(path)


def test_other_files_are_not_its_own(tmp_path):
    path = tmp_path / "old.pt"
    path.write_bytes(b"\x80\x02 a pickle")
    assert not TorchSource().matches(path)
