"""Boosted trees of XGBoost, LightGBM and CatBoost, read from the models that these libraries themselves write."""
