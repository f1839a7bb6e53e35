"""Every kind of results of statsmodels that mlship converts, held against ``results.predict`` on held-out rows."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from numpy.typing import NDArray

from mlship import graphs, runtime
from mlship.originals.adapters import adapted
from mlship.originals.frames import align, describe, to_tensors
from mlship.originals.knowledge import know

TRAINED_ON = 400
#: What differs by less than this is not looked at relatively: 1 - exp(z) has no more digits in either.
FLOOR = 1e-6

links = sm.families.links
_FAMILIES: dict[str, Callable[..., Any]] = {
    "Gaussian": sm.families.Gaussian,
    "Binomial": sm.families.Binomial,
    "Poisson": sm.families.Poisson,
    "NegativeBinomial": sm.families.NegativeBinomial,
    "Gamma": sm.families.Gamma,
    "InverseGaussian": sm.families.InverseGaussian,
    "Tweedie": sm.families.Tweedie,
}
_LINKS: dict[str, tuple[str, Callable[[], Any]]] = {
    "identity": ("Gaussian", links.Identity),
    "log": ("Poisson", links.Log),
    "logit": ("Binomial", links.Logit),
    "probit": ("Binomial", links.Probit),
    "cauchy": ("Binomial", links.Cauchy),
    "cloglog": ("Binomial", links.CLogLog),
    "loglog": ("Binomial", links.LogLog),
    "logc": ("Binomial", links.LogC),
    "inverse_power": ("Gamma", links.InversePower),
    "inverse_squared": ("InverseGaussian", links.InverseSquared),
    "sqrt": ("Poisson", links.Sqrt),
    "power(1/3)": ("Gamma", lambda: links.Power(1 / 3)),
    "nbinom": ("NegativeBinomial", links.NegativeBinomial),
}
#: Links that not every linear predictor fits.
_STARTS = {"logc": [-0.1, 0.0, -0.3], "nbinom": [-0.55, 0.0, 0.06]}
_FORMULAS = (
    "y ~ a",
    "y ~ a - 1",
    "y ~ a + b + Q('fare paid')",
    "y ~ a * b",
    "y ~ C(group)",
    "y ~ group * a - 1",
    "y ~ C(number) : a + C(number, Sum)",
    "y ~ C(number, Treatment(reference=2)) * C(group) * a",
    "y ~ C(group, Poly) + C(group, Helmert) : b",
    "y ~ I(a**2) + np.log(b) + np.sqrt(b) + np.exp(a) + np.log1p(b) + np.log10(b)",
    "y ~ (a + b + group) ** 2 + flag",
    "y ~ I(a > 0) + I(a / b) + np.square(a) + np.abs(a)",
)


def rows() -> pd.DataFrame:
    """Return 500 rows: numbers, text, whole numbers, truth values, and targets of several kinds."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"a": draw.normal(size=500), "b": draw.uniform(0.5, 4, size=500)})
    frame["fare paid"] = draw.gamma(2.0, size=500)
    frame["group"] = draw.choice(["x", "y", "ü"], size=500)
    frame["number"] = draw.integers(1, 4, size=500)
    frame["flag"] = draw.random(500) > 0.5
    frame["y"] = 2 + 0.5 * frame.a + 0.3 * frame.b + (frame.group == "x") + draw.normal(scale=0.3, size=500)
    frame["positive"] = draw.gamma(5.0, (0.6 + 0.1 * frame.b) / 5.0)
    frame["count"] = draw.poisson(np.exp(0.3 + 0.2 * frame.b))
    frame["binary"] = (draw.random(500) < 0.15 + 0.15 * frame.b).astype(int)
    frame["several"] = np.clip(frame.b.astype(int) - (draw.random(500) < 0.3), 0, 2)
    frame["share"] = np.clip(draw.beta(2, 3, size=500), 0.01, 0.99)
    return frame


