"""LatentDirichletAllocation, and the factorizations whose answers depend on the whole batch."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import NMF, LatentDirichletAllocation, MiniBatchNMF
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from mlship.errors import UnsupportedModelError

COUNTS = np.random.default_rng(121).poisson(1.0, size=(60, 15)).astype(float)


@pytest.mark.parametrize(
    "model",
    [
        LatentDirichletAllocation(4, max_iter=3, random_state=0),
        LatentDirichletAllocation(1, max_iter=3, random_state=0),
        LatentDirichletAllocation(3, max_iter=3, random_state=0, learning_method="online", doc_topic_prior=1e-7),
        LatentDirichletAllocation(3, max_iter=3, random_state=0, max_doc_update_iter=4, mean_change_tol=1e-6),
    ],
    ids=str,
)
def test_shares_of_topics_agree(agrees, model):
    checked = agrees(model.fit(COUNTS), np.concatenate([COUNTS, COUNTS * 100.0, np.zeros((2, 15))]))
    assert checked.conversion.route == ("LatentDirichletAllocation: mlship",)


def test_topics_of_a_text_agree(agrees):
    frame = pd.DataFrame({"text": ["good film", "bad film", "good good plot", "dull", "", "bad plot twist"] * 4})
    topics = LatentDirichletAllocation(2, max_iter=3, random_state=0)
    agrees(make_pipeline(make_column_transformer((CountVectorizer(), "text")), topics).fit(frame), frame)


@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
@pytest.mark.parametrize("model", [NMF(2, random_state=0), MiniBatchNMF(2, random_state=0)], ids=str)
def test_what_depends_on_the_batch_is_refused_with_that_reason(agrees, model):
    with pytest.raises(UnsupportedModelError, match="depends on the other rows"):
        agrees.converted(model.fit(COUNTS), COUNTS)
