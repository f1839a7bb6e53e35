import pytest

from mlship.cli.console import Answer, Screen


@pytest.mark.parametrize("headed", [True, False])
def test_an_answer_is_printed_as_it_is(capsys: pytest.CaptureFixture[str], headed: bool) -> None:
    text = "install mlship[pmml] and Java\nask [1.0, 2.0] of \\[/x]"
    Screen(as_json=False, verbosity=0).answer(Answer({}, text, headed=headed))
    assert capsys.readouterr().out == text + "\n"
