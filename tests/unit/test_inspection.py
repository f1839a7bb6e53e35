"""Versions and trust, as told from an inspection."""

from pathlib import Path

import pytest
import sklearn

from mlship.errors import UntrustedModelError
from mlship.inspection import Inspection, installed, require_trusted, version_differences, way_to_trust


def _inspection(trained_with: dict[str, str], untrusted: tuple[str, ...] = ()) -> Inspection:
    path = Path("/somewhere/model.joblib")
    return Inspection(path, "joblib", 10, "shop.Model", untrusted, untrusted, trained_with=trained_with)


def test_the_same_version_is_no_difference() -> None:
    assert version_differences(_inspection({"scikit-learn": sklearn.__version__})) == ()


def test_another_version_is_said_with_both_numbers() -> None:
    sentence = (
        f"model.joblib was saved with scikit-learn 1.2.2; here is {sklearn.__version__}: "
        "--python-env auto loads it with its own"
    )
    assert version_differences(_inspection({"scikit-learn": "1.2.2"})) == (sentence,)


def test_a_library_that_is_not_installed_is_said() -> None:
    found = version_differences(_inspection({"no-such-library": "3"}))
    assert found == ("model.joblib was saved with no-such-library 3; here is none",)
    assert installed("no-such-library") is None


def test_trusted_files_pass() -> None:
    require_trusted(_inspection({}))


def test_untrusted_names_are_all_listed() -> None:
    with pytest.raises(UntrustedModelError, match=r"'model.joblib' would import .*: os.system, shop.Model") as caught:
        require_trusted(_inspection({}, ("os.system", "shop.Model")))
    assert "--trust os.system" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "way"),
    [
        (("__main__.f", "__main__.g"), "--trust __main__.f --trust __main__.g --code the_script_that_saved_it.py"),
        (("nowhere_here.f",), "--trust nowhere_here.f --code nowhere_here.py"),
        (("nowhere_here.parts.f",), "--trust nowhere_here.parts.f --code folder_with_nowhere_here"),
        (("os.system",), "--trust os.system"),
        (("a b.f",), "--trust a b.f"),
        (("_loss.f",), "--trust _loss.f"),
        (("sklearn.gone.f",), "--trust sklearn.gone.f"),
        (("cloudpickle.cloudpickle.f",), "--trust cloudpickle.cloudpickle.f"),
    ],
)
def test_the_way_to_trust_says_where_the_code_comes_from(names: tuple[str, ...], way: str) -> None:
    assert way_to_trust(names) == way
