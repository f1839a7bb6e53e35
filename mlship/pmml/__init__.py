"""Writes fitted models as PMML 4.4 (https://dmg.org/pmml/v4-4-1/GeneralStructure.html), in double, without Java."""

from mlship.pmml.conversion import Conversion, convert

__all__ = ["Conversion", "convert"]
