# ruff: noqa: RUF001  # look-alikes of other scripts are what is tested

import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from mlship import runtime
from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Graph, Matrix, Result
from mlship.graphs.dispatch import transform
from mlship.graphs.terms import counted, matrix

TEXTS = [
    "The red wine, 1990: très bon! Très BON, don't re-do e-mail foo_bar x1 1x",
    "ΟΔΟΣ ΟΔΥΣΣΕΥΣ οδός Σ ΣΑΣ. ΑΣ\u0308Β AΣ\u0345 aΣ'b Σ' aΣ.",
    "İstanbul ISTANBUL ıI Straße STRASSE ẞ Dž ǅ ŉ ﬀ \u212a \u2126",
    "Привет МИР Ёлка й ᏣᎳᎩ ꭰ Ა ა",
    "年龄 北京 東京 こんにちは ガギ 한국어 텍스트",
    "हिन्दी में पाठ ภาษาไทย น้ำ",
    "😀 emoji 👍🏽 ok ﬁ ½ ² ᴹ ¼",
    "",
    "a\0b NUL \0 \x1c\x85",
    "  many   spaces\t\ttabs\n\nnew\u00a0\u2003x ",
    "naïve café NAÏVE CAFÉ e\u0301 É E\u0301 Å ñ",
    "one two three four five six seven one two",
]


def _made_up(count: int) -> list[str]:
    """Return texts of characters that are likely to be treated otherwise by one side."""
    generator = random.Random(0)
    signs = [
        *"aAbBzZ .,_-19éÉßİıΣσςάΆЖжй年ガ한हि์น้😀'Ⅷⓐªﬁǅẞᴹꮦ",
        "\u0301",
        "\u0345",
        "\0",
        "\n",
        "\t",
        "\u00a0",
        "\u2003",
    ]
    return ["".join(generator.choices(signs, k=generator.randint(0, 25))) for _ in range(count)]


#: A text that carries what ends texts inside of the graph must not move the answers of its neighbours.
HARD = [*TEXTS, *_made_up(60), "red \U0010ffff wine", "\U0010ffff\U0010ffff", "\ufffe two", "WINE " * 2000]
LABELS = np.arange(len(TEXTS)) % 3

OPTIONS: list[dict[str, Any]] = [
    {},
    {"ngram_range": (1, 3)},
    {"ngram_range": (2, 2), "stop_words": "english"},
    {"stop_words": ["the", "мир", "two"], "ngram_range": (1, 2)},
    {"lowercase": False},
    {"strip_accents": "unicode"},
    {"strip_accents": "ascii", "ngram_range": (1, 2)},
    {"strip_accents": "unicode", "lowercase": False},
    {"token_pattern": r"(?u)\b\w+\b"},
    {"token_pattern": r"\S+"},
    {"token_pattern": r"(?u)\b(\w\w\w+)\b"},
    {"token_pattern": r"\b[a-zA-Z]{2,}\b"},
    {"token_pattern": r"[^\W\d_]+"},
    {"token_pattern": r"\b[^\W\d_]\w*\b"},
    {"token_pattern": r"[a-z']+"},
    {"tokenizer": str.split, "preprocessor": str.lower, "token_pattern": None},
    {"analyzer": "char"},
    {"analyzer": "char", "ngram_range": (2, 4), "strip_accents": "unicode"},
    {"analyzer": "char_wb", "ngram_range": (1, 3)},
    {"analyzer": "char_wb", "ngram_range": (4, 6)},
    {"analyzer": "char_wb", "ngram_range": (5, 5), "lowercase": False, "strip_accents": "ascii"},
]


def column(texts: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"text": texts})


def in_a_column(vectorizer: Any, texts: list[str] = TEXTS) -> ColumnTransformer:
    return ColumnTransformer([("t", vectorizer, "text")], sparse_threshold=0).fit(column(texts))


@pytest.mark.parametrize("options", OPTIONS)
def test_terms_are_counted_in_every_script(agrees: Any, options: dict[str, Any]) -> None:
    found = agrees(in_a_column(CountVectorizer(**options)), column(HARD))
    assert found.conversion.route == ("CountVectorizer: mlship",)


@pytest.mark.parametrize("options", OPTIONS)
def test_terms_are_hashed_in_every_script(agrees: Any, options: dict[str, Any]) -> None:
    hard = [text for text in HARD if "\U0010ffff" not in text]
    agrees(in_a_column(HashingVectorizer(n_features=64, **options)), column(hard))


@pytest.mark.parametrize(
    "options",
    [
        {"sublinear_tf": True},
        {"norm": "l1", "smooth_idf": False},
        {"norm": None},
        {"use_idf": False},
        {"binary": True, "ngram_range": (1, 2), "max_df": 0.9},
        {"vocabulary": ["wine", "red wine", "αβγ"], "ngram_range": (1, 2)},
        {"max_features": 10, "max_df": 0.9},
    ],
)
def test_counts_are_weighted(agrees: Any, options: dict[str, Any]) -> None:
    agrees(in_a_column(TfidfVectorizer(**options)), column(HARD))


def test_a_vectorizer_in_float32_is_said_to_be_so(agrees: Any) -> None:
    conversion = agrees.converted(in_a_column(TfidfVectorizer(dtype=np.float32)), column(HARD))
    assert conversion.precision == "float32"


