"""A forest over texts, numbers with gaps and booleans, and the rows to distil it with; shared by tests."""

from functools import cache

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.unit.optimize_support import task_for


def frame(count):
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "city": random.choice(np.array(["Rome", "Oslo", "Lima", None], dtype=object), count),
            "age": random.integers(18, 80, count).astype(float),
            "pay": random.lognormal(3, 1, count),
            "member": random.random(count) < 0.4,
        }
    )
    rows.loc[random.random(count) < 0.1, "age"] = np.nan
    score = (rows["city"] == "Rome") * 2 - (rows["city"] == "Oslo") + 0.05 * (rows["age"].fillna(60) - 45)
    return rows, np.where(score + random.logistic(0, 0.3, count) > 0.3, "yes", "no").astype(object)


@cache
def case():
    rows, answers = frame(1000)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
        (SimpleImputer(), ["age"]),
        ("passthrough", ["pay", "member"]),
    )
    forest = make_pipeline(columns, RandomForestClassifier(100, random_state=0)).fit(rows[:500], answers[:500])
    return task_for(forest, rows[500:], answers[500:], seconds=3600)
