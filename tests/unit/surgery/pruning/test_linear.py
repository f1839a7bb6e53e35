import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mlship.quality import Budget
from mlship.surgery.pruning.linear import refusal, thinner
from mlship.surgery.pruning.search import Search
from tests.unit.optimize_support import task_for

RNG = np.random.default_rng(0)
WIDE = pd.DataFrame(RNG.normal(size=(600, 400)), columns=[f"gene {place}" for place in range(400)])
TRUTH = WIDE.to_numpy()[:, :5] @ np.arange(1, 6) + RNG.normal(size=600) / 10


def candidates(base, task, drop=0.01):
    search = Search(task.fit, task.signature, Budget(drop, None, None), task.quality, task.left)
    return list(thinner(base.model, search))


@pytest.mark.parametrize("model", [Lasso(0.05), make_pipeline(StandardScaler(), Lasso(0.05))])
def test_columns_that_nothing_depends_on_any_more_are_named_as_the_user_does(model):
    base, task = task_for(model.fit(WIDE, TRUTH), WIDE, TRUTH)
    pruned = candidates(base, task)[0]
    unused = pruned.facts["unused_inputs"]
    assert len(unused) == 400 - pruned.facts["coefficient_rows"] > 300
    assert "gene 4" not in unused
    assert "gene 399" in unused
    assert pruned.model.ByteSize() < base.model.ByteSize()
    assert task.quality(pruned.model).drop <= 0.01


@pytest.mark.parametrize("text", [TfidfVectorizer(), CountVectorizer()])
def test_terms_of_text_that_say_nothing_lose_their_coefficients(text):
    topics = RNG.integers(0, 3, 400)
    noise = RNG.integers(0, 900, size=(400, 12))
    texts = [f"topic{topic} " + " ".join(f"w{n}" for n in row) for topic, row in zip(topics, noise, strict=True)]
    model = make_pipeline(text, LogisticRegression(C=10)).fit(texts[:200], topics[:200])
    base, task = task_for(model, pd.DataFrame({"text": texts[200:]}), topics[200:])
    pruned = candidates(base, task)[0]
    assert pruned.facts["coefficient_rows"] < pruned.facts["coefficient_rows_before"] / 4
    assert pruned.facts["unused_inputs"] == []
    assert pruned.model.ByteSize() < 0.9 * base.model.ByteSize()


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (LinearRegression(), "no coefficients of 256 columns or more"),
        (make_pipeline(StandardScaler(), SVC(kernel="rbf")), "only 3"),
    ],
)
def test_models_that_would_not_get_smaller_are_refused(model, why):
    rows, target = WIDE.to_numpy()[:, :30], (TRUTH > 0) if hasattr(model, "steps") else TRUTH
    base, _ = task_for(model.fit(rows, target), rows)
    assert why in refusal(base.model) or "no coefficients" in refusal(base.model)