@pytest.mark.parametrize(
    "options",
    [
        {"n_features": 7, "alternate_sign": False, "norm": None},
        {"n_features": 3, "binary": True, "norm": "l1"},
        {"n_features": 1000, "ngram_range": (1, 2)},
    ],
)
def test_hashed_terms_collide_as_in_the_original(agrees: Any, options: dict[str, Any]) -> None:
    hard = [text for text in HARD if "\U0010ffff" not in text]
    agrees(in_a_column(HashingVectorizer(**options)), column(hard))


@pytest.mark.parametrize("transformer", [TfidfTransformer(), TfidfTransformer(norm="l1", sublinear_tf=True)])
def test_counts_of_an_earlier_step_are_weighted(agrees: Any, transformer: TfidfTransformer) -> None:
    model = make_pipeline(in_a_column(CountVectorizer()), transformer).fit(column(TEXTS))
    agrees(model, column(HARD))
    counts = np.random.default_rng(0).poisson(0.5, size=(30, 8))
    agrees(transformer.fit(counts), np.vstack([counts, np.zeros((1, 8))]))


def test_a_pipeline_goes_on_with_other_columns(agrees: Any) -> None:
    frame = column(TEXTS).assign(price=np.arange(len(TEXTS)) / 7, note=TEXTS[::-1])
    columns = ColumnTransformer(
        [
            ("words", make_pipeline(CountVectorizer(), TfidfTransformer()), "text"),
            ("scaled", StandardScaler(), ["price"]),
            ("hashed", HashingVectorizer(n_features=2**18), "note"),
        ]
    )
    agrees(make_pipeline(columns, LogisticRegression()).fit(frame, LABELS), frame)


@pytest.mark.parametrize(
    "steps",
    [
        [SelectKBest(chi2, k=20), LogisticRegression()],
        [RandomForestClassifier(5, random_state=0)],
        [SGDClassifier(random_state=0)],
    ],
)
def test_predictors_follow(agrees: Any, steps: list[Any]) -> None:
    columns = ColumnTransformer([("t", TfidfVectorizer(ngram_range=(1, 2)), "text")])
    agrees(make_pipeline(columns, *steps).fit(column(TEXTS), LABELS), column(HARD))


def test_a_union_of_vectorizers_stands_side_by_side(agrees: Any) -> None:
    union = FeatureUnion([("words", TfidfVectorizer()), ("signs", CountVectorizer(analyzer="char"))])
    agrees(in_a_column(union), column(HARD))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tokenizer": lambda text: text.split("-"), "token_pattern": None}, "as its tokenizer"),
        ({"preprocessor": lambda text: text[:5]}, "as its preprocessor"),
        ({"analyzer": lambda text: text.split()}, "as its analyzer"),
        ({"strip_accents": lambda text: text}, "to strip accents"),
        ({"token_pattern": r"(?i)\b[a-z]+(?:-[a-z]+)*\b"}, "token pattern"),
        ({"token_pattern": r"\b\w{2,5}\b|x"}, "token pattern"),
        ({"token_pattern": r"\w*"}, "token pattern"),
    ],
)
def test_what_a_graph_cannot_do_exactly_is_refused_by_name(agrees: Any, options: dict[str, Any], words: str) -> None:
    model = in_a_column(CountVectorizer(**options))
    with pytest.raises(UnsupportedModelError, match=words) as caught:
        agrees.converted(model, column(TEXTS))
    assert caught.value.hint


def test_numbers_are_no_text(agrees: Any) -> None:
    model = in_a_column(CountVectorizer())
    with pytest.raises(UnsupportedModelError, match="one column of text"):
        agrees.converted(model, pd.DataFrame({"text": [1.0]}))


def test_a_wide_vocabulary_is_converted_at_once(agrees: Any) -> None:
    words = [f"w{number:x}" for number in range(50_000)]
    texts = [" ".join(words[start : start + 500]) for start in range(0, len(words), 500)]
    model = make_pipeline(in_a_column(TfidfVectorizer(), texts), SGDClassifier(random_state=0))
    model.fit(column(texts), np.arange(len(texts)) % 2)
    conversion = agrees(model, column([*texts[:5], "none of them"])).conversion
    assert len(conversion.model.graph.node) < 100


def test_columns_of_a_sparse_matrix_stay_sparse() -> None:
    g = Graph()
    given = g.input(Matrix("text", "string", 1))
    made = transform(g, CountVectorizer().fit(TEXTS), [given])[0]
    assert made.sparse
    assert made.name in g.terms


def test_terms_whose_signs_cancel_out_are_still_terms() -> None:
    g = Graph()
    rows, columns, weights = (g.constant(np.array(values)) for values in ([0, 0, 1], [2, 2, 0], [1.0, -1.0, 1.0]))
    terms = counted(g, g.constant(np.array([2])), rows, columns, 3, weights)
    model = g.model({"values": Result(terms.values), "dense": Result(matrix(g, terms).name, width=3)})
    answer = runtime.Session(model.SerializeToString()).run({})
    assert answer["values"].tolist() == [0.0, 1.0]
    assert answer["dense"].tolist() == [[0, 0, 0], [1, 0, 0]]
