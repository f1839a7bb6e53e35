"""Which extra of mlship brings a package that is missing."""

from mlship.errors import MissingDependencyError

#: module that is missing -> the extra that brings it.
EXTRAS: dict[str, str] = {
    "catboost": "catboost",
    "django": "django",
    "flask": "flask",
    "granian": "flask",
    "grpc": "grpc",
    "grpcio": "grpc",
    "keras": "keras",
    "lightgbm": "lightgbm",
    "onnxscript": "torch",
    "patsy": "statsmodels",
    "pyarrow": "parquet",
    "skops": "skops",
    "statsmodels": "statsmodels",
    "torch": "torch",
    "xgboost": "xgboost",
}


def missing(module: str, what: str) -> MissingDependencyError:
    """Return the error for ``what`` ("reading 'model.ubj'") that needs ``module``, with the command that helps."""
    package = module.partition(".")[0]
    wanted = f"mlship[{EXTRAS[package]}]" if package in EXTRAS else package
    return MissingDependencyError(
        f"{what} needs the package '{package}', which is not installed", f'pip install "{wanted}"'
    )
