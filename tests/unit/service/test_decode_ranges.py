"""Where it is asked for, values outside what the training sample showed are refused, and the range is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlship.signature import Column, Signature, Tensor

INSIDE = [5.0, "Köln", 3]


@pytest.fixture
def make(service_code: Callable[[str], Any]) -> Callable[..., Any]:
    """Return a function that makes a decoder for a number, a string and a whole number."""
    columns = (
        Column(name="fare", type="number", tensor="numbers", index=0, nullable=True, minimum=0.1, maximum=99.5),
        Column(name="town", type="string", tensor="town", index=0, nullable=True, categories=("Köln", "東京")),
        Column(name="age", type="integer", tensor="numbers", index=1, minimum=0, maximum=120),
    )
    tensors = (Tensor(name="numbers", kind="number", width=2), Tensor(name="town", kind="string", width=1))
    told = Signature(model="M", task="classifier", named=True, columns=columns, tensors=tensors, outputs=())
    dtypes = {"numbers": np.float64, "town": object}

    def decoder(**options: Any) -> Any:
        return service_code("core.bodies.decode").Decoder(told, dtypes, 100, **options)

    return decoder


def body(form: str, *rows: list[Any]) -> bytes:
    named = [dict(zip(("fare", "town", "age"), row, strict=True)) for row in rows]
    return json.dumps({form: named if form == "records" else rows}).encode()


OUTSIDE = [
    ([0.0, "Köln", 3], "fare", "a value of at least 0.1 and at most 99.5 is expected, not 0"),
    ([99.51, "Köln", 3], "fare", "a value of at least 0.1 and at most 99.5 is expected, not 99.51"),
    ([5.0, "Rom", 3], "town", "one of Köln, 東京 is expected, not 'Rom'"),
    ([5.0, "", 3], "town", "one of Köln, 東京 is expected, not ''"),
    ([5.0, "Köln", -1], "age", "a value of at least 0 and at most 120 is expected, not -1"),
]


@pytest.mark.parametrize("form", ["features", "records"])
@pytest.mark.parametrize(("row", "name", "told"), OUTSIDE)
def test_a_value_outside_is_named(
    make: Callable[..., Any],
    service_code: Callable[[str], Any],
    form: str,
    row: list[Any],
    name: str,
    told: str,
) -> None:
    with pytest.raises(service_code("core.problems").InvalidRequestError) as refused:
        make(ranges=True).decode(body(form, INSIDE, row))
    [problem] = refused.value.problems
    assert (problem.loc, problem.msg) == (("body", form, 1, name), told)


@pytest.mark.parametrize("form", ["features", "records"])
@pytest.mark.parametrize("row", [INSIDE, [0.1, "東京", 120], [99.5, None, 0], [None, None, 1]])
def test_the_limits_themselves_and_missing_values_are_inside(
    make: Callable[..., Any], form: str, row: list[Any]
) -> None:
    assert make(ranges=True).decode(body(form, row)).count == 1


@pytest.mark.parametrize("row", [row for row, _, _ in OUTSIDE])
def test_nothing_is_outside_unless_it_is_asked_for(make: Callable[..., Any], row: list[Any]) -> None:
    assert make().decode(body("features", row)).count == 1


def test_a_value_outside_is_refused_alone(make: Callable[..., Any]) -> None:
    bodies = [body("features", row) for row in (INSIDE, [5.0, "Rom", 3], INSIDE)]
    rows, counts, refused = make(ranges=True).decode_all(bodies)
    assert (rows.count, counts, list(refused)) == (2, [1, 1], [1])


@pytest.mark.parametrize(
    ("limits", "value", "told"),
    [
        ({"minimum": 0.5}, 0.25, "a value of at least 0.5 is expected, not 0.25"),
        ({"maximum": 1e30}, 1e31, "a value of at most 1e+30 is expected, not 1e+31"),
        ({"categories": tuple(f"t{i}" for i in range(90))}, "x", "t18, t19 and 70 more is expected, not 'x'"),
    ],
)
def test_what_has_one_limit_or_very_many_values_is_named_shortly(
    service_code: Callable[[str], Any], limits: dict[str, Any], value: Any, told: str
) -> None:
    kind: Any = "string" if "categories" in limits else "number"
    column = Column(name="x", type=kind, tensor="x", index=0, **limits)
    tensors = (Tensor(name="x", kind=kind, width=1),)
    signature = Signature(model="M", task="classifier", named=True, columns=(column,), tensors=tensors, outputs=())
    dtype = object if kind == "string" else np.float64
    decoder = service_code("core.bodies.decode").Decoder(signature, {"x": dtype}, 100, ranges=True)
    with pytest.raises(service_code("core.problems").InvalidRequestError) as refused:
        decoder.decode(json.dumps({"features": [[value]]}).encode())
    assert refused.value.problems[0].msg.endswith(told)


def test_the_setting_asks_for_it(served: Callable[..., Any], scaffolded: Callable[[str], Path]) -> None:
    row = [5.1, 3.5, 1.4, 9.0]
    assert served("numeric")("POST", "/predict", {"features": [row]})[0] == 200
    status, answer = served("numeric", check_ranges=True)("POST", "/predict", {"features": [row]})
    assert status == 422
    assert answer["errors"][0]["row"] == 0
    assert answer["errors"][0]["field"] == "petal width (cm)"


@pytest.mark.parametrize("asked", [False, True])
def test_the_description_has_the_limits_where_they_are_asked_for(served: Callable[..., Any], asked: bool) -> None:
    document = served("mixed", check_ranges=asked)("GET", "/openapi.json")[1]
    schema = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    fields = schema["oneOf"][1]["properties"]["records"]["items"]["properties"]
    assert ("minimum" in fields["年龄"], "maximum" in fields["年龄"]) == (asked, asked)
    assert fields["home.dest"].get("enum") == (["Köln", "New York, NY", "東京", None] if asked else None)