def models() -> Iterator[tuple[str, Any]]:
    """Yield names and fitted results."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        frame = rows().iloc[:TRAINED_ON]
        yield from _linear(frame)
        yield from _discrete(frame)
        yield from _generalised(frame)
        for formula in _FORMULAS:
            yield formula, smf.ols(formula, frame).fit()
        yield "logit formula", smf.logit("binary ~ a + b + C(group)", frame).fit(disp=0)
        yield "several formula", smf.mnlogit("several ~ a + b + C(group)", frame).fit(disp=0)


def difference(results: Any, frame: pd.DataFrame) -> float:
    """Return the largest relative difference between the converted results and ``results.predict``."""
    model = adapted(results)
    given = align(frame if model.feature_names_in_ is not None else _plain(results, frame), model, None).frame
    names = [str(name) for name in given.columns]
    columns, tensors = describe(given, know(model, names))
    conversion = graphs.convert(model, tensors, columns, outputs=["prediction"])
    session = runtime.Session(conversion.content)
    found = session.run(session.feed(to_tensors(given, columns, tensors)))["prediction"]
    with np.errstate(all="ignore"):
        expected = np.asarray(results.predict(_original(results, frame)))
    assert found.shape == expected.shape
    assert (np.isfinite(found) == np.isfinite(expected)).all()
    finite = np.isfinite(expected)
    return float((np.abs(found - expected)[finite] / np.maximum(np.abs(expected[finite]), FLOOR)).max())


def main(only: tuple[str, ...] = ()) -> None:
    """Print the largest relative difference of each kind."""
    fresh = rows().iloc[TRAINED_ON:]
    worst = {name: difference(results, fresh) for name, results in models() if not only or name in only}
    for name, largest in worst.items():
        print(f"{largest:9.2g}  {name}")
    within = sum(largest <= 1e-12 for largest in worst.values())
    print(f"{within} of {len(worst)} within 1e-12, largest {max(worst.values()):.2g}")


def _linear(frame: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    x = sm.add_constant(frame[["a", "b"]])
    yield "OLS", sm.OLS(frame.y, x).fit()
    yield "OLS, arrays", sm.OLS(frame.y.to_numpy(), x.to_numpy()).fit()
    yield "OLS, no constant", sm.OLS(frame.y, frame[["a", "b"]]).fit()
    yield "OLS, constant last", sm.OLS(frame.y, sm.add_constant(frame[["a", "b"]], prepend=False)).fit()
    yield "OLS, elastic net", sm.OLS(frame.y, x).fit_regularized(alpha=0.01)
    yield "WLS", sm.WLS(frame.y, x, weights=frame.b).fit()
    yield "GLS", sm.GLS(frame.y, x, sigma=frame.b).fit()
    yield "GLSAR", sm.GLSAR(frame.y, x, rho=1).iterative_fit(3)
    yield "QuantReg", sm.QuantReg(frame.y, x).fit(q=0.9)
    yield "RLM", sm.RLM(frame.y, x, M=sm.robust.norms.TukeyBiweight()).fit()


def _discrete(frame: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    x = sm.add_constant(frame[["a", "b"]])
    yield "Logit", sm.Logit(frame.binary, x).fit(disp=0)
    yield "Logit, regularised", sm.Logit(frame.binary, x).fit_regularized(disp=0, alpha=0.5)
    yield "Probit", sm.Probit(frame.binary, x).fit(disp=0)
    yield "MNLogit", sm.MNLogit(frame.several, x).fit(disp=0)
    yield "Poisson", sm.Poisson(frame["count"], x).fit(disp=0)
    yield "NegativeBinomial", sm.NegativeBinomial(frame["count"], x).fit(disp=0)
    yield "NegativeBinomial, geometric", sm.NegativeBinomial(frame["count"], x, loglike_method="geometric").fit(disp=0)
    yield "NegativeBinomialP", sm.NegativeBinomialP(frame["count"], x).fit(disp=0)
    yield "GeneralizedPoisson", sm.GeneralizedPoisson(frame["count"], x).fit(disp=0)
    yield "GEE", sm.GEE(frame["count"], x, groups=frame.number, family=sm.families.Poisson()).fit()


def _generalised(frame: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    x = sm.add_constant(frame[["a", "b"]])
    for name, family in _FAMILIES.items():
        yield f"GLM {name}", sm.GLM(_target(frame, name), x, family=family()).fit()
    for name, (family, link) in _LINKS.items():
        fitted = sm.GLM(_target(frame, family), x, family=_FAMILIES[family](link=link(), check_link=False))
        yield f"GLM {family}, {name}", fitted.fit(start_params=_STARTS.get(name), maxiter=5)


def _target(frame: pd.DataFrame, family: str) -> Any:
    names = {"Gaussian": "y", "Binomial": "binary", "Poisson": "count", "NegativeBinomial": "count"}
    return frame[names.get(family, "positive")]


def _original(results: Any, frame: pd.DataFrame) -> Any:
    """Return what ``results.predict`` takes: the frame for a formula, else exog with its constant."""
    if hasattr(results.model, "formula"):
        return frame
    names = [str(name) for name in results.model.exog_names]
    plain = _plain(results, frame)
    return np.insert(plain, names.index("const"), 1.0, axis=1) if "const" in names else plain


def _plain(results: Any, frame: pd.DataFrame) -> NDArray[np.float64]:
    return frame[["a", "b"]].to_numpy()
