from mlship.testing import StageContract


class TestStrip(StageContract):
    group, name = "optimizers", "strip"
