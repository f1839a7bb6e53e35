"""Formulas are read without being evaluated."""

import pytest

from mlship.errors import UnsupportedModelError
from mlship.graphs.families import formulas


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ a",
        "y ~ a * C(b) - 1 + np.log(c)",
        "np.log(y) ~ (a + b) ** 2 + a:b",
        "y ~ Q('fare: ~paid') + I(a**2) + I(a > 3)",
        "y ~ C(b, Treatment(reference='x'), levels=['x', 'y'])",
        "y ~ 0 + a / b",
    ],
)
def test_what_people_write_is_plain(formula):
    assert formulas.is_plain(formula)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ __import__('os').system('id')",
        "y ~ a.b",
        "y ~ np.load('x')",
        "y ~ np.lib.npyio.load('x')",
        "y ~ np.log.__self__",
        "y ~ eval('1')",
        "y ~ I((lambda: 1)())",
        "y ~ [c for c in a]",
        "y ~ a[0]",
        "y ~ f'{a}'",
        "y ~ (a",
        "y ~ 'unfinished",
        "y ~ a if b else c",
        "y ~ C(a)(b)",
        "y ~ " + "(" * 500 + "a" + ")" * 500,
    ],
)
def test_what_could_run_code_is_not(formula):
    assert not formulas.is_plain(formula)


@pytest.mark.parametrize(
    ("code", "columns"),
    [
        ("a", ["a"]),
        ("Q('fare paid')", ["fare paid"]),
        ("C(b, Sum)", ["b"]),
        ("I(a ** 2 - b / a)", ["a", "b"]),
        ("np.log(np.sqrt(c) + 1)", ["c"]),
        ("I(a > -3)", ["a"]),
    ],
)
def test_the_columns_of_a_factor_are_found(code, columns):
    assert formulas.columns_of(code) == columns


@pytest.mark.parametrize(
    "code",
    ["bs(a, df=4)", "center(a)", "np.sin(a)", "a.str.len()", "np.log(a, out=b)", "I(a, b)", "x[0]", "'text'", "("],
)
def test_an_unknown_factor_is_refused_by_name(code):
    with pytest.raises(UnsupportedModelError, match="cannot be converted") as caught:
        formulas.columns_of(code)
    assert f"'{code}'" in caught.value.message


def test_the_part_inside_of_a_category_is_found():
    assert formulas.categorical("C(Q('b b'), Sum)") == "Q('b b')"
    assert formulas.categorical("b") == "b"
    assert formulas.column("Q('b b')") == "b b"
    assert formulas.column("I(b)") is None
