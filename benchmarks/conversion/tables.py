"""Tables as they come out of companies: mixed types, gaps, odd column names, several scripts; all made up here."""

from typing import Any

import numpy as np
import pandas as pd

Labelled = tuple[pd.DataFrame, "pd.Series[Any]"]

_REVIEWS = {
    True: [
        "Great product, works as expected!",
        "Très bon rapport qualité-prix, je recommande",
        "Отличный товар, спасибо",
        "质量 很好 值得 购买",
        "Sehr gut, schnelle Lieferung - Straße war leicht zu finden",
        "πολύ καλό, ευχαριστώ",
        "Muy bueno; lo volvería a comprar",
        "Çok güzel, İstanbul'a bir günde geldi",
    ],
    False: [
        "Broken after 2 days. Don't buy.",
        "Déçu : ça ne marche pas, remboursement demandé",
        "Плохое качество, не работает",
        "质量 太 差 退货",
        "Kaputt angekommen, nie wieder!!!",
        "δεν λειτουργεί καθόλου",
        "No funciona, perdí mi dinero",
        "Kötü, IŞIK yanmıyor",  # noqa: RUF001
    ],
}


def passengers(rows: int = 400, seed: int = 0) -> Labelled:
    """Numbers, text, gaps in both, a column name with a dot and one with a blank; target: 0 or 1."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "pclass": draw.integers(1, 4, rows),
            "sex": draw.choice(["male", "female"], rows),
            "age": np.where(draw.random(rows) < 0.2, np.nan, draw.uniform(0.4, 80, rows).round(1)),
            "sibsp": draw.poisson(0.5, rows),
            "fare paid": np.round(draw.lognormal(3, 1, rows), 4),
            "embarked": pd.Series(draw.choice(["S", "C", "Q", None], rows, p=[0.6, 0.2, 0.15, 0.05]), dtype=object),
            "home.dest": pd.Series(draw.choice(["New York, NY", "Zürich", "São Paulo", None], rows), dtype=object),
        }
    )
    frame[["embarked", "home.dest"]] = frame[["embarked", "home.dest"]].where(frame.notna(), np.nan)
    score = (frame.sex == "female") * 2 - frame.pclass + frame["fare paid"].clip(0, 100) / 60
    return frame, (score + draw.normal(size=rows) > -1).astype(int)


def customers(rows: int = 400, seed: int = 1) -> Labelled:
    """Churn: booleans, integers, money in cents, many categories with rare ones; target: "yes" or "no"."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "tenure": draw.integers(0, 72, rows),
            "monthly charges ($)": draw.integers(1800, 11900, rows) / 100,
            "paperless": draw.random(rows) < 0.6,
            "contract": draw.choice(["Month-to-month", "One year", "Two year"], rows, p=[0.55, 0.25, 0.2]),
            "payment": draw.choice(["card", "bank", "check", "paypal", "crypto"], rows, p=[0.4, 0.3, 0.2, 0.09, 0.01]),
            "region": draw.choice([f"region {number}" for number in range(40)], rows),
        }
    )
    score = (frame.contract == "Month-to-month") * 1.5 - frame.tenure / 30 + frame.paperless * 0.5
    return frame, pd.Series(np.where(score + draw.normal(size=rows) > 0.2, "yes", "no"))


def houses(rows: int = 400, seed: int = 2) -> Labelled:
    """Prices: areas, years, ordered grades, names in another script, gaps; target: a positive amount."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "area (m²)": draw.uniform(20, 350, rows).round(1),
            "year_built": draw.integers(1890, 2026, rows),
            "年龄": draw.integers(0, 130, rows).astype(float),
            "quality": draw.choice(["poor", "fair", "good", "excellent"], rows),
            "district": draw.choice(["Mitte", "Kreuzberg", "Köpenick", "Prenzlauer Berg"], rows),
            "lot": np.where(draw.random(rows) < 0.3, np.nan, draw.lognormal(6, 0.6, rows).round(2)),
        }
    )
    price = frame["area (m²)"] * 3100 + (frame.quality == "excellent") * 90_000 + draw.normal(scale=20_000, size=rows)
    return frame, price.clip(lower=10_000).round(2)


def readings(rows: int = 400, seed: int = 3) -> Labelled:
    """Sensors: timestamps, identifiers beyond 2**24, cents, tiny values; target: one of three words."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "timestamp": 1.7e9 + draw.integers(0, 5_000_000, rows),
            "device_id": draw.integers(2**24, 2**31, rows),
            "cents": draw.integers(0, 100_000, rows) / 100,
            "pressure": draw.normal(1.0132e5, 300, rows),
            "leak": draw.exponential(1e-7, rows),
        }
    )
    score = frame.pressure.rank(pct=True) + (frame.timestamp % 86_400) / 86_400 + draw.normal(scale=0.1, size=rows)
    return frame, pd.Series(np.select([score < 0.7, score < 1.3], ["low", "normal"], "high"))


def reviews(rows: int = 300, seed: int = 4) -> Labelled:
    """Texts in eight languages beside stars and a shop; target: True or False."""
    draw = np.random.default_rng(seed)
    good = draw.random(rows) < 0.5
    texts = [
        " ".join([draw.choice(_REVIEWS[bool(g)]), draw.choice(["", "OK", "really", "really not", "100%"]),
                  draw.choice(_REVIEWS[bool(draw.random() < 0.8) == bool(g)])])
        for g in good
    ]  # fmt: skip
    stars = np.clip(good * 2 + draw.integers(1, 4, rows), 1, 5)
    shop = draw.choice(["web", "app", "store"], rows)
    return pd.DataFrame({"text": texts, "stars": stars, "shop": shop}), pd.Series(good)


def wells(rows: int = 400, seed: int = 5) -> Labelled:
    """Numbers only, with gaps and heavy tails, some columns useless; target: a measure."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, 8))
    values[:, 1] = np.exp(values[:, 1] * 2)
    values[:, 5] = draw.integers(0, 3, rows)
    target = values[:, 0] * 3 - np.log1p(values[:, 1]) + values[:, 5] * values[:, 2] + draw.normal(0, 0.1, rows)
    values[:, 3] = np.where(draw.random(rows) < 0.25, np.nan, values[:, 3])
    frame = pd.DataFrame(values, columns=[f"mean texture {number} (%)" for number in range(8)])
    return frame, pd.Series(target)


def numeric(rows: int = 400, seed: int = 6, classes: int = 3) -> Labelled:
    """Well-behaved numbers; target: a number of a class."""
    draw = np.random.default_rng(seed)
    centers = draw.normal(scale=2.0, size=(classes, 6))
    labels = draw.integers(0, classes, rows)
    frame = pd.DataFrame(centers[labels] + draw.normal(size=(rows, 6)), columns=list("abcdef"))
    return frame, pd.Series(labels)
